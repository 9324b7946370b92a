import * as childProcess from "node:child_process";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { finished } from "node:stream/promises";
import { decompress, type Compression } from "../image/compression";
import type { ChunkSource } from "../image/decoders/chunks";
import { childEnvironment, findTool } from "../process/tools";
import { EdgeError, messageOf, UnavailableHere } from "../resource/errors";
import { chunksOf } from "./imageFiles";

/** Beyond any image root; a small archive can unpack to any size. */
const LARGEST_ROOT = 2 ** 40;

/** Archives without an entry for the root would get one that everybody may write to. */
const OPTIONS = ["-root-mode", "755", "-root-uid", "0", "-root-gid", "0"];

/**
 * Makes a SquashFS of a tar archive, without unpacking it here and so without needing to be root. The same file gives
 * the same bytes: what an interrupted run has uploaded is then known again.
 */
export async function withSquashFs<T>(
    archive: { readonly file: string; readonly compression: Compression },
    signal: AbortSignal,
    use: (file: string) => Promise<T>,
): Promise<T> {
    const program = findTool("sqfstar");
    if (program === undefined) {
        throw new UnavailableHere(
            "there is no sqfstar here, which makes a SquashFS of an archive: install squashfs-tools (4.5 or newer)",
        );
    }
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), "edge-os-rootfs-"));
    try {
        const file = path.join(folder, "rootfs");
        await convert(program, archive, file, signal);
        return await use(file);
    } finally {
        await fs.rm(folder, { recursive: true, force: true });
    }
}

async function convert(
    program: string,
    { file, compression }: { readonly file: string; readonly compression: Compression },
    target: string,
    signal: AbortSignal,
): Promise<void> {
    const child = childProcess.spawn(program, ["-quiet", "-no-progress", ...OPTIONS, target], {
        ...{ env: { ...childEnvironment(), LC_ALL: "C", SOURCE_DATE_EPOCH: await newestTime(file) }, signal },
        stdio: ["pipe", "ignore", "pipe"],
    });
    let complaint = "";
    child.stderr
        .setEncoding("utf8")
        .on("data", (text: string) => (complaint = (complaint + text).slice(-1000)));
    const ended = new Promise<number | null>((resolve) => {
        child.once("error", () => resolve(null));
        child.once("close", resolve);
    });
    const fed = feed(file, compression, child.stdin).catch((error: unknown) => error as Error);
    const [code, fault] = await Promise.all([
        ended,
        fed.then((error) => {
            if (error) child.kill("SIGKILL");
            return error;
        }),
    ]);
    signal.throwIfAborted();
    if (code === 0 && !fault) return;
    const why = complaint.trim() || (fault ? messageOf(fault) : `it ended with ${code ?? "no exit code"}`);
    throw new EdgeError(`${path.basename(file)} cannot be made a SquashFS: ${why}`);
}

/**
 * The time that folders get which have no entry, the root above all, and the file system itself: sqfstar takes that of
 * now, and no option but this variable changes it. Later times of entries would be cut to it, and there are none later.
 */
async function newestTime(archive: string): Promise<string> {
    return String(Math.floor((await fs.stat(archive)).mtimeMs / 1000));
}

async function feed(
    file: string,
    compression: Compression,
    stdin: NodeJS.WritableStream,
): Promise<undefined> {
    // The program stops reading when it has found damage; its exit code and words tell.
    const closed = finished(stdin);
    closed.catch(() => undefined);
    const write = (chunk: Buffer): Promise<void> =>
        Promise.race([
            new Promise<void>((resolve, reject) =>
                stdin.write(chunk, (error) => (error ? reject(error) : resolve())),
            ),
            closed,
        ]);
    const chunks = chunksOf(file);
    try {
        if (compression === "none") for await (const chunk of chunks) await write(chunk);
        else await decompress(sourceOf(chunks), compression, { maxBytes: LARGEST_ROOT }, write);
    } finally {
        await chunks.return(undefined);
    }
    stdin.end();
    await closed;
    return undefined;
}

function sourceOf(chunks: AsyncGenerator<Buffer>): ChunkSource {
    return {
        async next() {
            const next = await chunks.next();
            return next.done === true ? undefined : next.value;
        },
    };
}
