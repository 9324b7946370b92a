import * as zlib from "node:zlib";
import { type BlockDevice, bufferDevice, MAX_READ } from "../blockDevice";
import { ImageDamage, printable } from "../check";
import { readSignedProgram, type SignedProgram } from "./authenticode";
import type { FileSource } from "./fileSource";
import { type PeImage, sectionContent } from "./pe";
import { readShim, type Shim } from "./shim";

/** What a program does on the way to a running system. */
export type BootFileKind =
    "uki" | "shim" | "fallback" | "grub" | "systemd-boot" | "kernel" | "other" | "unreadable";

/** One program of the boot path. Plain data, kept in the image's manifest. */
export interface BootFile {
    /** In its file system, `EFI/BOOT/BOOTX64.EFI`. */
    path: string;
    /** Place of its partition in the table. */
    partition: number;
    kind: BootFileKind;
    /** `x86_64`, `aarch64` … */
    machine: string;
    /** Of the whole program, unpacked, lower-case hexadecimal. */
    sha256: string;
    /** Of what a signature covers, as lists of allowed and forbidden programs name it. */
    authenticodeSha256: string;
    /** Whose signatures it carries that are in order, whoever trusts them. */
    signers: string[];
    /** Why nothing starts it, or why a signature of it is refused whoever trusts it. */
    problems: string[];
}

/** A program that was read. */
export interface LoadedFile {
    readonly file: BootFile;
    /** Absent when it is no EFI program. */
    readonly program?: SignedProgram;
    readonly shim?: Shim;
    /** Its revocation generations, which shim asks for: the content of `.sbat`. */
    readonly sbat: string;
}

/** Reads one program; undefined when there is no such file. `prepare` does what its starter does to it first. */
export async function loadBootFile(
    source: FileSource,
    partition: number,
    path: string,
    prepare: (file: BlockDevice) => Promise<BlockDevice> = async (file) => file,
): Promise<LoadedFile | undefined> {
    const found = await source.find(path);
    if (found === undefined) return undefined;
    const place = { path: printable(found.replace(/^\//, ""), 200), partition };
    try {
        return await source.withFile(found, async (file) => readBootFile(await prepare(file), place));
    } catch (error) {
        if (!(error instanceof ImageDamage)) throw error;
        return { file: { ...place, ...UNREADABLE, problems: [error.message] }, sbat: "" };
    }
}

const MAX_UNPACKED = 192 * 1024 * 1024;

/** Kernels of some arm64 distributions are packed around their signature; GRUB unpacks before it verifies. */
export async function unpacked(file: BlockDevice): Promise<BlockDevice> {
    if (file.size < 18 || (await file.read(0, 2)).readUInt16BE(0) !== 0x1f8b) return file;
    if (file.size > MAX_UNPACKED) throw new ImageDamage(`is packed, and has ${file.size} bytes even so`);
    try {
        return bufferDevice(zlib.gunzipSync(await readAll(file), { maxOutputLength: MAX_UNPACKED }));
    } catch (error) {
        throw new ImageDamage(`cannot be unpacked (${printable((error as Error).message, 80)})`);
    }
}

async function readAll(file: BlockDevice): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let at = 0; at < file.size; at += MAX_READ) {
        parts.push(await file.read(at, Math.min(MAX_READ, file.size - at)));
    }
    return Buffer.concat(parts);
}

const UNREADABLE = {
    kind: "unreadable",
    machine: "unknown",
    sha256: "",
    authenticodeSha256: "",
    signers: [] as string[],
} as const;

/** What a program is, and who signed it. Throws ImageDamage for what is no EFI program. */
export async function readBootFile(
    file: BlockDevice,
    place: { path: string; partition: number },
): Promise<LoadedFile> {
    const program = await readSignedProgram(file);
    const { pe, signatures } = program;
    const sbat = await readSbat(file, pe);
    const kind = await kindOf(file, pe, sbat);
    const sound = signatures.filter(({ problem }) => problem === undefined);
    const unsound = signatures.map(({ problem }) => problem).filter((problem) => problem !== undefined);
    return {
        program,
        sbat,
        ...(kind === "shim" ? { shim: await readShim(file, pe) } : {}),
        file: {
            ...place,
            kind,
            machine: pe.machine,
            sha256: program.sha256.toString("hex"),
            authenticodeSha256: program.imageSha256.toString("hex"),
            signers: [...new Set(sound.map(({ signer }) => signer?.name ?? ""))],
            problems: [...(pe.isEfiApplication ? [] : ["is no EFI application"]), ...unsound],
        },
    };
}

const MAX_SBAT = 64 * 1024;

async function readSbat(file: BlockDevice, pe: PeImage): Promise<string> {
    const section = pe.sections.find(({ name }) => name === ".sbat");
    if (!section) return "";
    return (await sectionContent(file, section, MAX_SBAT)).toString("latin1").replace(/\0+$/, "");
}

/** By what its makers put into it, not by its name: everything is called BOOTX64.EFI in its place. */
async function kindOf(file: BlockDevice, pe: PeImage, sbat: string): Promise<BootFileKind> {
    const names = new Set(pe.sections.map(({ name }) => name));
    if (names.has(".linux")) return "uki";
    if (names.has(".vendor_cert")) return "shim";
    if (/^systemd-boot,/m.test(sbat) || (await hasLoaderMark(file, pe))) return "systemd-boot";
    if (names.has("mods") || /^grub[.,]/m.test(sbat)) return "grub";
    if (await isKernel(file)) return "kernel";
    return /^shim,/m.test(sbat) && (await mentions(file, pe, "BOOT.CSV")) ? "fallback" : "other";
}

async function hasLoaderMark(file: BlockDevice, pe: PeImage): Promise<boolean> {
    const section = pe.sections.find(({ name }) => name === ".sdmagic");
    if (!section) return false;
    return (await sectionContent(file, section, MAX_SBAT)).includes("LoaderInfo: systemd-boot");
}

/** Linux's own header: the boot protocol's on x86, the image header's or the compressed image's on others. */
async function isKernel(file: BlockDevice): Promise<boolean> {
    if (file.size < 1024) return false;
    const head = await file.read(0, 1024);
    return (
        head.toString("latin1", 0x202, 0x206) === "HdrS" ||
        head.toString("latin1", 0x38, 0x3c) === "ARM\x64" ||
        head.toString("latin1", 4, 8) === "zimg"
    );
}

const MAX_TEXTS = 8 * 1024 * 1024;

async function mentions(file: BlockDevice, pe: PeImage, text: string): Promise<boolean> {
    const section = pe.sections.find(({ name }) => name === ".data");
    if (!section || section.contentSize > MAX_TEXTS) return false;
    const content = await sectionContent(file, section, MAX_TEXTS);
    return (
        content.includes(Buffer.from(text, "utf16le")) ||
        content.includes(Buffer.from(text.toLowerCase(), "utf16le"))
    );
}
