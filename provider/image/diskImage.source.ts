import * as fs from "node:fs/promises";
import { z } from "zod";
import type { Context } from "../resource/context";
import { EdgeError, UnavailableHere } from "../resource/errors";
import type { Problem } from "../resource/problem";
import type { ContentExpectations } from "./expect.schema";
import { publishedName } from "./format";
import type { Inspection } from "./inspection";
import { isImageError, type ImageLibrary } from "./library";
import { isDigest } from "./imageDigest";
import { progressLine } from "./progressLine";
import { isRemote, locate, locationProblem, nameOf, schemeOf } from "./source/location";

/** `source` of a `DiskImage`. */
export const imageSource = z
    .string()
    .min(1, "must be the path of an image file, or its https:// address")
    .superRefine((text, issues) => {
        const problem = locationProblem(text);
        if (problem !== undefined) issues.addIssue(problem);
    });

/** `name` is the one by which the image is judged and shown. */
export type SeenSource =
    { inspection: Inspection; name: string; expectedSha256?: string } | { problem: Problem };

/**
 * What the image holds, and what its digest must be; what cannot be read at all is a problem of its input. With a
 * digest to hold it to, an image elsewhere is not read whole where parts of it are enough: publishing it does that.
 */
export async function inspectImageSource(
    source: string,
    { digest, expect }: { digest?: string | undefined; expect?: ContentExpectations | undefined },
    context: Context<ImageLibrary>,
): Promise<SeenSource> {
    const location = locate(source, context.projectDir);
    let at = ["source"];
    try {
        if (!isRemote(location)) await assertThere(source, location, context);
        at = ["expect", "sha256"];
        const expected =
            digest === undefined ? {} : { expectedSha256: await digestOf(digest, location, context) };
        at = ["source"];
        const inspection = await context.client.inspect(location, {
            ...progressLine(context, "verifying"),
            ...(isRemote(location) ? { planned: expected.expectedSha256 } : {}),
            expect,
        });
        return { inspection, name: nameOfImage(source, location, inspection), ...expected };
    } catch (error) {
        if (!isImageError(error)) throw error;
        return { problem: { path: at, message: error.message } };
    }
}

/** A reference to an artifact says nothing of how its file is packed; the artifact mostly does. */
function nameOfImage(source: string, location: string, inspection: Inspection): string {
    if (!isRemote(location)) return source;
    const name = nameOf(location);
    if (schemeOf(location) !== "oci") return name;
    return inspection.fileName ?? publishedName(name.replace(/[:@][^/]*$/, ""), inspection);
}

async function digestOf(
    digest: string,
    image: string,
    { client, projectDir, signal, log }: Context<ImageLibrary>,
): Promise<string> {
    if (isDigest(digest)) return digest;
    const file = locate(digest, projectDir);
    const { sha256, isSigned } = await client.publishedDigest(file, image, signal);
    if (isSigned) log.info(`${nameOf(file)} is signed; its signature is not verified here`);
    return sha256;
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
