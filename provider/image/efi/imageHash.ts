import * as crypto from "node:crypto";
import type { BlockDevice } from "../blockDevice";
import { ImageDamage } from "../check";
import { type ByteRange, inFileOrder, type PeImage } from "./pe";

/** Digests that signatures of EFI programs are made over. */
export type HashName = "sha1" | "sha256" | "sha384" | "sha512";

export const HASHES: Readonly<Record<string, HashName>> = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
};

const CHUNK = 1024 * 1024;

/**
 * What a signature covers, in the order in which it is hashed (Windows Authenticode Portable Executable Signature
 * Format; EDK2's HashPeImage): the file without its checksum, the directory entry of the signatures and the
 * signatures. The last part starts where the bytes hashed so far would end if sections had no gaps between them, and
 * ends as if the signatures stood at the end of the file; both are as the firmware has it.
 */
export function signedRanges(pe: PeImage, fileSize: number): ByteRange[] {
    const { checksumOffset, certificateEntry, headersSize } = pe;
    const sections = inFileOrder(pe.sections);
    const hashed = sections.reduce((sum, { size }) => sum + size, headersSize);
    const tail = fileSize - (pe.certificateTable?.size ?? 0) - hashed;
    if (tail < 0) throw new ImageDamage("has signatures that overlap its sections");
    const headers =
        certificateEntry === undefined
            ? [between(checksumOffset + 4, headersSize)]
            : [between(checksumOffset + 4, certificateEntry), between(certificateEntry + 8, headersSize)];
    return [between(0, checksumOffset), ...headers, ...sections, { offset: hashed, size: tail }];
}

/** Digests of one file. */
export interface FileDigests {
    /** Of the whole file. */
    readonly sha256: Buffer;
    /** Of what a signature covers. */
    readonly image: ReadonlyMap<HashName, Buffer>;
}

/** Reads the file once, in all usual cases, for all digests. */
export async function digestFile(
    file: BlockDevice,
    pe: PeImage,
    algorithms: ReadonlySet<HashName>,
): Promise<FileDigests> {
    const ranges = signedRanges(pe, file.size);
    const whole = crypto.createHash("sha256");
    const image = [...algorithms].map((name) => [name, crypto.createHash(name)] as const);
    const inOneSweep = areAscending(ranges);
    await sweep(file, { offset: 0, size: file.size }, (bytes, at) => {
        whole.update(bytes);
        for (const range of inOneSweep ? ranges : []) {
            const part = bytes.subarray(
                Math.max(0, range.offset - at),
                Math.max(0, range.offset + range.size - at),
            );
            for (const [, hash] of image) hash.update(part);
        }
    });
    for (const range of inOneSweep ? [] : ranges) {
        await sweep(file, range, (bytes) => image.forEach(([, hash]) => hash.update(bytes)));
    }
    return { sha256: whole.digest(), image: new Map(image.map(([name, hash]) => [name, hash.digest()])) };
}

async function sweep(
    file: BlockDevice,
    { offset, size }: ByteRange,
    use: (bytes: Buffer, at: number) => void,
): Promise<void> {
    for (let at = offset; at < offset + size; at += CHUNK) {
        use(await file.read(at, Math.min(CHUNK, offset + size - at)), at);
    }
}

function areAscending(ranges: readonly ByteRange[]): boolean {
    return ranges.every(({ offset }, index) => {
        const before = ranges[index - 1];
        return before === undefined || offset >= before.offset + before.size;
    });
}

function between(offset: number, end: number): ByteRange {
    return { offset, size: end - offset };
}
