/** Keeps the beginning and the end of a stream that may be endless. */
export class BoundedText {
    private readonly head: Buffer[] = [];
    private readonly tail: Buffer[] = [];
    private headBytes = 0;
    private tailBytes = 0;
    private left = 0;

    /** @param most bytes that are kept, half of them from the end */
    constructor(private readonly most: number) {}

    get truncated(): boolean {
        return this.left > 0;
    }

    add(chunk: Buffer): void {
        const room = Math.max(0, Math.ceil(this.most / 2) - this.headBytes);
        const first = chunk.subarray(0, room);
        if (first.length > 0) this.head.push(first);
        this.headBytes += first.length;
        const rest = chunk.subarray(room);
        if (rest.length === 0) return;
        this.tail.push(rest);
        this.tailBytes += rest.length;
        this.shorten();
    }

    toString(): string {
        const gap = this.left > 0 ? [Buffer.from(`\n[… ${this.left} bytes left out …]\n`)] : [];
        return Buffer.concat([...this.head, ...gap, ...this.tail]).toString("utf8");
    }

    private shorten(): void {
        const limit = Math.floor(this.most / 2);
        while (this.tailBytes > limit) {
            const excess = this.tailBytes - limit;
            const [oldest = Buffer.alloc(0)] = this.tail;
            if (oldest.length <= excess) this.tail.shift();
            else this.tail[0] = oldest.subarray(excess);
            const dropped = Math.min(excess, oldest.length);
            this.tailBytes -= dropped;
            this.left += dropped;
        }
    }
}
