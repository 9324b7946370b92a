import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import { EdgeError } from "../../resource/errors";
import type { Progress } from "../inspection";
import type { FileClaim, OnRelease } from "./claims";

/** Bytes that can be read once more from start to end, whatever they come from. */
export interface ByteSource {
    /** As messages name it. */
    readonly name: string;
    chunks(signal?: AbortSignal): AsyncIterable<Buffer>;
}

/** A file as it is published: its name says its content. */
export interface PublishedFile {
    fileName: string;
    /** Lower-case hexadecimal. */
    sha256: string;
    sizeBytes: number;
}

/** A small file that stands beside the image under its name with a suffix. */
export interface Extra {
    /** `.manifest.json`. */
    suffix: ExtraSuffix;
    bytes: Buffer;
}

/** Every suffix that an extra has ever had: what a removal takes along. */
export const EXTRA_SUFFIXES = [".sha256", ".manifest.json"] as const;
export type ExtraSuffix = (typeof EXTRA_SUFFIXES)[number];

export interface WatchOptions {
    signal?: AbortSignal | undefined;
    onProgress?: ((progress: Progress) => void) | undefined;
}

export interface PublishTask extends PublishedFile, WatchOptions {
    source: ByteSource;
    claim: string;
    /** Beside the checksum file, which is always there. */
    extras?: readonly Extra[];
}

export interface ReleaseOptions extends WatchOptions {
    onRelease: OnRelease;
}

/** What one look at the place tells. */
export type Finding =
    | { state: "there" }
    | { state: "absent" }
    /** There, but not with the bytes it was published with. */
    | { state: "changed"; sha256: string; sizeBytes: number }
    /** `why` is a sentence for the user. */
    | { state: "cannot-tell"; why: string };

/** An image that was found in its place. */
export interface ListedFile {
    /** Of the digest, at least what its name tells: the first sixteen digits. */
    file: PublishedFile;
    claims: readonly FileClaim[];
}

/** A small file beside a published image. */
export interface PublishedExtra {
    /** Of the image. */
    fileName: string;
    /** Milliseconds since the epoch. */
    publishedAt: number;
    /** As messages name it. */
    place: string;
    read(): Promise<Buffer>;
}

const PUBLISHED_NAME = /-([0-9a-f]{16})\.[a-z0-9]+(\.[a-z0-9]+)?$/;

/** The digits of the digest in a name as `publishedName` makes it; undefined for all other names. */
export function digitsOf(fileName: string): string | undefined {
    const isExtra = EXTRA_SUFFIXES.some((suffix) => fileName.endsWith(suffix));
    return isExtra ? undefined : PUBLISHED_NAME.exec(fileName)?.[1];
}

/**
 * A place that hosts get images from. A file appears there whole or not at all, with exactly the planned bytes, and
 * never changes; what is already there with the same content is taken, anything else is never overwritten.
 */
export interface Publisher {
    /** Asked from anywhere it gives the same answer; a folder is on one machine. */
    readonly isReachable: boolean;
    /** The published file as messages name it; equal only for the same place. */
    describe(file: PublishedFile): string;
    put(task: PublishTask): Promise<"published" | "taken">;
    look(file: PublishedFile, options?: WatchOptions): Promise<Finding>;
    /** Every image with a name of this package's form. */
    list(options?: WatchOptions): AsyncIterable<ListedFile>;
    /** The extras of a suffix, with the times at which they were put there. */
    extras(suffix: ExtraSuffix, options?: WatchOptions): AsyncIterable<PublishedExtra>;
    /** Gives up a claim, and with the last one the file unless it is to be kept. No such claim: nothing to do. */
    release(file: PublishedFile, claim: string, options: ReleaseOptions): Promise<"removed" | "left">;
}

const CHUNK = 1024 * 1024;

export function fileSource(file: string): ByteSource {
    return {
        name: file,
        async *chunks() {
            const handle = await fs.open(file, "r").catch((error: unknown) => {
                const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
                throw new EdgeError(`${file} cannot be opened (${code})`);
            });
            try {
                yield* handle.createReadStream({ highWaterMark: CHUNK, autoClose: false });
            } finally {
                await handle.close();
            }
        },
    };
}

/** The bytes of a task on their way; the end is reached only when they were the planned ones. */
export async function* verifiedBytes(task: PublishTask): AsyncGenerator<Buffer, void, undefined> {
    const { source, sha256, sizeBytes, signal, onProgress } = task;
    const hash = crypto.createHash("sha256");
    let done = 0;
    for await (const chunk of source.chunks(signal)) {
        signal?.throwIfAborted();
        hash.update(chunk);
        done += chunk.length;
        if (done > sizeBytes) break;
        yield chunk;
        onProgress?.({ done, total: sizeBytes });
    }
    if (done !== sizeBytes || hash.digest("hex") !== sha256) {
        throw new EdgeError(
            `${source.name} was changed since it was checked: nothing is published. Wait until whatever writes it has finished, then run again`,
        );
    }
}

/** What stands beside every image: its checksum, in the form that `sha256sum -c` reads, and what the task brings. */
export function extrasOf({ fileName, sha256, extras = [] }: PublishTask): Extra[] {
    return [{ suffix: ".sha256", bytes: Buffer.from(`${sha256}  ${fileName}\n`) }, ...extras];
}
