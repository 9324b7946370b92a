import * as zlib from "node:zlib";

const SECTOR = 512;
const TYPES = {
    efi: "28732ac11ff8d211ba4b00a0c93ec93b",
    linux: "af3dc60f838472478e793d69d8477de4",
};

/** A partition of a tiny image. */
export interface TinyPartition {
    type: keyof typeof TYPES;
    name?: string;
    fileSystem?: "vfat" | "ext4" | "ext2";
    label?: string;
}

export const ESP: TinyPartition = { type: "efi", name: "esp", fileSystem: "vfat" };
export const ROOT: TinyPartition = { type: "linux", name: "root", fileSystem: "ext4" };

/** A raw disk image with a valid GPT: 16 KiB a partition, its file system only as far as it is recognised by. */
export function tinyImage(partitions: readonly TinyPartition[] = [ROOT, ESP]): Buffer {
    const sectors = 256;
    const image = Buffer.alloc(sectors * SECTOR);
    image[446 + 4] = 0xee;
    image.writeUInt32LE(1, 446 + 8);
    image.writeUInt32LE(sectors - 1, 446 + 12);
    image.writeUInt16LE(0xaa55, 510);
    const entries = image.subarray(2 * SECTOR, 34 * SECTOR);
    partitions.forEach((partition, index) => {
        const start = 64 + index * 32;
        const entry = entries.subarray(index * 128, (index + 1) * 128);
        entry.write(TYPES[partition.type], 0, "hex");
        entry.fill(index + 1, 16, 32);
        entry.writeBigUInt64LE(BigInt(start), 32);
        entry.writeBigUInt64LE(BigInt(start + 31), 40);
        entry.write(partition.name ?? "", 56, "utf16le");
        format(image.subarray(start * SECTOR, (start + 32) * SECTOR), partition);
    });
    const header = image.subarray(SECTOR, 2 * SECTOR);
    header.write("EFI PART", 0, "latin1");
    header.writeUInt32LE(0x10000, 8);
    header.writeUInt32LE(92, 12);
    header.writeBigUInt64LE(1n, 24);
    header.writeBigUInt64LE(BigInt(sectors - 1), 32);
    header.writeBigUInt64LE(34n, 40);
    header.writeBigUInt64LE(BigInt(sectors - 34), 48);
    header.writeBigUInt64LE(2n, 72);
    header.writeUInt32LE(128, 80);
    header.writeUInt32LE(128, 84);
    header.writeUInt32LE(zlib.crc32(entries), 88);
    header.writeUInt32LE(zlib.crc32(header.subarray(0, 92)), 16);
    return image;
}

function format(space: Buffer, { fileSystem, label = "" }: TinyPartition): void {
    if (fileSystem === "vfat") {
        space.write("FAT16   ", 54, "latin1");
        space.writeUInt16LE(0xaa55, 510);
    } else if (fileSystem !== undefined) {
        const superblock = space.subarray(1024);
        superblock.writeUInt16LE(0xef53, 0x38);
        superblock.writeUInt32LE(fileSystem === "ext4" ? 0x0042 : 0x0002, 0x60);
        superblock.write(label, 0x78, "latin1");
    }
}

/** The image as an uncompressed qcow2, or with its clusters deflated. */
export function tinyQcow2(raw: Buffer, { compressed = false } = {}): Buffer {
    const cluster = 65536;
    const count = Math.ceil(raw.length / cluster);
    const padded = Buffer.concat([raw, Buffer.alloc(count * cluster - raw.length)]);
    const header = Buffer.alloc(cluster);
    header.write("QFI\xfb", 0, "latin1");
    header.writeUInt32BE(2, 4);
    header.writeUInt32BE(16, 20);
    header.writeBigUInt64BE(BigInt(raw.length), 24);
    header.writeUInt32BE(1, 36);
    header.writeBigUInt64BE(BigInt(cluster), 40);
    const l1 = Buffer.alloc(cluster);
    l1.writeBigUInt64BE(BigInt(2 * cluster) | (1n << 63n), 0);
    const l2 = Buffer.alloc(cluster);
    const data: Buffer[] = [];
    let at = 3 * cluster;
    for (let index = 0; index < count; index++) {
        const content = padded.subarray(index * cluster, (index + 1) * cluster);
        if (compressed) {
            const packed = zlib.deflateRawSync(content);
            const sectors = Math.ceil(((at % 512) + packed.length) / 512) - 1;
            l2.writeBigUInt64BE((1n << 62n) | (BigInt(sectors) << 54n) | BigInt(at), index * 8);
            data.push(packed);
            at += packed.length;
        } else {
            l2.writeBigUInt64BE(BigInt(at) | (1n << 63n), index * 8);
            data.push(content);
            at += cluster;
        }
    }
    return Buffer.concat([header, l1, l2, ...data]);
}
