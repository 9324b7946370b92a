import type { BlockDevice } from "./blockDevice";
import { failed, type ImageCheck, passed } from "./check";
import { detectFileSystem } from "./fileSystem";
import { type Entry, entriesCrcOk, type Header, type TableCopy, usable } from "./gptTable";

export async function explainMissing(disk: BlockDevice): Promise<ImageCheck> {
    const why = "UEFI machines boot from a disk with a GUID partition table: make the image with one";
    if (disk.size < 512)
        return failed("gpt.present", `${disk.size} bytes`, `is too small for a disk; ${why}`);
    const content = await detectFileSystem(disk);
    if (content !== undefined) {
        const seen = `${content} from the first byte on`;
        return failed(
            "gpt.present",
            seen,
            `is a file system and no disk (${content} without partitions); ${why}`,
        );
    }
    const mbr = await disk.read(0, 512);
    if (mbr.readUInt16LE(510) !== 0xaa55) {
        return failed("gpt.present", "no partition table", `has no partition table at all; ${why}`);
    }
    const types = mbrTypes(mbr)
        .filter((type) => type !== 0)
        .map((type) => type.toString(16).padStart(2, "0"));
    const seen = types.length > 0 ? `MBR with types ${types.join(", ")}` : "boot sector without partitions";
    return failed("gpt.present", seen, `has no GUID partition table; ${why}`);
}

function mbrTypes(mbr: Buffer): number[] {
    return [0, 1, 2, 3].map((slot) => mbr.readUInt8(446 + 16 * slot + 4));
}

/** As EDK2 reads it: an 0xEE entry that starts at sector 1; its size is not looked at. */
export async function checkProtectiveMbr(disk: BlockDevice): Promise<ImageCheck> {
    const id = "gpt.protective-mbr";
    const mbr = await disk.read(0, 512);
    const why = "firmware and partitioning tools then ignore the GUID partition table";
    if (mbr.readUInt16LE(510) !== 0xaa55) {
        return failed(id, "no 55AA signature", `the first sector carries no MBR signature: ${why}`);
    }
    const protective = [0, 1, 2, 3].some(
        (slot) => mbr.readUInt8(446 + 16 * slot + 4) === 0xee && mbr.readUInt32LE(446 + 16 * slot + 8) === 1,
    );
    const types = mbrTypes(mbr).map((type) => type.toString(16).padStart(2, "0"));
    return protective
        ? passed(id, "type EE")
        : failed(
              id,
              `types ${types.join(" ")}`,
              `the MBR has no protective entry (type EE at sector 1): ${why}`,
          );
}

export function headerCheck({ header, problem }: TableCopy): ImageCheck {
    const id = "gpt.header-crc";
    if (!header) {
        return failed(
            id,
            problem ?? "none",
            "the primary header at sector 1 is damaged: the image was overwritten at its start or copied badly",
        );
    }
    if (!header.headerCrcOk) {
        return failed(
            id,
            "CRC differs",
            "the primary header does not match its CRC: the image is damaged, make or download it again",
        );
    }
    if (header.myLba !== 1n) {
        return failed(
            id,
            `says sector ${header.myLba.toString()}`,
            "the primary header says that it lies elsewhere; firmware refuses it",
        );
    }
    return passed(id, "matches");
}

export function entriesCheck(copy: TableCopy): ImageCheck {
    const id = "gpt.entries-crc";
    if (!copy.entries) {
        return failed(
            id,
            copy.problem ?? "none",
            "the partition entries cannot be read: the table is damaged",
        );
    }
    return entriesCrcOk(copy)
        ? passed(id, "matches")
        : failed(
              id,
              "CRC differs",
              "the partition entries do not match their CRC: the image is damaged, make or download it again",
          );
}

/** The one check that finds images cut off at their end, which sfdisk and sgdisk let pass with exit code 0. */
export function backupCheck(
    primary: TableCopy,
    backup: TableCopy,
    disk: BlockDevice,
    sectorSize: number,
): ImageCheck {
    const id = "gpt.backup";
    const expected = primary.header?.headerCrcOk
        ? (primary.header.alternateLba + 1n) * BigInt(sectorSize)
        : undefined;
    if (expected !== undefined && expected > BigInt(disk.size)) {
        return failed(
            id,
            `${disk.size} of ${expected.toString()} bytes`,
            "the image is cut off: its partition table names a larger disk. Make or download it again",
        );
    }
    if (expected !== undefined && expected < BigInt(disk.size)) {
        return failed(
            id,
            `${(BigInt(disk.size) - expected).toString()} bytes behind the backup header`,
            "the backup header is not at the end of the disk: the image was enlarged; `sgdisk -e` moves the header",
        );
    }
    if (!usable(backup)) {
        return failed(
            id,
            backup.problem ?? "CRC differs",
            "the backup table at the end of the disk is damaged or missing: the image may be cut off",
        );
    }
    return sameTable(primary, backup)
        ? passed(id, "matches the primary")
        : failed(
              id,
              "differs from the primary",
              "the two copies of the partition table tell different things",
          );
}

function sameTable(primary: TableCopy, backup: TableCopy): boolean {
    if (!usable(primary)) return true; // said by the primary's own checks
    return (
        primary.header?.diskGuid === backup.header?.diskGuid &&
        primary.header?.entriesCrc === backup.header?.entriesCrc &&
        backup.header?.myLba === BigInt(backup.header?.lba ?? -1)
    );
}

export function boundsCheck(header: Header, entries: Entry[], sectors: number): ImageCheck {
    const id = "gpt.bounds";
    const { firstUsable, lastUsable } = header;
    if (firstUsable > lastUsable || lastUsable >= BigInt(sectors)) {
        return failed(
            id,
            `usable sectors ${firstUsable.toString()}..${lastUsable.toString()} of ${sectors}`,
            "the table allows sectors that the disk does not have",
        );
    }
    const outside = entries.filter(
        ({ first, last }) => first > last || first < firstUsable || last > lastUsable,
    );
    const [worst] = outside;
    if (!worst) return passed(id, `${entries.length} partitions`);
    return failed(
        id,
        `partition ${worst.index}: sectors ${worst.first.toString()}..${worst.last.toString()}`,
        `${partitionList(outside)} outside the usable sectors ${firstUsable.toString()}..${lastUsable.toString()}: the image is cut off or its table is wrong`,
    );
}

export function overlapCheck(entries: Entry[]): ImageCheck {
    const id = "gpt.overlap";
    const ordered = [...entries].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
    let furthest = ordered[0];
    for (const entry of ordered.slice(1)) {
        if (furthest && entry.first <= furthest.last) {
            return failed(
                id,
                `partitions ${furthest.index} and ${entry.index}`,
                `partitions ${furthest.index} and ${entry.index} share sectors: writing one destroys the other`,
            );
        }
        furthest = entry;
    }
    return passed(id, "none");
}

export function guidCheck(entries: Entry[]): ImageCheck {
    const id = "gpt.guids";
    const seen = new Map<string, number>();
    for (const { guid, index } of entries) {
        const other = seen.get(guid);
        if (other !== undefined) {
            return failed(
                id,
                `partitions ${other} and ${index}`,
                `partitions ${other} and ${index} have the same GUID: mounts by PARTUUID take either`,
            );
        }
        seen.set(guid, index);
    }
    return passed(id, "unique");
}

function partitionList(entries: Entry[]): string {
    const named = entries.slice(0, 4).map(({ index }) => index);
    const more = entries.length > named.length ? " and others" : "";
    return `partition${entries.length > 1 ? "s" : ""} ${named.join(", ")}${more} lie${entries.length > 1 ? "" : "s"}`;
}
