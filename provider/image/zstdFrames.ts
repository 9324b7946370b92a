import { ImageDamage } from "./check";

/** zstd's own command line refuses larger windows unless told otherwise. */
const MAX_ZSTD_WINDOW = 128 * 1024 * 1024;

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

/**
 * Follows the frames and blocks of a zstd stream without unpacking them: tells where a frame ends, refuses
 * windows that would take too much memory before a decoder allocates them, and finds what is cut off or stands
 * behind the last frame (the decoders at hand differ in what they notice).
 */
export class ZstdFrames {
    /** Where the walk stands once `skip` bytes have passed. */
    private next: "frame" | "block" = "frame";
    private skip = 0;
    private checksum = false;
    private frames = 0;
    private isOpen = false;
    /** The front of a header that continues in the next chunk. */
    private pending: Buffer = Buffer.alloc(0);

    constructor(private readonly maxWindow = MAX_ZSTD_WINDOW) {}

    /** Returns where in the chunk frames end. */
    push(chunk: Buffer): number[] {
        const ends: number[] = [];
        let bytes = this.pending.length > 0 ? Buffer.concat([this.pending, chunk]) : chunk;
        for (;;) {
            const passed = Math.min(this.skip, bytes.length);
            this.skip -= passed;
            bytes = bytes.subarray(passed);
            if (this.isOpen && this.skip === 0 && this.next === "frame") {
                this.isOpen = false;
                ends.push(chunk.length - bytes.length);
            }
            if (bytes.length === 0) break;
            const used = this.next === "frame" ? this.frameHeader(bytes) : this.blockHeader(bytes);
            if (used === undefined) break;
            bytes = bytes.subarray(used);
        }
        this.pending = bytes;
        return ends;
    }

    end(): void {
        const atBoundary = this.next === "frame" && this.skip === 0 && this.pending.length === 0;
        if (!atBoundary || this.frames === 0) {
            throw new ImageDamage("the zstd stream is cut off before its end");
        }
    }

    /** Bytes taken from the front, or undefined when more are needed. */
    private frameHeader(bytes: Buffer): number | undefined {
        const isSkippable = (bytes.readUInt8(0) & 0xf0) === 0x50;
        const magic = isSkippable ? SKIPPABLE : FRAME_MAGIC;
        const compared = Math.min(bytes.length, 4);
        for (let i = isSkippable ? 1 : 0; i < compared; i++) {
            if (bytes[i] !== ((magic >>> (8 * i)) & 0xff)) {
                throw new ImageDamage("has other bytes behind the end of the zstd stream");
            }
        }
        if (isSkippable) {
            if (bytes.length < 8) return undefined;
            this.skip = bytes.readUInt32LE(4);
            this.isOpen = true;
            return 8;
        }
        const header = bytes.length < 5 ? undefined : frameHeader(bytes);
        if (!header) return undefined;
        if (header.window > this.maxWindow) {
            throw new ImageDamage(
                `the zstd stream asks for a window of ${header.window} bytes; at most ${this.maxWindow} are taken (zstd without --ultra or --long stays below)`,
            );
        }
        this.next = "block";
        this.isOpen = true;
        this.checksum = header.checksum;
        this.frames++;
        return header.length;
    }

    private blockHeader(bytes: Buffer): number | undefined {
        if (bytes.length < 3) return undefined;
        const header = bytes.readUIntLE(0, 3);
        const type = (header >> 1) & 3;
        if (type === 3) throw new ImageDamage("the zstd stream is damaged (reserved block type)");
        const isRun = type === 1;
        this.skip = isRun ? 1 : header >> 3;
        if ((header & 1) === 1) {
            this.skip += this.checksum ? 4 : 0;
            this.next = "frame";
        }
        return 3;
    }
}

/** Length and window of a frame header (RFC 8878, 3.1.1.1); undefined when more bytes are needed. */
function frameHeader(bytes: Buffer): { length: number; window: number; checksum: boolean } | undefined {
    const descriptor = bytes.readUInt8(4);
    const singleSegment = (descriptor & 0x20) !== 0;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
    const sizeFlag = descriptor >> 6;
    const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag;
    const length = 5 + (singleSegment ? 0 : 1) + dictionaryBytes + sizeBytes;
    if (bytes.length < length) return undefined;
    if (!singleSegment) {
        const exponent = bytes.readUInt8(5) >> 3;
        const base = 2 ** (10 + exponent);
        return {
            length,
            window: base + (base / 8) * (bytes.readUInt8(5) & 7),
            checksum: (descriptor & 4) !== 0,
        };
    }
    const sizeAt = length - sizeBytes;
    const window =
        sizeBytes === 8
            ? Number(bytes.readBigUInt64LE(sizeAt))
            : bytes.readUIntLE(sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
    return { length, window, checksum: (descriptor & 4) !== 0 };
}

/** The first whole frame in a buffer that may hold other bytes behind it, as the clusters of a qcow2 do. */
export function firstZstdFrame(bytes: Buffer, maxWindow: number): Buffer {
    const descriptorOk = bytes.length >= 9 && bytes.readUInt32LE(0) === FRAME_MAGIC;
    const header = descriptorOk ? frameHeader(bytes) : undefined;
    if (!header) throw new ImageDamage("has a compressed cluster that is not zstd");
    if (header.window > maxWindow) throw new ImageDamage("has a compressed cluster with an absurd window");
    let at = header.length;
    for (;;) {
        if (at + 3 > bytes.length) throw new ImageDamage("has a compressed cluster that is cut off");
        const block = bytes.readUIntLE(at, 3);
        at += 3 + (((block >> 1) & 3) === 1 ? 1 : block >> 3);
        if ((block & 1) === 1) break;
    }
    const end = at + (header.checksum ? 4 : 0);
    if (end > bytes.length) throw new ImageDamage("has a compressed cluster that is cut off");
    return bytes.subarray(0, end);
}
