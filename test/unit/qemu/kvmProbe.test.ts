import { expect } from "chai";
import * as fs from "node:fs";
import { type HostProbe, workingAccelerator } from "../../../provider/qemu/accelerator";
import { runsNotWith } from "../../../provider/qemu/kvmProbe";
import { findQemu } from "../../../provider/qemu/run";
import { failure } from "../../support/failure";
import { needsTool } from "../../support/tools";
import { temporaryFolder } from "../image/fixtures";

const ABLE: HostProbe = { platform: "linux", arch: "x64", cpuinfo: "flags : vmx", kvmDevice: true };

describe("the probe of an accelerator", function () {
    this.timeout(60_000);
    const folder = temporaryFolder();

    function fakeQemu(script: string): string {
        const program = folder.path("qemu");
        fs.writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
        return program;
    }

    it("has a guest run something, which ends QEMU", async function () {
        needsTool(this, "qemu-system-x86_64");
        expect(await runsNotWith("tcg", { program: findQemu() })).to.equal(undefined);
    });

    it("tells what QEMU says, and that a guest never runs", async () => {
        const refused = fakeQemu("echo 'failed to set MSR 0x10a' >&2; exit 1");
        expect(await runsNotWith("kvm", { program: refused })).to.equal(
            'QEMU ends with code 1 and says "failed to set MSR 0x10a"',
        );
        const silent = fakeQemu("exec sleep 60");
        expect(await runsNotWith("kvm", { program: silent, limit: 200 })).to.equal(
            "a machine with it runs nothing within 0.2 s",
        );
    });

    it("decides where the machine looks able, and is not made elsewhere", async () => {
        const works = (): Promise<undefined> => Promise.resolve(undefined);
        const fails = (): Promise<string> => Promise.resolve("it hangs");
        expect(await workingAccelerator("auto", works, ABLE)).to.equal("kvm");
        expect(await workingAccelerator("auto", fails, ABLE)).to.equal("tcg");
        expect(await failure(workingAccelerator("kvm", fails, ABLE))).to.equal(
            'accel "kvm" cannot be used here: it hangs. Use "auto" or "tcg"',
        );
        const never = (): Promise<string> => Promise.reject(new Error("asked"));
        expect(await workingAccelerator("auto", never, { ...ABLE, kvmDevice: false })).to.equal("tcg");
        expect(await workingAccelerator("tcg", never, ABLE)).to.equal("tcg");
    });
});
