import type { BlockDevice } from "../../image/blockDevice";
import { ImageDamage, printable } from "../../image/check";
import { readBootCatalogue } from "./bootCatalogue";
import { type DirectoryRecord, parseRecords, parseRecord } from "./directoryRecord";
import type { BootEntry, IsoEntry, IsoImage } from "./isoImage";
import { areaOf, readSystemUse, suspSkip, type SystemUse } from "./systemUse";

const SECTOR = 2048;
const FIRST_DESCRIPTOR = 16;
const MOST_DESCRIPTORS = 64;
const MOST_ENTRIES = 200_000;
const MOST_DEPTH = 64;
const MOST_FOLDER = 32 * 1024 * 1024;

interface Volume {
    label: string;
    sizeBytes: number;
    blockSize: number;
    root: DirectoryRecord;
}

/**
 * Reads what an ISO 9660 image holds, with Rock Ridge's or Joliet's names. What a damaged or hostile image can ask of
 * it is bounded: a folder is read once, and no deeper, longer or larger than any that is made.
 */
export async function readIso(device: BlockDevice): Promise<IsoImage> {
    const { primary, joliet, boot } = await readDescriptors(device);
    const skip = suspSkip(await firstArea(device, primary));
    const volume = skip === undefined && joliet ? joliet : primary;
    const names = skip !== undefined ? "Rock Ridge" : joliet ? "Joliet" : "ISO 9660";
    const walk = new Walk(device, volume, names, skip ?? 0);
    await walk.folder("", volume.root, 0);
    return { label: primary.label, sizeBytes: primary.sizeBytes, names, boot, entries: walk.entries };
}

async function readDescriptors(
    device: BlockDevice,
): Promise<{ primary: Volume; joliet?: Volume; boot: BootEntry[] }> {
    let primary: Volume | undefined;
    let joliet: Volume | undefined;
    let boot: BootEntry[] = [];
    for (let i = 0; i < MOST_DESCRIPTORS; i++) {
        const sector = await device.read((FIRST_DESCRIPTOR + i) * SECTOR, SECTOR);
        if (sector.toString("latin1", 1, 6) !== "CD001") break;
        const kind = sector.readUInt8(0);
        if (kind === 255) break;
        if (kind === 1) primary ??= parseVolume(sector, "latin1");
        // UCS-2, levels 1 to 3.
        if (kind === 2 && /^%\/[@CE]/.test(sector.toString("latin1", 88, 91)))
            joliet ??= parseVolume(sector, "utf16");
        if (kind === 0 && sector.toString("latin1", 7, 30) === "EL TORITO SPECIFICATION") {
            boot = await readBootCatalogue(device, sector.readUInt32LE(71) * SECTOR);
        }
    }
    if (!primary) throw new ImageDamage("is no ISO 9660 image: it has no volume descriptor");
    return { primary, boot, ...(joliet ? { joliet } : {}) };
}

function parseVolume(sector: Buffer, encoding: "latin1" | "utf16"): Volume {
    const blockSize = sector.readUInt16LE(128);
    if (![512, 1024, 2048].includes(blockSize)) throw new ImageDamage(`has blocks of ${blockSize} bytes`);
    const root = parseRecord(sector.subarray(156, 190));
    if (!root?.isFolder) throw new ImageDamage("has no root folder");
    const label = sector.subarray(40, 72);
    return {
        label: (encoding === "latin1" ? label.toString("latin1") : fromUcs2(label)).replace(/[\0 ]+$/, ""),
        sizeBytes: sector.readUInt32LE(80) * blockSize,
        blockSize,
        root,
    };
}

/** What Rock Ridge begins with stands in the root folder's own entry. */
async function firstArea(device: BlockDevice, { root, blockSize }: Volume): Promise<Buffer> {
    if (root.size === 0) return Buffer.alloc(0);
    const first = parseRecord(await device.read(root.block * blockSize, Math.min(SECTOR, root.size)));
    return first ? areaOf(first) : Buffer.alloc(0);
}

class Walk {
    readonly entries = new Map<string, IsoEntry>();
    private readonly folders = new Set<number>();

    constructor(
        private readonly device: BlockDevice,
        private readonly volume: Volume,
        private readonly names: IsoImage["names"],
        private readonly skip: number,
    ) {}

