import * as fs from "node:fs";
import * as path from "node:path";
import { ImageDamage } from "../check";
import { Certificate } from "./certificate";

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g;
const MAX_TEXT = 1024 * 1024;

/** The certificates in what a user gave, and what is wrong with it. Texts are never repeated: one may be a key. */
export interface GivenCertificates {
    readonly certificates: readonly Certificate[];
    readonly problem?: string;
}

/** PEM of one or more certificates, or base64 of one in DER. */
export function readCertificates(text: string): GivenCertificates {
    if (text.length > MAX_TEXT) return refused("is too long for certificates");
    if (text.includes("PRIVATE KEY-----")) {
        return refused(
            "holds a private key. Only the certificate belongs here; take the key out of the program, and replace it if it was ever stored with it",
        );
    }
    const blocks = [...text.matchAll(PEM)];
    if (blocks.length === 0) return fromBase64(text);
    const other = blocks.find(([, label]) => !/^(X509 |TRUSTED )?CERTIFICATE$/.test(label ?? ""));
    if (other) return refused(`holds a PEM block "${other[1] ?? ""}" where certificates belong`);
    return parsed(blocks.map(([, , body]) => body ?? ""));
}

/**
 * What a user gave as a text that can be handed on: the text itself, or the content of a file (PEM or DER).
 * Undefined when there is no such file.
 */
export function certificateText(given: string, projectDir: string): string | undefined {
    if (!isPath(given)) return given;
    const bytes = readSmallFile(path.resolve(projectDir, given));
    return bytes?.[0] === 0x30 ? bytes.toString("base64") : bytes?.toString("latin1");
}

function readSmallFile(file: string): Buffer | undefined {
    try {
        return fs.statSync(file).size > MAX_TEXT ? Buffer.alloc(0) : fs.readFileSync(file);
    } catch {
        return undefined;
    }
}

function fromBase64(text: string): GivenCertificates {
    if (!isBase64(text))
        return refused("is no certificate: PEM (-----BEGIN CERTIFICATE-----) or base64 of DER");
    return parsed([text]);
}

/** A text that may be a key is never taken for a path, which messages would show. */
function isPath(text: string): boolean {
    return text.length < 1024 && !/[\r\n]|-----BEGIN/.test(text) && !isBase64(text);
}

/** DER begins with a sequence, whose tag is `M` in base64. */
function isBase64(text: string): boolean {
    return /^\s*M[A-Za-z0-9+/=\s]{64,}$/.test(text);
}

function parsed(bodies: readonly string[]): GivenCertificates {
    const certificates: Certificate[] = [];
    for (const body of bodies) {
        try {
            certificates.push(Certificate.parse(Buffer.from(body, "base64")));
        } catch (error) {
            if (!(error instanceof ImageDamage)) throw error;
            return refused("holds a certificate that cannot be read: export it again (openssl x509)");
        }
    }
    const foreign = certificates.find(({ keyType }) => keyType !== "rsa");
    return foreign
        ? refused(
              `holds ${foreign.name} with a key of type ${foreign.keyType}: firmware verifies RSA signatures only, so nothing could be started with it`,
          )
        : { certificates };
}

function refused(problem: string): GivenCertificates {
    return { certificates: [], problem };
}
