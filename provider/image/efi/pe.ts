import type { BlockDevice } from "../blockDevice";
import { ImageDamage } from "../check";

/** A piece of a file. */
export interface ByteRange {
    readonly offset: number;
    readonly size: number;
}

export interface PeSection extends ByteRange {
    /** Longer ones than eight characters included: `.vendor_cert`. */
    readonly name: string;
    /** Bytes of its content; the rest of its place in the file is padding. */
    readonly contentSize: number;
}

/** The headers of an EFI program, each field checked against the file. */
export interface PeImage {
    /** As EMF and Linux call it (`x86_64`), or the number of one without such a name. */
    readonly machine: string;
    /** Whether it is an EFI application: the kind that firmware starts from a disk. */
    readonly isEfiApplication: boolean;
    readonly sections: readonly PeSection[];
    readonly headersSize: number;
    readonly checksumOffset: number;
    /** Where the directory entry of the certificate table stands; absent when the header has no place for it. */
    readonly certificateEntry?: number;
    /** Where the signatures are; absent in a file without any. */
    readonly certificateTable?: ByteRange;
}

const MACHINES: Readonly<Record<number, string>> = {
    0x014c: "i386",
    0x01c2: "arm",
    0x0200: "ia64",
    0x0ebc: "EBC",
    0x5032: "riscv32",
    0x5064: "riscv64",
    0x6264: "loongarch64",
    0x8664: "x86_64",
    0xaa64: "aarch64",
};

const EFI_APPLICATION = 10;
const MAX_SECTIONS = 512;
const MAX_LONG_NAME = 64;
const CERTIFICATE_TABLE = 4;

/** Reads the headers of a PE/COFF file (Microsoft PE format; EDK2's PeCoffLib for what firmware insists on). */
export async function readPe(file: BlockDevice): Promise<PeImage> {
    const dos = await part(file, 0, 64);
    if (dos.toString("latin1", 0, 2) !== "MZ") throw new ImageDamage("is no EFI program (no MZ header)");
    const start = dos.readUInt32LE(60);
    const header = await part(file, start, 24);
    if (header.toString("latin1", 0, 4) !== "PE\0\0")
        throw new ImageDamage("is no EFI program (no PE header)");

    const optionalSize = header.readUInt16LE(20);
    const optional = readOptional(await part(file, start + 24, optionalSize), start + 24, file.size);
    const sectionCount = header.readUInt16LE(6);
    if (sectionCount > MAX_SECTIONS) throw new ImageDamage(`says that it has ${sectionCount} sections`);
    const tableOffset = start + 24 + optionalSize;
    if (tableOffset + sectionCount * 40 > optional.headersSize) {
        throw new ImageDamage("has more sections than its headers have place for");
    }
    const table = await part(file, tableOffset, sectionCount * 40);
    const names = longNames(file, header);
    const sections: PeSection[] = [];
    for (let at = 0; at < table.length; at += 40) {
        sections.push(await readSection(table.subarray(at, at + 40), file.size, names));
    }
    assertApart(sections, optional.headersSize);
    const machine = header.readUInt16LE(4);
    return { machine: MACHINES[machine] ?? `machine 0x${machine.toString(16)}`, sections, ...optional };
}

/** A section's content, which must not be larger than `limit`. */
export async function sectionContent(file: BlockDevice, section: PeSection, limit: number): Promise<Buffer> {
    const { name, offset, contentSize } = section;
    if (contentSize > limit) throw new ImageDamage(`has a section ${name} of ${contentSize} bytes`);
    return file.read(offset, contentSize);
}

type Optional = Omit<PeImage, "machine" | "sections">;

function readOptional(header: Buffer, at: number, fileSize: number): Optional {
    const magic = header.length < 2 ? 0 : header.readUInt16LE(0);
    if (magic !== 0x10b && magic !== 0x20b) throw new ImageDamage("has no PE32 or PE32+ header");
    const directories = magic === 0x20b ? 112 : 96;
    if (header.length < directories) throw new ImageDamage("is cut off within its headers");
    const headersSize = header.readUInt32LE(60);
    if (headersSize > fileSize) throw new ImageDamage(`says that its headers have ${headersSize} bytes`);
    const count = header.readUInt32LE(directories - 4);
    if (count > 16 || directories + 8 * count > header.length) {
        throw new ImageDamage(`says that it has ${count} data directories`);
    }
    const base: Optional = {
        isEfiApplication: header.readUInt16LE(68) === EFI_APPLICATION,
        headersSize,
        checksumOffset: at + 64,
    };
    if (count <= CERTIFICATE_TABLE) return base;
    const entry = directories + 8 * CERTIFICATE_TABLE;
    const certificateEntry = at + entry;
    const table = { offset: header.readUInt32LE(entry), size: header.readUInt32LE(entry + 4) };
    if (table.size === 0) return { ...base, certificateEntry };
    if (table.offset < headersSize || table.offset + table.size > fileSize) {
        throw new ImageDamage(
            `says that its signatures are at bytes ${table.offset}..${table.offset + table.size} of ${fileSize}: it is cut off or damaged`,
        );
    }
    return { ...base, certificateEntry, certificateTable: table };
}

async function readSection(
    entry: Buffer,
    fileSize: number,
    names: LongNames | undefined,
): Promise<PeSection> {
    const short = entry.toString("latin1", 0, 8).replace(/\0.*$/s, "");
    const name = /^\/\d{1,7}$/.test(short) ? ((await names?.(Number(short.slice(1)))) ?? short) : short;
    const virtualSize = entry.readUInt32LE(8);
    const size = entry.readUInt32LE(16);
    const offset = entry.readUInt32LE(20);
    if (size > 0 && offset + size > fileSize) {
        throw new ImageDamage(
            `has a section at bytes ${offset}..${offset + size} of ${fileSize}: it is cut off or damaged`,
        );
    }
    // Linkers that know no virtual size leave it at 0.
    return { name, offset, size, contentSize: virtualSize === 0 ? size : Math.min(virtualSize, size) };
}

type LongNames = (at: number) => Promise<string | undefined>;

/**
 * Names of more than eight characters stand in a table of strings behind the linker's symbols. Firmware does not read
 * names, so one that cannot be found is no damage.
 */
function longNames(file: BlockDevice, header: Buffer): LongNames | undefined {
    const symbols = header.readUInt32LE(12);
    if (symbols === 0) return undefined;
    const strings = symbols + header.readUInt32LE(16) * 18;
    return async (at) => {
        const offset = strings + at;
        if (offset >= file.size) return undefined;
        const bytes = await file.read(offset, Math.min(MAX_LONG_NAME, file.size - offset));
        const end = bytes.indexOf(0);
        return end > 0 ? bytes.toString("latin1", 0, end) : undefined;
    };
}

/** Sections that share bytes would be hashed as often as there are sections, and no linker makes them. */
function assertApart(sections: readonly PeSection[], headersSize: number): void {
    let end = headersSize;
    for (const section of inFileOrder(sections)) {
        if (section.offset < end) throw new ImageDamage("has sections that overlap");
        end = section.offset + section.size;
    }
}

/** The sections that have bytes in the file, as they lie there. */
export function inFileOrder(sections: readonly PeSection[]): PeSection[] {
    return sections.filter(({ size }) => size > 0).sort((a, b) => a.offset - b.offset);
}

async function part(file: BlockDevice, offset: number, size: number): Promise<Buffer> {
    if (offset + size > file.size) throw new ImageDamage("is cut off within its headers");
    return file.read(offset, size);
}
