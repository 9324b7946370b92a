/**
 * Bounds how many requests a system gets at once. The bound starts low, grows while answers come back well and
 * halves when the system says it is too much: servers differ in what they can take.
 */
export class Limiter {
    private bound: number;
    private running = 0;
    private sinceGrowth = 0;
    private readonly waiting: { start: () => void; signal?: AbortSignal; onAbort: () => void }[] = [];

    constructor(
        start = 4,
        private readonly most = 16,
    ) {
        this.bound = start;
    }

    get limit(): number {
        return this.bound;
    }

    async run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
        await this.turn(signal);
        try {
            return await task();
        } finally {
            this.running--;
            this.startNext();
        }
    }

    /** An answer that says all is well. */
    ease(): void {
        if (this.bound >= this.most || ++this.sinceGrowth < this.bound) return;
        this.sinceGrowth = 0;
        this.bound++;
        this.startNext();
    }

    /** The system asked for less. */
    pressure(): void {
        this.sinceGrowth = 0;
        this.bound = Math.max(1, Math.floor(this.bound / 2));
    }

    private turn(signal?: AbortSignal): Promise<void> {
        signal?.throwIfAborted();
        if (this.running < this.bound) {
            this.running++;
            return Promise.resolve();
        }
        return new Promise((resolve, reject) => {
            const entry = {
                start: () => {
                    signal?.removeEventListener("abort", entry.onAbort);
                    this.running++;
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
        while (this.running < this.bound) {
            const next = this.waiting.shift();
            if (!next) return;
            next.start();
        }
    }
}