    async folder(
        path: string,
        record: Pick<DirectoryRecord, "block" | "size">,
        depth: number,
    ): Promise<void> {
        if (depth > MOST_DEPTH) throw new ImageDamage("has folders in each other deeper than 64");
        if (this.folders.has(record.block))
            throw new ImageDamage(`has a folder that is in itself, or in two places (${printable(path)})`);
        this.folders.add(record.block);
        if (record.size > MOST_FOLDER)
            throw new ImageDamage(`says of ${printable(path)} that its names take ${record.size} bytes`);
        const bytes = await this.device.read(this.offsetOf(record.block), record.size);
        // The first two are the folder itself and the one above it.
        let unfinished: IsoEntry | undefined;
        for (const child of parseRecords(bytes).slice(2)) {
            if (child.isAssociated) continue;
            const use = await this.systemUse(child);
            if (use.isMoved) continue;
            const name = this.nameOf(child, use);
            const childPath = `${path}/${name}`;
            if (use.childBlock !== undefined) {
                await this.movedFolder(childPath, use.childBlock, use, depth);
            } else if (child.isFolder) {
                this.add({ ...described(use), path: childPath, kind: "folder", sizeBytes: 0, extents: [] });
                await this.folder(childPath, child, depth + 1);
            } else {
                const entry = this.fileEntry(childPath, child, use, unfinished);
                unfinished = child.goesOn ? entry : undefined;
                if (!child.goesOn) this.add(entry);
            }
        }
        if (unfinished) throw new ImageDamage(`${printable(unfinished.path)} ends before its last part`);
    }

    /** Folders that lie too deep for ISO 9660 are kept elsewhere, and a file stands in for them. */
    private async movedFolder(path: string, block: number, use: SystemUse, depth: number): Promise<void> {
        const itself = parseRecord(await this.device.read(this.offsetOf(block), SECTOR));
        if (!itself?.isFolder) throw new ImageDamage(`${printable(path)} points to no folder`);
        this.add({ ...described(use), path, kind: "folder", sizeBytes: 0, extents: [] });
        await this.folder(path, { block, size: itself.size }, depth + 1);
    }

    private fileEntry(
        path: string,
        record: DirectoryRecord,
        use: SystemUse,
        begun: IsoEntry | undefined,
    ): IsoEntry {
        const extent = { offset: this.offsetOf(record.block), length: record.size };
        if (extent.offset + extent.length > this.device.size) {
            throw new ImageDamage(
                `is cut off: ${printable(path)} ends at byte ${extent.offset + extent.length}, the file at ${this.device.size}`,
            );
        }
        const earlier = begun?.path === path ? begun.extents : [];
        const kind = use.target !== undefined ? "link" : use.isSpecial ? "other" : "file";
        const extents = kind === "file" ? [...earlier, ...(extent.length > 0 ? [extent] : [])] : [];
        return {
            ...described(use),
            ...{ path, kind, extents },
            sizeBytes: extents.reduce((sum, { length }) => sum + length, 0),
            ...(use.target === undefined ? {} : { target: use.target }),
        };
    }

    private add(entry: IsoEntry): void {
        if (this.entries.size >= MOST_ENTRIES) throw new ImageDamage(`has more than ${MOST_ENTRIES} files`);
        this.entries.set(entry.path, entry);
    }

    private async systemUse(record: DirectoryRecord): Promise<SystemUse> {
        if (this.names !== "Rock Ridge") return {};
        return readSystemUse(areaOf(record).subarray(this.skip), (block, offset, length) =>
            this.device.read(this.offsetOf(block) + offset, length),
        );
    }

    private nameOf(record: DirectoryRecord, { name }: SystemUse): string {
        const found =
            name ??
            (this.names === "Joliet" ? fromUcs2(record.name) : record.name.toString("latin1"))
                .replace(/;\d+$/, "")
                .replace(/\.$/, "");
        if (found === "" || found === "." || found === ".." || /[/\0]/.test(found)) {
            throw new ImageDamage(`has a file of the name ${JSON.stringify(printable(found))}`);
        }
        return found;
    }

    private offsetOf(block: number): number {
        return block * this.volume.blockSize;
    }
}

function described({ mode }: SystemUse): { mode?: number } {
    return mode === undefined ? {} : { mode };
}

function fromUcs2(bytes: Buffer): string {
    const even = Buffer.from(bytes.subarray(0, bytes.length & ~1));
    return even.swap16().toString("utf16le");
}
