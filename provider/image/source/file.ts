import * as nodeFs from "node:fs";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { FileDevice } from "../blockDevice";
import { ImageError } from "../check";
import { type ByteRange, type ImageSource, SourceChanged } from "./source";

const CHUNK = 1024 * 1024;

type Stat = nodeFs.BigIntStats;

/** A file of this machine. */
export class FileSource implements ImageSource {
    readonly name: string;
    readonly fileName: string;
    readonly size: number;
    readonly takesRanges = true;

    private constructor(
        file: string,
        readonly device: FileDevice,
        private readonly opened: Stat,
    ) {
        this.name = file;
        this.fileName = path.basename(file);
        this.size = device.size;
    }

    static async open(file: string): Promise<FileSource> {
        // A pipe that nobody writes to would keep an ordinary opening waiting for ever.
        const flags = nodeFs.constants.O_RDONLY | nodeFs.constants.O_NONBLOCK;
        const handle = await fs.open(file, flags).catch((error: unknown) => {
            const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
            throw new ImageError(`cannot be opened (${code})`);
        });
        try {
            const stat = await handle.stat({ bigint: true });
            if (!stat.isFile()) {
                const isFolder = stat.isDirectory();
                throw new ImageError(isFolder ? "is a folder, not an image file" : "is not a regular file");
            }
            return new FileSource(file, await FileDevice.of(handle), stat);
        } catch (error) {
            await handle.close();
            throw error;
        }
    }

    get identity(): string {
        const { dev, ino, size, mtimeNs, ctimeNs } = this.opened;
        return ["file", dev, ino, size, mtimeNs, ctimeNs].map(String).join("\0");
    }

    read({ start, end }: ByteRange): AsyncIterable<Buffer> {
        return this.device.handle.createReadStream({
            start,
            ...(end === undefined ? {} : { end: end - 1 }),
            highWaterMark: CHUNK,
            autoClose: false,
        });
    }

    async confirm(): Promise<void> {
        const { size, mtimeNs, ctimeNs } = await this.device.handle.stat({ bigint: true });
        const { opened } = this;
        if (size !== opened.size || mtimeNs !== opened.mtimeNs || ctimeNs !== opened.ctimeNs) {
            throw new SourceChanged();
        }
    }

    close(): Promise<void> {
        return this.device.close();
    }
}
