import * as crypto from "node:crypto";
import type { BlockDevice } from "../blockDevice";
import { ImageDamage } from "../check";
import type { Certificate } from "./certificate";
import { digestFile, type FileDigests, type HashName, HASHES } from "./imageHash";
import { type ByteRange, type PeImage, readPe } from "./pe";
import { readSignedData, type SignedData, type SignerInfo } from "./signedData";

/** One signature of a file, examined as far as that goes without knowing whom one trusts. */
export interface Signature {
    /** Undefined when it names nobody. */
    readonly signer?: Certificate;
    /** Certificates that came with it: they prove nothing, and only lead the way to one that is trusted. */
    readonly embedded: readonly Certificate[];
    /** The digest of the file that it was made over. */
    readonly hash?: HashName;
    /** Why firmware refuses it whatever is enrolled; absent when it is sound. */
    readonly problem?: string;
}

/** An EFI program with its signatures. */
export interface SignedProgram {
    readonly pe: PeImage;
    readonly sha256: Buffer;
    /** What is compared with lists of allowed and forbidden digests. */
    readonly imageSha256: Buffer;
    readonly signatures: readonly Signature[];
}

const MAX_TABLE = 4 * 1024 * 1024;
const MAX_SIGNATURES = 32;

/** Reads an EFI program once, and examines every signature that it carries. Throws ImageDamage when it is none. */
export async function readSignedProgram(file: BlockDevice): Promise<SignedProgram> {
    const pe = await readPe(file);
    const { blobs, problem } = pe.certificateTable
        ? readTable(await readWhole(file, pe.certificateTable))
        : { blobs: [] };
    const parsed = blobs.map(parseBlob);
    const wanted = parsed.map(({ hash }) => hash).filter((hash) => hash !== undefined);
    const digests = await digestFile(file, pe, new Set<HashName>(["sha256", ...wanted]));
    const signatures = parsed.map((blob) => examine(blob, digests));
    return {
        pe,
        sha256: digests.sha256,
        imageSha256: digests.image.get("sha256") ?? Buffer.alloc(0),
        signatures: problem === undefined ? signatures : distrust(signatures, problem),
    };
}

async function readWhole(file: BlockDevice, { offset, size }: ByteRange): Promise<Buffer> {
    if (size > MAX_TABLE) throw new ImageDamage(`says that its signatures have ${size} bytes`);
    return file.read(offset, size);
}

const PKCS_SIGNED_DATA = 0x0002;
const EFI_GUID = 0x0ef1;
/** EFI_CERT_TYPE_PKCS7_GUID, 4aafd29d-68df-49ee-8aa9-347d375665a7. */
const PKCS7_GUID = Buffer.from("9dd2af4adf68ee498aa9347d375665a7", "hex");

/** Walks the WIN_CERTIFICATE entries as EDK2 does: what does not end exactly where the table ends spoils them all. */
function readTable(table: Buffer): { blobs: Buffer[]; problem?: string } {
    const blobs: Buffer[] = [];
    let at = 0;
    while (table.length - at > 8) {
        const length = table.readUInt32LE(at);
        const type = table.readUInt16LE(at + 6);
        const header = type === EFI_GUID ? 24 : 8;
        if (
            length > table.length - at ||
            length < header ||
            (length === header && type === PKCS_SIGNED_DATA)
        ) {
            break;
        }
        const isPkcs7 =
            type === PKCS_SIGNED_DATA ||
            (type === EFI_GUID && table.subarray(at + 8, at + 24).equals(PKCS7_GUID));
        if (isPkcs7) blobs.push(table.subarray(at + header, at + length));
        if (blobs.length > MAX_SIGNATURES) throw new ImageDamage("has too many signatures");
        at += length + ((8 - (length % 8)) % 8);
    }
    return at === table.length ? { blobs } : { blobs, problem: "the table of its signatures is damaged" };
}

function distrust(signatures: readonly Signature[], problem: string): Signature[] {
    return signatures.length === 0
        ? [{ embedded: [], problem }]
        : signatures.map((signature) => ({ ...signature, problem }));
}

interface Blob {
    readonly data?: SignedData;
    readonly hash?: HashName;
    readonly problem?: string;
}

function parseBlob(bytes: Buffer): Blob {
    try {
        const data = readSignedData(bytes);
        const hash = hashWhereFirmwareLooks(bytes);
        if (hash === undefined) {
            return { data, problem: "firmware does not find the name of its digest where it looks for it" };
        }
        return hash === HASHES[data.image.algorithm]
            ? { data, hash }
            : { data, problem: "it states its digest under two names" };
    } catch (error) {
        if (!(error instanceof ImageDamage)) throw error;
        return { problem: error.message };
    }
}

const HASH_OIDS: readonly (readonly [string, HashName])[] = [
    ["2b0e03021a", "sha1"],
    ["608648016503040201", "sha256"],
    ["608648016503040202", "sha384"],
    ["608648016503040203", "sha512"],
];

/** EDK2 reads it at a fixed place, which is right while the length of the whole has two bytes (HashPeImageByType). */
function hashWhereFirmwareLooks(bytes: Buffer): HashName | undefined {
    if (((bytes[1] ?? 0) & 0x82) !== 0x82) return undefined;
    const there = bytes.toString("hex", 32, 41);
    return HASH_OIDS.find(([oid]) => there.startsWith(oid))?.[1];
}

function examine({ data, hash, problem }: Blob, { image }: FileDigests): Signature {
    if (!data) return { embedded: [], problem };
    const { certificates, signer: info } = data;
    const signer = certificates.find(
        ({ issuerName, serial }) => issuerName.equals(info.issuer) && serial.equals(info.serial),
    );
    const found = { ...(signer ? { signer } : {}), embedded: certificates, ...(hash ? { hash } : {}) };
    if (problem !== undefined) return { ...found, problem };
    if (!signer) return { ...found, problem: "the certificate of its signer is not in it" };
    const digest = hash && image.get(hash);
    if (!digest?.equals(data.image.digest)) {
        return { ...found, problem: "the file is not the one that was signed: it was changed afterwards" };
    }
    const unsound = signatureProblem(data, signer);
    return unsound === undefined ? found : { ...found, problem: unsound };
}

/** Whether the signer's key signed the content (RFC 5652, 5.4 and 5.6; OpenSSL's PKCS7_signatureVerify). */
function signatureProblem(data: SignedData, certificate: Certificate): string | undefined {
    const { signer: info, content } = data;
    const hash = HASHES[info.digest];
    if (!hash || !data.digests.includes(info.digest)) return "it uses a digest that it does not name";
    if (info.attributes) {
        const { contentTypeIsRight, messageDigest } = info.attributes;
        if (!contentTypeIsRight) return "its signed attributes are of something else than an EFI program";
        const digest = crypto.createHash(hash).update(content).digest();
        if (!messageDigest?.equals(digest)) return "its signed attributes do not fit its content";
    }
    return verify(info, hash, info.attributes?.bytes ?? content, certificate);
}

function verify(
    { signature }: SignerInfo,
    hash: HashName,
    signed: Buffer,
    certificate: Certificate,
): string | undefined {
    const key = certificate.publicKey;
    if (!key || certificate.keyType !== "rsa") {
        return `it is made with a key of type ${certificate.keyType}, and firmware verifies RSA signatures only`;
    }
    try {
        const isValid = crypto.verify(
            hash,
            signed,
            { key, padding: crypto.constants.RSA_PKCS1_PADDING },
            signature,
        );
        return isValid ? undefined : "it was not made with the key of the certificate that it names";
    } catch {
        return "it cannot be verified with the key of the certificate that it names";
    }
}
