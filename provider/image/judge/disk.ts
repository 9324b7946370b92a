import { failed, type ImageCheck, passed } from "../check";
import type { ContentExpectations } from "../expect.schema";
import type { PartitionSummary } from "../inspection";
import { formatSize } from "../size";
import type { Seen } from "./seen";

type ExpectedPartition = NonNullable<ContentExpectations["partitions"]>[number];

/** Size of the disk, and its partitions. */
export function judgeDisk({ maxDiskBytes, partitions = [] }: ContentExpectations, seen: Seen): ImageCheck[] {
    const checks = partitions.map((expected) => judgePartition(expected, seen.partitions));
    if (maxDiskBytes === undefined) return checks;
    const size = formatSize(seen.diskBytes);
    const check =
        seen.diskBytes <= maxDiskBytes
            ? passed("disk.size", size)
            : failed(
                  "disk.size",
                  size,
                  `its disk does not fit on one of ${formatSize(maxDiskBytes)} (expect.maxDiskBytes): make it smaller`,
              );
    return [check, ...checks];
}

function judgePartition(expected: ExpectedPartition, partitions: readonly PartitionSummary[]): ImageCheck {
    const { name, type, fileSystem, minSizeBytes } = expected;
    const id = `partition.${name ?? type ?? fileSystem ?? ""}`;
    const found = partitions.find(
        (partition) =>
            (name === undefined || hasName(partition, name)) &&
            (type === undefined || partition.type === type) &&
            (fileSystem === undefined || partition.fileSystem === fileSystem),
    );
    if (!found) {
        const what = [
            name === undefined ? [] : [`named ${JSON.stringify(name)}`],
            type === undefined ? [] : [`of type ${type}`],
            fileSystem === undefined ? [] : [`with ${fileSystem}`],
        ].flat();
        return failed(id, describePartitions(partitions), `has no partition ${what.join(" ")}`);
    }
    const seen = `partition ${found.index}, ${formatSize(found.sizeBytes)}`;
    if (minSizeBytes !== undefined && found.sizeBytes < minSizeBytes) {
        return failed(id, seen, `is smaller than the ${formatSize(minSizeBytes)} it must have`);
    }
    return passed(id, seen);
}

/** By the partition's name or the label of its file system: tools set one or the other. */
export function hasName({ name, label }: PartitionSummary, wanted: string): boolean {
    return [name, label].some((one) => one?.toLowerCase() === wanted.toLowerCase());
}

/** `1 "UEFI" FAT, 2 "rootfs" ext4` */
export function describePartitions(partitions: readonly PartitionSummary[]): string {
    const texts = partitions
        .slice(0, 16)
        .map(({ index, name, label, fileSystem }) =>
            [String(index), quoted(name === "" ? label : name), fileSystem ?? ""]
                .filter((part) => part !== "")
                .join(" "),
        );
    return texts.join(", ") || "no partitions";
}

function quoted(name = ""): string {
    return name === "" ? "" : JSON.stringify(name);
}
