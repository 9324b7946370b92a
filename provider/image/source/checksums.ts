import * as path from "node:path";
import { printable, ImageError } from "../check";

/** One line of a checksum file. */
export interface Checksum {
    /** Lower-case hexadecimal. */
    sha256: string;
    /** Absent where the file holds the digest alone. */
    name?: string;
}

export interface ChecksumFile {
    checksums: Checksum[];
    /** It stands in an OpenPGP signature, which nobody has verified here. */
    isSigned: boolean;
}

/** More is no list of checksums. */
export const MAX_CHECKSUM_FILE = 1024 * 1024;

/**
 * Reads the forms in which digests are published: sha256sum's, in text and binary mode; BSD's and OpenSSL's
 * `SHA256 (name) = …`; a digest alone; each also in an OpenPGP clear-text signature. Lines of other algorithms and
 * comments are passed over.
 */
export function parseChecksums(text: string): ChecksumFile {
    const { lines, isSigned } = withoutSignature(text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/));
    return { checksums: lines.map(parseLine).filter((line) => line !== undefined), isSigned };
}

/** RFC 9580, section 7: armour headers up to an empty line; lines that begin with a dash are escaped. */
function withoutSignature(lines: string[]): { lines: string[]; isSigned: boolean } {
    const start = lines.indexOf("-----BEGIN PGP SIGNED MESSAGE-----");
    if (start < 0) return { lines, isSigned: false };
    const end = lines.indexOf("-----BEGIN PGP SIGNATURE-----", start);
    const message = lines.slice(start + 1, end < 0 ? undefined : end);
    const body = message.slice(message.indexOf("") + 1);
    return { lines: body.map((line) => line.replace(/^- /, "")), isSigned: true };
}

const BSD = /^(\\?)SHA(?:2-)?256 ?\((.+)\) ?= ?([0-9a-fA-F]{64})$/;
const COREUTILS = /^(\\?)([0-9a-fA-F]{64})(?:[ \t]+\*?(.+))?$/;

function parseLine(line: string): Checksum | undefined {
    const trimmed = line.trim();
    const bsd = BSD.exec(trimmed);
    const [, escape, first, second] = bsd ?? COREUTILS.exec(trimmed) ?? [];
    const [digest, name] = bsd ? [second, first] : [first, second];
    if (digest === undefined) return undefined;
    const sha256 = digest.toLowerCase();
    return name === undefined ? { sha256 } : { sha256, name: escape ? unescapeName(name) : name };
}

/** sha256sum marks a line with a backslash where it has written the name with escapes. */
function unescapeName(name: string): string {
    return name.replace(/\\([\\nr])/g, (_whole, letter: string) =>
        letter === "n" ? "\n" : letter === "r" ? "\r" : "\\",
    );
}

/** The digest that a checksum file, itself called `fileName`, gives for an image; throws where that cannot be told. */
export function checksumFor(image: string, { checksums }: ChecksumFile, fileName: string): string {
    if (checksums.length === 0) {
        throw new ImageError(
            `holds no SHA-256: a line is expected such as "0123…  ${image}" or "SHA256 (${image}) = …"`,
        );
    }
    const [only] = checksums;
    const isAlone = checksums.length === 1 && only !== undefined;
    // A digest alone, or in the file that stands beside the image: whatever name it was made under.
    if (isAlone && (only.name === undefined || isBeside(fileName, image))) return only.sha256;

    const exact = checksums.filter(({ name }) => name === image);
    const found =
        exact.length > 0
            ? exact
            : checksums.filter(({ name }) => name !== undefined && baseName(name) === image);
    const digests = [...new Set(found.map(({ sha256 }) => sha256))];
    if (digests.length === 1 && digests[0] !== undefined) return digests[0];
    if (digests.length > 1) throw new ImageError(`gives ${digests.length} different digests for ${image}`);
    throw new ImageError(`has no line for ${image}; it is about ${someNames(checksums)}`);
}

function isBeside(fileName: string, image: string): boolean {
    return [".sha256", ".sha256sum", ".sha256.txt"].some((suffix) => fileName === `${image}${suffix}`);
}

function baseName(name: string): string {
    return path.posix.basename(name.replaceAll("\\", "/"));
}

function someNames(checksums: readonly Checksum[]): string {
    const names = [...new Set(checksums.map(({ name }) => printable(name ?? "a file without a name")))];
    const shown = names.slice(0, 8).join(", ");
    return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
