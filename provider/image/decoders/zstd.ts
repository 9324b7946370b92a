import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { Decompress } from "fzstd";
import type { ChunkSource, Sink } from "./chunks";
import { ImageDamage } from "../check";
import { ZstdFrames } from "../zstdFrames";
import { throughTransform } from "./transform";

/** What Node has from 22.15 on. */
interface ZstdOfNode {
    createZstdDecompress?: (options: object) => Transform;
    zstdDecompressSync?: (bytes: Buffer, options: object) => Buffer;
}

export const zstdOfNode = zlib as unknown as ZstdOfNode;

export function hasZstd(): boolean {
    return zstdOfNode.createZstdDecompress !== undefined;
}

/** A zstd stream that is followed frame by frame; its end is checked when the last chunk has been taken. */
export class ZstdFrameSource implements ChunkSource {
    private readonly frames = new ZstdFrames();
    private readonly pieces: { bytes: Buffer; endsFrame: boolean }[] = [];

    constructor(private readonly source: ChunkSource) {}

    async next(): Promise<Buffer | undefined> {
        return (await this.piece())?.bytes;
    }

    /** The next frame as a source of its own; undefined after the last one. */
    async nextFrame(): Promise<ChunkSource | undefined> {
        let piece = await this.piece();
        if (!piece) return undefined;
        let ended = false;
        return {
            next: async () => {
                if (ended) return undefined;
                const { bytes, endsFrame } = piece ??
                    (await this.piece()) ?? { bytes: undefined, endsFrame: true };
                piece = undefined;
                ended = endsFrame;
                return bytes;
            },
        };
    }

    private async piece(): Promise<{ bytes: Buffer; endsFrame: boolean } | undefined> {
        if (this.pieces.length === 0) {
            const chunk = await this.source.next();
            if (!chunk) {
                this.frames.end();
                return undefined;
            }
            let start = 0;
            for (const end of this.frames.push(chunk)) {
                this.pieces.push({ bytes: chunk.subarray(start, end), endsFrame: true });
                start = end;
            }
            if (start < chunk.length) this.pieces.push({ bytes: chunk.subarray(start), endsFrame: false });
        }
        return this.pieces.shift();
    }
}

/** With Node's own decoder, which stops behind the first frame: each frame gets a new one. */
export async function unzstdByNode(frames: ZstdFrameSource, sink: Sink): Promise<void> {
    for (let frame = await frames.nextFrame(); frame; frame = await frames.nextFrame()) {
        const decoder = zstdOfNode.createZstdDecompress?.({
            chunkSize: 1 << 20,
            readableHighWaterMark: 4 << 20,
        });
        if (!decoder) throw new ImageDamage("cannot be unpacked: this version of Node has no zstd");
        await throughTransform(frame, decoder, sink, (e) => `the zstd stream is damaged (${e.message})`);
    }
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
