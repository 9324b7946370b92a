import Bunzip from "seek-bzip";
import type { ChunkSource, Sink } from "./chunks";
import { ImageDamage } from "../check";

/** More than one block can take packed: 900,000 symbols of at most 20 bits, and its tables. */
const LONGEST_BLOCK = 3 * 1024 * 1024;
const OUTPUT_CHUNK = 1024 * 1024;

/**
 * In JavaScript, for machines without the bzip2 program. The library reads its input at once; here it is stepped
 * block by block instead of through its `decode`, which would take a stream cut off between two blocks for whole.
 */
export async function unbzip2(source: ChunkSource, sink: Sink): Promise<void> {
    const input = new Buffered(source);
    const output = new Collected();
    await input.fill();
    do {
        const stream = guard(() => new Bunzip(input, output));
        for (;;) {
            await input.fill();
            const more = guard(() => stream._init_block());
            if (!more) break;
            guard(() => stream._read_bunzip());
            for (const chunk of output.take()) await sink(chunk);
        }
        guard(() => {
            if (stream.reader.read(32) >>> 0 !== stream.streamCRC) throw new Error("stream CRC differs");
        });
        await input.fill();
    } while (!input.atEnd);
}

function guard<T>(step: () => T): T {
    try {
        return step();
    } catch (error) {
        if (error instanceof ImageDamage) throw error;
        throw new ImageDamage(
            `the bzip2 stream is damaged or followed by other bytes (${(error as Error).message})`,
        );
    }
}

class Buffered implements Bunzip.Input {
    private bytes: Buffer = Buffer.alloc(0);
    private at = 0;
    private ended = false;

    constructor(private readonly source: ChunkSource) {}

    get atEnd(): boolean {
        return this.ended && this.at === this.bytes.length;
    }

    /** Makes the longest possible block readable at once. */
    async fill(): Promise<void> {
        const parts = [this.bytes.subarray(this.at)];
        let ready = this.bytes.length - this.at;
        if (ready >= LONGEST_BLOCK || this.ended) return;
        while (ready < LONGEST_BLOCK) {
            const chunk = await this.source.next();
            if (!chunk) {
                this.ended = true;
                break;
            }
            parts.push(chunk);
            ready += chunk.length;
        }
        this.bytes = Buffer.concat(parts);
        this.at = 0;
    }

    readByte(): number {
        const byte = this.bytes[this.at];
        if (byte === undefined) throw new ImageDamage("the bzip2 stream is cut off before its end");
        this.at++;
        return byte;
    }

    read(buffer: Buffer, offset: number, length: number): number {
        for (let i = 0; i < length; i++) buffer[offset + i] = this.readByte();
        return length;
    }
}

class Collected implements Bunzip.Output {
    private chunks: Buffer[] = [];
    private current = Buffer.allocUnsafe(OUTPUT_CHUNK);
    private used = 0;

    writeByte(byte: number): void {
        if (this.used === OUTPUT_CHUNK) {
            this.chunks.push(this.current);
            this.current = Buffer.allocUnsafe(OUTPUT_CHUNK);
            this.used = 0;
        }
        this.current[this.used++] = byte;
    }

    take(): Buffer[] {
        const taken = [...this.chunks, Buffer.from(this.current.subarray(0, this.used))];
        this.chunks = [];
        this.used = 0;
        return taken;
    }
}
