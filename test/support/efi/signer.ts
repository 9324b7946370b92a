import * as crypto from "node:crypto";
import type { Identity } from "./authority";
import { algorithm, der, explicit, integer, octets, oid, sequence, set } from "./derWriter";

type Hash = "sha1" | "sha256" | "sha384" | "sha512";

const OIDS: Readonly<Record<Hash, string>> = {
    sha1: "1.3.14.3.2.26",
    sha256: "2.16.840.1.101.3.4.2.1",
    sha384: "2.16.840.1.101.3.4.2.2",
    sha512: "2.16.840.1.101.3.4.2.3",
};
const RSA = "1.2.840.113549.1.1.1";
const INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4";
const PE_IMAGE_DATA = "1.3.6.1.4.1.311.2.1.15";

export interface SignOptions {
    /** Certificates put into the signature. Default: the signer's. */
    embed?: readonly Buffer[];
    /** Of the file. Default: sha256. */
    hash?: Hash;
    /** Of the signed attributes. Default: `hash`. */
    signerHash?: Hash;
    /** Digests that the signature names at its start. Default: those used. */
    names?: readonly Hash[];
    /** States the digest of another file. */
    wrongDigest?: boolean;
    wrongMessageDigest?: boolean;
    wrongContentType?: boolean;
    /** Signs the content itself, without attributes. */
    noAttributes?: boolean;
    padding?: "pkcs1" | "pss";
    /** How often the signer's entry is repeated. Default: 1. */
    signers?: number;
    /** Type of the table's entry. Default: PKCS #7 signed data. */
    entry?: "pkcs7" | "guid" | "x509";
}

/** Signs an EFI program, or adds one more signature to it. Everything in the signature can be wrong. */
export function sign(program: Buffer, identity: Identity, options: SignOptions = {}): Buffer {
    const entry = at(program);
    const tableSize = program.readUInt32LE(entry.certificates + 4);
    const tableOffset = tableSize > 0 ? program.readUInt32LE(entry.certificates) : roundUp(program.length);
    const body = Buffer.concat([program.subarray(0, tableOffset)], tableOffset);
    // Nothing is signed yet as far as the body alone is concerned.
    body.writeUInt32LE(0, entry.certificates + 4);
    const table = Buffer.concat([
        program.subarray(tableOffset, tableOffset + tableSize),
        tableEntry(signature(body, identity, options), options.entry ?? "pkcs7"),
    ]);
    const signed = Buffer.concat([body, table]);
    signed.writeUInt32LE(tableOffset, entry.certificates);
    signed.writeUInt32LE(table.length, entry.certificates + 4);
    return signed;
}

/** Where the checksum and the directory entry of the signatures stand in a PE32+ file. */
export function at(program: Buffer): { checksum: number; certificates: number } {
    const optional = program.readUInt32LE(60) + 24;
    return { checksum: optional + 64, certificates: optional + 112 + 4 * 8 };
}

/** What a signature covers, where sections have no gaps: the file without checksum, table entry and signatures. */
export function signedBytes(file: Buffer): Buffer {
    const { checksum, certificates } = at(file);
    const end = file.length - file.readUInt32LE(certificates + 4);
    return Buffer.concat([
        file.subarray(0, checksum),
        file.subarray(checksum + 4, certificates),
        file.subarray(certificates + 8, end),
    ]);
}

function imageDigest(body: Buffer, hash: Hash): Buffer {
    return crypto.createHash(hash).update(signedBytes(body)).digest();
}

function tableEntry(bytes: Buffer, kind: "pkcs7" | "guid" | "x509"): Buffer {
    const guid = kind === "guid" ? Buffer.from("9dd2af4adf68ee498aa9347d375665a7", "hex") : Buffer.alloc(0);
    const header = Buffer.alloc(8);
    const length = header.length + guid.length + bytes.length;
    header.writeUInt32LE(length, 0);
    header.writeUInt16LE(0x200, 4);
    header.writeUInt16LE({ pkcs7: 0x0002, guid: 0x0ef1, x509: 0x0001 }[kind], 6);
    return Buffer.concat([header, guid, bytes], roundUp(length));
}

