import type { FileHandle } from "node:fs/promises";
import * as zlib from "node:zlib";

import * as fzstd from "fzstd";

import type { ReadAt } from "./disk";

const MAGIC = 0x514649fb;
const OFFSET_MASK = 0x00ff_ffff_ffff_fe00n;
const COMPRESSED = 1n << 62n;
const READS_AS_ZERO = 1n;
/** Incompatible features a reader must know; `external data file` and `extended L2 entries` it does not simulate. */
const UNSUPPORTED_FEATURES = 0x4n | 0x10n;

interface Header {
    size: number;
    clusterBits: number;
    l1Offset: number;
    l1Entries: number;
    zstd: boolean;
}

/** Whether bytes begin as a qcow2 file does. */
export function isQcow2(start: Uint8Array): boolean {
    return Buffer.from(start.subarray(0, 4)).equals(Buffer.from([0x51, 0x46, 0x49, 0xfb]));
}

/**
 * The guest's view of a qcow2 file, as qemu-nbd would attach it; undefined where qemu-nbd could not (no qcow2, a backing
 * file, encryption).
 */
export async function openQcow2(file: FileHandle): Promise<{ size: number; read: ReadAt } | undefined> {
    const header = await readHeader(file);
    if (!header) {
        return undefined;
    }
    const l1 = await exact(file, header.l1Offset, header.l1Entries * 8);
    return l1 && { size: header.size, read: (offset, length) => read(file, header, l1, offset, length) };
}

async function readHeader(file: FileHandle): Promise<Header | undefined> {
    const raw = await partial(file, 0, 112);
    if (raw.length < 72 || raw.readUInt32BE(0) !== MAGIC) {
        return undefined;
    }
    const version = raw.readUInt32BE(4);
    const hasBackingFile = raw.readBigUInt64BE(8) !== 0n;
    const encrypted = raw.readUInt32BE(32) !== 0;
    const clusterBits = raw.readUInt32BE(20);
    const features = version >= 3 && raw.length >= 104 ? raw.readBigUInt64BE(72) : 0n;
    const known = (version === 2 || version === 3) && clusterBits >= 9 && clusterBits <= 21;
    if (!known || hasBackingFile || encrypted || (features & UNSUPPORTED_FEATURES) !== 0n) {
        return undefined;
    }
    return {
        size: Number(raw.readBigUInt64BE(24)),
        clusterBits,
        l1Entries: raw.readUInt32BE(36),
        l1Offset: Number(raw.readBigUInt64BE(40)),
        zstd: (features & 0x8n) !== 0n && raw[104] === 1,
    };
}

async function read(
    file: FileHandle,
    header: Header,
    l1: Buffer,
    offset: number,
    length: number,
): Promise<Buffer> {
    const clusterSize = 2 ** header.clusterBits;
    const end = Math.min(offset + length, header.size);
    const parts: Buffer[] = [];
    for (let at = offset; at < end;) {
        const within = at % clusterSize;
        const take = Math.min(clusterSize - within, end - at);
        const cluster = await readCluster(file, header, l1, Math.floor(at / clusterSize));
        parts.push(cluster ? cluster.subarray(within, within + take) : Buffer.alloc(take));
        at += take;
    }
    return Buffer.concat(parts);
}

/** One cluster; undefined where the image holds none (zeros). */
async function readCluster(
    file: FileHandle,
    header: Header,
    l1: Buffer,
    cluster: number,
): Promise<Buffer | undefined> {
    const clusterSize = 2 ** header.clusterBits;
    const entriesPerTable = clusterSize / 8;
    const l1Index = Math.floor(cluster / entriesPerTable);
    if (l1Index >= header.l1Entries) {
        return undefined;
    }
    const table = Number(l1.readBigUInt64BE(l1Index * 8) & OFFSET_MASK);
    const entry = table === 0 ? undefined : await exact(file, table + (cluster % entriesPerTable) * 8, 8);
    const value = entry?.readBigUInt64BE(0) ?? 0n;
    if ((value & COMPRESSED) !== 0n) {
        return readCompressed(file, header, value);
    }
    const host = Number(value & OFFSET_MASK);
    return host === 0 || (value & READS_AS_ZERO) !== 0n ? undefined : exact(file, host, clusterSize);
}

/** A compressed cluster: its offset has a byte's precision, its length is counted in 512-byte sectors. */
async function readCompressed(file: FileHandle, header: Header, value: bigint): Promise<Buffer | undefined> {
    const offsetBits = BigInt(62 - (header.clusterBits - 8));
    const offset = Number(value & ((1n << offsetBits) - 1n));
    const sectors = Number((value & (COMPRESSED - 1n)) >> offsetBits) + 1;
    const raw = await partial(file, offset, sectors * 512 - (offset % 512));
    const size = 2 ** header.clusterBits;
    if (header.zstd) {
        return unpackFrame(raw, size);
    }
    return zlib.inflateRawSync(raw, { maxOutputLength: size, finishFlush: zlib.constants.Z_SYNC_FLUSH });
}

/** The first zstd frame; the bytes behind it, up to the end of its sector, belong to the next cluster. */
function unpackFrame(raw: Buffer, size: number): Buffer {
    const parts: Uint8Array[] = [];
    const stream = new fzstd.Decompress((part) => parts.push(part));
    try {
        stream.push(raw, true);
    } catch (error) {
        if (Buffer.concat(parts).length < size) {
            throw error;
        }
    }
    return Buffer.concat(parts).subarray(0, size);
}

async function exact(file: FileHandle, offset: number, length: number): Promise<Buffer | undefined> {
    const data = await partial(file, offset, length);
    return data.length === length ? data : undefined;
}

async function partial(file: FileHandle, offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(Math.min(length, 64 << 20));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
    return buffer.subarray(0, bytesRead);
}
