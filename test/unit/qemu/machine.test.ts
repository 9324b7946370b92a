import { expect } from "chai";
import * as fc from "fast-check";
import { chooseAccelerator, type HostProbe } from "../../../provider/qemu/accelerator";
import { findFirmware } from "../../../provider/qemu/firmware";
import { type Machine, qemuArguments } from "../../../provider/qemu/machine";
import {
    BOOT_FAILURES,
    lastLines,
    serialPattern,
    SerialWatch,
    type SerialVerdict,
} from "../../../provider/qemu/serialWatch";
import { EdgeError } from "../../../provider/resource/errors";

const MACHINE: Machine = {
    accelerator: "tcg",
    firmware: { kind: "bios" },
    memoryMb: 1024,
    cores: 2,
    drives: [],
};

describe("QEMU's arguments", () => {
    it("are a machine without a network, whose serial line is the standard output", () => {
        expect(qemuArguments(MACHINE).join(" ")).to.equal(
            "-nodefaults -no-user-config -no-reboot -display none -monitor none -serial stdio " +
                "-machine q35,accel=tcg -cpu max -smp 2 -m 1024 -device virtio-rng-pci -nic none",
        );
    });

    it("have drives in the order of the firmware's attempts, and images that stay as they are", () => {
        const text = qemuArguments({
            ...MACHINE,
            drives: [
                { kind: "cdrom", file: "a,b.iso" },
                { kind: "disk", file: "d.qcow2", format: "qcow2", bus: "nvme", writable: false },
                { kind: "disk", file: "e.raw", format: "raw", bus: "sata", writable: true },
            ],
        }).join(" ");
        expect(text).to.contain(
            "-drive if=none,id=drive0,media=cdrom,readonly=on,format=raw,file=a,,b.iso -device ide-cd,drive=drive0,bootindex=0 " +
                "-drive if=none,id=drive1,format=qcow2,snapshot=on,file=d.qcow2 -device nvme,serial=edge-os,drive=drive1,bootindex=1 " +
                "-drive if=none,id=drive2,format=raw,snapshot=off,file=e.raw -device ide-hd,drive=drive2,bootindex=2",
        );
    });

    it("protect the keys of Secure Boot from the guest", () => {
        const text = qemuArguments({
            ...MACHINE,
            accelerator: "kvm",
            firmware: { kind: "uefi", code: "code.fd", vars: "vars.fd", secure: true },
        }).join(" ");
        expect(text).to.contain(
            "-machine q35,accel=kvm,smm=on -global driver=cfi.pflash01,property=secure,value=on -cpu host",
        );
        expect(text).to.contain("-drive if=pflash,unit=0,format=raw,readonly=on,file=code.fd");
        expect(text).to.contain("-drive if=pflash,unit=1,format=raw,file=vars.fd");
    });
});

describe("the choice between KVM and translation", () => {
    const able: HostProbe = {
        platform: "linux",
        arch: "x64",
        cpuinfo: "flags\t\t: fpu vmx sse\n",
        kvmDevice: true,
    };

    it("takes KVM where it works only", () => {
        expect(chooseAccelerator("auto", able)).to.equal("kvm");
        expect(chooseAccelerator("tcg", able)).to.equal("tcg");
        for (const obstacle of [
            { cpuinfo: "flags\t\t: fpu sse\nmodel name: vmx\n" },
            { kvmDevice: false },
            { platform: "darwin" as const },
            { arch: "arm64" },
        ]) {
            expect(chooseAccelerator("auto", { ...able, ...obstacle })).to.equal("tcg");
            expect(() => chooseAccelerator("kvm", { ...able, ...obstacle })).to.throw(
                EdgeError,
                /cannot be used here: .+/,
            );
        }
    });
});

