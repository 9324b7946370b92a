import * as childProcess from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { bufferDevice } from "../../../../provider/image/blockDevice";
import { readSignedProgram, type SignedProgram } from "../../../../provider/image/efi/authenticode";
import { Certificate } from "../../../../provider/image/efi/certificate";
import { anchorOf, brokenChain } from "../../../../provider/image/efi/trust";
import { debianPackage } from "../../../support/debianPackages";
import { type Identity, issue, pemOf } from "../../../support/efi/authority";
import { makeProgram, printing } from "../../../support/efi/program";
import { sign, type SignOptions } from "../../../support/efi/signer";
import { needsTool } from "../../../support/tools";
import { temporaryFolder } from "../fixtures";

const read = (file: Buffer): Promise<SignedProgram> => readSignedProgram(bufferDevice(file));
const trusting = (...ones: Identity[]): Certificate[] =>
    ones.map(({ certificate }) => Certificate.parse(certificate));

describe("the signatures of an EFI program", () => {
    const folder = temporaryFolder();
    const program = makeProgram(printing("hello"));
    let root: Identity;
    let leaf: Identity;

    before(() => {
        root = issue("Root", { ca: true });
        leaf = issue("Leaf", { issuer: root });
    });

    async function problem(options: SignOptions): Promise<string | undefined> {
        return (await read(sign(program, leaf, options))).signatures[0]?.problem;
    }

    it("name signer, certificates and digest", async () => {
        const embed = [leaf.certificate, root.certificate];
        const twice = sign(sign(program, leaf, { embed }), root, { hash: "sha512" });
        const { signatures } = await read(twice);
        expect(
            signatures.map(({ signer, embedded, hash, problem: found }) => [
                signer?.name,
                embedded.map(({ name }) => name),
                hash,
                found,
            ]),
        ).to.deep.equal([
            ["CN=Leaf", ["CN=Leaf", "CN=Root"], "sha256", undefined],
            ["CN=Root", ["CN=Root"], "sha512", undefined],
        ]);
    });

    it("are told apart by what is wrong with them", async () => {
        expect(await problem({ wrongDigest: true })).to.include("was changed afterwards");
        expect(await problem({ wrongMessageDigest: true })).to.include("do not fit its content");
        expect(await problem({ embed: [] })).to.include("certificate of its signer is not in it");
        expect(await problem({ embed: [root.certificate] })).to.include(
            "certificate of its signer is not in it",
        );
        expect(await problem({ padding: "pss" })).to.include("not made with the key of the certificate");
        expect(await problem({ names: ["sha512", "sha256"] })).to.include("under two names");
        expect(await problem({ signerHash: "sha512", names: ["sha256"] })).to.include("does not name");
        expect(await problem({ noAttributes: true })).to.equal(undefined);
    });

    // Firmware starts both: it does not look at the content type, and takes several signers when all are trusted.
    it("are refused where the standard is stricter than the firmware", async () => {
        expect(await problem({ wrongContentType: true })).to.include("of something else than an EFI program");
        expect(await problem({ signers: 2 })).to.include("2 signers where Authenticode has one");
    });

    it("lead to an enrolled certificate, or it is told where the chain breaks", async () => {
        const noAuthority = issue("No Authority", { issuer: root, ca: false });
        const below = issue("Below", { issuer: noAuthority });
        const embed = [below.certificate, noAuthority.certificate];
        const [signature] = (await read(sign(program, below, { embed }))).signatures;
        if (!signature) throw new Error("no signature");
        expect(anchorOf(signature, trusting(root))).to.equal(undefined);
        expect(brokenChain(signature, trusting(root))).to.equal(
            "CN=No Authority may not issue certificates (it is no CA)",
        );
        expect(brokenChain(signature, trusting(issue("Unrelated")))).to.equal(undefined);
    });

    it("are damage, not a crash, wherever a bit flips", async () => {
        const signed = sign(program, leaf, { embed: [leaf.certificate, root.certificate] });
        const trusted = trusting(root);
        const stillTrusted: number[] = [];
        for (let at = 0; at < signed.length; at += 3) {
            const changed = Buffer.from(signed);
            changed.writeUInt8(changed.readUInt8(at) ^ (1 << (at % 8)), at);
            const found = await read(changed).catch(() => undefined);
            if (found?.signatures.some((signature) => anchorOf(signature, trusted))) stillTrusted.push(at);
        }
        // The checksum, and what the firmware does not read of the signature either.
        const table = signed.length - (await tableSize(signed));
        expect(stillTrusted.filter((at) => at < table && !(at >= 216 && at < 220))).to.deep.equal([]);
    });

    it("are those that sbsign makes, and own ones are right for sbverify", async function () {
        needsTool(this, "sbsign");
        needsTool(this, "sbverify");
        const write = (name: string, content: string | Buffer): string => {
            fs.writeFileSync(folder.path(name), content);
            return folder.path(name);
        };
        const key = write("leaf.key", leaf.key.export({ format: "pem", type: "pkcs8" }));
        const certificate = write("leaf.crt", pemOf(leaf.certificate));
        const out = folder.path("out.efi");
        const unsigned = write("in.efi", program);
        run("sbsign", ["--key", key, "--cert", certificate, "--output", out, unsigned]);
        const byTool = await read(fs.readFileSync(out));
        expect(byTool.signatures[0]?.problem).to.equal(undefined);

        const own = write("own.efi", sign(program, leaf));
        run("sbverify", ["--cert", certificate, own]);
        expect((await read(fs.readFileSync(own))).imageSha256).to.deep.equal(byTool.imageSha256);
    });
});

async function tableSize(file: Buffer): Promise<number> {
    return (await read(file)).pe.certificateTable?.size ?? 0;
}

function run(tool: string, args: readonly string[]): void {
    const { status, stderr } = childProcess.spawnSync(tool, args);
    if (status !== 0) throw new Error(`${tool}: ${stderr.toString()}`);
}

describe("the signatures of Debian's boot loaders", () => {
    it("are in order, and verify one another", async function () {
        const file = (name: string, place: string): Buffer =>
            fs.readFileSync(path.join(debianPackage(this, name), place));
        const shim = await read(file("shim-signed", "usr/lib/shim/shimx64.efi.signed"));
        expect(shim.signatures.map(({ signer, problem }) => [signer?.issuer, problem])).to.deep.equal([
            ["CN=Microsoft Corporation UEFI CA 2011", undefined],
            ["CN=Microsoft UEFI CA 2023", undefined],
        ]);
        // What sbverify calls verified with any certificate at all, since the signature brings an intermediate along.
        const unrelated = trusting(issue("Unrelated", { ca: true }));
        expect(shim.signatures.map((signature) => anchorOf(signature, unrelated))).to.deep.equal([
            undefined,
            undefined,
        ]);

        const grub = await read(
            file("grub-efi-amd64-signed", "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"),
        );
        expect(grub.signatures.map(({ problem }) => problem)).to.deep.equal([undefined]);
        expect(grub.pe.sections.map(({ name }) => name)).to.include.members(["mods", ".sbat"]);
    });
});
