import * as zlib from "node:zlib";
import { decompress as fzstdDecompress } from "fzstd";
import { assertReadable, type BlockDevice, type ReadHints } from "./blockDevice";
import { ImageDamage, printable } from "./check";
import { zstdOfNode } from "./decoders/zstd";
import { firstZstdFrame } from "./zstdFrames";

export const QCOW2_MAGIC = Buffer.from("514649fb", "hex");

/** What a qcow2 needs that this reader, and any machine that gets the file alone, does not have. */
class Qcow2Refused extends ImageDamage {}

const MAX_VIRTUAL_SIZE = 2 ** 43;
const MAX_L1_BYTES = 32 * 1024 * 1024;
const CACHE_BYTES = 16 * 1024 * 1024;
/** Bits 9 to 55 of a table entry. */
const OFFSET_MASK = 0x00fffffffffffe00n;
const COMPRESSED = 1n << 62n;

const INCOMPATIBLE = { corrupt: 2n, externalData: 4n, compressionType: 8n, extendedL2: 16n };
/** Bit 0, dirty, only says that reference counts may be stale; they are not read here. */
const KNOWN_INCOMPATIBLE = 31n;

interface Geometry {
    version: number;
    clusterBits: number;
    clusterSize: number;
    virtualSize: number;
    l1Offset: number;
    l1Entries: number;
    compression: "zlib" | "zstd";
}

interface PackedCluster {
    kind: "packed";
    offset: number;
    length: number;
}
type DataCluster = { kind: "plain"; offset: number } | PackedCluster;
type Cluster = { kind: "zero" } | DataCluster;

/** The virtual disk inside a qcow2 file, version 2 or 3. */
export class Qcow2Device implements BlockDevice {
    readonly size: number;
    readonly hints?: ReadHints;
    private readonly tables = new Cache<Buffer | undefined>();
    private readonly clusters = new Cache<Buffer | undefined>();

    private constructor(
        private readonly file: BlockDevice,
        private readonly geometry: Geometry,
        private readonly l1: Buffer,
    ) {
        this.size = geometry.virtualSize;
        if (file.hints) this.hints = file.hints;
    }

    static async open(file: BlockDevice): Promise<Qcow2Device> {
        const geometry = await readGeometry(file);
        return new Qcow2Device(file, geometry, await file.read(geometry.l1Offset, geometry.l1Entries * 8));
    }

    async read(offset: number, length: number): Promise<Buffer> {
        assertReadable(this.size, offset, length);
        const { clusterSize } = this.geometry;
        const result = Buffer.alloc(length);
        for (let done = 0; done < length;) {
            const index = Math.floor((offset + done) / clusterSize);
            const within = (offset + done) % clusterSize;
            const part = Math.min(clusterSize - within, length - done);
            const cluster = await this.cluster(index);
            cluster?.copy(result, done, within, within + part);
            done += part;
        }
        return result;
    }

    /**
     * Walks all tables: every cluster must lie inside the file, whole, and no table be used twice. That is what finds
     * a file that was cut off, long before a host has written half of it.
     */
    async verifyTables(): Promise<void> {
        const { clusterSize, virtualSize } = this.geometry;
        let lastPacked: PackedCluster | undefined;
        const clusterCount = Math.ceil(virtualSize / clusterSize);
        const perTable = clusterSize / 8;
        const tableOffsets = new Set<number>();
        for (let i = 0; i * perTable < clusterCount; i++) {
            const offset = this.tableOffset(i);
            if (offset === 0) continue;
            if (tableOffsets.has(offset))
                throw new ImageDamage(`uses one cluster table twice (at ${offset})`);
            tableOffsets.add(offset);
            const table = await this.file.read(offset, clusterSize);
            const used = Math.min(perTable, clusterCount - i * perTable);
            for (let j = 0; j < used; j++) {
                const cluster = this.decode(table.readBigUInt64BE(j * 8));
                if (cluster.kind === "zero") continue;
                this.assertInside(cluster, virtualSize - (i * perTable + j) * clusterSize);
                if (cluster.kind === "packed" && cluster.offset >= (lastPacked?.offset ?? 0)) {
                    lastPacked = cluster;
                }
            }
        }
        // Its length is told in whole sectors, so whether its end is there shows when it is unpacked.
        if (lastPacked && lastPacked.offset + lastPacked.length > this.file.size) await this.load(lastPacked);
    }

