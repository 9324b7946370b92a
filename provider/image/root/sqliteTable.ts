import { ImageDamage } from "../check";
import type { PlacedFile } from "./tree";

/** Beginning of the value in one column of a row. */
export interface ColumnStart {
    /** Of the whole value. */
    size: number;
    /** As much as was asked for, or a little more. */
    bytes: Buffer;
}

/** How many bytes of a value are needed, told from those that are there and the size of the whole. */
export type Needed = (start: Buffer, size: number) => number;

const MAX_DEPTH = 20;
const MAX_PAGES = 100_000;
/** Of one value; what is looked for stands at its beginning. */
const MAX_START = 2 ** 20;

/**
 * The beginnings of all values in a column of blobs, read from a database file by the pages that hold them: of an image
 * on a server the rest need not come. SQLite itself reads whole values, and through no interface of its WASM builds in
 * part. The format is that of sqlite.org/fileformat2.html; the file must not be in use.
 */
export async function readColumnStarts(
    file: PlacedFile,
    { table, column, needed, most }: { table: string; column: number; needed: Needed; most: number },
): Promise<ColumnStart[]> {
    const pages = await Pages.open(file);
    const [schema] = await readTable(pages, 1, [1, 3], () => Infinity, MAX_PAGES).then((rows) =>
        rows.filter(([name]) => name?.bytes.toString("utf8") === table),
    );
    const root = integerOf(schema?.[1]);
    if (root === undefined) throw new ImageDamage(`the database has no table ${table}`);
    const rows = await readTable(pages, root, [column], needed, most);
    return rows.map(([start]) => start ?? { size: 0, bytes: Buffer.alloc(0) });
}

function integerOf(column: ColumnStart | undefined): number | undefined {
    if (!column || column.size === 0 || column.size > 6) return undefined;
    return column.bytes.readUIntBE(0, column.size);
}

/** The columns of each row, by the row's number. */
async function readTable(
    pages: Pages,
    root: number,
    columns: readonly number[],
    needed: Needed,
    most: number,
): Promise<ColumnStart[][]> {
    const cells = (await leavesOf(pages, root)).flatMap((page) => cellsOf(page, pages.usable)).slice(0, most);
    const rows = cells.map((cell) => new Row(cell, columns));
    for (;;) {
        const short = rows.filter((row) => row.isShort(needed));
        if (short.length === 0) return rows.map((row) => row.columns());
        // All of one round together, so that neighbours come in one read.
        await pages.load(short.map(({ next }) => next));
        for (const row of short) row.append(pages.get(row.next));
    }
}

/** The leaf pages of a table's tree, from left to right, read level by level. */
async function leavesOf(pages: Pages, root: number): Promise<Page[]> {
    const seen = new Set<number>();
    let level = [root];
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
        for (const number of level) {
            if (seen.has(number)) throw damage(`page ${number} is used twice`);
            seen.add(number);
        }
        await pages.load(level);
        const found = level.map((number) => new Page(number, pages.get(number)));
        if (found.every(({ isLeaf }) => isLeaf)) return found;
        if (found.some(({ isLeaf }) => isLeaf)) throw damage("the depth of its table differs");
        level = found.flatMap((page) => page.children());
        if (level.length + seen.size > MAX_PAGES) throw damage("its table has too many pages");
    }
    throw damage("its table is too deep");
}

const INTERIOR = 5;
const LEAF = 13;

/** A page of a table's tree. */
class Page {
    readonly isLeaf: boolean;
    private readonly header: number;

    constructor(
        number: number,
        readonly bytes: Buffer,
    ) {
        // Before the first page's header stands the database's own.
        this.header = number === 1 ? 100 : 0;
        const kind = bytes.readUInt8(this.header);
        if (kind !== INTERIOR && kind !== LEAF) throw damage(`page ${number} is not of a table`);
        this.isLeaf = kind === LEAF;
    }

    /** Where its cells begin. */
    cellOffsets(): number[] {
        const count = this.bytes.readUInt16BE(this.header + 3);
        const start = this.header + (this.isLeaf ? 8 : 12);
        if (start + count * 2 > this.bytes.length) throw damage("a page has too many cells");
        return Array.from({ length: count }, (_, at) => this.bytes.readUInt16BE(start + at * 2));
    }

    children(): number[] {
        const right = this.bytes.readUInt32BE(this.header + 8);
        return [...this.cellOffsets().map((at) => uint32(this.bytes, at)), right];
    }
}

/** A row as it lies in its leaf page. */
interface Cell {
    size: number;
    local: Buffer;
    /** First page of the rest; 0: there is none. */
    next: number;
    /** Bytes of a page that are used. */
    usable: number;
}

function cellsOf(page: Page, usable: number): Cell[] {
    return page.cellOffsets().map((offset) => {
        const size = varint(page.bytes, offset);
        const rowId = varint(page.bytes, size.end);
        const inLeaf = localSize(size.value, usable);
        const end = rowId.end + inLeaf;
        const overflows = inLeaf < size.value;
        if (end + (overflows ? 4 : 0) > page.bytes.length) throw damage("a row leads beyond its page");
        const next = overflows ? page.bytes.readUInt32BE(end) : 0;
        return { size: size.value, local: page.bytes.subarray(rowId.end, end), next, usable };
    });
}

/** How much of a row stands in its leaf page (section 1.6 of the format). */
function localSize(size: number, usable: number): number {
    const largest = usable - 35;
    if (size <= largest) return size;
    const smallest = Math.floor(((usable - 12) * 32) / 255) - 23;
    const fitting = smallest + ((size - smallest) % (usable - 4));
    return fitting <= largest ? fitting : smallest;
}

