import type { Transform } from "node:stream";
import type { ChunkSource, Sink } from "./chunks";
import { ImageDamage } from "../check";

/**
 * Sends a source through one of zlib's streams and returns how many bytes went in. zlib ends its output at what
 * it takes for the end of the data and never calls back for the rest, so each write also waits for that end.
 */
export async function throughTransform(
    source: ChunkSource,
    stream: Transform,
    sink: Sink,
    describe: (error: NodeJS.ErrnoException) => string,
): Promise<number> {
    let fed = 0;
    let sourceFailure: unknown;
    const ended = new Promise<"ended">((resolve) => {
        stream.once("end", () => resolve("ended"));
        stream.once("close", () => resolve("ended"));
    });
    const feeding = (async () => {
        for (;;) {
            const chunk = await source.next();
            if (!chunk) break;
            fed += chunk.length;
            const written = new Promise<"written">((resolve) => {
                stream.write(chunk, () => resolve("written"));
            });
            if ((await Promise.race([written, ended])) === "ended") return;
        }
        stream.end();
    })().catch((error: unknown) => {
        sourceFailure = error;
        stream.destroy();
    });

    const failed: { with?: NodeJS.ErrnoException } = {};
    stream.once("error", (error: NodeJS.ErrnoException) => {
        failed.with = error;
    });
    try {
        for await (const chunk of stream) await sink(chunk as Buffer);
    } catch (error) {
        if (failed.with && error === failed.with) throw new ImageDamage(describe(failed.with));
        // Destroyed because the source failed, the stream only says that it was closed early.
        if (sourceFailure === undefined) throw error;
    } finally {
        stream.destroy();
        await feeding;
    }
    if (sourceFailure !== undefined) throw sourceFailure as Error;
    return fed;
}
