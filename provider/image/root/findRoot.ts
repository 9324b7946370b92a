import { type BlockDevice, slice } from "../blockDevice";
import { failed, type ImageCheck, ImageDamage, notChecked, passed, printable } from "../check";
import { detectFileSystem, type FileSystem, NoFileSystem, openFileSystem } from "../fileSystem";
import { describePartition, EFI_SYSTEM, type Partition } from "../gpt";
import { ImageTree } from "./tree";

/** The root file system of a disk, open. Whoever found it closes it. */
export interface Root {
    partition: Partition;
    tree: ImageTree;
    close(): Promise<void>;
}

/** What was found of it, and the check that tells. */
export interface FoundRoot {
    root?: Root;
    check: ImageCheck;
}

const ID = "root.present";

/** The partition that holds a system's root: found by content, since type GUIDs and labels differ by distribution. */
export async function findRoot(disk: BlockDevice, partitions: readonly Partition[]): Promise<FoundRoot> {
    const others: string[] = [];
    const unreadable: string[] = [];
    for (const partition of partitions) {
        if (partition.type === EFI_SYSTEM) continue;
        const device = slice(disk, partition.offset, partition.size);
        const kind = await detectFileSystem(device);
        if (kind === undefined) continue;
        if (kind !== "ext4") {
            unreadable.push(`${kind} in ${describePartition(partition)}`);
            continue;
        }
        const opened = await open(device);
        if (typeof opened === "string") {
            others.push(`ext4 in ${describePartition(partition)} cannot be opened (${opened})`);
            if (opened === UNSUPPORTED)
                unreadable.push(`ext4 in ${describePartition(partition)} with features of its own`);
            continue;
        }
        const tree = new ImageTree(opened.fs, device);
        const finding = await holdsRoot(tree);
        if (finding === true) {
            const root = { partition, tree, close: () => opened.close() };
            return { root, check: passed(ID, `ext4, ${describePartition(partition)}`) };
        }
        await opened.close();
        others.push(`ext4 in ${describePartition(partition)} ${finding}`);
    }
    if (unreadable.length > 0) {
        const why =
            "the root file system is not readable here (only ext4 is), so what is in it was not checked";
        return { check: notChecked(ID, unreadable.join(", "), why) };
    }
    const message = "no partition holds a root file system (ext4 with etc/os-release or usr/lib/os-release)";
    return { check: failed(ID, others.join(", ") || "no file system", message) };
}

/** What the library says of a file system whose features it does not know; its guards have passed by then. */
const UNSUPPORTED = "Unsupported filesystem.";

async function open(device: BlockDevice): Promise<FileSystem | string> {
    try {
        return await openFileSystem(device);
    } catch (error) {
        if (!(error instanceof NoFileSystem)) throw error;
        return printable(error.message, 80);
    }
}

async function holdsRoot(tree: ImageTree): Promise<true | string> {
    try {
        for (const file of ["/etc/os-release", "/usr/lib/os-release"]) {
            if (await tree.exists(file)) return true;
        }
        return "has no os-release";
    } catch (error) {
        if (!(error instanceof ImageDamage)) throw error;
        return `is damaged (${printable(error.message, 80)})`;
    }
}
