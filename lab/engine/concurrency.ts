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
