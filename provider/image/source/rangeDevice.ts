import { assertReadable, type BlockDevice } from "../blockDevice";

const BLOCK = 256 * 1024;
/** Neighbouring blocks that are missing come in one request, up to this. */
const MOST_BLOCKS_AT_ONCE = 16;
const CACHED_BLOCKS = 128;

/** Reads one range, exactly. */
export type FetchRange = (start: number, end: number) => Promise<Buffer>;

/**
 * Random access made of ranges. File systems ask for many small things that lie near each other, so whole blocks
 * are fetched and the latest kept.
 */
export class RangeDevice implements BlockDevice {
    private readonly blocks = new Map<number, Promise<Buffer>>();
    /** The block behind the last run, and how many runs have followed right behind another. */
    private expected = -1;
    private inOrder = 0;

    constructor(
        readonly size: number,
        private readonly fetchRange: FetchRange,
    ) {}

    async read(offset: number, length: number): Promise<Buffer> {
        assertReadable(this.size, offset, length);
        const result = Buffer.allocUnsafe(length);
        for (let done = 0; done < length;) {
            const index = Math.floor((offset + done) / BLOCK);
            const last = Math.ceil((offset + length) / BLOCK);
            const block = await this.block(index, Math.min(last - index, MOST_BLOCKS_AT_ONCE));
            done += block.copy(result, done, (offset + done) % BLOCK);
        }
        return result;
    }

    /** A block, fetched together with those behind it that will be wanted next. */
    private block(index: number, wanted: number): Promise<Buffer> {
        const known = this.blocks.get(index);
        if (known) {
            this.blocks.delete(index);
            this.blocks.set(index, known);
            return known;
        }
        const most = Math.min(MOST_BLOCKS_AT_ONCE, Math.max(wanted, this.guess(index)));
        const inFile = Math.ceil(this.size / BLOCK);
        let end = index + 1;
        while (end < Math.min(index + most, inFile) && !this.blocks.has(end)) end++;
        this.expected = end;
        const run = this.fetchRange(index * BLOCK, Math.min(this.size, end * BLOCK));
        for (let at = index; at < end; at++) {
            const start = (at - index) * BLOCK;
            // Copied, so that one block that is kept does not keep the whole run.
            this.keep(
                at,
                run.then((bytes) => Buffer.from(bytes.subarray(start, start + BLOCK))),
            );
        }
        return this.blocks.get(index) ?? run;
    }

    /** How much of a file that is read from start to end in small pieces to ask for: each time twice as much. */
    private guess(index: number): number {
        this.inOrder = index === this.expected ? this.inOrder + 1 : 0;
        return this.inOrder < 2 ? 1 : 2 ** Math.min(this.inOrder - 1, 10);
    }

    private keep(index: number, block: Promise<Buffer>): void {
        // Not kept when it failed: the next read asks again.
        block.catch(() => this.blocks.delete(index));
        this.blocks.set(index, block);
        for (const oldest of this.blocks.keys()) {
            if (this.blocks.size <= CACHED_BLOCKS || oldest === index) break;
            this.blocks.delete(oldest);
        }
    }
}
