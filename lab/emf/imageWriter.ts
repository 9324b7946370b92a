import * as crypto from "node:crypto";
import * as fs from "node:fs";
import type { IncomingMessage } from "node:http";
import * as path from "node:path";

import { gunzip, unbzip2, unxz, unzstd, type Decompressor } from "./decompress";
import { DecompressionError } from "./decompressionError";
import { readPartitions, WrittenDisk, type Partition } from "./disk";
import { download, statusText, type DownloadOptions } from "./download";
import { isQcow2, openQcow2 } from "./qcow2";

/** What an OS profile says about its image. */
export interface ImageProfile {
    imageUrl: string;
    /** Of the bytes as they are transferred; empty: not compared. */
    sha256: string;
    /** Base64 of a PEM file; empty: the system's roots are trusted. */
    tlsCaCert: string;
    osType: "OS_TYPE_MUTABLE" | "OS_TYPE_IMMUTABLE";
}

/** Where and how an image is written. */
export interface WriteOptions {
    /** The disk of the machine. */
    disk: { device: string; capacity: number };
    /** The roots an operating system brings along, PEM. */
    systemRoots: readonly string[];
    /** A directory for the copy that a qcow2 is unpacked from. */
    scratch: string;
    signal?: AbortSignal;
}

/** Why the step that streams the image failed, in the platform's words. */
export class ImageError extends Error {
    override readonly name = "ImageError";
}

/** The step hangs until the workflow's time is over. */
export class ImageTimeout extends Error {
    override readonly name = "ImageTimeout";
}

/** Suffixes that make the platform set COMPRESSED (infra-onboarding, reconcilers/instance.go). */
const COMPRESSED = [".bz2", ".bzip2", ".gz", ".xz", ".zs", ".zst"];

const BY_SUFFIX: Readonly<Record<string, Decompressor>> = {
    ".bz2": unbzip2,
    ".bzip2": unbzip2,
    ".gz": gunzip,
    ".xz": unxz,
    ".zs": unzstd,
};
/** The qcow2 writer knows one suffix more. */
const BY_SUFFIX_QCOW2: Readonly<Record<string, Decompressor>> = { ...BY_SUFFIX, ".zst": unzstd };

/** These two writers of the platform fail while they open the stream, the others while they read it. */
const FAILS_TO_OPEN: Readonly<Record<string, string>> = {
    "gzip: invalid header": "[ERROR] New gzip reader: ",
    "xz: invalid header magic bytes": "[ERROR] New xz reader: ",
};

/**
 * Streams the image of a profile to a disk under the platform's own rules, and returns the partitions it then has.
 * The rules are those of infra-onboarding: `detectImageFormat`, `image2disk`, `qemu_nbd_image2disk`.
 */
export async function writeImage(profile: ImageProfile, options: WriteOptions): Promise<Partition[]> {
    const url = locationOf(profile);
    if (url !== profile.imageUrl) {
        // Nothing in the lab listens where a machine has its release-service proxy.
        throw failure(
            `Failed to download the image from URL: Get "${url}": dial tcp 127.0.0.1:80: connect: connection refused`,
        );
    }
    if (await isQcow2Behind(url, options)) {
        return writeQcow2(url, profile, options);
    }
    return writeRaw(url, profile, options);
}

/** An immutable profile's relative path is fetched through the machine's own release-service proxy. */
function locationOf({ imageUrl, osType }: ImageProfile): string {
    const isUrl = imageUrl.startsWith("/") || /^[a-z][a-z0-9+.-]*:/i.test(imageUrl);
    return osType === "OS_TYPE_IMMUTABLE" && !isUrl ? `http://127.0.0.1/${imageUrl}` : imageUrl;
}

/**
 * The orchestrator looks for a qcow2 header only behind URLs that contain ".img", and trusts only the system's roots
 * when it does; whatever goes wrong makes the image a raw one.
 */
async function isQcow2Behind(url: string, { systemRoots, signal }: WriteOptions): Promise<boolean> {
    if (!url.includes(".img")) {
        return false;
    }
    try {
        const probe = { roots: systemRoots, headers: { Range: "bytes=0-3" }, ...(signal ? { signal } : {}) };
        const response = await download(url, probe);
        if (response.statusCode !== 200 && response.statusCode !== 206) {
            response.destroy();
            return false;
        }
        const start: Buffer[] = [];
        for await (const chunk of response) {
            start.push(chunk as Buffer);
            if (Buffer.concat(start).length >= 4) {
                break;
            }
        }
        return isQcow2(Buffer.concat(start));
    } catch {
        return false;
    }
}

/** image2disk: the stream goes to the disk as it comes. */
async function writeRaw(url: string, profile: ImageProfile, options: WriteOptions): Promise<Partition[]> {
    const written = new WrittenDisk(options.disk.capacity);
    const response = await open(url, profile, options, "Failed to download the image from URL");
    const status = response.statusCode ?? 0;
    if (status > 300) {
        response.destroy();
        throw failure(status === 404 ? `${url} not found` : statusText(response));
    }
    const hash = crypto.createHash("sha256");
    const decompress = decompressorFor(url, BY_SUFFIX, "unknown compression suffix");
    try {
        for await (const chunk of decompress(hashing(response, hash))) {
            if (!written.write(chunk)) {
                throw failure(
                    `error writing ${prettySize(written.size)} bytes to disk [${options.disk.device}] -> ` +
                        `error with write: write ${options.disk.device}: no space left on device`,
                );
            }
        }
    } catch (error) {
        rethrowUnlessTruncated(error, written.size, options.disk.device);
    } finally {
        response.destroy();
    }
    compare(hash, profile.sha256, "Image SHA-256 hash mismatch");
    return written.partitions();
}

