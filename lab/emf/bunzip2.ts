import { DecompressionError } from "./decompressionError";

const BLOCK_MAGIC = 0x314159265359;
const END_MAGIC = 0x177245385090;
const RUN_A = 0;
const RUN_B = 1;
const SYMBOLS_PER_TABLE = 50;
const MAX_CODE_LENGTH = 20;

/** A Huffman code in canonical form: symbols sorted by code, and for each length where its codes end. */
interface HuffmanTable {
    symbols: number[];
    /** By length: the first code that is longer, or -1 where no code has this length. */
    limits: number[];
    /** By length: what to subtract from a code to get its place in `symbols`. */
    bases: number[];
}

/** Unpacks bzip2, for machines without the program. */
export async function* bunzip2(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const bits = new BitReader(source[Symbol.asyncIterator]());
    await bits.need(1);
    while (await bits.more()) {
        if ((await bits.read(24)) !== 0x425a68) {
            throw invalid("bad magic value");
        }
        const level = (await bits.read(8)) - 0x30;
        if (level < 1 || level > 9) {
            throw invalid("invalid compression level");
        }
        for (;;) {
            const magic = (await bits.read(24)) * 2 ** 24 + (await bits.read(24));
            await bits.read(32);
            if (magic === END_MAGIC) {
                break;
            }
            if (magic !== BLOCK_MAGIC) {
                throw invalid("bad magic value found");
            }
            // A block is at most a little longer than its content; all of it at once spares waiting for every bit.
            await bits.need(level * 100_000 * 2 + 20_000);
            yield decodeBlock(bits, level * 100_000);
        }
        bits.alignToByte();
    }
}

function decodeBlock(bits: BitReader, capacity: number): Uint8Array {
    if (bits.take(1) !== 0) {
        throw invalid("deprecated randomized files");
    }
    const origin = bits.take(24);
    const used = readUsedBytes(bits);
    const tables = readTables(bits, used.length + 2);
    const { last, counts } = readSymbols(bits, tables, used, capacity);
    if (origin >= last.length) {
        throw invalid("pointer out of bounds");
    }
    return undoRuns(undoTransform(last, counts, origin));
}

function readUsedBytes(bits: BitReader): number[] {
    const groups = bits.take(16);
    const used: number[] = [];
    for (let group = 0; group < 16; group++) {
        const members = groups & (0x8000 >> group) ? bits.take(16) : 0;
        for (let bit = 0; bit < 16; bit++) {
            if (members & (0x8000 >> bit)) {
                used.push(group * 16 + bit);
            }
        }
    }
    return used;
}

function readTables(bits: BitReader, alphabet: number): HuffmanTable[] {
    const count = bits.take(3);
    const selectors = bits.take(15);
    if (count < 2 || count > 6 || selectors === 0) {
        throw invalid("invalid number of trees");
    }
    const order = Array.from({ length: count }, (_, index) => index);
    const chosen = Array.from({ length: selectors }, () => {
        let place = 0;
        while (bits.take(1) === 1) {
            place += 1;
        }
        return moveToFront(order, place);
    });
    const tables = Array.from({ length: count }, () => readTable(bits, alphabet));
    return chosen.map((index) => tables[index]).filter((table) => table !== undefined);
}

function readTable(bits: BitReader, alphabet: number): HuffmanTable {
    let length = bits.take(5);
    const lengths = Array.from({ length: alphabet }, () => {
        while (bits.take(1) === 1) {
            length += bits.take(1) === 1 ? -1 : 1;
        }
        if (length < 1 || length > MAX_CODE_LENGTH) {
            throw invalid("Huffman length out of range");
        }
        return length;
    });
    const table: HuffmanTable = { symbols: [], limits: [], bases: [] };
    let code = 0;
    for (let size = 1; size <= MAX_CODE_LENGTH; size++) {
        table.bases[size] = code - table.symbols.length;
        lengths.forEach((of, symbol) => {
            if (of === size) {
                table.symbols.push(symbol);
                code += 1;
            }
        });
        table.limits[size] = code;
        code *= 2;
    }
    return table;
}

