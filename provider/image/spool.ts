import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { FileDevice } from "./blockDevice";
import { ImageError } from "./check";
import type { InspectLimits } from "./inspection";
import { SparseFile } from "./sparseFile";

/** Left free for everything else that writes there. */
const RESERVE = 256 * 2 ** 20;

/** A file for one unpacked disk, without a name: it is gone with the process, however that ends. */
export interface Spool {
    readonly file: SparseFile;
    finish(): Promise<FileDevice>;
    close(): Promise<void>;
}

/** Refused before anything is unpacked where not even the packed size is free. */
export async function openSpool(packedSize: number, limits: InspectLimits): Promise<Spool> {
    const folder = limits.spoolDirectory ?? os.tmpdir();
    await fs.mkdir(folder, { recursive: true });
    const { bavail, bsize } = await fs.statfs(folder);
    const room = Math.min(bavail * bsize - RESERVE, limits.maxSpoolBytes ?? Infinity);
    if (packedSize > room) {
        throw new ImageError(
            `there is no room in ${folder} to unpack the image: at least ${packedSize} bytes are needed, ${Math.max(0, room)} can be used. Free some, or name another folder with the setting spoolDirectory of edge-os:image`,
        );
    }
    const name = path.join(folder, `pulumi-edge-os-spool-${crypto.randomBytes(8).toString("hex")}`);
    const handle = await fs.open(name, "wx+", 0o600);
    await fs.unlink(name);
    const file = new SparseFile(handle, room, folder);
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
