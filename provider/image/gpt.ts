import type { BlockDevice } from "./blockDevice";
import { type ImageCheck, passed } from "./check";
import {
    backupCheck,
    boundsCheck,
    checkProtectiveMbr,
    entriesCheck,
    explainMissing,
    guidCheck,
    headerCheck,
    overlapCheck,
} from "./gptChecks";
import { type Entry, findSectorSize, isInside, parseEntries, readHeader, usable } from "./gptTable";

/** One used entry of a GUID partition table. */
export interface Partition {
    /** Place in the table, from 1. */
    index: number;
    /** Type GUID in upper case. */
    type: string;
    guid: string;
    name: string;
    firstLba: number;
    lastLba: number;
    /** Byte range on the disk. */
    offset: number;
    size: number;
}

export interface PartitionTable {
    sectorSize: number;
    diskGuid: string;
    partitions: Partition[];
    checks: ImageCheck[];
}

export const EFI_SYSTEM = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";

/** `partition 2 "rootfs"`. */
export function describePartition({ index, name }: Pick<Partition, "index" | "name">): string {
    return `partition ${index}${name ? ` "${name}"` : ""}`;
}

/** Reads both copies of the table and judges them; checks that have nothing left to look at are not listed. */
export async function readGpt(disk: BlockDevice): Promise<PartitionTable> {
    const checks: ImageCheck[] = [];
    const sectorSize = await findSectorSize(disk);
    if (sectorSize === undefined) {
        checks.push(await explainMissing(disk));
        return { sectorSize: 512, diskGuid: "", partitions: [], checks };
    }
    const sectors = Math.floor(disk.size / sectorSize);
    const limit = sectorSize === 512 ? "" : ": boots only from disks that have them";
    checks.push(passed("gpt.present", `${sectorSize}-byte sectors${limit}`));
    checks.push(await checkProtectiveMbr(disk));

    const primary = await readHeader(disk, sectorSize, 1);
    const backup = await readHeader(disk, sectorSize, sectors - 1);
    checks.push(headerCheck(primary), entriesCheck(primary), backupCheck(primary, backup, disk, sectorSize));

    // Firmware falls back to the backup; looking further tells the user more than the first finding alone.
    const table = usable(primary) ?? usable(backup);
    if (!table) return { sectorSize, diskGuid: "", partitions: [], checks };
    const entries = parseEntries(table.header, table.entries);
    checks.push(boundsCheck(table.header, entries, sectors), overlapCheck(entries), guidCheck(entries));
    return {
        sectorSize,
        diskGuid: table.header.diskGuid,
        partitions: entries
            .filter(({ first, last }) => isInside(first, last, sectors))
            .map((entry) => toPartition(entry, sectorSize)),
        checks,
    };
}

function toPartition(entry: Entry, sectorSize: number): Partition {
    const { index, type, guid, name } = entry;
    const firstLba = Number(entry.first);
    const lastLba = Number(entry.last);
    const size = (lastLba - firstLba + 1) * sectorSize;
    return { index, type, guid, name, firstLba, lastLba, offset: firstLba * sectorSize, size };
}
