import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { type BlockDevice, FileDevice } from "../image/blockDevice";
import { isoFileChunks, type IsoEntry, type IsoImage, readIsoFile } from "../iso/reader/isoImage";
import { readIso } from "../iso/reader/readIso";
import { type Secret, type SecretHit, SecretSearch } from "./verify.secretSearch";

/** An installer ISO, read once from start to end. Whoever has read it closes it. */
export interface InstallerIso {
    device: BlockDevice;
    image: IsoImage;
    sizeBytes: number;
    sha256: string;
    secrets: readonly (SecretHit & { where: string })[];
    /** Names of secrets too short to be looked for. */
    unsearchable: readonly string[];
    close(): Promise<void>;
}

export interface IsoReading {
    secrets?: readonly Secret[];
    signal?: AbortSignal | undefined;
    /** Told of the bytes read so far. */
    onProgress?: (bytes: number) => void;
}

const CHUNK = 1024 * 1024;

/** Reads an ISO's folders, and then all of it for its digest and the search for secrets. */
export async function readInstallerIso(file: string, options: IsoReading = {}): Promise<InstallerIso> {
    const device = await FileDevice.open(file);
    try {
        const image = await readIso(device);
        const search = new SecretSearch(options.secrets ?? []);
        const { sha256, hits } = await readThrough(file, search, options);
        return {
            device,
            image,
            sizeBytes: device.size,
            sha256,
            secrets: hits.map((hit) => ({ ...hit, where: placeOf(hit.offset, image) })),
            unsearchable: search.unsearchable,
            close: () => device.close(),
        };
    } catch (error) {
        await device.close();
        throw error;
    }
}

async function readThrough(
    file: string,
    search: SecretSearch,
    { signal, onProgress }: IsoReading,
): Promise<{ sha256: string; hits: SecretHit[] }> {
    const hash = crypto.createHash("sha256");
    const hits: SecretHit[] = [];
    const scan = search.start((hit) => void hits.push(hit));
    let done = 0;
    for await (const chunk of fs.createReadStream(file, { highWaterMark: CHUNK })) {
        signal?.throwIfAborted();
        hash.update(chunk as Buffer);
        scan.push(chunk as Buffer);
        onProgress?.((done += (chunk as Buffer).length));
    }
    return { sha256: hash.digest("hex"), hits };
}

/** The file that a byte belongs to. */
function placeOf(offset: number, { entries }: IsoImage): string {
    for (const { path, extents } of entries.values()) {
        const isIn = extents.some(
            (extent) => offset >= extent.offset && offset < extent.offset + extent.length,
        );
        if (isIn) return path;
    }
    return `byte ${offset}`;
}

/** A file's digest; large ones may lie in parts, as CanvOS splits what does not fit into one. */
export async function isoFileDigest(
    { device, image }: Pick<InstallerIso, "device" | "image">,
    path: string,
): Promise<{ sha256: string; sizeBytes: number; parts: number } | undefined> {
    const parts = partsOf(path, image);
    if (parts.length === 0) return undefined;
    const hash = crypto.createHash("sha256");
    for (const part of parts) for await (const chunk of isoFileChunks(device, part)) hash.update(chunk);
    const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
    return { sha256: hash.digest("hex"), sizeBytes, parts: parts.length };
}

function partsOf(path: string, { entries }: IsoImage): IsoEntry[] {
    const whole = entries.get(path);
    if (whole) return whole.kind === "file" ? [whole] : [];
    return [...entries.values()]
        .filter((entry) => entry.kind === "file" && entry.path.startsWith(`${path}_part`))
        .filter(({ path: part }) => /^\d+$/.test(part.slice(path.length + "_part".length)))
        .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A text of the ISO; undefined when there is none of this path. */
export async function isoText(
    { device, image }: Pick<InstallerIso, "device" | "image">,
    path: string,
    limit: number,
): Promise<string | undefined> {
    const entry = image.entries.get(path);
    return entry?.kind === "file" ? (await readIsoFile(device, entry, limit)).toString("utf8") : undefined;
}
