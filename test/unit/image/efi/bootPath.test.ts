import * as zlib from "node:zlib";
import { expect } from "chai";
import { bufferDevice } from "../../../../provider/image/blockDevice";
import {
    type BootEvidence,
    type BootExpectations,
    lookAtBoot,
} from "../../../../provider/image/efi/lookAtBoot";
import type { ImageCheck } from "../../../../provider/image/check";
import { readGpt } from "../../../../provider/image/gpt";
import { type Identity, issue, pemOf } from "../../../support/efi/authority";
import { espDisk } from "../../../support/efi/firmware";
import { makeProgram, printing, type ProgramSection } from "../../../support/efi/program";
import { sign } from "../../../support/efi/signer";
import { needsTool } from "../../../support/tools";

const SBAT = {
    name: ".sbat",
    content: Buffer.from("sbat,1,SBAT Version,sbat,1,x\nother,1,Other,other,1,x\n"),
};
const GRUB = {
    name: ".sbat",
    content: Buffer.from("sbat,1,SBAT Version,sbat,1,x\ngrub,4,GRUB,grub,2.12,x\n"),
};
const SYSTEMD_BOOT = { name: ".sdmagic", content: Buffer.from("#### LoaderInfo: systemd-boot 257 ####\0") };
const UNIFIED = { name: ".linux", content: Buffer.from("a kernel") };

function program(...sections: ProgramSection[]): Buffer {
    return makeProgram(printing("hello"), { sections });
}

/** Carries the certificate of its vendor, and the name of what it starts. */
function shim(vendor: Identity, next: string, forbidden: Buffer = Buffer.alloc(0)): Buffer {
    const header = Buffer.alloc(16);
    header.writeUInt32LE(vendor.certificate.length, 0);
    header.writeUInt32LE(forbidden.length, 4);
    header.writeUInt32LE(16, 8);
    header.writeUInt32LE(16 + vendor.certificate.length, 12);
    return program(
        { name: ".vendor_cert", content: Buffer.concat([header, vendor.certificate, forbidden]) },
        { name: ".data", content: Buffer.from(`\\\\${next}\0\\mmx64.efi\0`, "utf16le") },
    );
}

function linux(): Buffer {
    const kernel = program({ name: ".setup", content: Buffer.alloc(16) });
    kernel.write("HdrS", 0x202, "latin1");
    return kernel;
}

/** EFI_SIGNATURE_LIST of SHA-256 digests. */
function digestList(...digests: string[]): Buffer {
    const list = Buffer.alloc(28 + 48 * digests.length);
    list.write("2616c4c14c509240aca941f936934328", "hex");
    list.writeUInt32LE(list.length, 16);
    list.writeUInt32LE(48, 24);
    digests.forEach((digest, at) => list.write(digest, 28 + 48 * at + 16, "hex"));
    return list;
}

