import type { BlockDevice } from "./blockDevice";
import { failed, ImageDamage, type ImageCheck, passed } from "./check";
import type { Compression } from "./compression";
import { detectFormat, FIXED_VHD, HEAD_BYTES, isFixedVhd, type OtherKind } from "./format";
import { DEFAULT_MAX_DISK_BYTES, type InspectLimits, type Inspection } from "./inspection";
import { type DiskLook, lookAtDisk } from "./lookAtDisk";
import { Qcow2Device } from "./qcow2";

/** What is known of the disk inside a file. */
export type Look = DiskLook & Pick<Inspection, "format" | "virtualSizeBytes">;

/** Looks at the disk that lies, unpacked, in `file`. A bad image is no error: its failed checks say so. */
export async function lookInside(
    file: BlockDevice,
    compression: Compression,
    limits: InspectLimits,
): Promise<Look> {
    if (file.size === 0) {
        return bare(0, [
            failed("container.whole", "0 bytes", "is empty: whatever should have written it did not"),
        ]);
    }
    const { format, other = await otherByItsEnd(file) } = detectFormat(
        await file.read(0, Math.min(file.size, HEAD_BYTES)),
    );
    if (other) {
        return bare(0, [
            failed("container.whole", other.name, `is ${other.name}, not a disk image: ${other.advice}`),
        ]);
    }
    let disk = file;
    if (format === "qcow2") {
        try {
            const qcow2 = await Qcow2Device.open(file);
            await qcow2.verifyTables();
            disk = qcow2;
        } catch (error) {
            if (!(error instanceof ImageDamage)) throw error;
            return {
                ...bare(file.size, [failed("container.whole", "unreadable qcow2", error.message)]),
                format,
            };
        }
    }
    const checks = [wholeCheck(file, format, compression), sizeCheck(disk, limits)];
    const look = await lookAtDisk(disk, { format, compression }, limits.expect);
    return { ...look, format, virtualSizeBytes: disk.size, checks: [...checks, ...look.checks] };
}

async function otherByItsEnd(file: BlockDevice): Promise<OtherKind | undefined> {
    if (file.size < 1024) return undefined;
    return isFixedVhd(await file.read(file.size - 512, 512)) ? FIXED_VHD : undefined;
}

function wholeCheck(file: BlockDevice, format: string, compression: Compression): ImageCheck {
    if (format === "raw" && file.size % 512 !== 0) {
        return failed(
            "container.whole",
            `${file.size} bytes`,
            "is not a whole number of 512-byte sectors long: it is cut off, or no disk image",
        );
    }
    return passed(
        "container.whole",
        compression === "none" ? format : `${compression} stream ends with the file`,
    );
}

function sizeCheck(disk: BlockDevice, limits: InspectLimits): ImageCheck {
    const most = limits.maxDiskBytes ?? DEFAULT_MAX_DISK_BYTES;
    return disk.size <= most
        ? passed("container.size", `${disk.size} bytes`)
        : failed(
              "container.size",
              `${disk.size} bytes`,
              `its disk is larger than the ${most} bytes that are taken`,
          );
}

/** The answer for a file that could not be unpacked. */
export function damaged(damage: ImageDamage): Look {
    return bare(0, [failed("container.whole", "damaged stream", damage.message)]);
}

function bare(virtualSizeBytes: number, checks: ImageCheck[]): Look {
    return { format: "raw", virtualSizeBytes, partitions: [], checks };
}
