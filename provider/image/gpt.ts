import * as zlib from "node:zlib";
import type { BlockDevice } from "./blockDevice";
import { failed, type ImageCheck, passed, printable } from "./check";

/** One used entry of a GUID partition table. */
export interface Partition {
    /** Place in the table, from 1. */
    index: number;
    /** Type GUID in upper case. */
    type: string;
    guid: string;
    name: string;
    firstLba: number;
    lastLba: number;
    /** Byte range on the disk. */
    offset: number;
    size: number;
}

export interface PartitionTable {
    sectorSize: number;
    diskGuid: string;
    partitions: Partition[];
    checks: ImageCheck[];
}

export const EFI_SYSTEM = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";

const SECTOR_SIZES = [512, 4096] as const;
const MAX_ENTRIES = 1024;
const MAX_ENTRY_SIZE = 4096;
const UNUSED = "00000000-0000-0000-0000-000000000000";

/** `partition 2 "rootfs"`. */
export function describePartition({ index, name }: Pick<Partition, "index" | "name">): string {
    return `partition ${index}${name ? ` "${name}"` : ""}`;
}

/** Reads both copies of the table and judges them; checks that have nothing left to look at are not listed. */
export async function readGpt(disk: BlockDevice): Promise<PartitionTable> {
    const checks: ImageCheck[] = [];
    const sectorSize = await findSectorSize(disk);
    if (sectorSize === undefined) {
        checks.push(await explainMissing(disk));
        return { sectorSize: 512, diskGuid: "", partitions: [], checks };
    }
    const sectors = Math.floor(disk.size / sectorSize);
    checks.push(passed("gpt.present", `${sectorSize}-byte sectors`));
    checks.push(await checkProtectiveMbr(disk));

    const primary = await readHeader(disk, sectorSize, 1);
    const backup = await readHeader(disk, sectorSize, sectors - 1);
    checks.push(headerCheck(primary), entriesCheck(primary), backupCheck(primary, backup, disk, sectorSize));

    // Firmware falls back to the backup; looking further tells the user more than the first finding alone.
    const table = usable(primary) ?? usable(backup);
    if (!table) return { sectorSize, diskGuid: "", partitions: [], checks };
    const entries = parseEntries(table.header, table.entries);
    checks.push(boundsCheck(table.header, entries, sectors), overlapCheck(entries), guidCheck(entries));
    return {
        sectorSize,
        diskGuid: table.header.diskGuid,
        partitions: entries
            .filter(({ first, last }) => isInside(first, last, sectors))
            .map((entry) => toPartition(entry, sectorSize)),
        checks,
    };
}

function toPartition(entry: Entry, sectorSize: number): Partition {
    const { index, type, guid, name } = entry;
    const firstLba = Number(entry.first);
    const lastLba = Number(entry.last);
    const size = (lastLba - firstLba + 1) * sectorSize;
    return { index, type, guid, name, firstLba, lastLba, offset: firstLba * sectorSize, size };
}

