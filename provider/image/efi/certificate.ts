import * as crypto from "node:crypto";
import { ImageDamage, printable } from "../check";
import { DerReader, Tag } from "./der";

const BASIC_CONSTRAINTS = "2.5.29.19";
const KEY_USAGE = "2.5.29.15";
const NAME_CONSTRAINTS = "2.5.29.30";

/** Critical extensions that OpenSSL, and with it the firmware, knows what to do about. */
const UNDERSTOOD = new Set([
    BASIC_CONSTRAINTS,
    KEY_USAGE,
    "2.5.29.17", // subjectAltName
    "2.5.29.31", // cRLDistributionPoints
    "2.5.29.32", // certificatePolicies
    "2.5.29.33", // policyMappings
    "2.5.29.36", // policyConstraints
    "2.5.29.37", // extKeyUsage
    "2.5.29.54", // inhibitAnyPolicy
    "2.16.840.1.113730.1.1", // netscape-cert-type
]);

const KEY_CERT_SIGN = 0x04;

/** An X.509 certificate, with what the firmware looks at. */
export class Certificate {
    private constructor(
        readonly der: Buffer,
        private readonly x509: crypto.X509Certificate,
        readonly issuerName: Buffer,
        readonly subjectName: Buffer,
        readonly serial: Buffer,
        /** Whether it may sign certificates (OpenSSL's X509_check_ca). */
        readonly isAuthority: boolean,
        /** How many authorities may stand below it; undefined for any number. */
        readonly pathLength: number | undefined,
        /** Why it cannot stand in a chain, whatever its place. */
        readonly obstacle: string | undefined,
    ) {}

    /** Throws ImageDamage for what is no certificate. */
    static parse(der: Buffer): Certificate {
        const { fields, whole } = readFields(der);
        const x509 = openSslView(whole);
        const { issuer, subject, serial } = fields;
        const { isAuthority, pathLength } = authorityOf(fields);
        const obstacle = obstacleOf(fields);
        return new Certificate(whole, x509, issuer, subject, serial, isAuthority, pathLength, obstacle);
    }

    /** For people: `CN=Debian Secure Boot CA`, or the whole subject when it has no common name. */
    get name(): string {
        return nameForPeople(this.x509.subject);
    }

    get issuer(): string {
        return nameForPeople(this.x509.issuer);
    }

    /** SHA-256, lower-case hexadecimal. */
    get fingerprint(): string {
        return crypto.createHash("sha256").update(this.der).digest("hex");
    }

    /** Undefined for a kind of key that is not known here. */
    get publicKey(): crypto.KeyObject | undefined {
        try {
            return this.x509.publicKey;
        } catch {
            return undefined;
        }
    }

    /** `rsa`, `ec` …; `unknown` for a kind that is not known here. */
    get keyType(): string {
        return this.publicKey?.asymmetricKeyType ?? "unknown";
    }

    get isSelfIssued(): boolean {
        return this.issuerName.equals(this.subjectName);
    }

    equals(other: Certificate): boolean {
        return this.der.equals(other.der);
    }

    /** By its names, key identifiers and key usage: what OpenSSL chooses an issuer by. */
    looksIssuedBy(issuer: Certificate): boolean {
        return this.x509.checkIssued(issuer.x509);
    }

    /** By its signature, as far as firmware can tell: its OpenSSL is built without elliptic curves. */
    isSignedBy(issuer: Certificate): boolean {
        const { publicKey } = issuer;
        try {
            return publicKey?.asymmetricKeyType === "rsa" && this.x509.verify(publicKey);
        } catch {
            return false;
        }
    }
}

/** OpenSSL takes a third of a millisecond for each, and the programs of one image carry the same few. */
const recent = new Map<string, crypto.X509Certificate>();
const MAX_RECENT = 64;

