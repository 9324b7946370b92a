import { ReadableStream } from "node:stream/web";
import { XzReadableStream } from "xz-decompress";
import type { ChunkSource, Sink } from "./chunks";
import { ImageDamage } from "../check";

/** In WebAssembly, for machines without the xz program. */
export async function unxz(source: ChunkSource, sink: Sink): Promise<void> {
    let tail: Buffer = Buffer.alloc(0);
    let sourceFailure: unknown;
    const compressed = new ReadableStream<Uint8Array>({
        async pull(controller) {
            try {
                const chunk = await source.next();
                if (!chunk) {
                    controller.close();
                    return;
                }
                tail = Buffer.concat([tail, chunk.subarray(-12)]).subarray(-12);
                controller.enqueue(chunk);
            } catch (error) {
                sourceFailure = error;
                controller.error(error);
            }
        },
    });
    const reader = new XzReadableStream(compressed).getReader();
    try {
        for (;;) {
            const { done, value } = await reader.read().catch((error: unknown) => {
                if (sourceFailure !== undefined) throw sourceFailure as Error;
                throw new ImageDamage(`the xz stream is damaged (${(error as Error).message})`);
            });
            if (done) break;
            // The decoder reuses its output buffer.
            await sink(Buffer.from(value));
        }
    } finally {
        // The library decodes one stream at a time, and a stream that is neither read to its end nor cancelled keeps
        // every later one waiting for ever.
        await reader.cancel().catch(() => undefined);
    }
    while ((await source.next()) !== undefined) {
        throw new ImageDamage("has other bytes behind the end of the xz stream");
    }
    // The decoder ends quietly at the end of its input; a whole stream ends in a footer.
    if (tail.toString("latin1", 10) !== "YZ") {
        throw new ImageDamage("the xz stream is cut off before its end, or followed by other bytes");
    }
}
