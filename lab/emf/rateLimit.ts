const PER_SECOND = 200;
const BURST = 200;

/** A token bucket for each client address: 200 requests at once, 200 more each second. */
export class RateLimit {
    readonly #buckets = new Map<string, { tokens: number; at: number }>();

    constructor(private readonly clock: () => Date) {}

    /** Takes a token; false when there is none. */
    admit(address: string): boolean {
        const now = this.clock().getTime();
        const bucket = this.#buckets.get(address) ?? { tokens: BURST, at: now };
        const refilled = bucket.tokens + ((now - bucket.at) / 1000) * PER_SECOND;
        const tokens = Math.min(BURST, refilled);
        const admitted = tokens >= 1;
        this.#buckets.set(address, { tokens: admitted ? tokens - 1 : tokens, at: now });
        return admitted;
    }
}
