import * as crypto from "node:crypto";
import { backoff } from "../../http/backoff";
import { NoAnswer } from "../../http/failure";
import type { Host } from "../../resource/context";
import { type ByteRange, type ImageSource, SourceChanged } from "./source";

export interface ReadOnOptions {
    readonly clock: Pick<Host, "sleep" | "random">;
    readonly signal?: AbortSignal;
    /** Milliseconds without a byte after which a connection is given up. Default 30,000. */
    readonly stallLimit?: number;
    /** Told before each new attempt, with what ended the last one. */
    readonly onBreak?: (failure: NoAnswer, position: number) => void;
}

const STALL_LIMIT = 30_000;
/** Connections that broke one after the other without bringing anything new. */
const FRUITLESS = 5;
/** More than this is not waited for, whatever a busy server asks. */
const LONGEST_WAIT = 60_000;

/** A range of a source, read on behind every broken or stalled connection for as long as that brings new bytes. */
export async function* readOn(
    source: ImageSource,
    range: ByteRange,
    options: ReadOnOptions,
): AsyncGenerator<Buffer, void, undefined> {
    const { clock, signal, onBreak } = options;
    const end = range.end ?? source.size;
    const passed = source.takesRanges ? undefined : new Passed();
    let at = range.start;
    for (let fruitless = 0; ;) {
        const before = at;
        let asked = 0;
        try {
            for await (const chunk of attempt(source, { at, range, passed }, options)) {
                at += chunk.length;
                yield chunk;
            }
            if (end === undefined || at >= end) return;
            throw new NoAnswer(`${source.name} ended at byte ${at} of ${end}`, false, true);
        } catch (error) {
            signal?.throwIfAborted();
            if (!(error instanceof NoAnswer) || !error.passing) throw error;
            fruitless = at > before ? 1 : fruitless + 1;
            if (fruitless >= FRUITLESS) throw error;
            asked = Math.min(error.wait ?? 0, LONGEST_WAIT);
            onBreak?.(error, at);
        }
        await clock.sleep(Math.max(asked, backoff(fruitless, clock)), signal);
    }
}

interface Position {
    readonly at: number;
    readonly range: ByteRange;
    readonly passed: Passed | undefined;
}

/** One connection, from where the last one ended; where that cannot be asked for, from the start. */
async function* attempt(
    source: ImageSource,
    { at, range, passed }: Position,
    options: ReadOnOptions,
): AsyncGenerator<Buffer, void, undefined> {
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    const chunks = source.read(passed ? { start: 0 } : { ...range, start: at }, signal);
    const iterator = (passed ? passed.skip(chunks) : chunks)[Symbol.asyncIterator]();
    try {
        for (;;) {
            const step = await within(options.stallLimit ?? STALL_LIMIT, iterator.next(), source.name);
            if (step.done) return;
            yield step.value;
        }
    } finally {
        stop.abort();
        // Ends when its request does, which may itself not answer any more.
        iterator.return?.().catch(() => undefined);
    }
}

async function within<T>(limit: number, work: Promise<T>, name: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const stalled = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => {
            reject(new NoAnswer(`${name} sent nothing for ${limit / 1000} s`, false, true));
        }, limit);
    });
    try {
        return await Promise.race([work, stalled]);
    } finally {
        clearTimeout(timer);
        work.catch(() => undefined); // given up: nobody waits for what becomes of it
    }
}

/** What has been handed out of a source that only starts from the beginning, to be passed over the next time. */
class Passed {
    private hash = crypto.createHash("sha256");
    private length = 0;

    /** Hands out what is behind the bytes of earlier attempts, once those have come again as they were. */
    async *skip(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
        const again = crypto.createHash("sha256");
        const known = this.length;
        const expected = this.hash.copy().digest("hex");
        let at = 0;
        let isProven = known === 0;
        for await (const chunk of chunks) {
            const old = chunk.subarray(0, Math.max(0, known - at));
            at += chunk.length;
            if (!isProven) again.update(old);
            if (at < known) continue;
            if (!isProven && again.digest("hex") !== expected) throw new SourceChanged();
            isProven = true;
            const news = chunk.subarray(old.length);
            if (news.length === 0) continue;
            this.hash.update(news);
            this.length += news.length;
            yield news;
        }
        if (!isProven) throw new SourceChanged("it is shorter than before");
    }
}
