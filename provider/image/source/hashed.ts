import * as crypto from "node:crypto";
import type { ChunkSource } from "../decoders/chunks";

/**
 * Chunks read once from start to end, hashed on the way. The digest is of all of them whatever the reader makes of
 * them: `drain` passes over what it left.
 */
export class HashedSource implements ChunkSource {
    private readonly hash = crypto.createHash("sha256");
    private readonly chunks: AsyncIterator<Buffer>;
    private readonly peeked: Buffer[] = [];
    /** Bytes read so far. */
    position = 0;

    constructor(
        chunks: AsyncIterable<Buffer>,
        private readonly onBytes: (position: number) => void = () => undefined,
    ) {
        this.chunks = chunks[Symbol.asyncIterator]();
    }

    async next(): Promise<Buffer | undefined> {
        return this.peeked.shift() ?? this.pull();
    }

    /** The first bytes, which `next` will still hand out; fewer when there are fewer. */
    async peek(length: number): Promise<Buffer> {
        let ready = this.peeked.reduce((sum, chunk) => sum + chunk.length, 0);
        while (ready < length) {
            const chunk = await this.pull();
            if (!chunk) break;
            this.peeked.push(chunk);
            ready += chunk.length;
        }
        return Buffer.concat(this.peeked).subarray(0, length);
    }

    async drain(): Promise<void> {
        while (await this.next());
    }

    /** Lower-case hexadecimal; once only, after the end. */
    sha256(): string {
        return this.hash.digest("hex");
    }

    /** Ends the reading of what will not be wanted any more. */
    async close(): Promise<void> {
        await this.chunks.return?.();
    }

    private async pull(): Promise<Buffer | undefined> {
        const step = await this.chunks.next();
        if (step.done) return undefined;
        const { value } = step;
        this.hash.update(value);
        this.position += value.length;
        this.onBytes(this.position);
        return value;
    }
}
