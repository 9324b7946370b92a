import type { BlockDevice } from "../../image/blockDevice";
import { ImageDamage } from "../../image/check";

/** What is known of an ISO 9660 image. */
export interface IsoImage {
    /** Volume label, `COS_LIVE`. */
    label: string;
    /** As the image says; the file may be longer. */
    sizeBytes: number;
    /** Where the names come from: Rock Ridge where it is there, else Joliet, else ISO 9660's own. */
    names: "Rock Ridge" | "Joliet" | "ISO 9660";
    boot: readonly BootEntry[];
    /** By path, `/boot/kernel`. */
    entries: ReadonlyMap<string, IsoEntry>;
}

/** An entry of the boot catalogue (El Torito). */
export interface BootEntry {
    platform: "bios" | "uefi" | "other";
    isBootable: boolean;
    /** Where what is started begins. */
    offset: number;
    /** What the firmware is told to load; UEFI images are mostly larger than can be said here. */
    loadBytes: number;
}

/** A file, folder or link of the image. */
export interface IsoEntry {
    path: string;
    kind: "file" | "folder" | "link" | "other";
    sizeBytes: number;
    /** One, or more where a file is larger than 4 GiB. */
    extents: readonly Extent[];
    /** With Rock Ridge: permission bits. */
    mode?: number;
    /** Of a link, as it is written. */
    target?: string;
}

export interface Extent {
    offset: number;
    length: number;
}

const CHUNK = 1024 * 1024;

/** Hands out a file in pieces. */
export async function* isoFileChunks(device: BlockDevice, { extents }: IsoEntry): AsyncGenerator<Buffer> {
    for (const { offset, length } of extents) {
        for (let at = 0; at < length; at += CHUNK) {
            yield await device.read(offset + at, Math.min(CHUNK, length - at));
        }
    }
}

/** The whole file; throws beyond `limit` bytes. */
export async function readIsoFile(device: BlockDevice, entry: IsoEntry, limit: number): Promise<Buffer> {
    if (entry.sizeBytes > limit) {
        throw new ImageDamage(
            `${entry.path} has ${entry.sizeBytes} bytes, more than the ${limit} that are read of such files`,
        );
    }
    const chunks: Buffer[] = [];
    for await (const chunk of isoFileChunks(device, entry)) chunks.push(chunk);
    return Buffer.concat(chunks);
}
