import * as crypto from "node:crypto";
import type { BlockDevice } from "../blockDevice";
import { ImageDamage, printable } from "../check";

/** What is known of one file, folder or link of a root file system. */
export interface Entry {
    kind: "file" | "folder" | "link" | "other";
    /** Permission bits with setuid, setgid and sticky: `0o4755`. */
    mode: number;
    uid: number;
    gid: number;
    size: number;
}

/** What is used of a file system's library. ext4's `readFile` takes every file for text, so files are read by descriptor. */
export interface TreeFiles {
    open(path: string, flags: string): Promise<{ readonly fd: number }>;
    close(fd: number): Promise<void>;
    read(
        fd: number,
        buffer: Buffer,
        offset: number,
        length: number,
        position: number,
    ): Promise<{ bytesRead: number }>;
    readdir(path: string): Promise<string[]>;
    readlink(path: string): Promise<string>;
    lstat(path: string): Promise<RawStats>;
}

/** What `lstat` says; `mode` with the bits for the kind of file. */
export interface RawStats {
    mode: number;
    uid: number;
    gid: number;
    size: number;
}

const MAX_LINKS = 40;
const MAX_CALLS = 60_000;
const MAX_BYTES = 512 * 2 ** 20;
const CHUNK = 256 * 1024;

/** A file that is read in places. */
export interface PlacedFile {
    readonly size: number;
    /** Exactly these bytes. */
    read(offset: number, length: number): Promise<Buffer>;
}

/** What is asked for is sound, for all that is known, but not to be read here. */
export class NotReadableHere extends ImageDamage {}

/** A file of the image is larger than what is read of such files. */
export class TooLarge extends NotReadableHere {}

/**
 * The files of a root file system, as they are for a system that runs from it: links are followed inside the image
 * (an absolute one starts at the image's root), loops end. What a hostile image can ask of it is bounded.
 * One call at a time: the library below has one state for all.
 */
export class ImageTree {
    private readonly files: TreeFiles;
    private readonly known = new Map<string, Entry | undefined>();
    private calls = 0;
    private bytes = 0;

    /** `device` is what the file system lies on. */
    constructor(
        fs: { readonly promises: object },
        private readonly device: Pick<BlockDevice, "hints"> = {},
    ) {
        this.files = fs.promises as TreeFiles;
    }

    /** Whether it costs something to read more than is needed. */
    get isRemote(): boolean {
        return this.device.hints !== undefined;
    }

    /** The entry at a path, links followed; undefined when there is none. */
    async entry(path: string): Promise<Entry | undefined> {
        const real = await this.resolve(path, true);
        return real === undefined ? undefined : this.look(real);
    }

    /** The entry at a path itself, also when it is a link. */
    async linkEntry(path: string): Promise<Entry | undefined> {
        const real = await this.resolve(path, false);
        return real === undefined ? undefined : this.look(real);
    }

    /** Where the link at a path points, as it is written; undefined when there is no link. */
    async linkTarget(path: string): Promise<string | undefined> {
        const real = await this.resolve(path, false);
        if (real === undefined) return undefined;
        const entry = await this.look(real);
        return entry?.kind === "link" ? this.readLink(real, entry.size) : undefined;
    }

    async exists(path: string): Promise<boolean> {
        return (await this.entry(path)) !== undefined;
    }

    /** Names in a folder, in their order by name; none when there is no such folder. */
    async list(path: string): Promise<string[]> {
        const real = await this.resolve(path, true);
        if (real === undefined || (await this.look(real))?.kind !== "folder") return [];
        const names = await this.call(path, () => this.files.readdir(real));
        return names.filter((name) => name !== "." && name !== "..").sort();
    }

    /** The whole file; undefined when there is none. Throws TooLarge beyond `limit` bytes. */
    async read(path: string, limit: number): Promise<Buffer | undefined> {
        const chunks: Buffer[] = [];
        const found = await this.stream(path, limit, (chunk) => void chunks.push(chunk));
        return found ? Buffer.concat(chunks) : undefined;
    }

    async readText(path: string, limit: number): Promise<string | undefined> {
        return (await this.read(path, limit))?.toString("utf8");
    }

    /** The first bytes of a file; undefined when there is none. */
    async readHead(path: string, length: number): Promise<Buffer | undefined> {
        const found = await this.fileOf(path, Infinity);
        if (!found) return undefined;
        const chunks: Buffer[] = [];
        await this.readOpen(found.real, Math.min(length, found.size), (chunk) => void chunks.push(chunk));
        return Buffer.concat(chunks);
    }

    /** Digest of a file; undefined when there is none. Throws TooLarge beyond `limit` bytes. */
    async sha256(path: string, limit: number): Promise<string | undefined> {
        const hash = crypto.createHash("sha256");
        return (await this.stream(path, limit, (chunk) => void hash.update(chunk)))
            ? hash.digest("hex")
            : undefined;
    }

    /** Hands out a file in pieces; false when there is none. */
    async stream(path: string, limit: number, take: (chunk: Buffer) => void): Promise<boolean> {
        const found = await this.fileOf(path, limit);
        if (found) await this.readOpen(found.real, found.size, take);
        return found !== undefined;
    }

