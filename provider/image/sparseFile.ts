import type * as fs from "node:fs/promises";
import type { ImageError } from "./check";
import { formatSize } from "./size";

const BLOCK = 64 * 1024;
const ZEROS = Buffer.alloc(BLOCK);
/** Enough to keep the disk busy beside the decoder, and little enough to hold in memory. */
const MAX_PENDING = 4;
const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** Writes a stream into a file and leaves holes where it is all zeros: a disk image is mostly empty. */
export class SparseFile {
    private readonly pending = new Set<Promise<void>>();
    private failure: unknown;
    /** Bytes of the stream so far. */
    size = 0;
    /** Bytes really written. */
    stored = 0;

    /** `room` bounds what is stored; `noRoom` says so, with the details, and when the disk itself is full. */
    constructor(
        private readonly handle: fs.FileHandle,
        private readonly room = Infinity,
        private readonly noRoom?: (detail: string) => ImageError,
    ) {}

    async write(chunk: Buffer): Promise<void> {
        let start: number | undefined;
        for (let at = 0; at < chunk.length; at += BLOCK) {
            const block = chunk.subarray(at, at + BLOCK);
            const isZero = block.equals(block.length === BLOCK ? ZEROS : ZEROS.subarray(0, block.length));
            if (!isZero) start ??= at;
            else if (start !== undefined) {
                await this.store(chunk.subarray(start, at), this.size + start);
                start = undefined;
            }
        }
        if (start !== undefined) await this.store(chunk.subarray(start), this.size + start);
        this.size += chunk.length;
    }

    /** Waits for all writes and sets the length, which a hole at the end would leave short. */
    async finish(): Promise<void> {
        await this.settle();
        this.rethrow();
        await this.handle.truncate(this.size);
    }

    /** Waits for the writes under way, whatever becomes of them, so that the handle can be closed. */
    async settle(): Promise<void> {
        await Promise.all(this.pending);
    }

    private async store(bytes: Buffer, offset: number): Promise<void> {
        this.stored += bytes.length;
        if (this.noRoom && this.stored > this.room) {
            throw this.noRoom(`it needs more than the ${formatSize(this.room)} that can be used`);
        }
        while (this.pending.size >= MAX_PENDING) await Promise.race(this.pending);
        this.rethrow();
        const write = this.writeAll(bytes, offset)
            .catch((error: unknown) => {
                this.failure ??= error;
            })
            .finally(() => this.pending.delete(write));
        this.pending.add(write);
    }

    private async writeAll(bytes: Buffer, offset: number): Promise<void> {
        for (let done = 0; done < bytes.length;) {
            const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, offset + done);
            done += bytesWritten;
        }
    }

    private rethrow(): void {
        if (this.failure === undefined) return;
        const { code = "" } = this.failure as NodeJS.ErrnoException;
        if (this.noRoom && FULL.has(code)) throw this.noRoom(`the disk is full (${code})`);
        throw this.failure as Error;
    }
}
