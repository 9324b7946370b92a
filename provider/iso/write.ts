import { EdgeError } from "../resource/errors";
import { both16, both32, ucs2 } from "./bytes";
import { fileRecord, rootRecord, selfRecords, type DirectoryRecord } from "./records";

const SECTOR = 2048;
/** Descriptors begin behind the area that is left to boot code. */
const FIRST_DESCRIPTOR = 16;
/** Of the plain file system: longer names are cut off there. */
const VOLUME_ID_MAX = 32;
/** Joliet's own limit, in characters. */
const NAME_MAX = 64;
/** Sizes are four bytes. */
const MOST_BYTES = 2 ** 32 - SECTOR;

/** A file in the root of an ISO. */
export interface IsoFile {
    /** As Linux and Windows show it: at most 64 letters, digits and `- _ .`. */
    readonly name: string;
    readonly content: Uint8Array;
}

/** One of the two trees: the plain one with Rock Ridge's names on top, and Joliet's. */
interface Tree {
    readonly joliet: boolean;
    readonly pathTable: { readonly little: number; readonly big: number };
    readonly directory: { readonly sector: number; readonly bytes: Buffer };
}

/**
 * An ISO 9660 image with these files in its root, under their own names for Linux (Rock Ridge) and Windows (Joliet). Equal
 * files make equal bytes.
 */
export function isoImage(volumeId: string, files: readonly IsoFile[]): Buffer {
    assertNames(volumeId, files);
    const shortNames = isoNames(files.map(({ name }) => name));
    const sizeOf = (joliet: boolean): number => sectorsOf(directory(files, shortNames, joliet, 0, () => 0));
    const first = FIRST_DESCRIPTOR + 3;
    const plainRoot = first + 4;
    const jolietRoot = plainRoot + sizeOf(false);
    let next = jolietRoot + sizeOf(true);
    const places = files.map(({ content }) => {
        const place = next;
        next += Math.ceil(content.length / SECTOR);
        return place;
    });
    const placeOf = (i: number): number => places[i] ?? 0;
    const trees = [false, true].map((joliet): Tree => {
        const sector = joliet ? jolietRoot : plainRoot;
        const table = first + (joliet ? 2 : 0);
        return {
            joliet,
            pathTable: { little: table, big: table + 1 },
            directory: { sector, bytes: directory(files, shortNames, joliet, sector, placeOf) },
        };
    });
    const image = Buffer.alloc(next * SECTOR);
    trees.forEach((tree, i) => {
        descriptor(volumeId, next, tree).copy(image, (FIRST_DESCRIPTOR + i) * SECTOR);
        pathTable(tree, "little").copy(image, tree.pathTable.little * SECTOR);
        pathTable(tree, "big").copy(image, tree.pathTable.big * SECTOR);
        tree.directory.bytes.copy(image, tree.directory.sector * SECTOR);
    });
    terminator().copy(image, (FIRST_DESCRIPTOR + 2) * SECTOR);
    files.forEach(({ content }, i) => image.set(content, placeOf(i) * SECTOR));
    return image;
}

function assertNames(volumeId: string, files: readonly IsoFile[]): void {
    if (!new RegExp(`^[A-Za-z0-9_-]{1,${VOLUME_ID_MAX}}$`).test(volumeId)) {
        throw new EdgeError(
            `the volume label of an ISO must be 1 to ${VOLUME_ID_MAX} letters, digits, - or _`,
        );
    }
    const names = new Set<string>();
    for (const { name, content } of files) {
        const shown = JSON.stringify(name);
        if (!new RegExp(`^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,${NAME_MAX}}$`).test(name)) {
            throw new EdgeError(
                `a file on an ISO cannot be named ${shown}: at most ${NAME_MAX} of a-z A-Z 0-9 . _ - may be used`,
            );
        }
        if (names.has(name.toLowerCase())) throw new EdgeError(`two files on an ISO are named ${shown}`);
        names.add(name.toLowerCase());
        if (content.length > MOST_BYTES) throw new EdgeError(`${shown} is too large for an ISO`);
    }
}

