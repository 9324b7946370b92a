import type { BlockDevice } from "../blockDevice";
import { ImageDamage } from "../check";
import { Certificate } from "./certificate";
import { type PeImage, sectionContent } from "./pe";

/** What a shim carries: whom it trusts beside the firmware's own list, what it never starts, and what it starts. */
export interface Shim {
    readonly certificates: readonly Certificate[];
    /** SHA-256 of programs, as its vendor allows them one by one. */
    readonly hashes: readonly string[];
    readonly forbiddenCertificates: readonly Certificate[];
    readonly forbiddenHashes: readonly string[];
    /** File name of the program that it starts, beside itself. */
    readonly next: string;
}

const MAX_SECTION = 4 * 1024 * 1024;
const TABLE_HEADER = 16;

/** Reads the tables of a shim (its cert.S and shim.c). */
export async function readShim(file: BlockDevice, pe: PeImage): Promise<Shim> {
    const section = pe.sections.find(({ name }) => name === ".vendor_cert");
    if (!section) throw new ImageDamage("is no shim");
    const table = await sectionContent(file, section, MAX_SECTION);
    if (table.length < TABLE_HEADER) throw new ImageDamage("has no vendor table in its section .vendor_cert");
    const piece = (size: number, offset: number): Buffer => {
        if (offset + size > table.length) throw new ImageDamage("has a vendor table that is cut off");
        return table.subarray(offset, offset + size);
    };
    const allowed = readList(piece(table.readUInt32LE(0), table.readUInt32LE(8)));
    const forbidden = readList(piece(table.readUInt32LE(4), table.readUInt32LE(12)));
    return {
        certificates: allowed.certificates,
        hashes: allowed.hashes,
        forbiddenCertificates: forbidden.certificates,
        forbiddenHashes: forbidden.hashes,
        next: await nextProgram(file, pe),
    };
}

interface SignatureLists {
    certificates: Certificate[];
    hashes: string[];
}

/** EFI_CERT_X509_GUID, EFI_CERT_SHA256_GUID. */
const X509 = "a159c0a5e494a74a87b5ab155c2bf072";
const SHA256 = "2616c4c14c509240aca941f936934328";

/** One certificate as it is, or EFI_SIGNATURE_LISTs. */
function readList(bytes: Buffer): SignatureLists {
    const lists: SignatureLists = { certificates: [], hashes: [] };
    if (bytes[0] === 0x30) return { ...lists, certificates: [Certificate.parse(bytes)] };
    let at = 0;
    while (at < bytes.length) {
        if (at + 28 > bytes.length) throw new ImageDamage("has a vendor list that is cut off");
        const size = bytes.readUInt32LE(at + 16);
        const headerSize = bytes.readUInt32LE(at + 20);
        const entrySize = bytes.readUInt32LE(at + 24);
        if (size < 28 + headerSize || at + size > bytes.length || entrySize <= 16) {
            throw new ImageDamage("has a vendor list of impossible size");
        }
        const type = bytes.toString("hex", at, at + 16);
        for (let entry = at + 28 + headerSize; entry + entrySize <= at + size; entry += entrySize) {
            const data = bytes.subarray(entry + 16, entry + entrySize);
            if (type === X509) lists.certificates.push(Certificate.parse(data));
            if (type === SHA256) lists.hashes.push(data.toString("hex"));
        }
        at += size;
    }
    return lists;
}

/** The name is compiled in (DEFAULT_LOADER), beside those of its own helpers. */
async function nextProgram(file: BlockDevice, pe: PeImage): Promise<string> {
    const names: string[] = [];
    for (const section of pe.sections) {
        if (!/^\.(ro)?data/.test(section.name) || section.contentSize > MAX_SECTION) continue;
        const text = (await sectionContent(file, section, MAX_SECTION)).toString("utf16le");
        for (const [, name] of text.matchAll(/\\([\w.+-]{1,60}\.efi)(?=\0)/gi)) {
            if (name !== undefined) names.push(name);
        }
    }
    const own = /^(mm|fb|MokManager|fallback)/i;
    const others = names.filter((name) => !own.test(name));
    return others.find((name) => /^grub/i.test(name)) ?? others[0] ?? defaultName(pe.machine);
}

function defaultName(machine: string): string {
    return `grub${machine === "aarch64" ? "aa64" : "x64"}.efi`;
}
