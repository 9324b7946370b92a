import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { isAlive } from "../process/isAlive";
import { FileDevice } from "./blockDevice";
import { ImageError } from "./check";
import type { InspectLimits } from "./inspection";
import { formatSize } from "./size";
import { SparseFile } from "./sparseFile";

/** Left free for everything else that writes there. */
const RESERVE = 256 * 2 ** 20;
const NAME = /^pulumi-edge-os-spool-(\d+)-[0-9a-f]{16}$/;
const ADVICE = "Free some, or name another folder with the setting spoolDirectory of edge-os:image";

/** A file for one unpacked disk, without a name: it is gone with the process, however that ends. */
export interface Spool {
    readonly file: SparseFile;
    finish(): Promise<FileDevice>;
    close(): Promise<void>;
}

/** Refused before anything is unpacked where not even `least` bytes, the packed size, are free. */
export async function openSpool(least: number, limits: InspectLimits): Promise<Spool> {
    const folder = limits.spoolDirectory ?? os.tmpdir();
    const room = await roomIn(folder, limits);
    if (room <= 0 || least > room) {
        throw new ImageError(
            `cannot be unpacked: there is no room in ${folder}: at least ${formatSize(least)} are needed, ${formatSize(Math.max(0, room))} can be used. ${ADVICE}`,
        );
    }
    const handle = await openNameless(folder);
    const file = new SparseFile(handle, room, (detail) => {
        return new ImageError(`cannot be unpacked: there is no room in ${folder}: ${detail}. ${ADVICE}`);
    });
    return {
        file,
        async finish() {
            await file.finish();
            return FileDevice.of(handle);
        },
        async close() {
            await file.settle();
            await handle.close();
        },
    };
}

async function roomIn(folder: string, limits: InspectLimits): Promise<number> {
    try {
        await fs.mkdir(folder, { recursive: true });
        await removeDead(folder);
        const { bavail, bsize } = await fs.statfs(folder);
        return Math.min(bavail * bsize - RESERVE, limits.maxSpoolBytes ?? Infinity);
    } catch (error) {
        throw notUsable(folder, error);
    }
}

async function openNameless(folder: string): Promise<fs.FileHandle> {
    const unique = crypto.randomBytes(8).toString("hex");
    const name = path.join(folder, `pulumi-edge-os-spool-${process.pid}-${unique}`);
    try {
        const handle = await fs.open(name, "wx+", 0o600);
        await fs.unlink(name);
        return handle;
    } catch (error) {
        throw notUsable(folder, error);
    }
}

/** Left where a process was killed before it could take the name away. */
async function removeDead(folder: string): Promise<void> {
    for (const name of await fs.readdir(folder)) {
        const pid = NAME.exec(name)?.[1];
        if (pid === undefined || isAlive(Number(pid))) continue;
        await fs.rm(path.join(folder, name), { force: true }).catch(() => undefined);
    }
}

function notUsable(folder: string, error: unknown): ImageError {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    return new ImageError(
        `cannot be unpacked: the folder ${folder} cannot be used (${code}). Name another with the setting spoolDirectory of edge-os:image`,
    );
}