/** Names of eight and three capitals for whatever reads neither Rock Ridge nor Joliet; by the files' places. */
function isoNames(names: readonly string[]): string[] {
    const taken = new Set<string>();
    return names.map((name) => {
        const dot = name.lastIndexOf(".");
        const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot + 1)] : [name, ""];
        const plain = (text: string, most: number): string =>
            text
                .toUpperCase()
                .replace(/[^A-Z0-9]/g, "_")
                .slice(0, most);
        for (let i = 0; ; i++) {
            const number = i === 0 ? "" : String(i);
            const short = `${plain(stem, 8 - number.length)}${number}.${plain(extension, 3)};1`;
            if (taken.has(short)) continue;
            taken.add(short);
            return short;
        }
    });
}

/** A directory's records, in the order that the standard asks for; none goes across a sector's end. */
function directory(
    files: readonly IsoFile[],
    shortNames: readonly string[],
    joliet: boolean,
    sector: number,
    placeOf: (i: number) => number,
): Buffer {
    const named = files.map(({ name, content }, i): DirectoryRecord & { order: string } => {
        const short = shortNames[i] ?? "";
        const place = { sector: placeOf(i), bytes: content.length };
        return { ...place, order: joliet ? name : short, ...(joliet ? { joliet: name } : { short, name }) };
    });
    named.sort((a, b) => (a.order < b.order ? -1 : 1));
    const rest = named.map(fileRecord);
    // The records of the directory itself tell its size, which their own size is part of.
    const size = SECTOR * packed([...selfRecords({ sector, bytes: 0, joliet }), ...rest]).length;
    return Buffer.concat(packed([...selfRecords({ sector, bytes: size, joliet }), ...rest]));
}

function packed(records: readonly Buffer[]): Buffer[] {
    const sectors: Buffer[] = [];
    let used = SECTOR;
    for (const record of records) {
        if (used + record.length > SECTOR) {
            sectors.push(Buffer.alloc(SECTOR));
            used = 0;
        }
        record.copy(sectors[sectors.length - 1] ?? record, used);
        used += record.length;
    }
    return sectors;
}

function sectorsOf(bytes: Buffer): number {
    return bytes.length / SECTOR;
}

const ROOT_TABLE_SIZE = 10;

/** Only the root. */
function pathTable({ directory }: Tree, order: "little" | "big"): Buffer {
    const table = Buffer.alloc(ROOT_TABLE_SIZE);
    table[0] = 1;
    if (order === "little") {
        table.writeUInt32LE(directory.sector, 2);
        table.writeUInt16LE(1, 6);
    } else {
        table.writeUInt32BE(directory.sector, 2);
        table.writeUInt16BE(1, 6);
    }
    return table;
}

/** ECMA-119 8.4; Joliet's is the same with its texts in UCS-2. */
function descriptor(volumeId: string, sectors: number, { joliet, pathTable, directory }: Tree): Buffer {
    const bytes = Buffer.alloc(SECTOR);
    const text = (value: string, at: number, size: number): void => {
        const blank = joliet ? Buffer.from("\0 ") : Buffer.from(" ");
        bytes.fill(blank, at, at + size - (size % blank.length));
        (joliet ? ucs2(value) : Buffer.from(value, "ascii")).subarray(0, size).copy(bytes, at);
    };
    bytes[0] = joliet ? 2 : 1;
    bytes.write("CD001", 1, "ascii");
    bytes[6] = 1;
    text("", 8, 32);
    text(volumeId, 40, 32);
    both32(bytes, sectors, 80);
    // Joliet, level 3.
    if (joliet) bytes.write("%/E", 88, "ascii");
    both16(bytes, 1, 120);
    both16(bytes, 1, 124);
    both16(bytes, SECTOR, 128);
    both32(bytes, ROOT_TABLE_SIZE, 132);
    bytes.writeUInt32LE(pathTable.little, 140);
    bytes.writeUInt32BE(pathTable.big, 148);
    rootRecord(directory.sector, directory.bytes.length).copy(bytes, 156);
    for (const [at, size] of [
        [190, 128],
        [318, 128],
        [446, 128],
        [574, 128],
        [702, 37],
        [739, 37],
        [776, 37],
    ] as const) {
        text("", at, size);
    }
    // No times: sixteen zeros and an offset of zero each.
    for (const at of [813, 830, 847, 864]) bytes.write("0".repeat(16), at, "ascii");
    bytes[881] = 1;
    return bytes;
}

function terminator(): Buffer {
    const bytes = Buffer.alloc(SECTOR);
    bytes[0] = 255;
    bytes.write("CD001", 1, "ascii");
    bytes[6] = 1;
    return bytes;
}
