import { type BlockDevice, slice } from "../blockDevice";
import { failed, type ImageCheck, notChecked, passed, printable } from "../check";
import { detectFileSystem, type FileSystem, NoFileSystem, openFileSystem } from "../fileSystem";
import { describePartition, EFI_SYSTEM, type Partition } from "../gpt";

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
        if (finding === "root") return passed(id, `ext4, ${describePartition(partition)}`);
        others.push(`ext4 in partition ${partition.index} ${finding}`);
    }
    const unreadable = others.filter((other) => !other.startsWith("ext4"));
    if (unreadable.length > 0) {
        return notChecked(
            id,
            unreadable.join(", "),
            "the root file system is not readable here (only ext4 is)",
        );
    }
    return failed(
        id,
        others.join(", ") || "no file system",
        "no partition holds a root file system (ext4 with etc/os-release or usr/lib/os-release)",
    );
}

async function lookForRoot(device: BlockDevice): Promise<string> {
    let opened: FileSystem;
    try {
        opened = await openFileSystem(device);
    } catch (error) {
        if (!(error instanceof NoFileSystem)) throw error;
        return `cannot be opened (${printable(error.message, 80)})`;
    }
    try {
        for (const folder of ["/etc", "/usr/lib"]) {
            const names = await opened.fs.promises.readdir(folder).catch((): string[] => []);
            if (names.includes("os-release")) return "root";
        }
        return "has no os-release";
    } finally {
        await opened.close();
    }
}
