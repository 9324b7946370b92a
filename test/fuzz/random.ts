/** A row of numbers that is the same for the same seed, on every machine. */
export class Random {
    private state: number;

    constructor(seed: number, index: number) {
        // Cases stand on their own: the hundredth is made without the ninety-nine before it.
        this.state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0;
    }

    /** 0 to `below` - 1. */
    int(below: number): number {
        this.state = (this.state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
    }

    chance(percent: number): boolean {
        return this.int(100) < percent;
    }

    pick<T>(values: readonly T[]): T {
        return values[this.int(values.length)] as T;
    }
}