    /** QEMU writes clusters whole; another writer may leave out what lies behind the end of the disk. */
    private assertInside(cluster: DataCluster, leftOfDisk: number): void {
        const { offset, kind } = cluster;
        const least = kind === "plain" ? Math.min(this.geometry.clusterSize, leftOfDisk) : 1;
        if (offset + least <= this.file.size) return;
        throw new ImageDamage(
            `names data up to byte ${offset + least}, but the file ends at ${this.file.size}: it is cut off`,
        );
    }

    private async cluster(index: number): Promise<Buffer | undefined> {
        const known = this.clusters.get(index);
        if (known) return known.value;
        const found = await this.load(await this.locate(index));
        this.clusters.set(index, found, found?.length ?? 0);
        return found;
    }

    private async locate(index: number): Promise<Cluster> {
        const perTable = this.geometry.clusterSize / 8;
        const table = await this.table(Math.floor(index / perTable));
        return table ? this.decode(table.readBigUInt64BE((index % perTable) * 8)) : { kind: "zero" };
    }

    private async table(index: number): Promise<Buffer | undefined> {
        const known = this.tables.get(index);
        if (known) return known.value;
        const offset = this.tableOffset(index);
        const table = offset === 0 ? undefined : await this.file.read(offset, this.geometry.clusterSize);
        this.tables.set(index, table, table?.length ?? 0);
        return table;
    }

    private tableOffset(index: number): number {
        return Number(this.l1.readBigUInt64BE(index * 8) & OFFSET_MASK);
    }

    private decode(entry: bigint): Cluster {
        if ((entry & COMPRESSED) !== 0n) {
            const offsetBits = BigInt(62 - (this.geometry.clusterBits - 8));
            const offset = Number(entry & ((1n << offsetBits) - 1n));
            const sectors = Number((entry >> offsetBits) & ((1n << (62n - offsetBits)) - 1n)) + 1;
            return { kind: "packed", offset, length: sectors * 512 - (offset % 512) };
        }
        const isZero = this.geometry.version >= 3 && (entry & 1n) === 1n;
        const offset = Number(entry & OFFSET_MASK);
        return isZero || offset === 0 ? { kind: "zero" } : { kind: "plain", offset };
    }

    private async load(cluster: Cluster): Promise<Buffer | undefined> {
        if (cluster.kind === "zero") return undefined;
        const wanted = cluster.kind === "plain" ? this.geometry.clusterSize : cluster.length;
        // The last cluster of a file may be shorter than its place: the rest reads as zeros.
        const there = Math.min(wanted, this.file.size - cluster.offset);
        if (there <= 0)
            throw new ImageDamage(`names data at byte ${cluster.offset}, beyond the end of the file`);
        const bytes = await this.file.read(cluster.offset, there);
        return this.padded(cluster.kind === "plain" ? bytes : this.unpack(bytes));
    }

    private unpack(bytes: Buffer): Buffer {
        const unpacked = this.unpackAsFarAsItGoes(bytes);
        const { clusterSize } = this.geometry;
        if (unpacked.length === clusterSize) return unpacked;
        throw new ImageDamage(
            `has a compressed cluster of ${unpacked.length} bytes where ${clusterSize} belong: it is cut off or damaged`,
        );
    }

    private unpackAsFarAsItGoes(bytes: Buffer): Buffer {
        const { clusterSize, compression } = this.geometry;
        try {
            return compression === "zlib"
                ? zlib.inflateRawSync(bytes, {
                      // The length is rounded up to sectors, so the stream ends before the bytes do.
                      finishFlush: zlib.constants.Z_SYNC_FLUSH,
                      maxOutputLength: clusterSize,
                  })
                : unzstdCluster(bytes, clusterSize);
        } catch (error) {
            throw new ImageDamage(
                `has a compressed cluster that cannot be unpacked (${(error as Error).message})`,
            );
        }
    }

    private padded(bytes: Buffer): Buffer {
        const { clusterSize } = this.geometry;
        return bytes.length === clusterSize ? bytes : Buffer.concat([bytes], clusterSize);
    }
}

function unzstdCluster(bytes: Buffer, clusterSize: number): Buffer {
    const frame = firstZstdFrame(bytes, Math.max(clusterSize, 8 * 1024 * 1024));
    return zstdOfNode.zstdDecompressSync
        ? zstdOfNode.zstdDecompressSync(frame, { maxOutputLength: clusterSize })
        : Buffer.from(fzstdDecompress(frame, new Uint8Array(clusterSize)));
}

