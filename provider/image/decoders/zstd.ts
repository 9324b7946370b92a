import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { Decompress } from "fzstd";
import type { ChunkSource, Sink } from "../compression";
import { ImageDamage } from "../check";

/** What Node has from 22.15 on. */
interface ZstdOfNode {
    createZstdDecompress?: (options: object) => Transform;
    zstdDecompressSync?: (bytes: Buffer, options: object) => Buffer;
}

export const zstdOfNode = zlib as unknown as ZstdOfNode;

/** Node's own decoder, where it has one. */
export function createZstdDecompress(): Transform | undefined {
    return zstdOfNode.createZstdDecompress?.({ chunkSize: 1 << 20, readableHighWaterMark: 4 << 20 });
}

/** One block of four bytes unpacks to 128 KiB: what is pushed at once bounds what comes out at once. */
const PIECE = 512;

/** In JavaScript, for older versions of Node on machines without the zstd program. */
export async function unzstd(source: ChunkSource, sink: Sink): Promise<void> {
    const ready: Buffer[] = [];
    // The decoder goes on writing into its window, so what it hands out is copied.
    const decoder = new Decompress((data) => ready.push(Buffer.from(data)));
    for (;;) {
        const chunk = await source.next();
        if (!chunk) return;
        for (let at = 0; at < chunk.length; at += PIECE) {
            try {
                decoder.push(chunk.subarray(at, at + PIECE));
            } catch (error) {
                throw new ImageDamage(`the zstd stream is damaged (${(error as Error).message})`);
            }
            for (const data of ready.splice(0)) await sink(data);
        }
    }
}
