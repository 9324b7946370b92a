import { webcrypto } from "node:crypto";
import * as path from "node:path";

import * as x509 from "@peculiar/x509";

import { readText, writeAtomically } from "./folder";

const { subtle } = webcrypto;
const KEY = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { ...KEY, hash: "SHA-256" };
const DAY = 24 * 60 * 60 * 1000;
const CA_LIFETIME = 3650 * DAY;
const SERVER_LIFETIME = 730 * DAY;
/** A certificate with less time left than this is made anew at the next start. */
const RENEW_BEFORE = 30 * DAY;

/** A certificate with its private key, both PEM. */
export interface Identity {
    certificate: string;
    key: string;
}

/** What {@link ServerCertificate} may differ in, for tests of what clients do with odd certificates. */
export interface ServerCertificateOptions {
    /** Host names and addresses the certificate is for. */
    names?: readonly string[];
    notBefore?: Date;
    notAfter?: Date;
}

/** A certificate authority that lives in a folder, and the server certificates it has signed there. */
export class CertificateAuthority {
    private constructor(
        private readonly folder: string,
        private readonly identity: Identity,
        private readonly now: () => number,
    ) {}

    /** The authority kept in `folder`; made on first use, and again before it expires. */
    static async open(folder: string, now: () => number = Date.now): Promise<CertificateAuthority> {
        const kept = readIdentity(folder, "ca");
        if (kept && fresh(kept.certificate, now())) {
            return new CertificateAuthority(folder, kept, now);
        }
        const identity = await makeAuthority(now());
        writeIdentity(folder, "ca", identity);
        return new CertificateAuthority(folder, identity, now);
    }

    /** The authority's own certificate, PEM. */
    get certificate(): string {
        return this.identity.certificate;
    }

    /** The certificate kept for a server; made on first use, before it expires, and when the authority is new. */
    async server(name: string): Promise<Identity> {
        const kept = readIdentity(this.folder, name);
        if (kept && fresh(kept.certificate, this.now()) && this.signed(kept.certificate)) {
            return kept;
        }
        return this.renew(name);
    }

    /** Makes and keeps a new certificate for a server, as an administrator does who rotates it. */
    async renew(name: string, options: ServerCertificateOptions = {}): Promise<Identity> {
        const identity = await this.issue(options);
        writeIdentity(this.folder, name, identity);
        return identity;
    }

    /** A server certificate that is not kept. */
    async issue(options: ServerCertificateOptions = {}): Promise<Identity> {
        const { names = ["localhost", "127.0.0.1", "::1"] } = options;
        const authority = new x509.X509Certificate(this.identity.certificate);
        const keys = await subtle.generateKey(KEY, true, ["sign", "verify"]);
        const certificate = await x509.X509CertificateGenerator.create(
            {
                serialNumber: serialNumber(),
                subject: `CN=${names[0] ?? "localhost"}`,
                issuer: authority.subject,
                notBefore: options.notBefore ?? new Date(this.now() - DAY),
                notAfter: options.notAfter ?? new Date(this.now() + SERVER_LIFETIME),
                publicKey: keys.publicKey,
                signingKey: await importKey(this.identity.key),
                signingAlgorithm: SIGNING,
                extensions: [
                    new x509.BasicConstraintsExtension(false, undefined, true),
                    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
                    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
                    new x509.SubjectAlternativeNameExtension(
                        names.map((name) => ({ type: /^[\d.]+$|:/.test(name) ? "ip" : "dns", value: name })),
                    ),
                    await x509.AuthorityKeyIdentifierExtension.create(authority, false, webcrypto),
                ],
            },
            webcrypto,
        );
        return { certificate: pem(certificate), key: await exportKey(keys.privateKey) };
    }

    private signed(certificate: string): boolean {
        const authority = new x509.X509Certificate(this.identity.certificate);
        const keyId = authority.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
        const issuerId = new x509.X509Certificate(certificate).getExtension(
            x509.AuthorityKeyIdentifierExtension,
        )?.keyId;
        return keyId !== undefined && keyId === issuerId;
    }
}

async function makeAuthority(now: number): Promise<Identity> {
    const keys = await subtle.generateKey(KEY, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned(
        {
            serialNumber: serialNumber(),
            name: "CN=pulumi-edge-os lab CA",
            notBefore: new Date(now - DAY),
            notAfter: new Date(now + CA_LIFETIME),
            signingAlgorithm: SIGNING,
            keys,
            extensions: [
                new x509.BasicConstraintsExtension(true, 0, true),
                new x509.KeyUsagesExtension(
                    x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
                    true,
                ),
                await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
            ],
        },
        webcrypto,
    );
    return { certificate: pem(certificate), key: await exportKey(keys.privateKey) };
}

function fresh(certificate: string, now: number): boolean {
    return new x509.X509Certificate(certificate).notAfter.getTime() - now > RENEW_BEFORE;
}

function pem(certificate: x509.X509Certificate): string {
    return `${certificate.toString("pem").trimEnd()}\n`;
}

function serialNumber(): string {
    // RFC 5280: a positive number; the first byte is kept below 0x80 and above 0.
    const bytes = webcrypto.getRandomValues(new Uint8Array(12));
    bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
    return Buffer.from(bytes).toString("hex");
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
    const body = Buffer.from(await subtle.exportKey("pkcs8", key)).toString("base64");
    const lines = body.match(/.{1,64}/g) ?? [];
    return `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`;
}

async function importKey(text: string): Promise<webcrypto.CryptoKey> {
    const body = text.replace(/-----[^-]+-----|\s/g, "");
    return subtle.importKey("pkcs8", Buffer.from(body, "base64"), KEY, true, ["sign"]);
}

/** Certificate and key share one file, so that a crash cannot leave one beside the other's predecessor. */
function readIdentity(folder: string, name: string): Identity | undefined {
    const text = readText(path.join(folder, `${name}.pem`));
    const [, key, certificate] =
        /^(-+BEGIN PRIVATE KEY-+[^-]+-+END PRIVATE KEY-+\n)(.+)$/s.exec(text ?? "") ?? [];
    return certificate && key ? { certificate, key } : undefined;
}

function writeIdentity(folder: string, name: string, identity: Identity): void {
    writeAtomically(path.join(folder, `${name}.pem`), identity.key + identity.certificate, 0o600);
}
