import * as zlib from "node:zlib";

/** Machines are simulated with the sector size of the common disk: a GPT written for 4096 is not found on it. */
const SECTOR = 512;
/** Enough for the protective MBR, the header and the entries wherever tools put them. */
const HEAD_BYTES = 64 * 1024;
/** Boot sector of a FAT, superblock of an ext: what tells the file system of a partition. */
const PROBE_BYTES = 2048;
const ESP_TYPE = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

/** A partition as the installer sees it on the written disk. */
export interface Partition {
    number: number;
    /** The name in the partition table. */
    name: string;
    isEfiSystem: boolean;
    startByte: number;
    /** The file system found at its start. */
    fileSystem?: "ext2" | "ext4" | "vfat";
    /** The file system's own label. */
    label: string;
}

/** Reads a part of a disk; shorter at its end. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

interface Window {
    offset: number;
    data: Buffer;
}

/**
 * A disk that is written from its start and keeps only what tells its partitions and their file systems, so that a
 * simulated machine needs neither the disk's space nor its size in memory.
 */
export class WrittenDisk {
    private head = Buffer.alloc(0);
    private windows: Window[] | undefined;
    private written = 0;

    constructor(private readonly capacity: number) {}

    /** Bytes written so far. */
    get size(): number {
        return this.written;
    }

    /** Adds the next bytes; false when the disk is full. */
    write(chunk: Uint8Array): boolean {
        if (this.written + chunk.length > this.capacity) {
            return false;
        }
        const offset = this.written;
        this.written += chunk.length;
        if (this.windows) {
            fill(this.windows, offset, chunk);
            return true;
        }
        this.head = Buffer.concat([this.head, chunk]);
        if (this.head.length >= HEAD_BYTES) {
            this.openWindows();
        }
        return true;
    }

    /** The partitions of the disk; none without a valid GPT. */
    partitions(): Partition[] {
        const windows = this.windows ?? this.openWindows();
        return parseGpt(this.head).map((partition, index) => withFileSystem(partition, windows[index]?.data));
    }

    private openWindows(): Window[] {
        this.windows = parseGpt(this.head).map(({ startByte }) => ({
            offset: startByte,
            data: Buffer.alloc(PROBE_BYTES),
        }));
        fill(this.windows, 0, this.head);
        return this.windows;
    }
}

/** The partitions of a disk that can be read anywhere; none without a valid GPT. */
export async function readPartitions(read: ReadAt): Promise<Partition[]> {
    const partitions = parseGpt(await read(0, HEAD_BYTES));
    const found: Partition[] = [];
    for (const partition of partitions) {
        found.push(withFileSystem(partition, await read(partition.startByte, PROBE_BYTES)));
    }
    return found;
}

/**
 * The partition the installer takes for the root: one named or labelled `…rootfs…`, else the first ext4 (drive_detection
 * of infra-onboarding's actions).
 */
export function rootPartition(partitions: readonly Partition[]): Partition | undefined {
    return (
        partitions.find(({ name, label }) => name.includes("rootfs") || label.includes("rootfs")) ??
        partitions.find(({ fileSystem }) => fileSystem === "ext4")
    );
}

/** The EFI system partition the firmware boots from. */
export function efiPartition(partitions: readonly Partition[]): Partition | undefined {
    return partitions.find(({ isEfiSystem, fileSystem }) => isEfiSystem && fileSystem === "vfat");
}

/** The entries of a GPT that Linux would accept: protective MBR, primary header and entries with right checksums. */
function parseGpt(head: Buffer): Partition[] {
    if (head.length < 2 * SECTOR || !isProtective(head)) {
        return [];
    }
    const header = head.subarray(SECTOR, 2 * SECTOR);
    const headerSize = header.readUInt32LE(12);
    if (header.toString("latin1", 0, 8) !== "EFI PART" || headerSize < 92 || headerSize > SECTOR) {
        return [];
    }
    const unsealed = Buffer.from(header.subarray(0, headerSize));
    unsealed.writeUInt32LE(0, 16);
    if (zlib.crc32(unsealed) !== header.readUInt32LE(16) || header.readBigUInt64LE(24) !== 1n) {
        return [];
    }
    const start = Number(header.readBigUInt64LE(72)) * SECTOR;
    const count = header.readUInt32LE(80);
    const size = header.readUInt32LE(84);
    const entries = head.subarray(start, start + count * size);
    if (size < 128 || entries.length !== count * size || zlib.crc32(entries) !== header.readUInt32LE(88)) {
        return [];
    }
    return Array.from({ length: count }, (_, index) => entries.subarray(index * size, (index + 1) * size))
        .map((entry, index) => parseEntry(entry, index + 1))
        .filter((partition) => partition !== undefined);
}

function isProtective(head: Buffer): boolean {
    const types = [0, 1, 2, 3].map((slot) => head[446 + slot * 16 + 4]);
    return head.readUInt16LE(510) === 0xaa55 && types.includes(0xee);
}

function parseEntry(entry: Buffer, number: number): Partition | undefined {
    const type = guid(entry);
    if (/^[0-]+$/.test(type)) {
        return undefined;
    }
    const [name = ""] = entry.toString("utf16le", 56, 128).split("\0");
    return {
        number,
        name,
        isEfiSystem: type === ESP_TYPE,
        startByte: Number(entry.readBigUInt64LE(32)) * SECTOR,
        label: "",
    };
}

/** The first 16 bytes as a GUID: its first three fields are little-endian. */
function guid(bytes: Buffer): string {
    const hex = (part: Buffer): string => part.toString("hex");
    const swapped = (from: number, to: number): string =>
        hex(Buffer.from(bytes.subarray(from, to)).reverse());
    return [
        swapped(0, 4),
        swapped(4, 6),
        swapped(6, 8),
        hex(bytes.subarray(8, 10)),
        hex(bytes.subarray(10, 16)),
    ].join("-");
}

function withFileSystem(partition: Partition, start: Buffer | undefined): Partition {
    if (!start || start.length < PROBE_BYTES) {
        return partition;
    }
    const superblock = start.subarray(1024);
    if (superblock.readUInt16LE(0x38) === 0xef53) {
        const label = superblock.toString("latin1", 0x78, 0x88).split("\0", 1)[0] ?? "";
        return { ...partition, fileSystem: isExt4(superblock) ? "ext4" : "ext2", label };
    }
    const isFat = start.toString("latin1", 54, 57) === "FAT" || start.toString("latin1", 82, 85) === "FAT";
    if (start.readUInt16LE(510) === 0xaa55 && isFat) {
        return { ...partition, fileSystem: "vfat" };
    }
    return partition;
}

/** ext4 is told from ext2 and ext3 by features those do not have, as blkid does. */
function isExt4(superblock: Buffer): boolean {
    const knownToExt3 = {
        incompatible: 0x0002 | 0x0004 | 0x0008 | 0x0010,
        readOnlyCompatible: 0x0001 | 0x0002 | 0x0004,
    };
    const incompatible = superblock.readUInt32LE(0x60);
    const readOnlyCompatible = superblock.readUInt32LE(0x64);
    return (
        (incompatible & ~knownToExt3.incompatible) !== 0 ||
        (readOnlyCompatible & ~knownToExt3.readOnlyCompatible) !== 0
    );
}

function fill(windows: readonly Window[], offset: number, chunk: Uint8Array): void {
    for (const window of windows) {
        const from = Math.max(offset, window.offset);
        const to = Math.min(offset + chunk.length, window.offset + window.data.length);
        if (from < to) {
            window.data.set(chunk.subarray(from - offset, to - offset), from - window.offset);
        }
    }
}
