import * as fs from "node:fs";
import * as zlib from "node:zlib";

const SECTOR = 512;
const BLOCK = 1024 * 1024;
/** Backup table: header and 128 entries. */
const TABLE_SECTORS = 33;

/**
 * Makes a quickstart image larger, as a real one is: its backup table moves to the new end, and the space between
 * is filled to the given share with bytes that pack about as well as a file system's.
 */
export function enlarge(file: string, size: number, share: number): void {
    const handle = fs.openSync(file, "r+");
    try {
        const old = fs.fstatSync(handle).size;
        const table = Buffer.alloc(TABLE_SECTORS * SECTOR);
        fs.readSync(handle, table, 0, table.length, old - table.length);
        fs.writeSync(handle, Buffer.alloc(table.length), 0, table.length, old - table.length);
        fs.ftruncateSync(handle, size);
        fill(handle, old, size - BLOCK, share);

        const sectors = size / SECTOR;
        const head = Buffer.alloc(SECTOR);
        fs.readSync(handle, head, 0, SECTOR, SECTOR);
        const tail = table.subarray((TABLE_SECTORS - 1) * SECTOR);
        setEnd(head, { at: 1, other: sectors - 1, entries: 2 }, sectors);
        setEnd(tail, { at: sectors - 1, other: 1, entries: sectors - TABLE_SECTORS }, sectors);
        fs.writeSync(handle, head, 0, SECTOR, SECTOR);
        fs.writeSync(handle, table, 0, table.length, size - table.length);
    } finally {
        fs.closeSync(handle);
    }
}

function setEnd(
    header: Buffer,
    { at, other, entries }: { at: number; other: number; entries: number },
    sectors: number,
): void {
    header.writeBigUInt64LE(BigInt(at), 24);
    header.writeBigUInt64LE(BigInt(other), 32);
    header.writeBigUInt64LE(BigInt(sectors - 1 - TABLE_SECTORS), 48);
    header.writeBigUInt64LE(BigInt(entries), 72);
    header.writeUInt32LE(0, 16);
    header.writeUInt32LE(zlib.crc32(header.subarray(0, 92)), 16);
}

function fill(handle: number, start: number, end: number, share: number): void {
    const block = Buffer.alloc(BLOCK);
    let state = 1;
    for (let i = 0; i < BLOCK; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        // Half noise and half repetition: packs to about two thirds, like binaries.
        block[i] = i % 64 < 32 ? state >>> 24 : i & 7;
    }
    const every = Math.round(1 / share);
    for (let at = start, n = 0; at + BLOCK <= end; at += BLOCK, n++) {
        if (n % every === 0) fs.writeSync(handle, block, 0, BLOCK, at);
    }
}
