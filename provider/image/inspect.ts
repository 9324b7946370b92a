import * as crypto from "node:crypto";
import { FileDevice, type BlockDevice } from "./blockDevice";
import { ImageDamage, ImageError } from "./check";
import { decompress, detectCompression, type Compression } from "./compression";
import { HEAD_BYTES } from "./format";
import { DEFAULT_MAX_DISK_BYTES, type InspectLimits, type Inspection, type Progress } from "./inspection";
import { damaged, lookInside } from "./lookInside";
import { HashedSource } from "./source";
import { openSpool, type Spool } from "./spool";

/**
 * Reads an image once from start to end, and then what it needs of the disk inside. A bad image is no error: its
 * failed checks say so. Runs in whatever thread calls it; `inspectInWorker` is for files one does not trust.
 */
export async function inspectImage(
    file: string,
    limits: InspectLimits = {},
    onProgress: (progress: Progress) => void = () => undefined,
): Promise<Inspection> {
    const device = await openImage(file);
    let spool: Spool | undefined;
    try {
        const before = await device.handle.stat({ bigint: true });
        const head = await device.read(0, Math.min(device.size, HEAD_BYTES));
        const compression = detectCompression(head);
        const source = new HashedSource(device.handle, (done) => onProgress({ done, total: device.size }));
        let unpacked: Unpacked | undefined;
        if (compression !== "none") {
            spool = await openSpool(device.size, limits);
            unpacked = await unpack(source, compression, spool, limits);
        }
        await source.drain();
        await assertUnchanged(device, before);

        const disk = unpacked?.disk ?? device;
        const look = unpacked?.damage
            ? damaged(unpacked.damage)
            : await lookInside(disk, compression, limits);
        return {
            sha256: source.sha256(),
            sizeBytes: device.size,
            compression,
            ...(unpacked?.sha256 ? { unpackedSha256: unpacked.sha256 } : {}),
            ...look,
        };
    } finally {
        await spool?.close();
        await device.close();
    }
}

async function openImage(file: string): Promise<FileDevice> {
    let device: FileDevice;
    try {
        device = await FileDevice.open(file);
    } catch (error) {
        throw new ImageError(
            `cannot be opened (${(error as NodeJS.ErrnoException).code ?? "unknown error"})`,
        );
    }
    const stat = await device.handle.stat();
    if (stat.isFile()) return device;
    await device.close();
    throw new ImageError(stat.isDirectory() ? "is a folder, not an image file" : "is not a regular file");
}

async function assertUnchanged(
    device: FileDevice,
    before: { size: bigint; mtimeNs: bigint; ctimeNs: bigint },
): Promise<void> {
    const after = await device.handle.stat({ bigint: true });
    if (after.size !== before.size || after.mtimeNs !== before.mtimeNs || after.ctimeNs !== before.ctimeNs) {
        throw new ImageError("was changed while it was read: wait until whatever writes it has finished");
    }
}

interface Unpacked {
    disk?: BlockDevice;
    sha256?: string;
    damage?: ImageDamage;
}

async function unpack(
    source: HashedSource,
    compression: Exclude<Compression, "none">,
    spool: Spool,
    limits: InspectLimits,
): Promise<Unpacked> {
    const hash = crypto.createHash("sha256");
    try {
        await decompress(
            source,
            compression,
            { maxBytes: limits.maxDiskBytes ?? DEFAULT_MAX_DISK_BYTES, tools: limits.tools },
            (chunk) => {
                hash.update(chunk);
                return spool.file.write(chunk);
            },
        );
    } catch (error) {
        if (error instanceof ImageDamage) return { damage: error };
        throw error;
    }
    return { disk: await spool.finish(), sha256: hash.digest("hex") };
}
