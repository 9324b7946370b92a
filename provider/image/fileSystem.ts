import type * as fs from "node:fs";
import { Disk, type ReadResult } from "file-disk";
import type { BlockDevice } from "./blockDevice";
import { ImageDamage, printable } from "./check";
import { balenaImageFs } from "./extLibrary";
import { openFatFiles } from "./fatFiles";

export type PartitionFs = typeof fs;

/** A file system that is open for reading. Whoever opened it closes it. */
export interface FileSystem {
    kind: "FAT" | "ext4";
    fs: PartitionFs;
    close(): Promise<void>;
}

/** The device holds no file system that can be opened; the message is a few words to put in brackets. */
export class NoFileSystem extends Error {
    override readonly name = "NoFileSystem";
}

/** Opens the FAT or ext4 file system that fills the device; throws NoFileSystem when there is none to be read. */
export async function openFileSystem(device: BlockDevice): Promise<FileSystem> {
    if ((await detectFileSystem(device)) !== "ext4") return openFat(device);
    const unsound = extProblem(await device.read(1024, 1024), device.size);
    if (unsound !== undefined) throw new NoFileSystem(unsound);

    // The library closes a file system when its callback ends, so the callback lasts until close() is called.
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    return new Promise<FileSystem>((resolve, reject) => {
        const whole = balenaImageFs().interact(new ReadOnlyDisk(device), undefined, async (fs) => {
            resolve({
                kind: "ext4",
                fs,
                async close() {
                    release();
                    // Nothing was written, so nothing is lost when a damaged file system cannot be closed.
                    await whole.catch(() => undefined);
                },
            });
            await released;
        });
        whole.catch((error: unknown) => reject(new NoFileSystem(printable((error as Error).message, 120))));
    });
}

async function openFat(device: BlockDevice): Promise<FileSystem> {
    try {
        const fs = (await openFatFiles(device)) as PartitionFs;
        return { kind: "FAT", fs, close: () => Promise.resolve() };
    } catch (error) {
        if (error instanceof ImageDamage) throw new NoFileSystem(error.message);
        throw error;
    }
}

const SIGNATURES: readonly (readonly [name: string, offset: number, bytes: Buffer])[] = [
    ["ext4", 1024 + 56, Buffer.from("53ef", "hex")],
    ["xfs", 0, Buffer.from("XFSB")],
    ["btrfs", 65536 + 64, Buffer.from("_BHRfS_M")],
    ["squashfs", 0, Buffer.from("hsqs")],
    ["erofs", 1024, Buffer.from("e2e1f5e0", "hex")],
    ["LUKS", 0, Buffer.from("4c554b53babe", "hex")],
    ["LVM", 512, Buffer.from("LABELONE")],
];

/** The kind of file system or container that the device begins as, told by its signature. */
export async function detectFileSystem(device: BlockDevice): Promise<string | undefined> {
    for (const [name, offset, bytes] of SIGNATURES) {
        if (offset + bytes.length > device.size || device.size < 2048) continue;
        if ((await device.read(offset, bytes.length)).equals(bytes)) return name;
    }
    return undefined;
}

/** Bounds what the ext4 reader allocates: all its tables follow from these fields. */
function extProblem(superblock: Buffer, size: number): string | undefined {
    const blockSizeExponent = superblock.readUInt32LE(24);
    if (blockSizeExponent > 6) return "block size";
    const blockSize = 1024 << blockSizeExponent;
    const is64Bit = (superblock.readUInt32LE(96) & 0x80) !== 0;
    const blocks = superblock.readUInt32LE(4) + (is64Bit ? superblock.readUInt32LE(336) * 2 ** 32 : 0);
    if (blocks === 0 || blocks * blockSize > size) return `says ${blocks} blocks of ${blockSize} bytes`;
    const blocksPerGroup = superblock.readUInt32LE(32);
    const inodesPerGroup = superblock.readUInt32LE(40);
    if (blocksPerGroup === 0 || blocksPerGroup > blockSize * 8) return "blocks in a group";
    if (inodesPerGroup === 0 || inodesPerGroup > blockSize * 8) return "inodes in a group";
    const groups = Math.ceil(blocks / blocksPerGroup);
    if (superblock.readUInt32LE(0) > groups * inodesPerGroup) return "number of inodes";
    const inodeSize = superblock.readUInt32LE(76) === 0 ? 128 : superblock.readUInt16LE(88);
    if (inodeSize < 128 || inodeSize > blockSize || (inodeSize & (inodeSize - 1)) !== 0) return "inode size";
    const descriptorSize = is64Bit ? superblock.readUInt16LE(254) : 32;
    return descriptorSize < 32 || descriptorSize > 1024 ? "descriptor size" : undefined;
}

/** A device in the shape the file-system readers want. */
class ReadOnlyDisk extends Disk {
    constructor(private readonly device: BlockDevice) {
        super(true);
    }

    protected override async _getCapacity(): Promise<number> {
        return this.device.size;
    }

    protected override async _read(
        buffer: Buffer,
        bufferOffset: number,
        length: number,
        fileOffset: number,
    ): Promise<ReadResult> {
        const bytes = await this.device.read(fileOffset, length);
        bytes.copy(buffer, bufferOffset);
        return { bytesRead: bytes.length, buffer };
    }

    protected override async _write(): Promise<never> {
        throw new Error("images are opened for reading only");
    }

    protected override async _flush(): Promise<void> {
        return Promise.resolve();
    }
}
