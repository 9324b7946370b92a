/** Bounds how many tasks run at once; the others wait in the order in which they came. */
export class Limiter {
    private bound: number;
    private active = 0;
    private readonly waiting: { start: () => void; signal?: AbortSignal; onAbort: () => void }[] = [];

    constructor(
        start: number,
        private readonly most = start,
    ) {
        this.bound = start;
    }

    get limit(): number {
        return this.bound;
    }

    get running(): number {
        return this.active;
    }

    async run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
        await this.turn(signal);
        try {
            return await task();
        } finally {
            this.active--;
            this.startNext();
        }
    }

    /** Changes the bound, within 1 and the most there may be. */
    protected resize(bound: number): void {
        this.bound = Math.min(this.most, Math.max(1, bound));
        this.startNext();
    }

    private turn(signal?: AbortSignal): Promise<void> {
        signal?.throwIfAborted();
        if (this.active < this.bound) {
            this.active++;
            return Promise.resolve();
        }
        return new Promise((resolve, reject) => {
            const entry = {
                start: () => {
                    signal?.removeEventListener("abort", entry.onAbort);
                    this.active++;
                    resolve();
                },
                signal,
                onAbort: () => {
                    this.waiting.splice(this.waiting.indexOf(entry), 1);
                    reject(signal?.reason as Error);
                },
            };
            signal?.addEventListener("abort", entry.onAbort, { once: true });
            this.waiting.push(entry);
        });
    }

    private startNext(): void {
        while (this.active < this.bound) {
            const next = this.waiting.shift();
            if (!next) return;
            next.start();
        }
    }
}
