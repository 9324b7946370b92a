import type { ImageCheck } from "./check";
import type { Compression } from "./compression";
import type { BootEvidence } from "./efi/lookAtBoot";
import type { ContentExpectations } from "./expect.schema";
import type { ImageFormat } from "./format";
import type { RootContents } from "./root/contents";

/** What is known of an image once its file has been read. Plain data: it crosses threads and is kept on disk. */
export interface Inspection {
    /** Of the file as it is transferred, lower-case hexadecimal. */
    sha256: string;
    /** The digest is the one the image is going to be held to: only what tells the rest has been read so far. */
    isPlanned?: boolean;
    sizeBytes: number;
    /** Its name where it comes from a server that has one for it. */
    fileName?: string;
    format: ImageFormat;
    compression: Compression;
    /** Size of the disk inside: unpacked, or a qcow2's virtual size. */
    virtualSizeBytes: number;
    /** Digest of the unpacked bytes of a compressed file. */
    unpackedSha256?: string;
    partitions: PartitionSummary[];
    checks: ImageCheck[];
    /** What the root file system holds; absent where there is none that is readable here. */
    contents?: RootContents;
    /** What was found on the way from the firmware to the kernel. */
    boot?: BootEvidence;
}

export interface PartitionSummary {
    index: number;
    name: string;
    /** Type GUID in upper case. */
    type: string;
    sizeBytes: number;
    /** What fills it, as far as that is known: `ext4`, `FAT`, `LUKS`, … */
    fileSystem?: string;
    /** Label of that file system. */
    label?: string;
}

export interface InspectLimits {
    /** Folder for unpacked disks; default: the system's folder for temporary files. */
    spoolDirectory?: string;
    /** Most that an unpacked disk may take there; default: what is free, less a reserve. */
    maxSpoolBytes?: number;
    /** Largest disk taken, unpacked. Default 256 GiB. */
    maxDiskBytes?: number;
    /** Whether xz, bzip2 and zstd of this machine may be used. Default true. */
    tools?: boolean;
    /** What its content is judged by, beyond what every image is. */
    expect?: ContentExpectations;
}

/** How far a reading has come, in bytes of the file. */
export interface Progress {
    done: number;
    /** Absent where a server does not tell. */
    total?: number;
}

export const DEFAULT_MAX_DISK_BYTES = 256 * 2 ** 30;