interface Header {
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
interface TableCopy {
    header?: Header;
    entries?: Buffer;
    problem?: string;
}

interface Entry {
    index: number;
    type: string;
    guid: string;
    name: string;
    first: bigint;
    last: bigint;
}

async function findSectorSize(disk: BlockDevice): Promise<number | undefined> {
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

async function explainMissing(disk: BlockDevice): Promise<ImageCheck> {
    const why = "UEFI machines boot from a disk with a GUID partition table: make the image with one";
    if (disk.size < 512)
        return failed("gpt.present", `${disk.size} bytes`, `is too small for a disk; ${why}`);
    const mbr = await disk.read(0, 512);
    if (mbr.readUInt16LE(510) !== 0xaa55) {
        return failed("gpt.present", "no partition table", `has no partition table at all; ${why}`);
    }
    const types = mbrTypes(mbr)
        .filter((type) => type !== 0)
        .map((type) => type.toString(16).padStart(2, "0"));
    const seen = types.length > 0 ? `MBR with types ${types.join(", ")}` : "boot sector without partitions";
    return failed("gpt.present", seen, `has no GUID partition table; ${why}`);
}

function mbrTypes(mbr: Buffer): number[] {
    return [0, 1, 2, 3].map((slot) => mbr.readUInt8(446 + 16 * slot + 4));
}

/** As EDK2 reads it: an 0xEE entry that starts at sector 1; its size is not looked at. */
async function checkProtectiveMbr(disk: BlockDevice): Promise<ImageCheck> {
    const id = "gpt.protective-mbr";
    const mbr = await disk.read(0, 512);
    const why = "firmware and partitioning tools then ignore the GUID partition table";
    if (mbr.readUInt16LE(510) !== 0xaa55) {
        return failed(id, "no 55AA signature", `the first sector carries no MBR signature: ${why}`);
    }
    const protective = [0, 1, 2, 3].some(
        (slot) => mbr.readUInt8(446 + 16 * slot + 4) === 0xee && mbr.readUInt32LE(446 + 16 * slot + 8) === 1,
    );
    const types = mbrTypes(mbr).map((type) => type.toString(16).padStart(2, "0"));
    return protective
        ? passed(id, "type EE")
        : failed(
              id,
              `types ${types.join(" ")}`,
              `the MBR has no protective entry (type EE at sector 1): ${why}`,
          );
}

async function readHeader(disk: BlockDevice, sectorSize: number, lba: number): Promise<TableCopy> {
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

function entriesCrcOk(copy: TableCopy): boolean {
    return (
        copy.header !== undefined &&
        copy.entries !== undefined &&
        zlib.crc32(copy.entries) === copy.header.entriesCrc
    );
}

function usable(copy: TableCopy): { header: Header; entries: Buffer } | undefined {
    const { header, entries } = copy;
    return header?.headerCrcOk && entries && entriesCrcOk(copy) ? { header, entries } : undefined;
}

function headerCheck({ header, problem }: TableCopy): ImageCheck {
    const id = "gpt.header-crc";
    if (!header) {
        return failed(
            id,
            problem ?? "none",
            "the primary header at sector 1 is damaged: the image was overwritten at its start or copied badly",
        );
    }
    if (!header.headerCrcOk) {
        return failed(
            id,
            "CRC differs",
            "the primary header does not match its CRC: the image is damaged, make or download it again",
        );
    }
    if (header.myLba !== 1n) {
        return failed(
            id,
            `says sector ${header.myLba.toString()}`,
            "the primary header says that it lies elsewhere; firmware refuses it",
        );
    }
    return passed(id, "matches");
}

function entriesCheck(copy: TableCopy): ImageCheck {
    const id = "gpt.entries-crc";
    if (!copy.entries) {
        return failed(
            id,
            copy.problem ?? "none",
            "the partition entries cannot be read: the table is damaged",
        );
    }
    return entriesCrcOk(copy)
        ? passed(id, "matches")
        : failed(
              id,
              "CRC differs",
              "the partition entries do not match their CRC: the image is damaged, make or download it again",
          );
}

/** The one check that finds images cut off at their end, which sfdisk and sgdisk let pass with exit code 0. */
function backupCheck(
    primary: TableCopy,
    backup: TableCopy,
    disk: BlockDevice,
    sectorSize: number,
): ImageCheck {
    const id = "gpt.backup";
    const expected = primary.header?.headerCrcOk
        ? (primary.header.alternateLba + 1n) * BigInt(sectorSize)
        : undefined;
    if (expected !== undefined && expected > BigInt(disk.size)) {
        return failed(
            id,
            `${disk.size} of ${expected.toString()} bytes`,
            "the image is cut off: its partition table names a larger disk. Make or download it again",
        );
    }
    if (expected !== undefined && expected < BigInt(disk.size)) {
        return failed(
            id,
            `${(BigInt(disk.size) - expected).toString()} bytes behind the backup header`,
            "the backup header is not at the end of the disk: the image was enlarged; `sgdisk -e` moves the header",
        );
    }
    if (!usable(backup)) {
        return failed(
            id,
            backup.problem ?? "CRC differs",
            "the backup table at the end of the disk is damaged or missing: the image may be cut off",
        );
    }
    return sameTable(primary, backup)
        ? passed(id, "matches the primary")
        : failed(
              id,
              "differs from the primary",
              "the two copies of the partition table tell different things",
          );
}

function sameTable(primary: TableCopy, backup: TableCopy): boolean {
    if (!usable(primary)) return true; // said by the primary's own checks
    return (
        primary.header?.diskGuid === backup.header?.diskGuid &&
        primary.header?.entriesCrc === backup.header?.entriesCrc &&
        backup.header?.myLba === BigInt(backup.header?.lba ?? -1)
    );
}

function parseEntries(header: Header, bytes: Buffer): Entry[] {
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

function isInside(first: bigint, last: bigint, sectors: number): boolean {
    return first >= 1n && first <= last && last < BigInt(sectors);
}

function boundsCheck(header: Header, entries: Entry[], sectors: number): ImageCheck {
    const id = "gpt.bounds";
    const { firstUsable, lastUsable } = header;
    if (firstUsable > lastUsable || lastUsable >= BigInt(sectors)) {
        return failed(
            id,
            `usable sectors ${firstUsable.toString()}..${lastUsable.toString()} of ${sectors}`,
            "the table allows sectors that the disk does not have",
        );
    }
    const outside = entries.filter(
        ({ first, last }) => first > last || first < firstUsable || last > lastUsable,
    );
    const [worst] = outside;
    if (!worst) return passed(id, `${entries.length} partitions`);
    return failed(
        id,
        `partition ${worst.index}: sectors ${worst.first.toString()}..${worst.last.toString()}`,
        `${partitionList(outside)} outside the usable sectors ${firstUsable.toString()}..${lastUsable.toString()}: the image is cut off or its table is wrong`,
    );
}

function overlapCheck(entries: Entry[]): ImageCheck {
    const id = "gpt.overlap";
    const ordered = [...entries].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
    let furthest = ordered[0];
    for (const entry of ordered.slice(1)) {
        if (furthest && entry.first <= furthest.last) {
            return failed(
                id,
                `partitions ${furthest.index} and ${entry.index}`,
                `partitions ${furthest.index} and ${entry.index} share sectors: writing one destroys the other`,
            );
        }
        furthest = entry;
    }
    return passed(id, "none");
}

function guidCheck(entries: Entry[]): ImageCheck {
    const id = "gpt.guids";
    const seen = new Map<string, number>();
    for (const { guid, index } of entries) {
        const other = seen.get(guid);
        if (other !== undefined) {
            return failed(
                id,
                `partitions ${other} and ${index}`,
                `partitions ${other} and ${index} have the same GUID: mounts by PARTUUID take either`,
            );
        }
        seen.set(guid, index);
    }
    return passed(id, "unique");
}

function partitionList(entries: Entry[]): string {
    const named = entries.slice(0, 4).map(({ index }) => index);
    const more = entries.length > named.length ? " and others" : "";
    return `partition${entries.length > 1 ? "s" : ""} ${named.join(", ")}${more} lie${entries.length > 1 ? "" : "s"}`;
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
