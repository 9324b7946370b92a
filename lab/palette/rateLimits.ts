/** Requests per second and at once, by the first segment behind `/v1/`, as Palette documents them. */
const LIMITS: Readonly<Record<string, { perSecond: number; burst: number }>> = {
    ...Object.fromEntries(
        ["edgehosts", "dashboard", "packs", "registries", "projects", "services"].map((segment) => [
            segment,
            { perSecond: 10, burst: 50 },
        ]),
    ),
    ...Object.fromEntries(
        ["clusterprofiles", "spectroclusters", "cloudconfigs"].map((segment) => [
            segment,
            { perSecond: 50, burst: 250 },
        ]),
    ),
};

/** A token bucket for each client address and first path segment, with all that lies below it. */
export class RateLimits {
    readonly #buckets = new Map<string, { tokens: number; at: number }>();

    constructor(private readonly now: () => number) {}

    /** Takes a token; false when there is none. */
    admit(address: string, path: string): boolean {
        const segment = path.split("/")[2] ?? "";
        const limit = LIMITS[segment];
        if (!limit) return true;
        const key = `${address} ${segment}`;
        const now = this.now();
        const bucket = this.#buckets.get(key) ?? { tokens: limit.burst, at: now };
        const tokens = Math.min(limit.burst, bucket.tokens + ((now - bucket.at) / 1000) * limit.perSecond);
        const admitted = tokens >= 1;
        this.#buckets.set(key, { tokens: admitted ? tokens - 1 : tokens, at: now });
        return admitted;
    }

    /** As after a long pause. */
    reset(): void {
        this.#buckets.clear();
    }
}
