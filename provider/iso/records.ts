import { both16, both32, ucs2 } from "./bytes";

/** Where something is on the image. */
interface Place {
    readonly sector: number;
    readonly bytes: number;
}

/** A file in a directory: in the plain tree with its own name beside the short one, or in Joliet's. */
export type DirectoryRecord = Place &
    ({ readonly short: string; readonly name: string } | { readonly joliet: string });

const IS_DIRECTORY = 2;
const DIRECTORY_MODE = 0o040555;
/** What is written here are credentials. */
const FILE_MODE = 0o100400;
/** 1980-01-01 00:00 UTC, the same in all images, so that equal files make equal bytes. */
const TIME = Buffer.from([80, 1, 1, 0, 0, 0, 0]);

export function fileRecord(record: DirectoryRecord): Buffer {
    if ("joliet" in record) return directoryRecord(record, ucs2(record.joliet), 0, []);
    const { short, name } = record;
    return directoryRecord(record, Buffer.from(short, "ascii"), 0, [
        posixAttributes(FILE_MODE, 1),
        posixName(name),
    ]);
}

/** The records that a root directory begins with: itself and, there being none above, itself again. */
export function selfRecords({ joliet, ...place }: Place & { readonly joliet: boolean }): Buffer[] {
    const attributes = joliet ? [] : [posixAttributes(DIRECTORY_MODE, 2)];
    const announced = joliet ? [] : [sharingProtocol(), ...attributes, rockRidge()];
    return [
        directoryRecord(place, Buffer.from([0]), IS_DIRECTORY, announced),
        directoryRecord(place, Buffer.from([1]), IS_DIRECTORY, attributes),
    ];
}

/** The root as its volume descriptor has it, without extensions: there is no room for them. */
export function rootRecord(sector: number, bytes: number): Buffer {
    return directoryRecord({ sector, bytes }, Buffer.from([0]), IS_DIRECTORY, []);
}

/** ECMA-119 9.1. */
function directoryRecord(
    { sector, bytes }: Place,
    identifier: Buffer,
    flags: number,
    extensions: readonly Buffer[],
): Buffer {
    const head = Buffer.alloc(33);
    both32(head, sector, 2);
    both32(head, bytes, 10);
    TIME.copy(head, 18);
    head[25] = flags;
    both16(head, 1, 28);
    head[32] = identifier.length;
    const padding = Buffer.alloc(identifier.length % 2 === 0 ? 1 : 0);
    const record = Buffer.concat([head, identifier, padding, ...extensions]);
    const even = record.length % 2 === 0 ? record : Buffer.concat([record, Buffer.alloc(1)]);
    even[0] = even.length;
    return even;
}

function extension(signature: string, content: Buffer): Buffer {
    const head = Buffer.from([0, 0, 4 + content.length, 1]);
    head.write(signature, "ascii");
    return Buffer.concat([head, content]);
}

/** SUSP 5.3: extensions are used, and begin without a gap. */
function sharingProtocol(): Buffer {
    return extension("SP", Buffer.from([0xbe, 0xef, 0]));
}

/** SUSP 5.5: which ones, by name; descriptions may be empty. */
function rockRidge(): Buffer {
    const name = Buffer.from("RRIP_1991A", "ascii");
    return extension("ER", Buffer.concat([Buffer.from([name.length, 0, 0, 1]), name]));
}

/** RRIP 4.1.1: mode, links, user and group; both are root. */
function posixAttributes(mode: number, links: number): Buffer {
    const content = Buffer.alloc(32);
    both32(content, mode, 0);
    both32(content, links, 8);
    return extension("PX", content);
}

/** RRIP 4.1.4. */
function posixName(name: string): Buffer {
    return extension("NM", Buffer.concat([Buffer.from([0]), Buffer.from(name, "ascii")]));
}
