import * as zlib from "node:zlib";
import type { BlockDevice } from "./blockDevice";
import { printable } from "./check";

const SECTOR_SIZES = [512, 4096] as const;
const MAX_ENTRIES = 1024;
const MAX_ENTRY_SIZE = 4096;
const UNUSED = "00000000-0000-0000-0000-000000000000";

/** What one copy of the table says of itself. */
export interface Header {
    lba: number;
    myLba: bigint;
    alternateLba: bigint;
    firstUsable: bigint;
    lastUsable: bigint;
    diskGuid: string;
    entriesLba: bigint;
    entryCount: number;
    entrySize: number;
    entriesCrc: number;
    headerCrcOk: boolean;
}

/** What could be read of one copy of the table; `problem` says why there is no more. */
export interface TableCopy {
    header?: Header;
    entries?: Buffer;
    problem?: string;
}

/** A used entry as it is written, sound or not. */
export interface Entry {
    index: number;
    type: string;
    guid: string;
    name: string;
    first: bigint;
    last: bigint;
}

export async function findSectorSize(disk: BlockDevice): Promise<number | undefined> {
    for (const sectorSize of SECTOR_SIZES) {
        if (await hasSignature(disk, sectorSize, sectorSize)) return sectorSize;
    }
    for (const sectorSize of SECTOR_SIZES) {
        const last = (Math.floor(disk.size / sectorSize) - 1) * sectorSize;
        if (await hasSignature(disk, last, sectorSize)) return sectorSize;
    }
    return undefined;
}

async function hasSignature(disk: BlockDevice, offset: number, sectorSize: number): Promise<boolean> {
    if (offset < sectorSize || offset + sectorSize > disk.size) return false;
    return (await disk.read(offset, 8)).toString("latin1") === "EFI PART";
}

export async function readHeader(disk: BlockDevice, sectorSize: number, lba: number): Promise<TableCopy> {
    if (lba < 1 || (lba + 1) * sectorSize > disk.size) return { problem: "the disk is too small for one" };
    const sector = await disk.read(lba * sectorSize, sectorSize);
    if (sector.toString("latin1", 0, 8) !== "EFI PART") return { problem: "no EFI PART signature" };
    const headerSize = sector.readUInt32LE(12);
    if (headerSize < 92 || headerSize > sectorSize) return { problem: `header size ${headerSize}` };
    const header: Header = {
        lba,
        myLba: sector.readBigUInt64LE(24),
        alternateLba: sector.readBigUInt64LE(32),
        firstUsable: sector.readBigUInt64LE(40),
        lastUsable: sector.readBigUInt64LE(48),
        diskGuid: guidAt(sector, 56),
        entriesLba: sector.readBigUInt64LE(72),
        entryCount: sector.readUInt32LE(80),
        entrySize: sector.readUInt32LE(84),
        entriesCrc: sector.readUInt32LE(88),
        headerCrcOk: headerCrc(sector, headerSize) === sector.readUInt32LE(16),
    };
    return { header, ...(await readEntries(disk, sectorSize, header)) };
}

function headerCrc(sector: Buffer, headerSize: number): number {
    const header = Buffer.from(sector.subarray(0, headerSize));
    header.writeUInt32LE(0, 16);
    return zlib.crc32(header);
}

async function readEntries(
    disk: BlockDevice,
    sectorSize: number,
    header: Header,
): Promise<Pick<TableCopy, "entries" | "problem">> {
    const { entryCount, entrySize, entriesLba } = header;
    if (entryCount === 0 || entryCount > MAX_ENTRIES) return { problem: `${entryCount} entries` };
    if (entrySize < 128 || entrySize > MAX_ENTRY_SIZE || (entrySize & (entrySize - 1)) !== 0) {
        return { problem: `entries of ${entrySize} bytes` };
    }
    const length = entryCount * entrySize;
    if (entriesLba < 1n || entriesLba * BigInt(sectorSize) + BigInt(length) > BigInt(disk.size)) {
        return { problem: `the entries at sector ${entriesLba.toString()} lie outside the disk` };
    }
    return { entries: await disk.read(Number(entriesLba) * sectorSize, length) };
}

export function entriesCrcOk(copy: TableCopy): boolean {
    return (
        copy.header !== undefined &&
        copy.entries !== undefined &&
        zlib.crc32(copy.entries) === copy.header.entriesCrc
    );
}

export function usable(copy: TableCopy): { header: Header; entries: Buffer } | undefined {
    const { header, entries } = copy;
    return header?.headerCrcOk && entries && entriesCrcOk(copy) ? { header, entries } : undefined;
}

export function parseEntries(header: Header, bytes: Buffer): Entry[] {
    const entries: Entry[] = [];
    for (let i = 0; i < header.entryCount; i++) {
        const entry = bytes.subarray(i * header.entrySize, (i + 1) * header.entrySize);
        const type = guidAt(entry, 0);
        if (type === UNUSED) continue;
        entries.push({
            index: i + 1,
            type,
            guid: guidAt(entry, 16),
            name: printable(entry.toString("utf16le", 56, 128).replace(/\0.*$/s, "")),
            first: entry.readBigUInt64LE(32),
            last: entry.readBigUInt64LE(40),
        });
    }
    return entries;
}

export function isInside(first: bigint, last: bigint, sectors: number): boolean {
    return first >= 1n && first <= last && last < BigInt(sectors);
}

/** The first three groups are little-endian, the rest big-endian (UEFI, appendix A). */
function guidAt(bytes: Buffer, at: number): string {
    const group = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
    return [
        group(bytes.readUInt32LE(at), 8),
        group(bytes.readUInt16LE(at + 4), 4),
        group(bytes.readUInt16LE(at + 6), 4),
        bytes.toString("hex", at + 8, at + 10),
        bytes.toString("hex", at + 10, at + 16),
    ]
        .join("-")
        .toUpperCase();
}
