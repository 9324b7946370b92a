import * as path from "node:path";
import type { Context } from "../resource/context";
import { messageOf } from "../resource/errors";
import type { Problem } from "../resource/problem";
import type { ImsImage } from "./api";
import type { ImsClient } from "./client";
import { ImageDamaged, readManifest } from "./imageResult";

/** The names under which a job looks for kernel and initrd in `/boot`. */
export interface BootFileNames {
    readonly kernelFileName?: string | undefined;
    readonly initrdFileName?: string | undefined;
}

const DEFAULT_INITRD = "initrd";
/** What the jobs take for a kernel of aarch64, even where `vmlinuz` is asked for. */
const AARCH64_KERNEL = "Image";
const USUAL_KERNEL = "vmlinuz";

/** Kernel and initrd as the service defaults them. */
export function bootFilesOf(
    { kernelFileName, initrdFileName }: BootFileNames,
    arch: string | undefined,
): { kernel: string; initrd: string } {
    const usual = arch === "aarch64" ? AARCH64_KERNEL : USUAL_KERNEL;
    return { kernel: kernelFileName ?? usual, initrd: initrdFileName ?? DEFAULT_INITRD };
}

/** What is wrong with the names, as far as it shows without the image root. */
export function bootFileProblems(names: BootFileNames, base: ImsImage | undefined): Problem[] {
    const { kernelFileName } = names;
    const problems: Problem[] = [];
    const { kernel, initrd } = bootFilesOf(names, base?.arch);
    if (kernel === initrd) {
        const input = kernelFileName === undefined ? "initrdFileName" : "kernelFileName";
        const message = `kernel and initrd cannot both be /boot/${kernel}`;
        problems.push({ path: [input], message });
    }
    if (base?.arch === "aarch64" && kernelFileName === USUAL_KERNEL) {
        const message =
            `for aarch64 IMS looks for ${AARCH64_KERNEL} in place of ${USUAL_KERNEL}: leave it out, and let a step link ` +
            `/boot/${AARCH64_KERNEL} to the kernel where it has another name`;
        problems.push({ path: ["kernelFileName"], message });
    }
    return problems;
}

/**
 * Compares the names with the base's manifest. The service's own manifests name files by what they are for; those of
 * the import guide by their names in `/boot`, which is as much as can be told without unpacking the image. Steps may
 * rename them, so it is no failure. A base without a manifest is one: no job can be made of it.
 */
export async function compareWithManifest(
    names: BootFileNames,
    base: ImsImage,
    { client, signal, log }: Pick<Context<ImsClient>, "client" | "signal" | "log">,
): Promise<Problem[]> {
    let artifacts;
    try {
        ({ artifacts } = await readManifest(base, client, { signal }));
    } catch (error) {
        if (error instanceof ImageDamaged) return [{ path: ["baseImage"], message: error.message }];
        log.warn(`the base's manifest was not looked at: ${messageOf(error)}`);
        return [];
    }
    const { kernel, initrd } = bootFilesOf(names, base.arch);
    for (const { role, name, input } of [
        { role: "kernel", name: kernel, input: "kernelFileName" },
        { role: "initrd", name: initrd, input: "initrdFileName" },
    ]) {
        const listed = artifacts.find(({ type }) => type === `application/vnd.cray.image.${role}`);
        const file = path.posix.basename(listed?.path ?? role);
        if (file === role || file === name) continue;
        log.warn(
            `${input}: the job will pack /boot/${name}, and the base's manifest lists ${file} as its ${role}: set ` +
                `${input}: ${JSON.stringify(file)} where that is its name in /boot`,
        );
    }
    return [];
}
