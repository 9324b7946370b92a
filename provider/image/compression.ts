import * as zlib from "node:zlib";
import { ImageDamage, ImageError } from "./check";
import { unbzip2 } from "./decoders/bzip2";
import { runTool } from "./decoders/childTool";
import type { ChunkSource, Sink } from "./decoders/chunks";
import { unxz } from "./decoders/xz";
import { findTool } from "../process/tools";
import { hasZstd, unzstd, unzstdByNode, ZstdFrameSource } from "./decoders/zstd";
import { throughTransform } from "./decoders/transform";

/** How an image is packed, by the first bytes of the file; names are the usual suffixes. */
export type Compression = "none" | "gz" | "xz" | "bz2" | "zst";

export interface DecompressOptions {
    /** More bytes than these are refused: a small file can unpack to any size. */
    maxBytes: number;
    /** Whether programs of this machine (xz, bzip2, zstd) may be used; they are faster. Default true. */
    tools?: boolean;
}

const MAGIC: readonly (readonly [Exclude<Compression, "none">, Buffer])[] = [
    ["gz", Buffer.from("1f8b", "hex")],
    ["xz", Buffer.from("fd377a585a00", "hex")],
    ["zst", Buffer.from("28b52ffd", "hex")],
    ["bz2", Buffer.from("BZh", "latin1")],
];

export function detectCompression(head: Buffer): Compression {
    for (const [compression, magic] of MAGIC) {
        if (head.subarray(0, magic.length).equals(magic)) return compression;
    }
    // pzstd begins with a frame that decoders pass over (RFC 8878, section 3.1.2).
    const isSkippable = head.length >= 4 && (head.readUInt32LE(0) & 0xfffffff0) === 0x184d2a50;
    return isSkippable ? "zst" : "none";
}

/**
 * Unpacks a whole stream. Throws `ImageDamage` when it is cut off, damaged, or followed by other bytes: the
 * platform's own readers stop there, or write the rest to the disk.
 */
export async function decompress(
    source: ChunkSource,
    compression: Exclude<Compression, "none">,
    options: DecompressOptions,
    sink: Sink,
): Promise<void> {
    const capped = capOutput(sink, options.maxBytes);
    const tools = options.tools ?? true;
    switch (compression) {
        case "gz":
            return gunzip(source, capped);
        case "zst":
            return decompressZstd(source, capped, tools);
        case "xz": {
            const program = tools ? findTool("xz") : undefined;
            // The limit is that of a machine which can unpack `xz -9` with room to spare.
            const limited = ["-dc", "--quiet", "--memlimit-decompress=512MiB"];
            return program ? runTool(program, limited, source, capped) : unxz(source, capped);
        }
        case "bz2": {
            const program = tools ? findTool("bzip2") : undefined;
            return program ? runTool(program, ["-dc"], source, capped) : unbzip2(source, capped);
        }
    }
}

function capOutput(sink: Sink, maxBytes: number): Sink {
    let total = 0;
    return (chunk) => {
        total += chunk.length;
        if (total > maxBytes) {
            throw new ImageError(
                `unpacks to more than ${maxBytes} bytes, the most that is taken (setting maxDiskBytes of edge-os:image)`,
            );
        }
        return sink(chunk);
    };
}

/** Node takes zeros behind the last member as padding; Go's reader, which writes the disk, does not. */
async function gunzip(source: ChunkSource, sink: Sink): Promise<void> {
    // The default chunk of 16 KiB costs two thirds of the speed; the high-water mark lets zlib's thread run
    // ahead while this one hashes.
    const stream = zlib.createGunzip({ chunkSize: 1 << 20, ...{ readableHighWaterMark: 4 << 20 } });
    const fed = await throughTransform(source, stream, sink, gzipDamage);
    if (stream.bytesWritten < fed || (await source.next()) !== undefined) {
        throw new ImageDamage("has other bytes behind the end of the gzip stream");
    }
}

function gzipDamage(error: NodeJS.ErrnoException): string {
    if (error.code === "Z_BUF_ERROR") return "the gzip stream is cut off before its end";
    if (error.message.includes("incorrect header check")) {
        return "has other bytes behind the end of the gzip stream, or is no gzip stream";
    }
    return `the gzip stream is damaged (${error.message})`;
}

async function decompressZstd(source: ChunkSource, sink: Sink, tools: boolean): Promise<void> {
    const frames = new ZstdFrameSource(source);
    const program = tools && !hasZstd() ? findTool("zstd") : undefined;
    if (hasZstd()) await unzstdByNode(frames, sink);
    else if (program) await runTool(program, ["-dc", "--quiet", "--memory=128MB"], frames, sink);
    else await unzstd(frames, sink);
}
