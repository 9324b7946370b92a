import * as crypto from "node:crypto";
import { FileDevice, type BlockDevice } from "./blockDevice";
import { failed, ImageDamage, ImageError, type ImageCheck, passed } from "./check";
import { decompress, detectCompression, type Compression } from "./compression";
import { checkEfiSystem, checkRoot } from "./filesystems";
import { detectFormat, HEAD_BYTES } from "./format";
import { readGpt } from "./gpt";
import { DEFAULT_MAX_DISK_BYTES, type InspectLimits, type Inspection, type Progress } from "./inspection";
import { Qcow2Device } from "./qcow2";
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

type Look = Pick<Inspection, "format" | "virtualSizeBytes" | "partitions" | "checks">;

async function lookInside(file: BlockDevice, compression: Compression, limits: InspectLimits): Promise<Look> {
    const { format, other } = detectFormat(await file.read(0, Math.min(file.size, HEAD_BYTES)));
    if (other !== undefined) {
        const message = `is a ${other}, not a disk image (raw or qcow2)`;
        return bare(file.size, [failed("container.whole", other, message)]);
    }
    let disk = file;
    if (format === "qcow2") {
        try {
            const qcow2 = await Qcow2Device.open(file);
            await qcow2.verifyTables();
            disk = qcow2;
        } catch (error) {
            if (!(error instanceof ImageDamage)) throw error;
            return {
                ...bare(file.size, [failed("container.whole", "unreadable qcow2", error.message)]),
                format,
            };
        }
    }
    const checks = [wholeCheck(file, format, compression), sizeCheck(disk, limits)];
    const { partitions, found } = await lookAtPartitions(disk);
    return { format, virtualSizeBytes: disk.size, partitions, checks: [...checks, ...found] };
}

async function lookAtPartitions(
    disk: BlockDevice,
): Promise<{ partitions: Inspection["partitions"]; found: ImageCheck[] }> {
    try {
        const table = await readGpt(disk);
        const found = [...table.checks];
        if (table.partitions.length > 0) {
            found.push(...(await checkEfiSystem(disk, table.partitions)));
            found.push(await checkRoot(disk, table.partitions));
        }
        const partitions = table.partitions.map(({ index, name, type, size }) => ({
            index,
            name,
            type,
            sizeBytes: size,
        }));
        return { partitions, found };
    } catch (error) {
        if (!(error instanceof ImageDamage)) throw error;
        return { partitions: [], found: [failed("container.readable", "damaged", error.message)] };
    }
}

function wholeCheck(file: BlockDevice, format: string, compression: Compression): ImageCheck {
    if (format === "raw" && file.size % 512 !== 0) {
        return failed(
            "container.whole",
            `${file.size} bytes`,
            "is not a whole number of 512-byte sectors long: it is cut off, or no disk image",
        );
    }
    return passed(
        "container.whole",
        compression === "none" ? format : `${compression} stream ends with the file`,
    );
}

function sizeCheck(disk: BlockDevice, limits: InspectLimits): ImageCheck {
    const most = limits.maxDiskBytes ?? DEFAULT_MAX_DISK_BYTES;
    return disk.size <= most
        ? passed("container.size", `${disk.size} bytes`)
        : failed(
              "container.size",
              `${disk.size} bytes`,
              `its disk is larger than the ${most} bytes that are taken`,
          );
}

function damaged(damage: ImageDamage): Look {
    return bare(0, [failed("container.whole", "damaged stream", damage.message)]);
}

function bare(virtualSizeBytes: number, checks: ImageCheck[]): Look {
    return { format: "raw", virtualSizeBytes, partitions: [], checks };
}
