import * as path from "node:path";
import { failed, type ImageCheck, passed } from "./check";
import { type Compression, detectCompression } from "./compression";
import { QCOW2_MAGIC } from "./qcow2";

/** How the disk lies in the file, once unpacked. */
export type ImageFormat = "raw" | "qcow2";

/** The first bytes that tell what a file is: an ISO says so at 32 KiB. */
export const HEAD_BYTES = 36 * 1024;

const VHD_COOKIE = Buffer.from("conectix");

/** A kind of file that is no disk a machine can be written with. */
export interface OtherKind {
    /** With its article. */
    name: string;
    /** What to do about it. */
    advice: string;
}

const CONVERT = "hosts write raw and qcow2 images: convert it with qemu-img convert -O raw";
const UNPACK = "give the image that is in it";
const FILE_SYSTEM = "hosts write whole disks: make an image with a partition table, and this in a partition";
const INSTALLER = "hosts write disks: install from it into an image, and give that";
const TWICE = "hosts unpack an image once: unpack it, and pack it once";
const PAGE = "give the image itself: this is what a server answers in its place";

const OTHERS: readonly (readonly [name: string, advice: string, offset: number, bytes: Buffer])[] = [
    ["a squashfs file system", FILE_SYSTEM, 0, Buffer.from("hsqs")],
    ["a VMDK disk", CONVERT, 0, Buffer.from("KDMV")],
    ["a VMDK descriptor", CONVERT, 0, Buffer.from("# Disk DescriptorFile")],
    ["a VHDX disk", CONVERT, 0, Buffer.from("vhdxfile")],
    ["a VHD disk", CONVERT, 0, VHD_COOKIE],
    ["a VDI disk", CONVERT, 64, Buffer.from("7f10dabe", "hex")],
    ["a QED disk", CONVERT, 0, Buffer.from("QED\0", "latin1")],
    ["a ZIP archive", UNPACK, 0, Buffer.from("504b0304", "hex")],
    ["a 7z archive", UNPACK, 0, Buffer.from("377abcaf271c", "hex")],
    ["a tar archive", UNPACK, 257, Buffer.from("ustar")],
    ["an HTML page", PAGE, 0, Buffer.from("<!doctype html")],
    ["an HTML page", PAGE, 0, Buffer.from("<html")],
];

/** What the (unpacked) bytes begin with. */
export function detectFormat(head: Buffer): { format: ImageFormat; other?: OtherKind } {
    if (startsWith(head, 0, QCOW2_MAGIC)) return { format: "qcow2" };
    const lower = Buffer.from(head.toString("latin1", 0, 16).toLowerCase(), "latin1");
    const [name, advice] =
        OTHERS.find(
            ([, , offset, bytes]) => startsWith(head, offset, bytes) || startsWith(lower, offset, bytes),
        ) ?? [];
    if (name !== undefined && advice !== undefined) return { format: "raw", other: { name, advice } };
    const packed = detectCompression(head);
    if (packed !== "none")
        return { format: "raw", other: { name: `packed as ${packed} again`, advice: TWICE } };
    const isIso = startsWith(head, 0x8001, Buffer.from("CD001"));
    const isHybrid = startsWith(head, 512, Buffer.from("EFI PART"));
    return isIso && !isHybrid
        ? { format: "raw", other: { name: "an ISO 9660 image", advice: INSTALLER } }
        : { format: "raw" };
}

/** What a VHD of fixed size, which begins as a raw image, ends with. */
export function isFixedVhd(tail: Buffer): boolean {
    return startsWith(tail, 0, VHD_COOKIE);
}

export const FIXED_VHD: OtherKind = { name: "a VHD disk of fixed size", advice: CONVERT };

function startsWith(head: Buffer, offset: number, bytes: Buffer): boolean {
    return head.subarray(offset, offset + bytes.length).equals(bytes);
}

const COMPRESSION_SUFFIXES: Readonly<Record<string, Compression>> = {
    ".gz": "gz",
    ".xz": "xz",
    ".bz2": "bz2",
    ".bzip2": "bz2",
    ".zst": "zst",
    ".zs": "zst",
};

const FORMAT_SUFFIXES: Readonly<Record<string, readonly ImageFormat[]>> = {
    ".raw": ["raw"],
    ".qcow2": ["qcow2"],
    ".qcow": ["qcow2"],
    // Ubuntu's cloud images are qcow2 files called .img.
    ".img": ["raw", "qcow2"],
};

interface NameParts {
    stem: string;
    /** `.img`, or empty. */
    formatSuffix: string;
    compressionSuffix: string;
}

function partsOf(fileName: string): NameParts {
    let stem = path.basename(fileName);
    const last = path.extname(stem).toLowerCase();
    const compressionSuffix = last in COMPRESSION_SUFFIXES ? last : "";
    if (compressionSuffix) stem = stem.slice(0, -last.length);
    const inner = path.extname(stem).toLowerCase();
    const formatSuffix = inner in FORMAT_SUFFIXES ? inner : "";
    if (formatSuffix) stem = stem.slice(0, -inner.length);
    return { stem, formatSuffix, compressionSuffix };
}

interface Content {
    format: ImageFormat;
    compression: Compression;
}

/** Hosts unpack and write an image by the end of its name alone, so a wrong name is a wrong disk. */
export function checkName(fileName: string, { format, compression }: Content): ImageCheck {
    const id = "container.format";
    const { formatSuffix, compressionSuffix } = partsOf(fileName);
    const named = COMPRESSION_SUFFIXES[compressionSuffix] ?? "none";
    const seen = describeContent({ format, compression });
    if (named !== compression) {
        const says = named === "none" ? "is not named as compressed" : `is named as ${named}`;
        return failed(id, seen, `${path.basename(fileName)} ${says}, but is ${seen}: rename it`);
    }
    const allowed = FORMAT_SUFFIXES[formatSuffix];
    if (allowed && !allowed.includes(format)) {
        return failed(
            id,
            seen,
            `${path.basename(fileName)} is named as ${allowed.join(" or ")}, but is ${seen}: rename it`,
        );
    }
    return passed(id, seen);
}

function describeContent({ format, compression }: Content): string {
    return compression === "none" ? format : `${format} in ${compression}`;
}

/**
 * Name under which an image is published: its content decides, so no file ever changes under a host. The end of
 * the name is what EMF's hosts go by: they look for a qcow2 only behind ".img", and their raw writer knows
 * zstd as .zs only (onboarding-manager template_data.go, instance.go; image2disk).
 */
export function publishedName(source: string, content: Content & { sha256: string }): string {
    const { stem, formatSuffix } = partsOf(source);
    const safe = stem.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[.-]+/, "") || "image";
    // A stem with ".img" in it would have the host look for a qcow2 where there is none.
    const plain = safe.replace(/\.img/gi, "-img");
    return `${plain.slice(0, 80)}-${content.sha256.slice(0, 16)}${suffixOf(content, formatSuffix)}`;
}

function suffixOf({ format, compression }: Content, formatSuffix: string): string {
    const isPacked = compression !== "none";
    const packed = isPacked ? `.${compression === "zst" ? "zs" : compression}` : "";
    if (format === "qcow2") return isPacked ? `.qcow2${packed}` : ".img";
    return (formatSuffix === ".img" ? ".img" : ".raw") + packed;
}
