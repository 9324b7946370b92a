import { Limiter } from "./limiter";

/** A request on its way. */
export interface Sent {
    readonly kind: string;
    readonly at: number;
    readonly round: number;
    /** As many were under way as may be. */
    readonly atBound: boolean;
}

const START = 4;
/** As many connections as a client opens. */
const MOST = 32;
/** How many may wait in the server's queue. With fewer it idles at times; with more each only waits longer. */
const QUEUE = { enough: 4, most: 8 };

/**
 * A bound that fits the server. A far one gets many requests at once, since most of them are on the way; one that is
 * near and busy gets few, since more would wait in its queue (of EMF's backend on 2 cores, 4 at once got the most done,
 * and 8 a quarter less). How many wait is told by how much longer answers take than the fastest of their kind.
 */
export class AdaptiveLimiter extends Limiter {
    private readonly fastest = new Map<string, number>();
    /** Begins with each change of the bound: what was sent before tells nothing about the new one. */
    private round = 0;
    private answers = 0;
    private unhindered = 0;
    /** Until a first sign of a queue the bound doubles, so that a short run gains by it too. */
    private doubling = true;

    constructor(
        private readonly now: () => number = () => performance.now(),
        start = START,
        most = MOST,
    ) {
        super(start, most);
    }

    /** Notes a request. Requests of one kind take the server about the same work. */
    sent(kind: string): Sent {
        return { kind, at: this.now(), round: this.round, atBound: this.running >= this.limit };
    }

    /** The request was answered well. */
    answered({ kind, at, round, atBound }: Sent): void {
        const took = Math.max(this.now() - at, Number.EPSILON);
        const fastest = Math.min(took, this.fastest.get(kind) ?? took);
        this.fastest.set(kind, fastest);
        if (!atBound || round !== this.round) return;
        this.answers++;
        this.unhindered += fastest / took;
        if (this.answers >= this.limit) this.adapt();
    }

    /** The server asked for less. Refusals of what was sent together count once. */
    refused({ round }: Sent): void {
        if (round !== this.round) return;
        this.doubling = false;
        this.begin(Math.floor(this.limit / 2));
    }

    private adapt(): void {
        const queued = this.limit * (1 - this.unhindered / this.answers);
        if (queued >= QUEUE.enough) this.doubling = false;
        if (queued < QUEUE.enough) this.begin(this.doubling ? this.limit * 2 : this.limit + 1);
        else this.begin(queued > QUEUE.most ? this.limit - 1 : this.limit);
    }

    private begin(bound: number): void {
        this.round++;
        this.answers = 0;
        this.unhindered = 0;
        this.resize(bound);
    }
}
