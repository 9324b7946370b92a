import { ImageDamage } from "../check";
import { Certificate } from "./certificate";
import { DerReader, type DerValue, Tag } from "./der";

const SIGNED_DATA = "1.2.840.113549.1.7.2";
const SPC_INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4";
const CONTENT_TYPE = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST = "1.2.840.113549.1.9.4";

const MAX_CERTIFICATES = 32;

/** What one signature of an EFI program says; nothing of it is verified yet. */
export interface SignedData {
    /** Object identifiers of the digests that it names before it uses them. */
    readonly digests: readonly string[];
    /** What is signed: the content of SpcIndirectDataContent, without its tag and length. */
    readonly content: Buffer;
    /** The digest of the file that it states. */
    readonly image: { readonly algorithm: string; readonly digest: Buffer };
    readonly certificates: readonly Certificate[];
    readonly signer: SignerInfo;
}

export interface SignerInfo {
    readonly issuer: Buffer;
    readonly serial: Buffer;
    readonly digest: string;
    readonly algorithm: string;
    readonly signature: Buffer;
    /** Attributes that are signed in place of the content. */
    readonly attributes?: SignedAttributes;
}

export interface SignedAttributes {
    /** As they are signed. */
    readonly bytes: Buffer;
    readonly contentTypeIsRight: boolean;
    readonly messageDigest: Buffer | undefined;
}

/** Reads the SignedData (PKCS #7, as Authenticode uses it) of a signature; zeros may follow it. */
export function readSignedData(bytes: Buffer): SignedData {
    const contentInfo = new DerReader(bytes, "signature").enter(Tag.sequence);
    if (contentInfo.oid() !== SIGNED_DATA) throw contentInfo.damage("is no SignedData");
    const signedData = contentInfo.enter(Tag.context0).enter(Tag.sequence);
    contentInfo.end();

    signedData.smallInteger(); // version
    const digests = readAll(signedData.enter(Tag.set), (reader) => reader.algorithm());
    const { content, image } = readContent(signedData.enter(Tag.sequence));
    const certificates = readCertificates(signedData.takeIf(Tag.context0), signedData);
    signedData.takeIf(Tag.context1); // revocation lists, which firmware does not use
    const signers = readAll(signedData.enter(Tag.set), (reader) => readSigner(reader.enter(Tag.sequence)));
    signedData.end();
    const [signer, ...others] = signers;
    if (!signer || others.length > 0) {
        throw signedData.damage(`has ${signers.length} signers where Authenticode has one`);
    }
    return { digests, content, image, certificates, signer };
}

function readContent(reader: DerReader): Pick<SignedData, "content" | "image"> {
    if (reader.oid() !== SPC_INDIRECT_DATA) throw reader.damage("is of something else than an EFI program");
    const indirect = reader.enter(Tag.context0).take(Tag.sequence);
    reader.end();
    const data = reader.inside(indirect);
    data.take(Tag.sequence); // SpcPeImageData: page hashes and the like, which firmware does not read
    const info = data.enter(Tag.sequence);
    data.end();
    const algorithm = info.algorithm();
    const digest = info.take(Tag.octetString).content;
    info.end();
    return { content: indirect.content, image: { algorithm, digest } };
}

function readCertificates(set: DerValue | undefined, reader: DerReader): Certificate[] {
    if (!set) return [];
    const found = readAll(reader.inside(set), (values) => values.take(Tag.sequence).whole);
    if (found.length > MAX_CERTIFICATES) throw reader.damage(`has ${found.length} certificates`);
    return found.map((der) => Certificate.parse(der));
}

function readSigner(reader: DerReader): SignerInfo {
    reader.smallInteger(); // version
    if (reader.nextIs(0x80)) {
        throw new ImageDamage(
            "its signature names its signer by a key identifier, which firmware does not read",
        );
    }
    const name = reader.enter(Tag.sequence);
    const issuer = name.take(Tag.sequence).whole;
    const serial = name.take(Tag.integer).content;
    name.end();
    const digest = reader.algorithm();
    const attributes = reader.takeIf(Tag.context0);
    const algorithm = reader.algorithm();
    const signature = reader.take(Tag.octetString).content;
    reader.takeIf(Tag.context1); // time stamps and nested signatures, which firmware does not read
    reader.end();
    return {
        ...{ issuer, serial, digest, algorithm, signature },
        ...(attributes ? { attributes: readAttributes(attributes, reader) } : {}),
    };
}

function readAttributes(value: DerValue, reader: DerReader): SignedAttributes {
    const values = new Map<string, DerValue>();
    for (const attribute of readAll(reader.inside(value), (list) => list.enter(Tag.sequence))) {
        const type = attribute.oid();
        const set = attribute.enter(Tag.set);
        attribute.end();
        if (values.has(type)) throw reader.damage(`has the attribute ${type} twice`);
        if (set.atEnd) continue;
        values.set(type, set.next());
    }
    // They are signed as the SET OF that they are, not under the tag that they have in their place (RFC 5652, 5.4).
    const bytes = Buffer.from(value.whole);
    bytes.writeUInt8(Tag.set, 0);
    const contentType = values.get(CONTENT_TYPE);
    const messageDigest = values.get(MESSAGE_DIGEST);
    return {
        bytes,
        contentTypeIsRight:
            contentType !== undefined &&
            new DerReader(contentType.whole, "signature").oid() === SPC_INDIRECT_DATA,
        messageDigest: messageDigest?.tag === Tag.octetString ? messageDigest.content : undefined,
    };
}

function readAll<T>(reader: DerReader, read: (reader: DerReader) => T): T[] {
    const found: T[] = [];
    while (!reader.atEnd) found.push(read(reader));
    return found;
}
