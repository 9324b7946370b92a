import * as crypto from "node:crypto";
import { type Identity, issue, newKey } from "./authority";
import { makeProgram, printing } from "./program";
import { at, sign, type SignOptions } from "./signer";

/** Everybody who signs or issues in the cases; keys are shared where only the certificate matters. */
export function makeIdentities() {
    const key = newKey();
    const ec = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const root = issue("Root", { ca: true, keyUsage: 0x06 });
    const intermediate = issue("Intermediate", { issuer: root, ca: true });
    const foreignRoot = issue("Foreign Root", { ca: true });
    const foreignIntermediate = issue("Foreign Intermediate", { issuer: foreignRoot, ca: true });
    const noAuthority = issue("No Authority", { issuer: root, ca: false });
    const unsaid = issue("Unsaid Authority", { issuer: root });
    const mayNotSign = issue("May Not Sign", { issuer: root, ca: true, keyUsage: 0x80 });
    const last = issue("Last Authority", { issuer: root, ca: true, pathLength: 0 });
    const oneTooMany = issue("One Too Many", { issuer: last, ca: true });
    const old = issue("Version 1 Root", { version: 0 });
    const oldIntermediate = issue("Version 1 Intermediate", { version: 0, issuer: root });
    const ecRoot = issue("EC Root", { ca: true, key: ec });
    const strangeRoot = issue("Strange Root", { ca: true, criticalExtension: "1.3.6.1.4.1.99999.1" });
    const by = (issuer: Identity): Identity => issue(`Leaf of ${issuer.name}`, { issuer, key });
    return {
        ...{ root, intermediate, foreignRoot, foreignIntermediate, noAuthority, unsaid, mayNotSign },
        ...{ last, oneTooMany, old, oldIntermediate, ecRoot, strangeRoot },
        leaf: issue("Leaf", { issuer: intermediate }),
        foreignLeaf: by(foreignIntermediate),
        direct: by(root),
        ofNoAuthority: by(noAuthority),
        ofUnsaid: by(unsaid),
        ofMayNotSign: by(mayNotSign),
        ofLast: by(last),
        ofOneTooMany: by(oneTooMany),
        ofOld: by(old),
        ofOldIntermediate: by(oldIntermediate),
        ofEcRoot: by(ecRoot),
        ofStrangeRoot: by(strangeRoot),
        expired: issue("Expired", {
            issuer: root,
            key,
            notBefore: "100101000000Z",
            notAfter: "110101000000Z",
        }),
        early: issue("Early", { issuer: root, key, notBefore: "480101000000Z" }),
        strange: issue("Strange", { issuer: root, key, criticalExtension: "1.3.6.1.4.1.99999.1" }),
        sha1Issued: issue("Issued over SHA-1", { issuer: root, key, hash: "sha1" }),
        sha512Issued: issue("Issued over SHA-512", { issuer: root, key, hash: "sha512" }),
        /** Carries the name of the real one. */
        impostor: issue("Intermediate", { ca: true }),
        selfSigned: issue("Self-signed", { ca: false }),
        large: issue("Large", { issuer: root, key: newKey(4096) }),
        ec: issue("EC", { issuer: root, key: ec }),
    } satisfies Record<string, Identity>;
}

export type Identities = ReturnType<typeof makeIdentities>;

function program(name: string): Buffer {
    return makeProgram(printing(`RAN ${name}`));
}

/** Programs, signed in all the ways that are met, and in some that should not be. */
export function makeCases(who: Identities): Map<string, Buffer> {
    const cases = new Map<string, Buffer>();
    const add = (name: string, make: (unsigned: Buffer) => Buffer): void => {
        cases.set(name, make(program(name)));
    };
    const signed = (
        name: string,
        signer: Identity,
        embed: readonly Identity[] = [],
        options: SignOptions = {},
    ): void => {
        const certificates = [signer, ...embed].map(({ certificate }) => certificate);
        add(name, (unsigned) => sign(unsigned, signer, { embed: certificates, ...options }));
    };
    addChains(who, signed);
    addForms(who, signed);
    addFiles(who, add);
    return cases;
}

type Signed = (name: string, signer: Identity, embed?: readonly Identity[], options?: SignOptions) => void;

function addChains(who: Identities, signed: Signed): void {
    const { leaf, intermediate, root, foreignLeaf, foreignIntermediate, foreignRoot, impostor } = who;
    signed("leaf", leaf);
    signed("leaf and intermediate", leaf, [intermediate]);
    signed("leaf, intermediate and root", leaf, [intermediate, root]);
    signed("leaf and root, intermediate missing", leaf, [root]);
    signed("foreign leaf", foreignLeaf);
    signed("foreign leaf and intermediate", foreignLeaf, [foreignIntermediate]);
    signed("foreign chain whole", foreignLeaf, [foreignIntermediate, foreignRoot]);
    signed("foreign chain, with our certificates thrown in", foreignLeaf, [
        foreignIntermediate,
        intermediate,
        root,
        leaf,
    ]);
    signed("intermediate's namesake", leaf, [impostor]);
    signed("intermediate's namesake before it", leaf, [impostor, intermediate]);
    signed("namesake after it", leaf, [intermediate, impostor]);
    signed("issued by the root", who.direct);
    signed("signed by the root itself", root);
    signed("issuer is no CA", who.ofNoAuthority, [who.noAuthority]);
    signed("issuer does not say that it is a CA", who.ofUnsaid, [who.unsaid]);
    signed("issuer may not sign certificates", who.ofMayNotSign, [who.mayNotSign]);
    signed("within the path length", who.ofLast, [who.last]);
    signed("beyond the path length", who.ofOneTooMany, [who.oneTooMany, who.last]);
    signed("issued by a version 1 root", who.ofOld);
    signed("through a version 1 intermediate", who.ofOldIntermediate, [who.oldIntermediate]);
    signed("issued by an EC root", who.ofEcRoot);
    signed("root with an unknown critical extension", who.ofStrangeRoot);
    signed("leaf with an unknown critical extension", who.strange);
    signed("expired", who.expired);
    signed("not yet valid", who.early);
    signed("issued over SHA-1", who.sha1Issued);
    signed("issued over SHA-512", who.sha512Issued);
    signed("self-signed, no CA", who.selfSigned);
    signed("RSA 4096", who.large);
}