async function readGeometry(file: BlockDevice): Promise<Geometry> {
    const header = await file.read(0, Math.min(file.size, 512));
    if (header.length < 72 || !header.subarray(0, 4).equals(QCOW2_MAGIC)) {
        throw new ImageDamage("is no qcow2 file, or cut off within its header");
    }
    const version = header.readUInt32BE(4);
    if (version !== 2 && version !== 3) {
        throw new Qcow2Refused(`is qcow2 version ${version}; versions 2 and 3 are read`);
    }
    if (version === 3 && header.length < 104) throw new ImageDamage("is cut off within its header");
    await refuseForeignParts(file, header, version);

    const clusterBits = header.readUInt32BE(20);
    if (clusterBits < 9 || clusterBits > 21) {
        throw new ImageDamage(`says 2^${clusterBits} bytes a cluster; 2^9 to 2^21 exist`);
    }
    const clusterSize = 2 ** clusterBits;
    const virtualSize = header.readBigUInt64BE(24);
    if (virtualSize === 0n || virtualSize > BigInt(MAX_VIRTUAL_SIZE)) {
        throw new ImageDamage(
            `says that its disk has ${virtualSize.toString()} bytes; 1 to ${MAX_VIRTUAL_SIZE} are taken`,
        );
    }
    const l1Entries = header.readUInt32BE(36);
    const needed = Math.ceil(Number(virtualSize) / (clusterSize * (clusterSize / 8)));
    if (l1Entries < needed || l1Entries * 8 > MAX_L1_BYTES) {
        throw new ImageDamage(`has a table of ${l1Entries} entries where ${needed} are needed`);
    }
    return {
        version,
        clusterBits,
        clusterSize,
        virtualSize: Number(virtualSize),
        l1Offset: Number(header.readBigUInt64BE(40)),
        l1Entries,
        compression: compressionType(header, version),
    };
}

/** A backing or data file names a path on whatever machine opens the image: never followed. */
async function refuseForeignParts(file: BlockDevice, header: Buffer, version: number): Promise<void> {
    const backingOffset = header.readBigUInt64BE(8);
    if (backingOffset !== 0n) {
        const length = Math.min(header.readUInt32BE(16), 1023);
        const readable = backingOffset + BigInt(length) <= BigInt(file.size);
        const name = readable ? (await file.read(Number(backingOffset), length)).toString("latin1") : "?";
        throw new Qcow2Refused(
            `is only a difference to its backing file "${printable(name)}": hosts do not have that. Flatten it with qemu-img convert -O qcow2`,
        );
    }
    const encryption = header.readUInt32BE(32);
    if (encryption !== 0) {
        const kind = encryption === 1 ? "AES" : encryption === 2 ? "LUKS" : `method ${encryption}`;
        throw new Qcow2Refused(`is encrypted (${kind}): hosts have no key. Convert it without encryption`);
    }
    const features = version >= 3 ? header.readBigUInt64BE(72) : 0n;
    if ((features & INCOMPATIBLE.externalData) !== 0n) {
        throw new Qcow2Refused(
            "keeps its data in another file (external data file): hosts do not have that. Flatten it with qemu-img convert -O qcow2",
        );
    }
    if ((features & INCOMPATIBLE.corrupt) !== 0n) {
        throw new ImageDamage("is marked as corrupt by QEMU: qemu-img check -r may repair it");
    }
    if ((features & INCOMPATIBLE.extendedL2) !== 0n) {
        throw new Qcow2Refused(
            "uses extended L2 entries, which the platform does not read: convert it with qemu-img convert -O qcow2",
        );
    }
    const unknown = features & ~KNOWN_INCOMPATIBLE;
    if (unknown !== 0n) throw new Qcow2Refused(`needs unknown features (0x${unknown.toString(16)})`);
}

function compressionType(header: Buffer, version: number): "zlib" | "zstd" {
    const hasType = version >= 3 && (header.readBigUInt64BE(72) & INCOMPATIBLE.compressionType) !== 0n;
    const type = hasType ? (header[104] ?? 255) : 0;
    if (type > 1) throw new Qcow2Refused(`uses compression type ${type}; zlib (0) and zstd (1) are read`);
    return type === 0 ? "zlib" : "zstd";
}

/** Keeps the values last set, up to a bound in bytes. */
class Cache<T> {
    private readonly entries = new Map<number, { value: T; bytes: number }>();
    private total = 0;

    get(key: number): { value: T } | undefined {
        return this.entries.get(key);
    }

    set(key: number, value: T, bytes: number): void {
        const cost = bytes + 64;
        this.entries.set(key, { value, bytes: cost });
        this.total += cost;
        for (const [oldest, entry] of this.entries) {
            if (this.total <= CACHE_BYTES || oldest === key) break;
            this.entries.delete(oldest);
            this.total -= entry.bytes;
        }
    }
}
