import * as fs from "node:fs/promises";
import { ImageDamage } from "./check";

/** Something that can be read at any offset: a file, a partition of it, the virtual disk inside a qcow2. */
export interface BlockDevice {
    readonly size: number;
    /** There where a read costs a request. */
    readonly hints?: ReadHints;
    /** Exactly `length` bytes; a read beyond the end is damage, never a short buffer. */
    read(offset: number, length: number): Promise<Buffer>;
}

/** What a reader knows of its next reads, told past the file system in between. */
export interface ReadHints {
    /** From the next read on so many bytes will be wanted, and nothing else near; 0: not known. */
    exactly: number;
}

/** One read asks for no more than this, whatever a damaged image says about its own tables. */
export const MAX_READ = 64 * 1024 * 1024;

/** Throws unless the range lies inside a device of this size and is small enough to hold in memory. */
export function assertReadable(size: number, offset: number, length: number): void {
    const sound = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
    if (!sound || offset + length > size) {
        throw new ImageDamage(
            `points to bytes ${offset}..${offset + length}, but the image ends at ${size}: it is cut off or damaged`,
        );
    }
    if (length > MAX_READ) throw new ImageDamage(`asks for ${length} bytes at once: it is damaged`);
}

/** An open local file. */
export class FileDevice implements BlockDevice {
    private constructor(
        readonly handle: fs.FileHandle,
        readonly size: number,
    ) {}

    static async open(path: string): Promise<FileDevice> {
        const handle = await fs.open(path, "r");
        try {
            return await FileDevice.of(handle);
        } catch (error) {
            await handle.close();
            throw error;
        }
    }

    /** The device closes the handle. */
    static async of(handle: fs.FileHandle): Promise<FileDevice> {
        return new FileDevice(handle, (await handle.stat()).size);
    }

    async read(offset: number, length: number): Promise<Buffer> {
        assertReadable(this.size, offset, length);
        const buffer = Buffer.alloc(length);
        let done = 0;
        while (done < length) {
            const { bytesRead } = await this.handle.read(buffer, done, length - done, offset + done);
            if (bytesRead === 0) throw new ImageDamage("became shorter while it was read");
            done += bytesRead;
        }
        return buffer;
    }

    close(): Promise<void> {
        return this.handle.close();
    }
}

/** Bytes already in memory. */
export function bufferDevice(bytes: Buffer): BlockDevice {
    return {
        size: bytes.length,
        async read(offset, length) {
            assertReadable(bytes.length, offset, length);
            return Buffer.from(bytes.subarray(offset, offset + length));
        },
    };
}

/** A partition of a device. */
export function slice(device: BlockDevice, start: number, size: number): BlockDevice {
    assertInside(device.size, start, size);
    return {
        size,
        ...(device.hints ? { hints: device.hints } : {}),
        async read(offset, length) {
            assertReadable(size, offset, length);
            return device.read(start + offset, length);
        },
    };
}

function assertInside(whole: number, start: number, size: number): void {
    if (start < 0 || size < 0 || start + size > whole) {
        throw new ImageDamage(
            `has a partition at bytes ${start}..${start + size}, beyond its end at ${whole}`,
        );
    }
}