function signature(body: Buffer, identity: Identity, options: SignOptions): Buffer {
    const { hash = "sha256" } = options;
    const { signerHash = hash, embed = [identity.certificate] } = options;
    const names = options.names ?? [...new Set([hash, signerHash])];
    const digest = imageDigest(options.wrongDigest ? Buffer.concat([body, Buffer.alloc(8)]) : body, hash);
    const content = sequence(
        sequence(oid(PE_IMAGE_DATA), sequence(der(0x03, [0]), explicit(0, explicit(2, der(0x80))))),
        sequence(algorithm(OIDS[hash]), octets(digest)),
    );
    const signer = signerInfo(content, identity, { ...options, signerHash });
    const signedData = sequence(
        integer(1),
        set(...names.map((name) => algorithm(OIDS[name]))),
        sequence(oid(INDIRECT_DATA), explicit(0, content)),
        ...(embed.length > 0 ? [explicit(0, ...embed)] : []),
        set(...Array.from({ length: options.signers ?? 1 }, () => signer)),
    );
    return sequence(oid("1.2.840.113549.1.7.2"), explicit(0, signedData));
}

function signerInfo(
    content: Buffer,
    identity: Identity,
    options: SignOptions & { signerHash: Hash },
): Buffer {
    const { signerHash } = options;
    // What is signed is the content without its own tag and length.
    const signedContent = content.subarray(content.readUInt8(1) < 0x80 ? 2 : content.readUInt8(1) - 0x80 + 2);
    const messageDigest = crypto.createHash(signerHash).update(signedContent).digest();
    if (options.wrongMessageDigest) messageDigest.writeUInt8(messageDigest.readUInt8(0) ^ 1, 0);
    const contentType = options.wrongContentType ? "1.2.840.113549.1.7.1" : INDIRECT_DATA;
    const attributes = [
        sequence(oid("1.2.840.113549.1.9.3"), set(oid(contentType))),
        sequence(oid("1.2.840.113549.1.9.4"), set(octets(messageDigest))),
    ];
    const signed = options.noAttributes ? signedContent : set(...attributes);
    return sequence(
        integer(1),
        issuerAndSerial(identity.certificate),
        algorithm(OIDS[signerHash]),
        ...(options.noAttributes ? [] : [explicit(0, ...attributes)]),
        signatureAlgorithm(identity, options),
        octets(makeSignature(signed, identity.key, options)),
    );
}

function signatureAlgorithm({ key }: Identity, { padding }: SignOptions): Buffer {
    if (key.asymmetricKeyType === "ec") return sequence(oid("1.2.840.10045.4.3.2"));
    return padding === "pss" ? sequence(oid("1.2.840.113549.1.1.10"), sequence()) : algorithm(RSA);
}

function makeSignature(
    bytes: Buffer,
    key: crypto.KeyObject,
    { signerHash, padding }: SignOptions & { signerHash: Hash },
): Buffer {
    const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST } = crypto.constants;
    if (key.asymmetricKeyType !== "rsa") return crypto.sign(signerHash, bytes, key);
    return padding === "pss"
        ? crypto.sign(signerHash, bytes, {
              ...{ key, padding: RSA_PKCS1_PSS_PADDING, saltLength: RSA_PSS_SALTLEN_DIGEST },
          })
        : crypto.sign(signerHash, bytes, { key, padding: RSA_PKCS1_PADDING });
}

/** Taken out of the certificate, whose first fields are version, serial number, algorithm and issuer. */
function issuerAndSerial(certificate: Buffer): Buffer {
    const fields = children(children(certificate)[0] ?? Buffer.alloc(0));
    const [serial, , issuer] = fields[0]?.[0] === 0xa0 ? fields.slice(1) : fields;
    return sequence(issuer ?? Buffer.alloc(0), serial ?? Buffer.alloc(0));
}

function children(value: Buffer): Buffer[] {
    const found: Buffer[] = [];
    let position = start(value, 0).content;
    while (position < value.length) {
        const { content, length } = start(value, position);
        found.push(value.subarray(position, content + length));
        position = content + length;
    }
    return found;
}

function start(bytes: Buffer, position: number): { content: number; length: number } {
    const first = bytes.readUInt8(position + 1);
    if (first < 0x80) return { content: position + 2, length: first };
    const size = first - 0x80;
    return { content: position + 2 + size, length: bytes.readUIntBE(position + 2, size) };
}

function roundUp(size: number): number {
    return Math.ceil(size / 8) * 8;
}
