import * as fs from "node:fs/promises";
import { z } from "zod";
import type { Context } from "../resource/context";
import { EdgeError, UnavailableHere } from "../resource/errors";
import type { Problem } from "../resource/problem";
import type { Inspection } from "./inspection";
import { isImageError, type ImageLibrary } from "./library";
import { progressLine } from "./progressLine";
import { isRemote, locate, locationProblem } from "./source/places";

/** `source` of a `DiskImage`. */
export const imageSource = z
    .string()
    .min(1, "must be the path of an image file, or its https:// address")
    .superRefine((text, issues) => {
        const problem = locationProblem(text);
        if (problem !== undefined) issues.addIssue(problem);
    });

/**
 * What the image holds; what cannot be read at all is a problem of the input `source`. With a `planned` digest an
 * image elsewhere is not read whole where parts of it are enough: publishing it does that, and holds it to the plan.
 */
export async function inspectImageSource(
    source: string,
    planned: string | undefined,
    context: Context<ImageLibrary>,
): Promise<Inspection | { problem: Problem }> {
    const location = locate(source, context.projectDir);
    try {
        if (!isRemote(location)) {
            await assertThere(source, location, context);
            return await context.client.inspect(location, progressLine(context, "verifying"));
        }
        return await context.client.inspect(location, {
            ...progressLine(context, "verifying"),
            ...(planned === undefined ? {} : { planned }),
        });
    } catch (error) {
        if (!isImageError(error)) throw error;
        return { problem: { path: ["source"], message: error.message } };
    }
}

async function assertThere(source: string, file: string, { title }: Context<ImageLibrary>): Promise<void> {
    try {
        await fs.stat(file);
    } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? "unknown";
        if (!["ENOENT", "ENOTDIR"].includes(code)) throw new EdgeError(`${file} cannot be read (${code})`);
        throw new UnavailableHere(
            `${title}: source ${JSON.stringify(source)}: there is no file ${file}. Build the image first, or correct the path (it is relative to the program's folder)`,
        );
    }
}
