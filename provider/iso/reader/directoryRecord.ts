import { ImageDamage } from "../../image/check";

/** One entry of a folder (ECMA-119, 9.1). */
export interface DirectoryRecord {
    block: number;
    size: number;
    isFolder: boolean;
    /** Of a file that stands beside another of the same name, as Macintosh systems had. */
    isAssociated: boolean;
    /** The file has a further part, in the next record. */
    goesOn: boolean;
    name: Buffer;
    bytes: Buffer;
}

const SECTOR = 2048;
const FIXED = 33;

/** All records of a folder. None crosses the border of a sector; what is left of one is zeros. */
export function parseRecords(folder: Buffer): DirectoryRecord[] {
    const records: DirectoryRecord[] = [];
    for (let at = 0; at < folder.length;) {
        const record = parseRecord(folder.subarray(at, (Math.floor(at / SECTOR) + 1) * SECTOR));
        if (record) records.push(record);
        at = record ? at + record.bytes.length : (Math.floor(at / SECTOR) + 1) * SECTOR;
    }
    return records;
}

/** Undefined where there is none. */
export function parseRecord(bytes: Buffer): DirectoryRecord | undefined {
    const length = bytes[0] ?? 0;
    if (length === 0) return undefined;
    if (length < FIXED + 1 || length > bytes.length) throw new ImageDamage("has a damaged folder");
    const own = bytes.subarray(0, length);
    const nameLength = own.readUInt8(32);
    if (FIXED + nameLength > length) throw new ImageDamage("has a damaged folder");
    // Files in pieces with gaps between them, which nothing writes.
    if (own.readUInt8(26) !== 0 || own.readUInt8(27) !== 0)
        throw new ImageDamage("has interleaved files, which are not read");
    const flags = own.readUInt8(25);
    return {
        // Before the content there may be attributes, which are counted in blocks.
        block: own.readUInt32LE(2) + own.readUInt8(1),
        size: own.readUInt32LE(10),
        isFolder: (flags & 2) !== 0,
        isAssociated: (flags & 4) !== 0,
        goesOn: (flags & 0x80) !== 0,
        name: own.subarray(FIXED, FIXED + nameLength),
        bytes: own,
    };
}
