import { assertReadable, type BlockDevice } from "../blockDevice";
import { ImageDamage, printable } from "../check";
import type { FileSystem } from "../fileSystem";

/** What the readers of FAT and ext4 have in common: Node's older functions, with a callback. */
type Call<A extends unknown[], R> = (...args: [...A, (error: unknown, result: R) => void]) => unknown;
interface Library {
    open: Call<[path: string, flags: string], number>;
    close: Call<[fd: number], void>;
    read: Call<[fd: number, buffer: Buffer, offset: number, length: number, position: number], number>;
    readdir: Call<[path: string], string[]>;
    stat: Call<[path: string], { size: number; isFile(): boolean }>;
}

/** Boot files are at most some hundred MB; what says to be larger is damage or bait. */
const MAX_FILE = 1024 * 1024 * 1024;
const MAX_NAMES = 10_000;

/** Files of one file system, found as firmware finds them: on FAT in any case of letters. */
export class FileSource {
    private readonly library: Library;
    private readonly ignoresCase: boolean;

    constructor({ fs, kind }: FileSystem) {
        this.library = fs;
        this.ignoresCase = kind === "FAT";
    }

    /** Names in a folder; none when it is not there. */
    async list(folder: string): Promise<string[]> {
        const path = await this.find(folder);
        return path === undefined ? [] : this.names(path);
    }

    /** The path as it is spelt there; undefined when there is nothing of that name. */
    async find(path: string): Promise<string | undefined> {
        let found = "";
        for (const step of path.split(/[/\\]+/).filter((part) => part !== "")) {
            const names = await this.names(found === "" ? "/" : found);
            const name = names.find((entry) => this.sameName(entry, step));
            if (name === undefined) return undefined;
            found = `${found}/${name}`;
        }
        return found === "" ? "/" : found;
    }

    /** Opens a regular file for the time of `use`; undefined when there is none. */
    async withFile<T>(path: string, use: (file: BlockDevice) => Promise<T>): Promise<T | undefined> {
        const found = await this.find(path);
        if (found === undefined) return undefined;
        const stat = await this.unless("EISDIR", () => call(this.library.stat, found));
        if (!stat?.isFile()) return undefined;
        if (stat.size > MAX_FILE) throw new ImageDamage(`has ${stat.size} bytes, more than any boot file`);
        const fd = await this.guarded(() => call(this.library.open, found, "r"));
        try {
            return await use({
                size: stat.size,
                read: (offset, length) => this.read(fd, stat.size, offset, length),
            });
        } finally {
            await call(this.library.close, fd);
        }
    }

    /** A small file whole. */
    async readText(
        path: string,
        limit: number,
        encoding: "utf8" | "utf16le" = "utf8",
    ): Promise<string | undefined> {
        return this.withFile(path, async (file) => {
            if (file.size > limit) throw new ImageDamage(`has ${file.size} bytes where ${limit} are enough`);
            return (await file.read(0, file.size)).toString(encoding);
        });
    }

    private async read(fd: number, size: number, offset: number, length: number): Promise<Buffer> {
        assertReadable(size, offset, length);
        const buffer = Buffer.alloc(length);
        if (length === 0) return buffer;
        const { library } = this;
        const bytesRead = await this.guarded(() => call(library.read, fd, buffer, 0, length, offset));
        if (bytesRead !== length)
            throw new ImageDamage("is cut off: its file system has fewer bytes than it says");
        return buffer;
    }

    private async names(path: string): Promise<string[]> {
        const names = (await this.unless("ENOTDIR", () => call(this.library.readdir, path))) ?? [];
        if (names.length > MAX_NAMES) throw new ImageDamage(`has ${names.length} names in one folder`);
        return names;
    }

    private sameName(one: string, other: string): boolean {
        return this.ignoresCase ? one.toUpperCase() === other.toUpperCase() : one === other;
    }

    /** Both libraries give errors Node's codes; what is of another kind than asked for is no damage. */
    private unless<T>(code: string, read: () => Promise<T>): Promise<T | undefined> {
        return this.guarded(() =>
            read().catch((error: unknown) => {
                if ((error as NodeJS.ErrnoException).code === code) return undefined;
                throw error;
            }),
        );
    }

    private async guarded<T>(read: () => Promise<T>): Promise<T> {
        try {
            return await read();
        } catch (error) {
            if (error instanceof ImageDamage) throw error;
            throw new ImageDamage(`cannot be read (${printable((error as Error).message, 120)})`);
        }
    }
}

function call<A extends unknown[], R>(method: Call<A, R>, ...args: A): Promise<R> {
    return new Promise((resolve, reject) => {
        method(...args, (error, result) => (error instanceof Error ? reject(error) : resolve(result)));
    });
}
