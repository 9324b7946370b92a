/** Time and waiting, given from outside so that tests decide them. */
export interface PaceClock {
    now(): number;
    sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** How often a system may be asked: at most `burst` requests at once, and `perSecond` after that. */
export interface Rate {
    readonly perSecond: number;
    readonly burst: number;
}

/** Keeps below a system's documented rate, so that its refusals stay the exception: a token bucket. */
export class Pace {
    /** When the bucket would be full again, in milliseconds of the clock. */
    private fullAt = Number.NEGATIVE_INFINITY;

    constructor(
        private readonly rate: Rate,
        private readonly clock: PaceClock,
    ) {}

    /** Returns when the next request may be sent. Requests go in the order in which they asked. */
    async turn(signal?: AbortSignal): Promise<void> {
        signal?.throwIfAborted();
        const now = this.clock.now();
        const interval = 1000 / this.rate.perSecond;
        this.fullAt = Math.max(this.fullAt, now) + interval;
        const wait = this.fullAt - now - this.rate.burst * interval;
        if (wait > 0) await this.clock.sleep(Math.ceil(wait), signal);
    }
}
