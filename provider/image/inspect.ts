import * as crypto from "node:crypto";
import type { BlockDevice } from "./blockDevice";
import { ImageDamage, ImageError } from "./check";
import { decompress, detectCompression, type Compression } from "./compression";
import { HEAD_BYTES } from "./format";
import { DEFAULT_MAX_DISK_BYTES, type InspectLimits, type Inspection, type Progress } from "./inspection";
import { damaged, lookInside } from "./lookInside";
import { FileSource } from "./source/file";
import { HashedSource } from "./source/hashed";
import { RangeDevice } from "./source/rangeDevice";
import type { ImageSource } from "./source/source";
import { formatSize } from "./size";
import { openSpool, type Spool } from "./spool";

export interface InspectTask {
    limits: InspectLimits;
    /** Digest that the image is going to be held to when all its bytes are read: what can be seen without, is. */
    planned?: string;
}

type OnProgress = (progress: Progress) => void;

/** `inspectSource` for a file of this machine. */
export async function inspectImage(
    file: string,
    limits: InspectLimits = {},
    onProgress?: OnProgress,
): Promise<Inspection> {
    const source = await FileSource.open(file);
    try {
        return await inspectSource(source, { limits }, onProgress);
    } finally {
        await source.close();
    }
}

/**
 * Reads an image once from start to end, and then what it needs of the disk inside. A bad image is no error: its
 * failed checks say so. Runs in whatever thread calls it; `inspectInWorker` is for images one does not trust.
 */
export async function inspectSource(
    source: ImageSource,
    { limits, planned }: InspectTask,
    onProgress: OnProgress = () => undefined,
): Promise<Inspection> {
    assertNotTooLarge(source.size, limits);
    const device = deviceOf(source);
    if (planned !== undefined && device) {
        const look = await lookWithoutReading(device, planned, limits);
        if (look) return look;
    }
    const bytes = new HashedSource(source.read({ start: 0 }), (done) =>
        onProgress({ done, ...(source.size === undefined ? {} : { total: source.size }) }),
    );
    let spool: Spool | undefined;
    try {
        const compression = detectCompression(await bytes.peek(HEAD_BYTES));
        let disk: Disk;
        if (compression !== "none") {
            spool = await openSpool(source.size ?? 0, limits);
            disk = await unpack(bytes, compression, spool, limits);
        } else if (device) {
            disk = { device };
        } else {
            spool = await openSpool(0, limits);
            disk = { device: await copy(bytes, spool) };
        }
        await bytes.drain();
        await source.confirm?.();

        const look =
            "damage" in disk ? damaged(disk.damage) : await lookInside(disk.device, compression, limits);
        return {
            sha256: bytes.sha256(),
            sizeBytes: bytes.position,
            compression,
            ...("sha256" in disk ? { unpackedSha256: disk.sha256 } : {}),
            ...look,
        };
    } finally {
        await bytes.close();
        await spool?.close();
    }
}

/** Said before hours are spent with its digest. */
function assertNotTooLarge(
    size: number | undefined,
    { maxDiskBytes = DEFAULT_MAX_DISK_BYTES }: InspectLimits,
): void {
    if (size === undefined || size <= maxDiskBytes) return;
    throw new ImageError(
        `has ${formatSize(size)}, more than the ${formatSize(maxDiskBytes)} that a disk may have: nothing of it was read. Raise edge-os:image.maxDiskBytes if it is meant to be so large`,
    );
}

function deviceOf(source: ImageSource): BlockDevice | undefined {
    const { device, takesRanges, size } = source;
    if (device || !takesRanges || size === undefined) return device;
    return new RangeDevice(size, async (start, end) => {
        const parts: Buffer[] = [];
        for await (const chunk of source.read({ start, end })) parts.push(chunk);
        return Buffer.concat(parts);
    });
}

/** Random access is enough for a disk that is not packed. */
async function lookWithoutReading(
    device: BlockDevice,
    planned: string,
    limits: InspectLimits,
): Promise<Inspection | undefined> {
    const compression = detectCompression(await device.read(0, Math.min(device.size, HEAD_BYTES)));
    if (compression !== "none") return undefined;
    const look = await lookInside(device, compression, limits);
    return { sha256: planned, isPlanned: true, sizeBytes: device.size, compression, ...look };
}

/** The unpacked bytes, with their digest where they were packed; or what stopped the unpacking. */
type Disk = { device: BlockDevice; sha256?: string } | { damage: ImageDamage };

async function unpack(
    source: HashedSource,
    compression: Exclude<Compression, "none">,
    spool: Spool,
    limits: InspectLimits,
): Promise<Disk> {
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
    return { device: await spool.finish(), sha256: hash.digest("hex") };
}

/** What comes from a place that only starts from the beginning is kept for the reading afterwards. */
async function copy(source: HashedSource, spool: Spool): Promise<BlockDevice> {
    for (let chunk = await source.next(); chunk; chunk = await source.next()) await spool.file.write(chunk);
    return spool.finish();
}
