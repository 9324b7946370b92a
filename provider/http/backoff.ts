import type { Clock } from "./clock";

const FIRST = 250;
const LONGEST = 8_000;

/** Milliseconds before the next attempt. Full jitter: many clients that failed together do not come back together. */
export function backoff(attempt: number, clock: Pick<Clock, "random">): number {
    const most = Math.min(LONGEST, FIRST * 2 ** (attempt - 1));
    const chance = clock.random(4).readUInt32BE() / 2 ** 32;
    return Math.round(most / 2 + (chance * most) / 2);
}
