import * as crypto from "node:crypto";
import { algorithm, bits, der, explicit, integer, octets, oid, sequence, set, utf8, yes } from "./derWriter";

/** A key with its certificate. */
export interface Identity {
    key: crypto.KeyObject;
    certificate: Buffer;
    name: string;
}

export interface CertificateOptions {
    issuer?: Identity;
    /** Default: whether it is a CA is not said. */
    ca?: boolean;
    pathLength?: number;
    /** Key usage: the bits of its first byte (0x04: may sign certificates). */
    keyUsage?: number;
    /** The object identifier of an extension that nobody knows, marked as critical. */
    criticalExtension?: string;
    /** Both in the past when it has expired. */
    notBefore?: string;
    notAfter?: string;
    /** 0 for X.509 version 1, which has no extensions. */
    version?: number;
    key?: crypto.KeyObject;
    /** What the issuer signs over. Default: sha256. */
    hash?: "sha1" | "sha256" | "sha512";
}

const WITH_RSA = {
    sha1: "1.2.840.113549.1.1.5",
    sha256: "1.2.840.113549.1.1.11",
    sha512: "1.2.840.113549.1.1.13",
};
let serial = 0x1000;

/** Issues a certificate; without an issuer it is its own. Every field can be wrong. */
export function issue(name: string, options: CertificateOptions = {}): Identity {
    const {
        issuer,
        version = 2,
        hash = "sha256",
        notBefore = "200101000000Z",
        notAfter = "491231235959Z",
    } = options;
    const key = options.key ?? newKey();
    const publicKey = crypto.createPublicKey(key).export({ format: "der", type: "spki" });
    const signing = issuer?.key ?? key;
    const signatureAlgorithm =
        signing.asymmetricKeyType === "ec" ? sequence(oid("1.2.840.10045.4.3.2")) : algorithm(WITH_RSA[hash]);
    const extensions = extensionsOf(options);
    const fields = sequence(
        ...(version === 0 ? [] : [explicit(0, integer(version))]),
        integer(serial++),
        signatureAlgorithm,
        nameOf(issuer?.name ?? name),
        sequence(der(0x17, Buffer.from(notBefore)), der(0x17, Buffer.from(notAfter))),
        nameOf(name),
        publicKey,
        ...(version === 0 || extensions.length === 0 ? [] : [explicit(3, sequence(...extensions))]),
    );
    const signature = crypto.sign(hash, fields, signing);
    return { key, name, certificate: sequence(fields, signatureAlgorithm, bits(signature)) };
}

/** Making an RSA key takes a tenth of a second and more, so test files share them where that changes nothing. */
export function newKey(bitCount = 2048): crypto.KeyObject {
    return crypto.generateKeyPairSync("rsa", { modulusLength: bitCount }).privateKey;
}

export function pemOf(certificate: Buffer): string {
    const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

export function nameOf(common: string): Buffer {
    return sequence(set(sequence(oid("2.5.4.3"), utf8(common))));
}

function extensionsOf({ ca, pathLength, keyUsage, criticalExtension }: CertificateOptions): Buffer[] {
    const found: Buffer[] = [];
    if (ca !== undefined) {
        const constraints = [
            ...(ca ? [yes] : []),
            ...(pathLength === undefined ? [] : [integer(pathLength)]),
        ];
        found.push(sequence(oid("2.5.29.19"), yes, octets(sequence(...constraints))));
    }
    if (keyUsage !== undefined) {
        found.push(sequence(oid("2.5.29.15"), yes, octets(bits(Buffer.from([keyUsage]), 1))));
    }
    if (criticalExtension !== undefined) {
        found.push(sequence(oid(criticalExtension), yes, octets(der(0x05))));
    }
    return found;
}
