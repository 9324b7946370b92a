import * as fs from "node:fs/promises";
import { UnavailableHere } from "../../resource/errors";
import { ImageError } from "../check";
import { type ChecksumFile, checksumFor, MAX_CHECKSUM_FILE, parseChecksums } from "./checksums";
import { fileNameOf, isRemote, nameOf } from "./location";
import type { WebClient } from "./webClient";

/** The digest that an image is held to, and where it comes from. */
export interface PublishedDigest {
    /** Lower-case hexadecimal. */
    sha256: string;
    /** The file stands in an OpenPGP signature, which is not verified. */
    isSigned: boolean;
}

/** Reads from a checksum file, by full path or address, what the image of a name must be. */
export async function readPublishedDigest(
    location: string,
    imageName: string,
    client: WebClient,
    signal?: AbortSignal,
): Promise<PublishedDigest> {
    const text = isRemote(location) ? await fetchText(location, client, signal) : await readText(location);
    try {
        const file: ChecksumFile = parseChecksums(text);
        return { sha256: checksumFor(imageName, file, fileNameOf(location)), isSigned: file.isSigned };
    } catch (error) {
        throw about(location, error);
    }
}

async function fetchText(
    location: string,
    client: WebClient,
    signal: AbortSignal | undefined,
): Promise<string> {
    try {
        const answer = await client.open(new URL(location), {}, signal);
        const parts: Buffer[] = [];
        let length = 0;
        for await (const chunk of client.body(answer, undefined, signal)) {
            parts.push(chunk);
            length += chunk.length;
            if (length > MAX_CHECKSUM_FILE) throw new ImageError("is too large for a checksum file");
        }
        return Buffer.concat(parts).toString("utf8");
    } catch (error) {
        throw about(location, error);
    }
}

async function readText(file: string): Promise<string> {
    let handle: fs.FileHandle;
    try {
        handle = await fs.open(file, "r");
    } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
        const otherwise = code === "ENOENT" ? ". A digest itself has 64 hexadecimal digits" : "";
        throw new UnavailableHere(`the checksum file ${file} cannot be read (${code})${otherwise}`);
    }
    try {
        const { size } = await handle.stat();
        if (size > MAX_CHECKSUM_FILE) throw about(file, new ImageError("is too large for a checksum file"));
        return await handle.readFile("utf8");
    } finally {
        await handle.close();
    }
}

function about(location: string, error: unknown): unknown {
    if (!(error instanceof ImageError)) return error;
    return new ImageError(`the checksum file ${nameOf(location)} ${error.message}`);
}