function addForms(who: Identities, signed: Signed): void {
    const { leaf, intermediate } = who;
    const form = (name: string, options: SignOptions): void => signed(name, leaf, [intermediate], options);
    form("SHA-384", { hash: "sha384" });
    form("SHA-512", { hash: "sha512" });
    form("SHA-1", { hash: "sha1" });
    form("attributes over SHA-512", { signerHash: "sha512" });
    form("digest named second", { names: ["sha512", "sha256"] });
    form("signer's digest not named", { signerHash: "sha512", names: ["sha256"] });
    form("two digests named", { names: ["sha256", "sha512"] });
    form("no signed attributes", { noAttributes: true });
    form("digest of another file", { wrongDigest: true });
    form("attributes of another content", { wrongMessageDigest: true });
    form("PSS", { padding: "pss" });
    signed("elliptic curve", who.ec);
    form("signer's certificate missing", { embed: [intermediate.certificate] });
    form("no certificates", { embed: [] });
    form("entry with a GUID", { entry: "guid" });
    form("entry of another type", { entry: "x509" });
}

function addFiles(who: Identities, add: (name: string, make: (unsigned: Buffer) => Buffer) => void): void {
    const { leaf, intermediate, foreignLeaf, foreignIntermediate } = who;
    const ours = { embed: [leaf.certificate, intermediate.certificate] };
    const theirs = { embed: [foreignLeaf.certificate, foreignIntermediate.certificate] };
    add("unsigned", (unsigned) => unsigned);
    add("foreign signature, then ours", (unsigned) => sign(sign(unsigned, foreignLeaf, theirs), leaf, ours));
    add("our signature, then a foreign one", (unsigned) =>
        sign(sign(unsigned, leaf, ours), foreignLeaf, theirs),
    );
    add("ours twice, SHA-256 and SHA-384", (unsigned) =>
        sign(sign(unsigned, leaf, ours), leaf, { ...ours, hash: "sha384" }),
    );
    add("broken signature, then ours", (unsigned) =>
        sign(sign(unsigned, leaf, { ...ours, wrongDigest: true }), leaf, ours),
    );
    add("entry of another type, then ours", (unsigned) =>
        sign(sign(unsigned, leaf, { ...ours, entry: "x509" }), leaf, ours),
    );
    const changed = (name: string, change: (file: Buffer) => Buffer): void =>
        add(name, (unsigned) => change(sign(unsigned, leaf, ours)));
    changed("changed program", (file) => flip(file, 1024 + 0x40));
    changed("changed header", (file) => flip(file, 128 + 8));
    changed("changed checksum, which is not signed", (file) => flip(file, at(file).checksum));
    changed("changed signature", (file) => flip(file, file.length - 40));
    changed("bytes behind the signatures", (file) => Buffer.concat([file, Buffer.from("more")]));
    changed("signatures longer than said", (file) => grow(file, -8));
    changed("signatures shorter than said", (file) => Buffer.concat([grow(file, 8), Buffer.alloc(8)]));
    changed("entry longer than the table", (file) => lengthen(file, 64));
    changed("entry shorter than its content", (file) => lengthen(file, -64));
    changed("signatures cut off", (file) => file.subarray(0, file.length - 16));
    changed("signatures taken off", (file) => grow(file, -file.readUInt32LE(at(file).certificates + 4)));
    add("bytes behind the sections, signed", (unsigned) =>
        sign(Buffer.concat([unsigned, Buffer.from("strings behind the sections")]), leaf, ours),
    );
    add("sections out of order", (unsigned) => sign(swapSections(unsigned), leaf, ours));
}

function flip(file: Buffer, position: number): Buffer {
    file.writeUInt8(file.readUInt8(position) ^ 1, position);
    return file;
}

/** Changes what the header says of the signatures' size. */
function grow(file: Buffer, by: number): Buffer {
    const { certificates } = at(file);
    file.writeUInt32LE(file.readUInt32LE(certificates + 4) + by, certificates + 4);
    return file;
}

/** Changes what the first signature says of its own size. */
function lengthen(file: Buffer, by: number): Buffer {
    const table = file.readUInt32LE(at(file).certificates);
    file.writeUInt32LE(file.readUInt32LE(table) + by, table);
    return file;
}

/** A second section, which stands before the first in the file and behind it in the table. */
function swapSections(unsigned: Buffer): Buffer {
    const code = unsigned.subarray(1024, 1024 + unsigned.readUInt32LE(128 + 24 + 240 + 8));
    const file = makeProgram(Buffer.from(code), {
        sections: [{ name: ".data", content: Buffer.alloc(100, 7) }],
    });
    const [text, data] = [128 + 24 + 240, 128 + 24 + 280];
    const size = file.readUInt32LE(text + 16);
    const swapped = Buffer.concat([
        file.subarray(0, 1024),
        file.subarray(1024 + size),
        file.subarray(1024, 1024 + size),
    ]);
    swapped.writeUInt32LE(1024 + 512, text + 20);
    swapped.writeUInt32LE(1024, data + 20);
    return swapped;
}