function openSslView(der: Buffer): crypto.X509Certificate {
    const key = der.toString("latin1");
    const known = recent.get(key);
    if (known) return known;
    let x509: crypto.X509Certificate;
    try {
        x509 = new crypto.X509Certificate(der);
    } catch {
        throw new ImageDamage("holds a certificate that cannot be read");
    }
    if (recent.size >= MAX_RECENT) recent.clear();
    recent.set(key, x509);
    return x509;
}

interface Extension {
    critical: boolean;
    value: Buffer;
}

interface Fields {
    version: number;
    serial: Buffer;
    issuer: Buffer;
    subject: Buffer;
    extensions: Map<string, Extension>;
}

function readFields(der: Buffer): { fields: Fields; whole: Buffer } {
    const outer = new DerReader(der, "certificate");
    const certificate = outer.take(Tag.sequence);
    outer.end();
    const tbs = outer.inside(certificate).enter(Tag.sequence);
    const explicit = tbs.takeIf(Tag.context0);
    const version = explicit ? tbs.inside(explicit).smallInteger() : 0;
    const serial = tbs.take(Tag.integer).content;
    tbs.take(Tag.sequence); // signature algorithm
    const issuer = tbs.take(Tag.sequence).whole;
    tbs.take(Tag.sequence); // validity: firmware has no clock it could trust, and does not look
    const subject = tbs.take(Tag.sequence).whole;
    tbs.take(Tag.sequence); // public key
    while (!tbs.atEnd && !tbs.nextIs(Tag.context3)) tbs.next(); // unique identifiers
    const wrapped = tbs.takeIf(Tag.context3);
    tbs.end();
    const extensions = wrapped ? readExtensions(tbs.inside(wrapped)) : new Map<string, Extension>();
    return { fields: { version, serial, issuer, subject, extensions }, whole: certificate.whole };
}

function readExtensions(reader: DerReader): Map<string, Extension> {
    const list = reader.enter(Tag.sequence);
    const extensions = new Map<string, Extension>();
    while (!list.atEnd) {
        const extension = list.enter(Tag.sequence);
        const oid = extension.oid();
        const critical = extension.takeIf(Tag.boolean)?.content[0] === 0xff;
        const value = extension.take(Tag.octetString).content;
        if (extensions.has(oid)) throw list.damage(`has the extension ${oid} twice`);
        extensions.set(oid, { critical, value });
    }
    return extensions;
}

function authorityOf({ version, issuer, subject, extensions }: Fields): {
    isAuthority: boolean;
    pathLength?: number;
} {
    const usage = extensions.get(KEY_USAGE)?.value;
    const maySign = usage === undefined || allowsCertSign(usage);
    const constraints = extensions.get(BASIC_CONSTRAINTS)?.value;
    if (constraints === undefined) {
        const isOldRoot = version === 0 && issuer.equals(subject);
        return { isAuthority: maySign && (usage !== undefined || isOldRoot) };
    }
    const reader = new DerReader(constraints, "certificate").enter(Tag.sequence);
    const isAuthority = reader.takeIf(Tag.boolean)?.content[0] === 0xff;
    const pathLength = reader.atEnd ? undefined : reader.smallInteger();
    return { isAuthority: maySign && isAuthority, pathLength };
}

function obstacleOf({ extensions }: Fields): string | undefined {
    for (const [oid, { critical }] of extensions) {
        if (oid === NAME_CONSTRAINTS) return "has name constraints, which are not evaluated here";
        if (critical && !UNDERSTOOD.has(oid))
            return `has the critical extension ${oid}, which firmware does not know`;
    }
    return undefined;
}

/** KeyUsage is a BIT STRING whose first content byte counts unused bits. */
function allowsCertSign(value: Buffer): boolean {
    const bits = new DerReader(value, "certificate").next().content;
    return ((bits[1] ?? 0) & KEY_CERT_SIGN) !== 0;
}

function nameForPeople(lines: string | undefined): string {
    const parts = (lines ?? "").split("\n").filter((part) => part !== "");
    const common = parts.find((part) => part.startsWith("CN="));
    return printable(common ?? (parts.join(", ") || "(no name)"), 120);
}