    /** Lets `use` read a file here and there; undefined when there is none, or one beyond `limit` bytes. */
    async readPlaces<T>(
        path: string,
        limit: number,
        use: (file: PlacedFile) => Promise<T>,
    ): Promise<T | undefined> {
        const found = await this.fileOf(path, limit);
        if (!found || found.size === 0) return undefined;
        const { real, size } = found;
        return this.withOpen(real, (fd) =>
            use({
                size,
                read: async (offset, length) => {
                    const chunks: Buffer[] = [];
                    await this.readPart(real, fd, offset, length, (chunk) => void chunks.push(chunk));
                    return Buffer.concat(chunks);
                },
            }),
        );
    }

    private async fileOf(path: string, limit: number): Promise<{ real: string; size: number } | undefined> {
        const real = await this.resolve(path, true);
        const entry = real === undefined ? undefined : await this.look(real);
        if (real === undefined || entry?.kind !== "file") return undefined;
        if (entry.size > limit) {
            throw new TooLarge(
                `${printable(path)} has ${entry.size} bytes, more than the ${limit} that are read`,
            );
        }
        return { real, size: entry.size };
    }

    private async readOpen(real: string, size: number, take: (chunk: Buffer) => void): Promise<void> {
        // Some library calls fail on an empty file.
        if (size > 0) await this.withOpen(real, (fd) => this.readPart(real, fd, 0, size, take));
    }

    private async withOpen<T>(real: string, use: (fd: number) => Promise<T>): Promise<T> {
        const { fd } = await this.call(real, () => this.files.open(real, "r"));
        try {
            return await use(fd);
        } finally {
            await this.files.close(fd);
        }
    }

    private async readPart(
        real: string,
        fd: number,
        start: number,
        length: number,
        take: (chunk: Buffer) => void,
    ): Promise<void> {
        this.bytes += length;
        if (this.bytes > MAX_BYTES)
            throw new ImageDamage("its files are larger than what is read of an image");
        const { hints } = this.device;
        // The library reads block by block. A small file's neighbours are worth having.
        if (hints && (start > 0 || length > CHUNK)) hints.exactly = length;
        try {
            for (let done = 0; done < length;) {
                const wanted = Math.min(CHUNK, length - done);
                const buffer = Buffer.alloc(wanted);
                const at = start + done;
                const { bytesRead } = await this.call(real, () => this.files.read(fd, buffer, 0, wanted, at));
                if (bytesRead <= 0) throw new ImageDamage(`${printable(real)} ends before its size`);
                take(buffer.subarray(0, bytesRead));
                done += bytesRead;
            }
        } finally {
            if (hints) hints.exactly = 0;
        }
    }

    /** The path without links; undefined when there is nothing there. */
    protected async resolve(path: string, followLast: boolean): Promise<string | undefined> {
        const ahead = path.split("/").reverse();
        let done: string[] = [];
        let links = 0;
        while (ahead.length > 0) {
            const step = ahead.pop() ?? "";
            if (step === "" || step === ".") continue;
            if (step === "..") {
                done.pop();
                continue;
            }
            const here = `/${[...done, step].join("/")}`;
            const entry = await this.look(here);
            if (entry === undefined) return undefined;
            const isLast = ahead.every((rest) => rest === "" || rest === ".");
            if (entry.kind === "link" && (!isLast || followLast)) {
                if (++links > MAX_LINKS) throw new ImageDamage(`${printable(path)} is a loop of links`);
                const target = await this.readLink(here, entry.size);
                if (target.startsWith("/")) done = [];
                ahead.push(...target.split("/").reverse());
                continue;
            }
            if (!isLast && entry.kind !== "folder") return undefined;
            done.push(step);
        }
        return `/${done.join("/")}`;
    }

    private async look(real: string): Promise<Entry | undefined> {
        if (this.known.has(real)) return this.known.get(real);
        const stats = await this.call(real, () => this.files.lstat(real)).catch((error: unknown) => {
            if (error instanceof NotThere) return undefined;
            throw error;
        });
        const entry = stats && toEntry(stats);
        this.known.set(real, entry);
        return entry;
    }

    /** The library hands out a long target with bytes of its buffer behind it. */
    private async readLink(real: string, size: number): Promise<string> {
        if (size === 0 || size > 4096) throw new ImageDamage(`${printable(real)} is a damaged link`);
        const target = await this.call(real, () => this.files.readlink(real));
        return Buffer.from(target).toString("utf8", 0, size);
    }

    private async call<T>(path: string, action: () => Promise<T>): Promise<T> {
        if (++this.calls > MAX_CALLS)
            throw new ImageDamage("its root file system takes too many steps to look through");
        try {
            return await action();
        } catch (error) {
            const code = (error as NodeJS.ErrnoException).code ?? "";
            if (code === "ENOENT" || code === "ENOTDIR") throw new NotThere();
            if (error instanceof ImageDamage) throw error;
            throw new ImageDamage(
                `${printable(path)} cannot be read (${printable((error as Error).message, 60)})`,
            );
        }
    }
}

class NotThere extends Error {}

const FORMAT = 0o170000;
const KINDS: Readonly<Record<number, Entry["kind"]>> = {
    0o100000: "file",
    0o040000: "folder",
    0o120000: "link",
};

function toEntry({ mode, uid, gid, size }: RawStats): Entry {
    return { kind: KINDS[mode & FORMAT] ?? "other", mode: mode & 0o7777, uid, gid, size };
}
