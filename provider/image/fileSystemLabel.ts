import type { BlockDevice } from "./blockDevice";
import { printable } from "./check";
import { detectFileSystem } from "./fileSystem";

/** What lies in a partition, told by its first blocks. */
export interface PartitionContent {
    /** `ext4`, `FAT`, `LUKS`, … */
    fileSystem?: string;
    /** Label of the file system, which is another thing than the partition's name. */
    label?: string;
}

/** The kind and label of what fills a partition. */
export async function readPartitionContent(device: BlockDevice): Promise<PartitionContent> {
    const fileSystem = await detectFileSystem(device);
    if (fileSystem === "ext4")
        return withLabel("ext4", (await device.read(1024 + 120, 16)).toString("latin1"));
    if (fileSystem !== undefined) return { fileSystem };
    if (device.size < 512) return {};
    const boot = await device.read(0, 512);
    if (boot.readUInt16LE(510) !== 0xaa55) return {};
    for (const [kindAt, labelAt] of [
        [82, 71],
        [54, 43],
    ] as const) {
        if (boot.toString("latin1", kindAt, kindAt + 3) !== "FAT") continue;
        return withLabel("FAT", boot.toString("latin1", labelAt, labelAt + 11));
    }
    return {};
}

function withLabel(fileSystem: string, bytes: string): PartitionContent {
    const label = printable(bytes.replace(/\0.*$/s, "").trimEnd());
    // What FAT tools write where there is no label.
    return label === "" || label === "NO NAME" ? { fileSystem } : { fileSystem, label };
}
