import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { ResultCache } from "../image/cache";
import { detectCompression, type Compression } from "../image/compression";
import type { Context } from "../resource/context";
import { messageOf, UnavailableHere } from "../resource/errors";
import { isRecord } from "../resource/unknown";

/** The files of an image, by their roles. */
export const ROLES = ["rootfs", "kernel", "initrd"] as const;
export type Role = (typeof ROLES)[number];
export type ImageFiles = Readonly<Record<Role, string>>;

export interface FileDigests {
    readonly sha256: string;
    readonly md5: string;
    readonly sizeBytes: number;
}

type Reading = Pick<Context<unknown>, "projectDir" | "settings" | "signal">;

/** Both digests of a file in one pass, kept while the file stays as it is. */
export async function digestFile(
    file: string,
    { projectDir, settings, signal }: Reading,
): Promise<FileDigests> {
    const full = path.resolve(projectDir, file);
    const cache = new ResultCache(ResultCache.defaultFolder(settings.env));
    try {
        return await cache.through("ims.digests", full, isDigests, () => readDigests(full, signal));
    } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === undefined || signal.aborted) throw error;
        throw new UnavailableHere(
            code === "ENOENT"
                ? `there is no ${file} here (the path is relative to the program's folder)`
                : `${file} cannot be read: ${messageOf(error)}`,
        );
    }
}

/** The same of a file of our own, which is gone afterwards. */
export async function readDigests(full: string, signal: AbortSignal): Promise<FileDigests> {
    const [sha256, md5] = [crypto.createHash("sha256"), crypto.createHash("md5")];
    let sizeBytes = 0;
    for await (const chunk of chunksOf(full)) {
        signal.throwIfAborted();
        sha256.update(chunk);
        md5.update(chunk);
        sizeBytes += chunk.length;
    }
    return { sha256: sha256.digest("hex"), md5: md5.digest("hex"), sizeBytes };
}

export async function* chunksOf(file: string): AsyncGenerator<Buffer> {
    const handle = await fs.open(file);
    try {
        yield* handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
    } finally {
        await handle.close();
    }
}

function isDigests(value: unknown): value is FileDigests {
    return isRecord(value) && typeof value.sha256 === "string" && typeof value.md5 === "string";
}

/** What a root file system comes as: ready, as an archive and how that is packed, or as something else. */
export type RootfsForm = "squashfs" | { readonly archive: Compression } | undefined;

const SQUASHFS = Buffer.from("hsqs", "latin1");
const TAR_MAGIC = 257;

export async function rootfsForm(file: string): Promise<RootfsForm> {
    const handle = await fs.open(file);
    try {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
        const head = buffer.subarray(0, bytesRead);
        if (head.subarray(0, 4).equals(SQUASHFS)) return "squashfs";
        const archive = detectCompression(head);
        if (archive !== "none") return { archive };
        return head.toString("latin1", TAR_MAGIC, TAR_MAGIC + 5) === "ustar" ? { archive } : undefined;
    } finally {
        await handle.close();
    }
}