/** The symbols of a block, with runs and move-to-front undone: the last column of the sorted rotations. */
function readSymbols(
    bits: BitReader,
    tables: readonly HuffmanTable[],
    used: number[],
    capacity: number,
): { last: Uint8Array; counts: Uint32Array } {
    const last = new Uint8Array(capacity);
    const counts = new Uint32Array(256);
    const order = [...used];
    const end = used.length + 1;
    let length = 0;
    let run = 0;
    let weight = 1;
    const append = (byte: number, times: number): void => {
        if (length + times > capacity) {
            throw invalid("repeats past end of block");
        }
        last.fill(byte, length, length + times);
        counts[byte] = (counts[byte] ?? 0) + times;
        length += times;
    };
    for (let group = 0; ; group++) {
        const table = tables[group];
        if (!table) {
            throw invalid("insufficient selector indices for number of decoded symbols");
        }
        for (let index = 0; index < SYMBOLS_PER_TABLE; index++) {
            const symbol = readSymbol(bits, table);
            if (symbol === RUN_A || symbol === RUN_B) {
                run += weight * (symbol + 1);
                weight *= 2;
                continue;
            }
            if (run > 0) {
                append(order[0] ?? 0, run);
                run = 0;
                weight = 1;
            }
            if (symbol === end) {
                return { last: last.subarray(0, length), counts };
            }
            append(moveToFront(order, symbol - 1), 1);
        }
    }
}

function readSymbol(bits: BitReader, table: HuffmanTable): number {
    let code = 0;
    for (let size = 1; size <= MAX_CODE_LENGTH; size++) {
        code = code * 2 + bits.take(1);
        if (code < (table.limits[size] ?? 0)) {
            return table.symbols[code - (table.bases[size] ?? 0)] ?? 0;
        }
    }
    throw invalid("no Huffman code matches");
}

/** Undoes the Burrows-Wheeler transform. */
function undoTransform(last: Uint8Array, counts: Uint32Array, origin: number): Uint8Array {
    const next = new Uint32Array(last.length);
    const starts = new Uint32Array(256);
    for (let byte = 1; byte < 256; byte++) {
        starts[byte] = (starts[byte - 1] ?? 0) + (counts[byte - 1] ?? 0);
    }
    last.forEach((byte, index) => {
        const place = starts[byte] ?? 0;
        next[place] = index;
        starts[byte] = place + 1;
    });
    const text = new Uint8Array(last.length);
    for (let index = 0, at = next[origin] ?? 0; index < text.length; index++, at = next[at] ?? 0) {
        text[index] = last[at] ?? 0;
    }
    return text;
}

/** Undoes the first run-length coding: four equal bytes are followed by how many more there are. */
function undoRuns(text: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    let same = 0;
    let start = 0;
    for (let index = 0; index < text.length; index++) {
        same = index > start && text[index] === text[index - 1] ? same + 1 : 1;
        if (same === 4) {
            parts.push(
                text.subarray(start, index + 1),
                new Uint8Array(text[index + 1] ?? 0).fill(text[index] ?? 0),
            );
            index += 1;
            start = index + 1;
            same = 0;
        }
    }
    parts.push(text.subarray(start));
    return Buffer.concat(parts);
}

function moveToFront(order: number[], place: number): number {
    const [moved] = order.splice(place, 1);
    if (moved === undefined) {
        throw invalid("move-to-front position out of range");
    }
    order.unshift(moved);
    return moved;
}

function invalid(why: string): DecompressionError {
    return new DecompressionError(`bzip2 data invalid: ${why}`, false);
}

/** Reads bits, the highest of each byte first. */
class BitReader {
    private data = new Uint8Array(0);
    private at = 0;
    private ended = false;

    constructor(private readonly source: AsyncIterator<Uint8Array>) {}

    /** Waits until so many bytes are there, or the source has ended. */
    async need(bytes: number): Promise<void> {
        while (!this.ended && this.data.length - (this.at >> 3) < bytes) {
            const next = await this.source.next();
            if (next.done) {
                this.ended = true;
                return;
            }
            this.data = Buffer.concat([this.data.subarray(this.at >> 3), next.value]);
            this.at &= 7;
        }
    }

    /** Whether there are more bytes. */
    async more(): Promise<boolean> {
        await this.need(1);
        return this.data.length > this.at >> 3;
    }

    async read(count: number): Promise<number> {
        await this.need(5);
        return this.take(count);
    }

    /** Bits that are already there. */
    take(count: number): number {
        let value = 0;
        for (let index = 0; index < count; index++, this.at++) {
            const byte = this.data[this.at >> 3];
            if (byte === undefined) {
                throw new DecompressionError("unexpected EOF", true);
            }
            value = value * 2 + ((byte >> (7 - (this.at & 7))) & 1);
        }
        return value;
    }

    alignToByte(): void {
        this.at = (this.at + 7) & ~7;
    }
}
