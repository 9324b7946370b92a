import * as crypto from "node:crypto";
import type * as fs from "node:fs/promises";

const CHUNK = 1024 * 1024;

/**
 * A file read once from its start to its end, hashed on the way. The digest is of the whole file whatever the
 * reader of the chunks makes of them: `drain` passes over what it left.
 */
export class HashedSource {
    private readonly hash = crypto.createHash("sha256");
    private readonly chunks: AsyncIterator<Buffer>;
    /** Bytes handed out so far. */
    position = 0;

    constructor(
        handle: fs.FileHandle,
        private readonly onBytes: (position: number) => void = () => undefined,
    ) {
        const stream = handle.createReadStream({ start: 0, highWaterMark: CHUNK, autoClose: false });
        this.chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    }

    async next(): Promise<Buffer | undefined> {
        const step = await this.chunks.next();
        if (step.done) return undefined;
        const { value } = step;
        this.hash.update(value);
        this.position += value.length;
        this.onBytes(this.position);
        return value;
    }

    async drain(): Promise<void> {
        while (await this.next());
    }

    /** Lower-case hexadecimal; once only, after the end. */
    sha256(): string {
        return this.hash.digest("hex");
    }
}