describe("the way from the firmware to the kernel", () => {
    let own: Identity;
    let vendor: Identity;
    let stranger: Identity;

    before(function () {
        needsTool(this, "mkfs.vfat");
        needsTool(this, "mcopy");
        own = issue("Own", { ca: true });
        vendor = issue("Vendor", { ca: true });
        stranger = issue("Stranger", { ca: true });
    });

    async function look(
        files: Record<string, Buffer>,
        expected: BootExpectations = { secureBoot: { certificates: [pemOf(own.certificate)] } },
    ): Promise<{ checks: ImageCheck[]; evidence: BootEvidence }> {
        const disk = bufferDevice(espDisk(new Map(Object.entries(files))));
        const { partitions } = await readGpt(disk);
        return lookAtBoot({ disk, partitions }, expected);
    }

    function verdicts(checks: readonly ImageCheck[]): string[] {
        return checks
            .filter(({ id }) => id.startsWith("secureboot."))
            .map(({ id, verdict }) => `${id} ${verdict}`);
    }

    it("is one step for a unified kernel image", async () => {
        const { checks, evidence } = await look({ "EFI/BOOT/BOOTX64.EFI": sign(program(UNIFIED), own) });
        expect(verdicts(checks)).to.deep.equal(["secureboot.signed passed", "secureboot.chain passed"]);
        expect(evidence).to.deep.include({ signed: true, unsigned: [], signers: ["CN=Own"] });
        expect(evidence.files.map(({ path, kind, machine }) => [path, kind, machine])).to.deep.equal([
            ["EFI/BOOT/BOOTX64.EFI", "uki", "x86_64"],
        ]);
    });

    it("stops at the boot loader when it is not signed, or by a stranger", async () => {
        const unsigned = await look({ "EFI/BOOT/BOOTX64.EFI": program(UNIFIED) });
        expect(verdicts(unsigned.checks)).to.deep.equal(["secureboot.signed failed"]);
        expect(unsigned.evidence).to.deep.include({ signed: false, unsigned: ["EFI/BOOT/BOOTX64.EFI"] });

        const strange = await look({ "EFI/BOOT/BOOTX64.EFI": sign(program(UNIFIED), stranger) });
        expect(verdicts(strange.checks)).to.deep.equal([
            "secureboot.signed passed",
            "secureboot.chain failed",
        ]);
        expect(strange.evidence.signed).to.equal(true);
        const { message } = strange.checks.at(-1) ?? { message: "" };
        expect(message).to.equal(
            "EFI/BOOT/BOOTX64.EFI is signed by CN=Stranger, which leads to none of the enrolled certificates (CN=Own): " +
                "firmware answers Access Denied. Sign it with a key of CN=Own, or enrol the certificate of its signer " +
                "on the hosts and add it to expect.secureBoot.certificates",
        );
    });

    it("goes through shim with its vendor's certificate, and on to the kernels that GRUB finds", async () => {
        const files = {
            "EFI/BOOT/BOOTX64.EFI": sign(shim(vendor, "grubx64.efi"), own),
            "EFI/BOOT/grubx64.efi": sign(program(GRUB), vendor),
            "boot/vmlinuz-6.1": sign(linux(), vendor),
            "boot/vmlinuz": Buffer.from("a link"),
        };
        const { checks, evidence } = await look(files);
        expect(verdicts(checks)).to.deep.equal([
            "secureboot.signed passed",
            "secureboot.chain passed",
            "secureboot.next-stage passed",
            "secureboot.kernel passed",
        ]);
        expect(evidence.files.map(({ kind }) => kind)).to.deep.equal(["shim", "grub", "kernel"]);

        const byStranger = await look({ ...files, "boot/vmlinuz-6.2": sign(linux(), stranger) });
        expect(verdicts(byStranger.checks).at(-1)).to.equal("secureboot.kernel failed");
        expect(byStranger.checks.at(-1)?.message).to.match(
            /^BOOT\/VMLINUZ-6\.2 is signed by CN=Stranger, .*\(CN=Own, CN=Vendor\): shim does not start it/i,
        );
    });

    it("stops where shim would", async () => {
        const loader = sign(shim(vendor, "grubx64.efi"), own);
        const next = async (grub: Buffer | undefined, first = loader): Promise<string> => {
            const { checks } = await look({
                "EFI/BOOT/BOOTX64.EFI": first,
                ...(grub ? { "EFI/BOOT/grubx64.efi": grub } : {}),
            });
            const check = checks.find(({ id }) => id === "secureboot.next-stage");
            return `${check?.verdict ?? ""}: ${check?.message ?? ""}`;
        };
        expect(await next(undefined)).to.include(
            "failed: EFI/BOOT/BOOTX64.EFI is a shim that starts EFI/BOOT/grubx64.efi",
        );
        expect(await next(sign(program(GRUB), stranger))).to.match(/^failed: .*leads to none of the shim's/);
        expect(await next(sign(makeProgram(printing("x")), vendor))).to.match(/^failed: .*no section \.sbat/);
        expect(await next(sign(program(GRUB), vendor, { hash: "sha512" }))).to.match(
            /^failed: .*not over its SHA-256/,
        );
        const grub = sign(program(GRUB), vendor);
        const { evidence } = await look({ "EFI/BOOT/BOOTX64.EFI": grub });
        const digest = evidence.files[0]?.authenticodeSha256 ?? "";
        const revoking = sign(shim(vendor, "grubx64.efi", digestList("00".repeat(32), digest)), own);
        expect(await next(grub, revoking)).to.match(/^failed: .*\(revoked\)/);
        expect(await next(grub)).to.equal("passed: ");
    });

    it("takes the name of the next program from the shim", async () => {
        const { evidence } = await look({
            "EFI/BOOT/BOOTX64.EFI": sign(shim(vendor, "systemd-bootx64.efi"), own),
            "EFI/BOOT/systemd-bootx64.efi": sign(program(SYSTEMD_BOOT, SBAT), vendor),
            "EFI/Linux/one.efi": sign(program(UNIFIED), vendor),
        });
        expect(evidence.files.map(({ kind }) => kind)).to.deep.equal(["shim", "systemd-boot", "uki"]);
    });

    it("goes through systemd-boot to unified kernel images and entries", async () => {
        const { checks, evidence } = await look({
            "EFI/BOOT/BOOTX64.EFI": sign(program(SYSTEMD_BOOT), own),
            "EFI/Linux/one.efi": sign(program(UNIFIED), own),
            "loader/entries/two.conf": Buffer.from("title Two\nlinux   /two/linux\noptions quiet\n"),
            "two/linux": linux(),
        });
        expect(evidence.files.map(({ kind }) => kind)).to.deep.equal(["systemd-boot", "uki", "kernel"]);
        expect(verdicts(checks).at(-1)).to.equal("secureboot.kernel failed");
        expect(checks.at(-1)?.message).to.match(/^two\/linux is not signed: firmware does not start it/i);
    });

    it("unpacks kernels as GRUB does", async () => {
        const { checks, evidence } = await look({
            "EFI/BOOT/BOOTX64.EFI": sign(program(GRUB), own),
            "boot/vmlinuz-6.8": zlib.gzipSync(sign(linux(), own)),
            "boot/vmlinuz-6.9": Buffer.concat([Buffer.from("1f8b08", "hex"), Buffer.alloc(40)]),
        });
        expect(evidence.files.map(({ kind }) => kind)).to.deep.equal(["grub", "kernel", "unreadable"]);
        expect(checks.at(-1)?.message).to.match(/vmlinuz-6\.9 cannot be unpacked/i);
        const packedLoader = await look({ "EFI/BOOT/BOOTX64.EFI": zlib.gzipSync(sign(linux(), own)) });
        expect(verdicts(packedLoader.checks)).to.deep.equal(["secureboot.signed failed"]);
    });

    it("says what it could not follow, and does not pass it", async () => {
        const grubAlone = await look({ "EFI/BOOT/BOOTX64.EFI": sign(program(GRUB), own) });
        expect(verdicts(grubAlone.checks).at(-1)).to.equal("secureboot.kernel not-checked");
        const other = await look({ "EFI/BOOT/BOOTX64.EFI": sign(program(SBAT), own) });
        expect(verdicts(other.checks).at(-1)).to.equal("secureboot.next-stage not-checked");
    });

    it("warns of a signature over SHA-1 alone", async () => {
        const { checks } = await look({
            "EFI/BOOT/BOOTX64.EFI": sign(program(UNIFIED), own, { hash: "sha1" }),
        });
        const [signed, chain] = checks.filter(({ id }) => id.startsWith("secureboot."));
        expect(signed).to.include({ verdict: "failed", severity: "warning" });
        expect(chain?.verdict).to.equal("passed");
    });

    it("is only told, not judged, without certificates to judge by", async () => {
        const { checks, evidence } = await look({ "EFI/BOOT/BOOTX64.EFI": program(UNIFIED) }, {});
        expect(verdicts(checks)).to.deep.equal([]);
        expect(evidence.signed).to.equal(false);
    });

    it("needs a boot loader for the right machine", async () => {
        const arm = makeProgram(printing("hello"), { machine: 0xaa64 });
        const wrong = await look({ "EFI/BOOT/BOOTX64.EFI": arm }, {});
        expect(wrong.checks.at(-1)).to.include({ id: "esp.machine", verdict: "failed", seen: "aarch64" });
        const right = await look({ "EFI/BOOT/bootaa64.efi": arm }, { architecture: "aarch64" });
        expect(right.checks.at(-1)).to.include({ id: "esp.machine", verdict: "passed" });
        const missing = await look({ "EFI/BOOT/bootaa64.efi": arm }, { architecture: "x86_64" });
        expect(missing.checks.at(-1)).to.include({ id: "esp.boot-loader", verdict: "failed" });
        expect(missing.checks.at(-1)?.message).to.include(
            "no EFI/BOOT/BOOTX64.EFI, which x86_64 machines start",
        );
        const text = await look({ "EFI/BOOT/BOOTX64.EFI": Buffer.from("no program ".repeat(20)) });
        expect(text.checks.find(({ id }) => id === "esp.machine")).to.include({ verdict: "failed" });
        const driver = makeProgram(printing("hello"), { subsystem: 11 });
        const kind = await look({ "EFI/BOOT/BOOTX64.EFI": driver }, {});
        expect(kind.checks.at(-1)).to.include({
            id: "esp.machine",
            verdict: "failed",
            seen: "no EFI application",
        });
    });
});
