import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import * as tls from "node:tls";
import { EdgeError, messageOf, UnavailableHere } from "../resource/errors";

/** Certificates as EMF takes them: base64 of PEM, in one line. */

const MAX_LENGTH = 10_000;
const BEGIN = "-----BEGIN CERTIFICATE-----";
const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
const CONNECT_TIME = 5_000;

export interface ServerCertificate {
    /** The leaf as `openssl x509` prints it. */
    readonly pem: string;
    /** SHA-256 of the certificate, lower-case hexadecimal. */
    readonly fingerprint: string;
    /** The chain leads to a CA that every system trusts, so hosts need nothing. */
    readonly publiclyTrusted: boolean;
}

/** PEM text, base64 of it, or a file of either, as base64 of PEM. */
export function readCertificate(given: string, projectDir: string): string {
    const text = given.includes(BEGIN) || decoded(given) !== undefined ? given : readFile(given, projectDir);
    const pem = text.includes(BEGIN) ? text : decoded(text);
    if (pem === undefined) {
        throw new EdgeError("must be a PEM certificate, base64 of one, or a file that holds one");
    }
    const encoded = Buffer.from(pem, "utf8").toString("base64");
    if (encoded.length > MAX_LENGTH) {
        throw new EdgeError(
            `is too long: EMF takes ${MAX_LENGTH} characters of base64, this has ${encoded.length}`,
        );
    }
    return encoded;
}

/** What is wrong with a certificate, or soon will be. */
export function certificateFaults(encoded: string, now: number): { problems: string[]; warnings: string[] } {
    const problems: string[] = [];
    const warnings: string[] = [];
    for (const block of Buffer.from(encoded, "base64").toString("utf8").match(BLOCK) ?? []) {
        let certificate: crypto.X509Certificate;
        try {
            certificate = new crypto.X509Certificate(block);
        } catch (error) {
            problems.push(`holds a certificate that cannot be read (${messageOf(error)})`);
            continue;
        }
        const subject = certificate.subject.replaceAll("\n", ", ");
        const until = Date.parse(certificate.validTo);
        if (until < now) problems.push(`the certificate of ${subject} has expired on ${certificate.validTo}`);
        else if (until - now < 30 * 86_400_000) {
            warnings.push(
                `the certificate of ${subject} expires on ${certificate.validTo}: hosts will then refuse the image`,
            );
        }
    }
    return { problems, warnings };
}

/** SHA-256 of the first certificate, lower-case hexadecimal. */
export function fingerprintOf(encoded: string): string | undefined {
    const block = Buffer.from(encoded, "base64").toString("utf8").match(BLOCK)?.[0];
    if (block === undefined) return undefined;
    try {
        return plainFingerprint(new crypto.X509Certificate(block).fingerprint256);
    } catch {
        return undefined;
    }
}

/** `AB:CD:…` as openssl prints it, with or without a label, as plain hexadecimal. */
export function plainFingerprint(text: string): string {
    return text
        .trim()
        .toLowerCase()
        .replace(/^sha-?256[: ]\s*|^sha256 fingerprint=/, "")
        .replaceAll(":", "");
}

/**
 * The certificate that a server shows, byte for byte what
 * `openssl s_client -connect host:443 | openssl x509` gives.
 */
export function serverCertificate(url: URL, signal: AbortSignal): Promise<ServerCertificate> {
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const port = Number(url.port || 443);
    return new Promise((resolve, reject) => {
        const socket = tls.connect({
            host,
            port,
            // An address is no server name in TLS.
            ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
            rejectUnauthorized: false,
            // What any host trusts, and not what this machine was told to trust besides.
            ca: [...tls.rootCertificates],
            timeout: CONNECT_TIME,
        });
        const fail = (reason: unknown): void => {
            socket.destroy();
            reject(
                new UnavailableHere(
                    `the certificate of ${url.host} cannot be read from here: ${messageOf(reason)}`,
                ),
            );
        };
        const onAbort = (): void => {
            fail(signal.reason);
        };
        signal.addEventListener("abort", onAbort, { once: true });
        socket.once("close", () => signal.removeEventListener("abort", onAbort));
        socket.once("timeout", () => fail("no answer within 5 s"));
        socket.once("error", fail);
        socket.once("secureConnect", () => {
            const leaf = socket.getPeerX509Certificate();
            socket.destroy();
            if (!leaf) {
                fail("it shows none");
                return;
            }
            resolve({
                pem: leaf.toString(),
                fingerprint: plainFingerprint(leaf.fingerprint256),
                publiclyTrusted: socket.authorized,
            });
        });
    });
}

function decoded(text: string): string | undefined {
    const compact = text.replace(/\s/g, "");
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) return undefined;
    const pem = Buffer.from(compact, "base64").toString("utf8");
    return pem.includes(BEGIN) ? pem : undefined;
}

function readFile(name: string, projectDir: string): string {
    if (/[\n\r]/.test(name) || name.length > 1000) return "";
    try {
        return fs.readFileSync(path.resolve(projectDir, name), "utf8");
    } catch (error) {
        throw new UnavailableHere(
            `tlsCaCert ${JSON.stringify(name)} is no certificate, and as a file it cannot be read (${messageOf(error)})`,
        );
    }
}