describe("the firmware", () => {
    it("is found where distributions put it", () => {
        for (const [file, secure, found] of [
            ["/usr/share/OVMF/OVMF_CODE_4M.fd", false, "/usr/share/OVMF/OVMF_VARS_4M.fd"],
            ["/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd", true, "/usr/share/edk2/ovmf/OVMF_VARS.fd"],
            ["/usr/share/edk2/x64/OVMF_CODE.secboot.4m.fd", true, "/usr/share/edk2/x64/OVMF_VARS.4m.fd"],
            [
                "/opt/homebrew/share/qemu/edk2-x86_64-code.fd",
                false,
                "/opt/homebrew/share/qemu/edk2-i386-vars.fd",
            ],
        ] as const) {
            const there = [file, found] as string[];
            expect(findFirmware(secure, {}, (candidate) => there.includes(candidate))).to.deep.equal({
                ...{ code: file, vars: found, secure },
            });
        }
    });

    it("can be named, and is missed with the package that has it", () => {
        const named = { EDGE_OS_OVMF_CODE: "/a", EDGE_OS_OVMF_VARS: "/b" };
        expect(findFirmware(true, named, () => true)).to.deep.equal({ code: "/a", vars: "/b", secure: true });
        expect(() => findFirmware(true, named, () => false)).to.throw(EdgeError, /no file \/a/);
        expect(() => findFirmware(true, {}, () => false)).to.throw(
            EdgeError,
            /Secure Boot.*apt install ovmf/,
        );
    });
});

describe("a serial line", () => {
    function feed(
        pieces: readonly Buffer[],
        awaited: string[],
        failures: string[] = [],
    ): SerialVerdict | undefined {
        const watch = new SerialWatch(awaited.map(serialPattern), failures.map(serialPattern));
        for (const piece of pieces) {
            const verdict = watch.feed(piece);
            if (verdict) return verdict;
        }
        return undefined;
    }

    it("is read in whatever pieces it comes, without what paints the screen", () => {
        const text = Buffer.from(
            "\x1b[2J\x1b[01;01H\x1b[=3hWel\x1b[0mcome\r\nbootéd\x1b]0;title\x07 to\r\nhost login: ",
        );
        fc.assert(
            fc.property(fc.array(fc.nat(text.length)), (cuts) => {
                const ordered = [0, ...cuts.sort((a, b) => a - b), text.length];
                const pieces = ordered.slice(1).map((end, i) => text.subarray(ordered[i], end));
                return feed(pieces, ["Welcome\nbootéd to", "/^host login: $/m"])?.kind === "reached";
            }),
            { numRuns: 300 },
        );
    });

    it("shows the awaited patterns in their order", () => {
        expect(feed([Buffer.from("second first")], ["first", "second"])).to.equal(undefined);
        expect(feed([Buffer.from("second first second")], ["first", "second"])?.kind).to.equal("reached");
        expect(feed([Buffer.from("a.c")], ["a+c"])).to.equal(undefined);
    });

    it("fails with whatever comes first", () => {
        const late = feed([Buffer.from("up\nKernel panic - not syncing\n")], ["up"], ["Kernel panic"]);
        expect(late?.kind).to.equal("reached");
        expect(feed([Buffer.from("[1] Kernel panic - x\nup\n")], ["up"], ["Kernel panic"])).to.deep.include({
            kind: "failed",
            line: "[1] Kernel panic - x",
        });
    });

    it("fails with the whole of a line that says why", () => {
        const watch = new SerialWatch([serialPattern("login:")], BOOT_FAILURES);
        expect(watch.feed(Buffer.from('BdsDxe: failed to load Boot0001 "UEFI" from Pci'))).to.equal(
            undefined,
        );
        const verdict = watch.feed(Buffer.from("Root(0x0): Access Denied\r\n"));
        expect(verdict).to.deep.include({
            kind: "failed",
            line: 'BdsDxe: failed to load Boot0001 "UEFI" from PciRoot(0x0): Access Denied',
        });
    });

    it("may be endless", () => {
        const piece = Buffer.from("\x1b]".padEnd(100_000, "x"));
        const watch = new SerialWatch([serialPattern("never")], []);
        const started = performance.now();
        for (let i = 0; i < 50; i++) watch.feed(piece);
        expect(performance.now() - started).to.be.lessThan(3000);
    });

    it("ends in lines that can be shown", () => {
        expect(lastLines("a\r\n\x1b[31mb\x07\x1b[0m\n\n c \r\nd", 3)).to.deep.equal(["b", " c", "d"]);
    });
});
