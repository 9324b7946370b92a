import type * as fs from "node:fs";
import { interact } from "balena-image-fs";
import { Disk, type ReadResult } from "file-disk";
import { type BlockDevice, slice } from "./blockDevice";
import { failed, type ImageCheck, passed, printable } from "./check";
import { EFI_SYSTEM, type Partition } from "./gpt";

type PartitionFs = typeof fs;

/** The names UEFI looks for on a disk it has not seen before, by architecture. */
const BOOT_LOADERS = ["BOOTX64.EFI", "BOOTAA64.EFI"] as const;

/** The EFI system partition: there, readable, and with a boot loader under the name firmware looks for. */
export async function checkEfiSystem(disk: BlockDevice, partitions: Partition[]): Promise<ImageCheck[]> {
    const partition = partitions.find(({ type }) => type === EFI_SYSTEM);
    if (!partition) {
        return [
            failed(
                "esp.present",
                `${partitions.length} partitions, none of type EFI system`,
                "has no EFI system partition: firmware finds nothing to start",
            ),
        ];
    }
    const present = passed("esp.present", describe(partition));
    const device = slice(disk, partition.offset, partition.size);
    const unsound = fatProblem(
        device.size < 512 ? Buffer.alloc(512) : await device.read(0, 512),
        device.size,
    );
    if (unsound !== undefined) {
        return [
            present,
            failed(
                "esp.opens",
                unsound,
                `the EFI system partition holds no readable FAT file system (${unsound})`,
            ),
        ];
    }
    try {
        return [present, ...(await withFileSystem(device, lookForBootLoader))];
    } catch (error) {
        const reason = printable((error as Error).message, 120);
        return [
            present,
            failed(
                "esp.opens",
                reason,
                `the FAT file system of the EFI system partition is damaged: ${reason}`,
            ),
        ];
    }
}

async function lookForBootLoader(fs: PartitionFs): Promise<ImageCheck[]> {
    const opens = passed("esp.opens", "FAT");
    const folder = await findIgnoringCase(fs, ["EFI", "BOOT"]);
    const names = folder === undefined ? [] : await fs.promises.readdir(folder);
    const found = BOOT_LOADERS.find((name) => names.some((entry) => entry.toUpperCase() === name));
    const seen = names.map((name) => printable(name, 20)).slice(0, 6);
    return [
        opens,
        found
            ? passed("esp.boot-loader", `EFI/BOOT/${found}`)
            : failed(
                  "esp.boot-loader",
                  folder === undefined
                      ? "no folder EFI/BOOT"
                      : `EFI/BOOT holds ${seen.join(", ") || "nothing"}`,
                  `the EFI system partition has no EFI/BOOT/${BOOT_LOADERS.join(" or ")}: firmware starts nothing from a new disk`,
              ),
    ];
}

/** FAT keeps names in any case and compares without it. */
async function findIgnoringCase(fs: PartitionFs, steps: readonly string[]): Promise<string | undefined> {
    let folder = "/";
    for (const step of steps) {
        const names = await fs.promises.readdir(folder);
        const name = names.find((entry) => entry.toUpperCase() === step);
        if (name === undefined) return undefined;
        folder = `${folder === "/" ? "" : folder}/${name}`;
    }
    return folder;
}

/** A partition that holds a system's root: found by content, since type GUIDs and labels differ by distribution. */
export async function checkRoot(disk: BlockDevice, partitions: Partition[]): Promise<ImageCheck> {
    const id = "root.present";
    const others: string[] = [];
    for (const partition of partitions) {
        if (partition.type === EFI_SYSTEM) continue;
        const device = slice(disk, partition.offset, partition.size);
        const kind = await detectFileSystem(device);
        if (kind === undefined) continue;
        if (kind !== "ext4") {
            others.push(`${kind} in partition ${partition.index}`);
            continue;
        }
        const finding = await lookForRoot(device);
        if (finding === "root") return passed(id, `ext4, ${describe(partition)}`);
        others.push(`ext4 in partition ${partition.index} ${finding}`);
    }
    const unreadable = others.filter((other) => !other.startsWith("ext4"));
    if (unreadable.length > 0) {
        return passed(id, `${unreadable.join(", ")}: not readable here, not checked`);
    }
    return failed(
        id,
        others.join(", ") || "no file system",
        "no partition holds a root file system (ext4 with etc/os-release or usr/lib/os-release)",
    );
}

async function lookForRoot(device: BlockDevice): Promise<string> {
    const unsound = extProblem(await device.read(1024, 1024), device.size);
    if (unsound !== undefined) return `is damaged (${unsound})`;
    try {
        return await withFileSystem(device, async (fs) => {
            for (const folder of ["/etc", "/usr/lib"]) {
                const names = await fs.promises.readdir(folder).catch((): string[] => []);
                if (names.includes("os-release")) return "root";
            }
            return "has no os-release";
        });
    } catch (error) {
        return `cannot be opened (${printable((error as Error).message, 80)})`;
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

async function detectFileSystem(device: BlockDevice): Promise<string | undefined> {
    for (const [name, offset, bytes] of SIGNATURES) {
        if (offset + bytes.length > device.size || device.size < 2048) continue;
        if ((await device.read(offset, bytes.length)).equals(bytes)) return name;
    }
    return undefined;
}

/** What the FAT reader would take on trust and loop or allocate over. */
function fatProblem(boot: Buffer, size: number): string | undefined {
    if (boot.readUInt16LE(510) !== 0xaa55) return "no boot sector";
    const bytesPerSector = boot.readUInt16LE(11);
    const sectorsPerCluster = boot.readUInt8(13);
    const reserved = boot.readUInt16LE(14);
    const copies = boot.readUInt8(16);
    const sectors = boot.readUInt16LE(19) || boot.readUInt32LE(32);
    const sectorsPerFat = boot.readUInt16LE(22) || boot.readUInt32LE(36);
    if (bytesPerSector !== 512) return `${bytesPerSector} bytes a sector`;
    if (sectorsPerCluster === 0 || (sectorsPerCluster & (sectorsPerCluster - 1)) !== 0) {
        return `${sectorsPerCluster} sectors a cluster`;
    }
    if (reserved === 0 || copies === 0 || copies > 4 || sectorsPerFat === 0) return "no allocation table";
    if (sectors * 512 > size) return `says ${sectors * 512} bytes in a partition of ${size}`;
    if (reserved + copies * sectorsPerFat >= sectors) return "allocation tables larger than the partition";
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

function withFileSystem<T>(device: BlockDevice, look: (fs: PartitionFs) => Promise<T>): Promise<T> {
    return interact(new ReadOnlyDisk(device), undefined, look);
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

function describe(partition: Partition): string {
    return `partition ${partition.index}${partition.name ? ` "${partition.name}"` : ""}`;
}
