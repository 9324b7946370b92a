import { type BlockDevice, MAX_READ } from "./blockDevice";
import { ImageDamage } from "./check";

/** Where things lie in a FAT file system, in bytes from its start. */
export interface FatGeometry {
    /** Bits of an entry of the allocation table. */
    kind: 12 | 16 | 32;
    clusterSize: number;
    clusters: number;
    tableOffset: number;
    dataOffset: number;
    root: { cluster: number } | { offset: number; size: number };
}

const SECTOR_SIZES: readonly number[] = [512, 1024, 2048, 4096];

export async function readFatGeometry(device: BlockDevice): Promise<FatGeometry> {
    if (device.size < 512) throw new ImageDamage("no boot sector");
    const boot = await device.read(0, 512);
    if (boot.readUInt16LE(510) !== 0xaa55) throw new ImageDamage("no boot sector");
    const sectorSize = boot.readUInt16LE(11);
    const sectorsPerCluster = boot.readUInt8(13);
    const reserved = boot.readUInt16LE(14);
    const copies = boot.readUInt8(16);
    const rootEntries = boot.readUInt16LE(17);
    const sectors = boot.readUInt16LE(19) || boot.readUInt32LE(32);
    const narrowTable = boot.readUInt16LE(22);
    const tableSectors = narrowTable || boot.readUInt32LE(36);
    if (!SECTOR_SIZES.includes(sectorSize)) throw new ImageDamage(`${sectorSize} bytes a sector`);
    if (sectorsPerCluster === 0 || (sectorsPerCluster & (sectorsPerCluster - 1)) !== 0) {
        throw new ImageDamage(`${sectorsPerCluster} sectors a cluster`);
    }
    if (reserved === 0 || copies === 0 || copies > 4 || tableSectors === 0) {
        throw new ImageDamage("no allocation table");
    }
    if (sectors * sectorSize > device.size) {
        throw new ImageDamage(`says ${sectors * sectorSize} bytes in a partition of ${device.size}`);
    }
    const rootOffset = (reserved + copies * tableSectors) * sectorSize;
    const rootSize = Math.ceil((rootEntries * 32) / sectorSize) * sectorSize;
    const clusterSize = sectorsPerCluster * sectorSize;
    const clusters = Math.floor((sectors * sectorSize - rootOffset - rootSize) / clusterSize);
    if (clusters < 1) throw new ImageDamage("allocation tables larger than the partition");
    // Firmware and Linux tell 32 bits by this field, not by the number of clusters.
    const kind = narrowTable === 0 ? 32 : clusters < 4085 ? 12 : 16;
    const capacity = Math.floor((tableSectors * sectorSize * 8) / kind) - 2;
    return {
        ...{ kind, clusterSize, clusters: Math.min(clusters, capacity) },
        tableOffset: reserved * sectorSize,
        dataOffset: rootOffset + rootSize,
        root:
            kind === 32
                ? { cluster: boot.readUInt32LE(44) & 0x0fffffff }
                : { offset: rootOffset, size: Math.min(rootSize, MAX_READ) },
    };
}

const BLOCK = 64 * 1024;
const KEPT_BLOCKS = 32;

/** The allocation table: which cluster follows which. */
export class FatTable {
    private readonly blocks = new Map<number, Buffer>();
    /** The chain walked last, since files are read in pieces. */
    private last: { first: number; clusters: number[]; ended: boolean } | undefined;

    constructor(
        private readonly device: BlockDevice,
        private readonly geometry: FatGeometry,
    ) {}

    /** The clusters of a file or folder, in order, `most` of them at most. */
    async chain(first: number, most: number): Promise<readonly number[]> {
        const { clusters: available } = this.geometry;
        if (this.last?.first !== first) {
            this.assertCluster(first);
            this.last = { first, clusters: [first], ended: false };
        }
        const { clusters } = this.last;
        while (clusters.length < most && !this.last.ended) {
            // More clusters than there are: some come twice.
            if (clusters.length > available) throw new ImageDamage("has a chain of clusters that loops");
            const next = await this.following(clusters.at(-1) ?? first);
            if (next === undefined) this.last.ended = true;
            else clusters.push(next);
        }
        return clusters;
    }

    private async following(cluster: number): Promise<number | undefined> {
        const { kind } = this.geometry;
        const raw = kind === 12 ? await this.twelveBits(cluster) : await this.wholeBytes(cluster, kind / 8);
        const value = kind === 32 ? raw & 0x0fffffff : raw;
        const end = kind === 12 ? 0xff8 : kind === 16 ? 0xfff8 : 0x0ffffff8;
        if (value >= end) return undefined;
        this.assertCluster(value);
        return value;
    }

    private assertCluster(cluster: number): void {
        if (cluster >= 2 && cluster < this.geometry.clusters + 2) return;
        throw new ImageDamage(`has a chain that leads to cluster ${cluster}, of ${this.geometry.clusters}`);
    }

    private async wholeBytes(cluster: number, width: number): Promise<number> {
        const at = cluster * width;
        return (await this.block(at)).readUIntLE(at % BLOCK, width);
    }

    /** Two entries share three bytes, which may lie in two blocks. */
    private async twelveBits(cluster: number): Promise<number> {
        const at = Math.floor((cluster * 3) / 2);
        const low = (await this.block(at)).readUInt8(at % BLOCK);
        const high = (await this.block(at + 1)).readUInt8((at + 1) % BLOCK);
        const both = low | (high << 8);
        return cluster % 2 === 0 ? both & 0xfff : both >> 4;
    }

    private async block(at: number): Promise<Buffer> {
        const index = Math.floor(at / BLOCK);
        const known = this.blocks.get(index);
        if (known) return known;
        const offset = this.geometry.tableOffset + index * BLOCK;
        const block = await this.device.read(offset, Math.min(BLOCK, this.device.size - offset));
        if (this.blocks.size >= KEPT_BLOCKS) this.blocks.clear();
        this.blocks.set(index, block);
        return block;
    }
}
