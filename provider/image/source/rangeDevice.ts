import { assertReadable, type BlockDevice, type ReadHints } from "../blockDevice";

/** What is kept, and the least that is asked for: a block of most file systems. */
const UNIT = 4 * 1024;
/** Asked for at once where nothing is known: what lies near is mostly wanted next. */
const NEAR = 16;
/** Most that one request asks for. */
const MOST = 1024;
const CACHED_UNITS = 8192;

/** Reads one range, exactly. */
export type FetchRange = (start: number, end: number) => Promise<Buffer>;

/**
 * Random access made of ranges. File systems ask for many small things that lie near each other, so more than was
 * asked for is fetched and the latest kept.
 */
export class RangeDevice implements BlockDevice {
    readonly hints: ReadHints = { exactly: 0 };
    private readonly units = new Map<number, Promise<Buffer>>();
    /** The unit behind the last run, and how many runs have followed right behind another. */
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
            const at = offset + done;
            const unit = await this.unit(at, length - done);
            done += unit.copy(result, done, at % UNIT);
        }
        return result;
    }

    /** The unit around an offset, fetched together with those near it that will be wanted next. */
    private unit(offset: number, length: number): Promise<Buffer> {
        const index = Math.floor(offset / UNIT);
        const known = this.units.get(index);
        if (known) {
            this.units.delete(index);
            this.units.set(index, known);
            return known;
        }
        const [first, end] = this.runAround(offset, length);
        this.expected = end;
        const run = this.fetchRange(first * UNIT, Math.min(this.size, end * UNIT));
        for (let at = first; at < end; at++) {
            const start = (at - first) * UNIT;
            // Copied, so that one unit that is kept does not keep the whole run.
            this.keep(
                at,
                run.then((bytes) => Buffer.from(bytes.subarray(start, start + UNIT))),
            );
        }
        return this.units.get(index) ?? run.then((bytes) => bytes.subarray((index - first) * UNIT));
    }

    /** Which units to ask for when one is missing: none that is there already. */
    private runAround(offset: number, length: number): [first: number, end: number] {
        const { exactly } = this.hints;
        const index = Math.floor(offset / UNIT);
        const isExact = exactly > 0;
        const begin = isExact ? index : index - (index % NEAR);
        const wanted = Math.ceil((offset + Math.max(length, exactly)) / UNIT);
        const stop = isExact ? wanted : Math.max(wanted, begin + this.guess(index));
        const last = Math.min(stop, index + MOST, Math.ceil(this.size / UNIT));
        let first = index;
        while (first > begin && !this.units.has(first - 1)) first--;
        let end = index + 1;
        while (end < last && !this.units.has(end)) end++;
        if (isExact) this.hints.exactly = Math.max(1, exactly - (end * UNIT - offset));
        return [first, end];
    }

    /** How much of a file that is read from start to end in small pieces to ask for: each time twice as much. */
    private guess(index: number): number {
        this.inOrder = index === this.expected ? this.inOrder + 1 : 0;
        return this.inOrder < 2 ? NEAR : NEAR * 2 ** Math.min(this.inOrder - 1, 10);
    }

    private keep(index: number, unit: Promise<Buffer>): void {
        // Not kept when it failed: the next read asks again.
        unit.catch(() => this.units.delete(index));
        this.units.set(index, unit);
        for (const oldest of this.units.keys()) {
            if (this.units.size <= CACHED_UNITS || oldest === index) break;
            this.units.delete(oldest);
        }
    }
}
