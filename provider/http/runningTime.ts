const STEPS = 20;

/** A limit on waiting; `end` when the waiting is over. */
export interface RunningTimeLimit {
    readonly signal: AbortSignal;
    end(): void;
}

/**
 * Aborts after so many milliseconds in which this process could run. After a pause of the whole process (a suspended
 * machine, one with too much to do) timers fire before answers that have long arrived are read: such a pause counts
 * as one step of the limit only.
 */
export function runningTimeLimit(milliseconds: number, reason: () => Error): RunningTimeLimit {
    const limit = new AbortController();
    let left = STEPS;
    const timer = setInterval(() => {
        if (--left > 0) return;
        clearInterval(timer);
        limit.abort(reason());
    }, milliseconds / STEPS);
    return {
        signal: limit.signal,
        end: () => {
            clearInterval(timer);
        },
    };
}
