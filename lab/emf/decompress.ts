import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import * as zlib from "node:zlib";

import * as fzstd from "fzstd";
import { XzReadableStream } from "xz-decompress";

import { bunzip2 } from "./bunzip2";
import { DecompressionError } from "./decompressionError";

/** Bytes in, bytes out. Fails with a {@link DecompressionError}. */
export type Decompressor = (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

const XZ_FORMAT_ERROR = 5;
const XZ_ENDED_EARLY = 8;
const ZSTD_ENDED_EARLY = 5;

export async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const unpacked = zlib.createGunzip({ chunkSize: 256 * 1024 });
    const input = Readable.from(source, { objectMode: false });
    input.on("error", (error) => unpacked.destroy(error));
    try {
        yield* input.pipe(unpacked) as AsyncIterable<Uint8Array>;
    } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code === "Z_BUF_ERROR") {
            throw new DecompressionError("unexpected EOF", true);
        }
        if (code === "Z_DATA_ERROR") {
            throw new DecompressionError(gzipText(message), false);
        }
        throw error;
    } finally {
        input.destroy();
    }
}

export async function* unxz(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    try {
        const packed = Readable.toWeb(Readable.from(source, { objectMode: false }));
        yield* new XzReadableStream(packed) as AsyncIterable<Uint8Array>;
    } catch (error) {
        const code = Number(/error code (\d+)/.exec((error as Error).message)?.[1] ?? NaN);
        if (Number.isNaN(code)) {
            throw error;
        }
        const text = code === XZ_FORMAT_ERROR ? "xz: invalid header magic bytes" : "xz: data corrupt";
        throw new DecompressionError(text, code === XZ_ENDED_EARLY);
    }
}

export async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    let unpacked: Uint8Array[] = [];
    const stream = new fzstd.Decompress((chunk) => unpacked.push(chunk));
    const push = (chunk: Uint8Array, last: boolean): Uint8Array[] => {
        try {
            stream.push(chunk, last);
        } catch (error) {
            const { code } = error as fzstd.ZstdError;
            const truncated = code === ZSTD_ENDED_EARLY;
            throw new DecompressionError(
                truncated ? "unexpected EOF" : "invalid input: magic number mismatch",
                truncated,
            );
        }
        const ready = unpacked;
        unpacked = [];
        return ready;
    };
    for await (const chunk of source) {
        yield* push(chunk, false);
    }
    yield* push(new Uint8Array(0), true);
}

/** The bzip2 program, which is many times faster than a reader in JavaScript; that one where it is not installed. */
export async function* unbzip2(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const child = spawn("bzip2", ["-dc"], { stdio: ["pipe", "pipe", "pipe"] });
    const started = await new Promise<boolean>((resolve) => {
        child.once("spawn", () => resolve(true));
        child.once("error", () => resolve(false));
    });
    if (!started) {
        yield* bunzip2(source);
        return;
    }
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const input = Readable.from(source, { objectMode: false });
    let failure: Error | undefined;
    input.once("error", (error) => {
        failure = error;
        child.kill();
    });
    // The program closes its input when it gives up; its exit code tells why.
    child.stdin.on("error", () => input.destroy());
    input.pipe(child.stdin);
    try {
        yield* child.stdout as AsyncIterable<Uint8Array>;
        const code = await ended;
        if (failure) {
            throw failure;
        }
        if (code !== 0) {
            const truncated = complaint.includes("ends unexpectedly");
            throw new DecompressionError(
                truncated ? "unexpected EOF" : "bzip2 data invalid: bad magic value",
                truncated,
            );
        }
    } finally {
        input.destroy();
        child.kill();
    }
}

function gzipText(zlibText: string): string {
    if (zlibText.includes("header")) {
        return "gzip: invalid header";
    }
    return zlibText.includes("check") ? "gzip: invalid checksum" : "flate: corrupt input";
}
