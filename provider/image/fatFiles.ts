import { callbackify } from "node:util";
import { type BlockDevice, MAX_READ } from "./blockDevice";
import { type FatEntry, FatVolume } from "./fat";

/** Calls of Node's own `fs.promises`, as far as images are read with them. */
interface FatCalls {
    readdir(path: string): Promise<string[]>;
    stat(path: string): Promise<{ size: number; isFile(): boolean; isDirectory(): boolean }>;
    open(path: string, flags: string): Promise<number>;
    read(fd: number, buffer: Buffer, offset: number, length: number, position: number): Promise<number>;
    close(fd: number): Promise<void>;
}

/** A FAT file system behind the calls that the ext4 library has: Node's, with a callback and as promises. */
export async function openFatFiles(device: BlockDevice): Promise<object> {
    const promises = fatCalls(await FatVolume.open(device));
    const calls = Object.entries(promises) as [string, (...args: unknown[]) => Promise<unknown>][];
    return { ...Object.fromEntries(calls.map(([name, call]) => [name, callbackify(call)])), promises };
}

function fatCalls(volume: FatVolume): FatCalls {
    const opened = new Map<number, FatEntry>();
    let lastHandle = 2;

    async function present(path: string): Promise<FatEntry | "root"> {
        const found = await volume.find(path);
        if (found === undefined) throw failure("ENOENT", path);
        return found;
    }
    async function file(path: string): Promise<FatEntry> {
        const found = await present(path);
        if (found === "root" || found.isDirectory) throw failure("EISDIR", path);
        return found;
    }
    return {
        async readdir(path) {
            const folder = await present(path);
            if (folder !== "root" && !folder.isDirectory) throw failure("ENOTDIR", path);
            return (await volume.list(folder)).map(({ name }) => name);
        },
        async stat(path) {
            const found = await present(path);
            const isDirectory = found === "root" || found.isDirectory;
            const size = found === "root" || isDirectory ? 0 : found.size;
            return { size, isFile: () => !isDirectory, isDirectory: () => isDirectory };
        },
        async open(path) {
            opened.set(++lastHandle, await file(path));
            return lastHandle;
        },
        async read(fd, buffer, offset, length, position) {
            const found = opened.get(fd);
            if (!found) throw failure("EBADF", String(fd));
            const bytes = await volume.read(found, position, Math.min(length, MAX_READ));
            bytes.copy(buffer, offset);
            return bytes.length;
        },
        close(fd) {
            opened.delete(fd);
            return Promise.resolve();
        },
    };
}

function failure(code: string, path: string): NodeJS.ErrnoException {
    return Object.assign(new Error(`${code}: ${path}`), { code });
}
