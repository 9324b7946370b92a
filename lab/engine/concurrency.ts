import * as os from "node:os";

/** Steps wait for systems far away rather than for a processor. */
const LEAST_PARALLEL = 32;

/** Steps at the same time where nobody says how many. The CLI: 4 for each processor. */
export function defaultParallel(): number {
    return Math.max(LEAST_PARALLEL, 4 * os.cpus().length);
}

/** Runs tasks, at most `limit` at the same time, in the order in which they came. */
export function limiter(limit: number): <T>(task: () => Promise<T>) => Promise<T> {
    let free = limit;
    const waiting: (() => void)[] = [];
    return async (task) => {
        if (free > 0) {
            free--;
        } else {
            await new Promise<void>((resolve) => waiting.push(resolve));
        }
        try {
            return await task();
        } finally {
            const next = waiting.shift();
            if (next === undefined) {
                free++;
            } else {
                next();
            }
        }
    };
}

/** Runs tasks one at a time, in the order in which they came. */
export function mutex(): <T>(task: () => Promise<T> | T) => Promise<T> {
    return limiter(1) as <T>(task: () => Promise<T> | T) => Promise<T>;
}
