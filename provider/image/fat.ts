import type { BlockDevice } from "./blockDevice";
import { ImageDamage } from "./check";
import { type FatGeometry, FatTable, readFatGeometry } from "./fatTable";

/** One name in a folder. */
export interface FatEntry {
    name: string;
    /** The name as old programs see it; a lookup finds it too. */
    shortName: string;
    isDirectory: boolean;
    size: number;
    cluster: number;
}

const ENTRY = 32;
/** Folders hold 65,536 entries at most (Microsoft's FAT specification, section 6). */
const MAX_FOLDER = 65_536 * ENTRY;
const DELETED = 0xe5;
const LONG_NAME = 0x0f;
const ATTRIBUTE = { volume: 0x08, directory: 0x10 };
/** Letters of a long name in one entry: three pieces of UTF-16. */
const LONG_NAME_PIECES = [
    [1, 11],
    [14, 26],
    [28, 32],
] as const;
const MAX_NAME_ENTRIES = 20;

/**
 * A FAT file system (12, 16 or 32 bits), read only and trusting nothing: every size is bounded by what the partition
 * holds and every chain by its number of clusters, so that no damage makes it loop or take memory.
 */
export class FatVolume {
    private constructor(
        private readonly device: BlockDevice,
        private readonly geometry: FatGeometry,
        private readonly table: FatTable,
    ) {}

    /** Throws ImageDamage when the boot sector describes no FAT file system that fits the device. */
    static async open(device: BlockDevice): Promise<FatVolume> {
        const geometry = await readFatGeometry(device);
        return new FatVolume(device, geometry, new FatTable(device, geometry));
    }

    /** What a path leads to, in any case of letters; undefined when there is nothing. */
    async find(path: string): Promise<FatEntry | "root" | undefined> {
        let found: FatEntry | "root" = "root";
        for (const step of path.split("/").filter((part) => part !== "")) {
            if (found !== "root" && !found.isDirectory) return undefined;
            const wanted = step.toUpperCase();
            const entries: FatEntry[] = await this.list(found);
            const next = entries.find(
                ({ name, shortName }) => name.toUpperCase() === wanted || shortName.toUpperCase() === wanted,
            );
            if (!next) return undefined;
            found = next;
        }
        return found;
    }

    /** The names in a folder, without `.` and `..`. */
    async list(folder: FatEntry | "root"): Promise<FatEntry[]> {
        return parseFolder(await this.folderBytes(folder), this.geometry.kind === 32);
    }

    /** Bytes of a file; what lies behind its end is not read. */
    async read({ cluster, size }: FatEntry, position: number, length: number): Promise<Buffer> {
        const end = Math.min(size, position + length);
        if (end <= position) return Buffer.alloc(0);
        const { clusterSize } = this.geometry;
        const clusters = await this.table.chain(cluster, Math.ceil(end / clusterSize));
        if (clusters.length * clusterSize < end) {
            throw new ImageDamage(
                `has a file of ${size} bytes of which only ${clusters.length * clusterSize} are there`,
            );
        }
        const pieces: Buffer[] = [];
        for (let at = position; at < end;) {
            const first = Math.floor(at / clusterSize);
            const within = at % clusterSize;
            const run = runLength(clusters, first);
            const piece = Math.min(run * clusterSize - within, end - at);
            pieces.push(await this.device.read(this.offsetOf(clusters[first] ?? 0) + within, piece));
            at += piece;
        }
        const [only] = pieces;
        return only && pieces.length === 1 ? only : Buffer.concat(pieces);
    }

    private async folderBytes(folder: FatEntry | "root"): Promise<Buffer> {
        const { root, clusterSize } = this.geometry;
        if (folder === "root" && "offset" in root) return this.device.read(root.offset, root.size);
        const first = folder === "root" ? ("cluster" in root ? root.cluster : 0) : folder.cluster;
        const most = Math.ceil(MAX_FOLDER / clusterSize);
        const clusters = await this.table.chain(first, most + 1);
        if (clusters.length > most)
            throw new ImageDamage("has a folder without an end: its chain of clusters loops");
        const pieces: Buffer[] = [];
        for (const cluster of clusters)
            pieces.push(await this.device.read(this.offsetOf(cluster), clusterSize));
        return Buffer.concat(pieces);
    }

    private offsetOf(cluster: number): number {
        return this.geometry.dataOffset + (cluster - 2) * this.geometry.clusterSize;
    }
}

/** Clusters that lie one behind the other, from the given one on. */
function runLength(clusters: readonly number[], first: number): number {
    let length = 1;
    while (clusters[first + length] === (clusters[first] ?? 0) + length) length++;
    return length;
}

function parseFolder(bytes: Buffer, isWide: boolean): FatEntry[] {
    const entries: FatEntry[] = [];
    let longName = new LongName();
    for (let at = 0; at + ENTRY <= bytes.length; at += ENTRY) {
        const entry = bytes.subarray(at, at + ENTRY);
        if (entry[0] === 0) break;
        const attributes = entry.readUInt8(11);
        if (entry[0] !== DELETED && (attributes & 0x3f) === LONG_NAME) {
            longName.add(entry);
            continue;
        }
        const name = longName.of(entry);
        longName = new LongName();
        if (entry[0] === DELETED || (attributes & ATTRIBUTE.volume) !== 0) continue;
        const shortName = shortNameOf(entry);
        if (shortName === "." || shortName === "..") continue;
        entries.push({
            name: name ?? shortName,
            shortName,
            isDirectory: (attributes & ATTRIBUTE.directory) !== 0,
            size: entry.readUInt32LE(28),
            cluster: entry.readUInt16LE(26) + (isWide ? entry.readUInt16LE(20) * 65_536 : 0),
        });
    }
    return entries;
}

/** `BOOTX64 EFI` is bootx64.efi; two bits say in which case Windows shows each part. */
function shortNameOf(entry: Buffer): string {
    const part = (start: number, end: number, isLower: boolean): string => {
        const text = entry.toString("latin1", start, end).trimEnd();
        return isLower ? text.toLowerCase() : text;
    };
    const flags = entry.readUInt8(12);
    // A first letter that would read as "deleted" is written as 5.
    const written = part(0, 8, (flags & 0x08) !== 0);
    const stem = written.charCodeAt(0) === 5 ? `\u00e5${written.slice(1)}` : written;
    const suffix = part(8, 11, (flags & 0x10) !== 0);
    return suffix === "" ? stem : `${stem}.${suffix}`;
}

/** The entries in front of one that hold its long name, last piece first. */
class LongName {
    private pieces: string[] = [];
    private next = 0;
    private checksum = -1;

    add(entry: Buffer): void {
        const order = entry.readUInt8(0);
        const number = order & 0x3f;
        if ((order & 0x40) !== 0 && number > 0 && number <= MAX_NAME_ENTRIES) {
            this.pieces = [];
            this.checksum = entry.readUInt8(13);
        } else if (number !== this.next || entry.readUInt8(13) !== this.checksum) {
            this.checksum = -1;
            return;
        }
        this.next = number - 1;
        this.pieces.unshift(
            LONG_NAME_PIECES.map(([start, end]) => entry.toString("utf16le", start, end)).join(""),
        );
    }

    /** The whole name, if it is one and belongs to this entry. */
    of(entry: Buffer): string | undefined {
        if (this.checksum < 0 || this.next !== 0 || this.checksum !== checksumOf(entry)) return undefined;
        return this.pieces.join("").replace(/\0.*$/s, "") || undefined;
    }
}

function checksumOf(entry: Buffer): number {
    let sum = 0;
    for (const byte of entry.subarray(0, 11)) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
    return sum;
}