/** qemu_nbd_image2disk: the file is kept, attached as a block device, and copied from there. */
async function writeQcow2(url: string, profile: ImageProfile, options: WriteOptions): Promise<Partition[]> {
    const response = await open(url, profile, options, "failed to download image from the URL");
    if (response.statusCode !== 200) {
        response.destroy();
        throw failure(`failed to download image, HTTP status code: ${response.statusCode ?? 0}`);
    }
    await fs.promises.mkdir(options.scratch, { recursive: true });
    const copy = path.join(options.scratch, `img-${crypto.randomBytes(4).toString("hex")}.qcow2`);
    const file = await fs.promises.open(copy, "wx+");
    const hash = crypto.createHash("sha256");
    const decompress = decompressorFor(url, BY_SUFFIX_QCOW2, "unsupported compression format");
    try {
        try {
            for await (const chunk of decompress(hashing(response, hash))) {
                await file.write(chunk);
            }
        } catch (error) {
            rethrowUnlessTruncated(error, 0, copy);
        }
        compare(hash, profile.sha256, "image SHA-256 hash mismatch");
        return await partitionsOfQcow2(file, options.disk);
    } finally {
        response.destroy();
        await file.close();
        await fs.promises.rm(copy, { force: true });
    }
}

async function partitionsOfQcow2(
    file: fs.promises.FileHandle,
    { device, capacity }: WriteOptions["disk"],
): Promise<Partition[]> {
    const guest = await openQcow2(file);
    if (!guest) {
        throw failure("network block device attach failed: exit status 1");
    }
    const partitions = await readPartitions(guest.read).catch(() => {
        throw failure("failed to write image to disk: exit status 1");
    });
    if (partitions.length === 0) {
        // The action waits for the first partition of the attached image to appear, for ever.
        throw new ImageTimeout();
    }
    if (guest.size > capacity) {
        throw failure(`failed to write image to disk: exit status 1 (${device}: no space left on device)`);
    }
    return partitions;
}

async function open(
    url: string,
    profile: ImageProfile,
    { systemRoots, signal }: WriteOptions,
    complaint: string,
): Promise<IncomingMessage> {
    const roots = profile.tlsCaCert === "" ? systemRoots : rootsOf(profile.tlsCaCert);
    const request: DownloadOptions = { roots, ...(signal ? { signal } : {}) };
    try {
        return await download(url, request);
    } catch (error) {
        signal?.throwIfAborted();
        throw failure(`${complaint}: ${(error as Error).message}`);
    }
}

/** The certificates of the profile: they are the only roots, and the first of them must be readable. */
function rootsOf(tlsCaCert: string): string[] {
    if (
        !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(
            tlsCaCert.replace(/[\r\n]/g, ""),
        )
    ) {
        throw new ImageError("Error decoding base64 TLS CA certificate");
    }
    const pem = Buffer.from(tlsCaCert, "base64").toString("utf8");
    for (const [mark, where] of [
        ["-----BEGIN CERTIFICATE-----", "header"],
        ["-----END CERTIFICATE-----", "footer"],
    ] as const) {
        if (!pem.includes(mark)) {
            throw invalidCertificate(`missing PEM ${where} '${mark}'`);
        }
    }
    const blocks = pem.match(/-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g) ?? [];
    const readable = blocks.filter(isCertificate);
    if (blocks[0] === undefined || !isCertificate(blocks[0])) {
        throw invalidCertificate("failed to parse X.509 certificate");
    }
    return readable;
}

function isCertificate(block: string): boolean {
    try {
        return new crypto.X509Certificate(block).raw.length > 0;
    } catch {
        return false;
    }
}

function invalidCertificate(why: string): ImageError {
    return failure(`failed to validate CA certificate: invalid CA certificate: ${why}`);
}

/** The reader for the suffix of the URL. The content is not looked at. */
function decompressorFor(
    url: string,
    known: Readonly<Record<string, Decompressor>>,
    complaint: string,
): Decompressor {
    if (!COMPRESSED.some((suffix) => url.endsWith(suffix))) {
        return (source) => source;
    }
    const suffix = path.posix.extname(url);
    const decompressor = known[suffix];
    if (!decompressor) {
        throw failure(`${complaint} [${suffix}]`);
    }
    return decompressor;
}

async function* hashing(response: IncomingMessage, hash: crypto.Hash): AsyncIterable<Uint8Array> {
    try {
        for await (const chunk of response) {
            hash.update(chunk as Buffer);
            yield chunk as Buffer;
        }
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") {
            throw error;
        }
        // A connection that breaks off is the end of the data to the platform's writer; the checksum then differs.
    }
}

/** The platform's writers take an early end for the end. */
function rethrowUnlessTruncated(error: unknown, size: number, device: string): void {
    if (!(error instanceof DecompressionError)) {
        throw error;
    }
    if (error.truncated) {
        return;
    }
    const opening = size === 0 ? FAILS_TO_OPEN[error.message] : undefined;
    throw failure(
        opening === undefined
            ? `error writing ${prettySize(size)} bytes to disk [${device}] -> ${error.message}`
            : `${opening}${error.message}`,
    );
}

function compare(hash: crypto.Hash, expected: string, complaint: string): void {
    if (expected !== "" && hash.digest("hex") !== expected) {
        throw failure(complaint);
    }
}

function failure(message: string): ImageError {
    return new ImageError(`error writing image to disk: ${message}`);
}

function prettySize(bytes: number): string {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
    return `${(bytes / 1024 ** power).toFixed(6)}${units[power] ?? "B"}`;
}