/** A row that grows by its overflow pages as far as it is needed. */
class Row {
    private parts: Buffer[];
    private length: number;
    private readonly places: { start: number; size: number }[];
    next: number;

    constructor(
        private readonly cell: Cell,
        columns: readonly number[],
    ) {
        this.parts = [cell.local];
        this.length = cell.local.length;
        this.next = cell.next;
        const places = columnsOf(cell.local);
        this.places = columns.map((column) => places[column] ?? { start: 0, size: 0 });
    }

    isShort(needed: Needed): boolean {
        if (this.length >= this.cell.size) return false;
        return this.places.some(({ start, size }) => {
            const there = this.bytes().subarray(start, start + size);
            return there.length < Math.min(needed(there, size), size, MAX_START);
        });
    }

    append(page: Buffer): void {
        const more = page.subarray(4, Math.min(this.cell.usable, 4 + this.cell.size - this.length));
        this.parts.push(more);
        this.length += more.length;
        this.next = page.readUInt32BE(0);
    }

    columns(): ColumnStart[] {
        return this.places.map(({ start, size }) => ({
            size,
            bytes: this.bytes().subarray(start, start + size),
        }));
    }

    private bytes(): Buffer {
        if (this.parts.length > 1) this.parts = [Buffer.concat(this.parts)];
        return this.parts[0] ?? Buffer.alloc(0);
    }
}

/** Sizes of the numbers 0 to 9 among the types of values. */
const FIXED_SIZES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

/** Where the columns of a row lie, told by the types at its beginning. */
function columnsOf(row: Buffer): { start: number; size: number }[] {
    const header = varint(row, 0);
    if (header.value > row.length) throw damage("a row has too many columns");
    const places: { start: number; size: number }[] = [];
    let start = header.value;
    for (let at = header.end; at < header.value;) {
        const type = varint(row, at);
        const size = FIXED_SIZES[type.value] ?? Math.floor((type.value - 12) / 2);
        places.push({ start, size });
        start += size;
        at = type.end;
    }
    return places;
}

/** Seven bits a byte, the ninth byte whole; sizes beyond what a file can have are damage. */
function varint(bytes: Buffer, offset: number): { value: number; end: number } {
    let value = 0;
    for (let at = offset; at < offset + 9; at++) {
        const byte = at < bytes.length ? bytes.readUInt8(at) : undefined;
        if (byte === undefined) throw damage("a number leads beyond its page");
        value = value * 128 + (byte & 127);
        if (byte < 128 || at === offset + 8) return { value, end: at + 1 };
    }
    throw damage("a number has no end");
}

function uint32(bytes: Buffer, offset: number): number {
    if (offset + 4 > bytes.length) throw damage("a cell leads beyond its page");
    return bytes.readUInt32BE(offset);
}

function damage(what: string): ImageDamage {
    return new ImageDamage(`the database is damaged: ${what}`);
}

/** Between two pages that are wanted so many others are read along, the more the fewer there are in all. */
const GAPS = [64, 32, 16, 8, 4, 2, 1, 0] as const;
/** Of a database, as long as reading along is what makes it so much. */
const MOST_BYTES = 4 * 2 ** 20;

/** The pages of a database that were read. */
class Pages {
    private readonly known = new Map<number, Buffer>();

    private constructor(
        private readonly file: PlacedFile,
        private readonly pageSize: number,
        readonly usable: number,
    ) {}

    static async open(file: PlacedFile): Promise<Pages> {
        const header = await file.read(0, Math.min(100, file.size));
        if (header.length < 100 || header.toString("latin1", 0, 16) !== "SQLite format 3\0") {
            throw new ImageDamage("the rpm database is no SQLite database");
        }
        const said = header.readUInt16BE(16);
        const pageSize = said === 1 ? 65_536 : said;
        const usable = pageSize - header.readUInt8(20);
        if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0 || usable < 480) {
            throw damage(`pages of ${pageSize} bytes`);
        }
        return new Pages(file, pageSize, usable);
    }

    get(number: number): Buffer {
        const page = this.known.get(number);
        if (!page) throw damage(`page ${number} was not read`);
        return page;
    }

    async load(numbers: readonly number[]): Promise<void> {
        const count = Math.floor(this.file.size / this.pageSize);
        for (const number of numbers) {
            if (number < 1 || number > count) throw damage(`it leads to page ${number} of ${count}`);
        }
        const wanted = [...new Set(numbers)].filter((number) => !this.known.has(number));
        const most = MOST_BYTES / this.pageSize - this.known.size;
        for (const { first, last } of runsOf(wanted, most)) {
            const start = (first - 1) * this.pageSize;
            const bytes = await this.file.read(start, (last - first + 1) * this.pageSize);
            for (let number = first; number <= last; number++) {
                const at = (number - first) * this.pageSize;
                this.known.set(number, bytes.subarray(at, at + this.pageSize));
            }
        }
    }
}

interface Run {
    first: number;
    last: number;
}

/** As few runs as hold the pages, without reading more than `most` pages for the sake of that. */
export function runsOf(numbers: readonly number[], most: number): Run[] {
    const sorted = [...numbers].sort((a, b) => a - b);
    const choices = GAPS.map((gap) => joined(sorted, gap));
    return choices.find((runs) => pagesIn(runs) <= most) ?? choices.at(-1) ?? [];
}

function joined(sorted: readonly number[], gap: number): Run[] {
    const runs: Run[] = [];
    for (const number of sorted) {
        const run = runs.at(-1);
        if (run && number - run.last <= gap + 1) run.last = number;
        else runs.push({ first: number, last: number });
    }
    return runs;
}

function pagesIn(runs: readonly Run[]): number {
    return runs.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}
