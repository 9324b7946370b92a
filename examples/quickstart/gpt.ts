import * as crypto from "node:crypto";
import * as zlib from "node:zlib";

export interface NewPartition {
    /** Place in the table, from 1; gaps are allowed, as in Ubuntu's images. */
    index: number;
    type: string;
    name: string;
    firstLba: number;
    sectors: number;
}

const SECTOR = 512;
const ENTRIES = 128;
const ENTRY_SIZE = 128;
const ENTRY_SECTORS = (ENTRIES * ENTRY_SIZE) / SECTOR;

/** Writes a GUID partition table into a disk: protective MBR, header and entries, and their backup at the end. */
export function writePartitionTable(disk: Buffer, partitions: readonly NewPartition[]): void {
    const sectors = disk.length / SECTOR;
    const entries = partitionEntries(partitions);
    const backupEntries = sectors - 1 - ENTRY_SECTORS;
    protectiveMbr(sectors).copy(disk, 0);
    header({ sectors, at: 1, other: sectors - 1, entriesAt: 2, entries }).copy(disk, SECTOR);
    entries.copy(disk, 2 * SECTOR);
    entries.copy(disk, backupEntries * SECTOR);
    const last = header({ sectors, at: sectors - 1, other: 1, entriesAt: backupEntries, entries });
    last.copy(disk, (sectors - 1) * SECTOR);
}

function protectiveMbr(sectors: number): Buffer {
    const mbr = Buffer.alloc(SECTOR);
    mbr.write("00000200eeffffff", 446, "hex");
    mbr.writeUInt32LE(1, 454);
    mbr.writeUInt32LE(Math.min(sectors - 1, 0xffffffff), 458);
    mbr.writeUInt16LE(0xaa55, 510);
    return mbr;
}

interface HeaderFields {
    sectors: number;
    at: number;
    other: number;
    entriesAt: number;
    entries: Buffer;
}

function header({ sectors, at, other, entriesAt, entries }: HeaderFields): Buffer {
    const sector = Buffer.alloc(SECTOR);
    sector.write("EFI PART", 0, "latin1");
    sector.writeUInt32LE(0x10000, 8);
    sector.writeUInt32LE(92, 12);
    sector.writeBigUInt64LE(BigInt(at), 24);
    sector.writeBigUInt64LE(BigInt(other), 32);
    sector.writeBigUInt64LE(BigInt(2 + ENTRY_SECTORS), 40);
    sector.writeBigUInt64LE(BigInt(sectors - 2 - ENTRY_SECTORS), 48);
    guid(fixedGuid("disk")).copy(sector, 56);
    sector.writeBigUInt64LE(BigInt(entriesAt), 72);
    sector.writeUInt32LE(ENTRIES, 80);
    sector.writeUInt32LE(ENTRY_SIZE, 84);
    sector.writeUInt32LE(zlib.crc32(entries), 88);
    sector.writeUInt32LE(zlib.crc32(sector.subarray(0, 92)), 16);
    return sector;
}

function partitionEntries(partitions: readonly NewPartition[]): Buffer {
    const entries = Buffer.alloc(ENTRIES * ENTRY_SIZE);
    for (const { index, type, name, firstLba, sectors } of partitions) {
        const entry = entries.subarray((index - 1) * ENTRY_SIZE, index * ENTRY_SIZE);
        guid(type).copy(entry, 0);
        guid(fixedGuid(`partition ${index}`)).copy(entry, 16);
        entry.writeBigUInt64LE(BigInt(firstLba), 32);
        entry.writeBigUInt64LE(BigInt(firstLba + sectors - 1), 40);
        entry.write(name, 56, 72, "utf16le");
    }
    return entries;
}

/** The same GUID every time, so that the same content is the same image. */
function fixedGuid(purpose: string): string {
    const hex = crypto.createHash("sha256").update(`edge-os quickstart ${purpose}`).digest("hex");
    return [
        hex.slice(0, 8),
        hex.slice(8, 12),
        `4${hex.slice(13, 16)}`,
        `8${hex.slice(17, 20)}`,
        hex.slice(20, 32),
    ].join("-");
}

/** The first three groups of a GUID are stored little-endian. */
function guid(text: string): Buffer {
    const bytes = Buffer.from(text.replace(/-/g, ""), "hex");
    bytes.subarray(0, 4).reverse();
    bytes.subarray(4, 6).reverse();
    bytes.subarray(6, 8).reverse();
    return bytes;
}
