import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { onlyTrusting } from "../../../provider/qemu/efiVariables";
import { BootFailure, findQemu, type QemuRun, runQemu } from "../../../provider/qemu/run";
import { serialPattern } from "../../../provider/qemu/serialWatch";
import { EdgeError } from "../../../provider/resource/errors";
import { needsTool } from "../../support/tools";
import { bootableDisk, tinySystem, unifiedKernel, writeFile } from "../../support/tinySystem";
import { temporaryFolder } from "../image/fixtures";

const HELLO = 'echo "tiny: started"; echo; echo -n "tiny login: "';

describe("a machine in QEMU", function () {
    this.timeout(120_000);
    const folder = temporaryFolder();

    function run(options: Partial<QemuRun>): QemuRun {
        return {
            firmware: "bios",
            drives: [],
            memoryMb: 512,
            until: [serialPattern("tiny login:")],
            timeLimit: 100_000,
            logFile: folder.path("serial.log"),
            ...options,
        };
    }

    before(function () {
        needsTool(this, "qemu-system-x86_64");
        needsTool(this, "/usr/share/OVMF/OVMF_VARS_4M.fd");
    });

    it("boots a kernel until its serial line shows what is awaited", async function () {
        const { kernel, initrd } = tinySystem(this, HELLO);
        const file = writeFile(folder.path(), "initrd", initrd);
        const { milliseconds } = await runQemu(
            run({
                kernel: { file: kernel, initrd: file, commandLine: "console=ttyS0" },
                until: ["Linux version", "tiny: started", "/login: $/"].map(serialPattern),
            }),
        );
        expect(milliseconds).to.be.lessThan(60_000);
        expect(fs.readFileSync(folder.path("serial.log"), "utf8")).to.contain("tiny: started");
    });

    it("boots a disk through UEFI and leaves it as it was", async function () {
        const efi = unifiedKernel(this, tinySystem(this, HELLO), folder.path(), "console=ttyS0");
        const disk = bootableDisk(this, efi, folder.path());
        const before = fs.readFileSync(disk);
        await runQemu(
            run({
                firmware: "uefi",
                drives: [{ kind: "disk", file: disk, format: "raw", bus: "virtio", writable: false }],
            }),
        );
        expect(fs.readFileSync(disk).equals(before)).to.equal(true);
    });

    it("refuses to start what the firmware's keys have not signed, and says so at once", async function () {
        const efi = unifiedKernel(this, tinySystem(this, HELLO), folder.path(), "console=ttyS0");
        const disk = bootableDisk(this, efi, folder.path());
        const failure = await bootFailure(
            run({
                firmware: "uefi",
                secureBoot: onlyTrusting([ownCertificate(this)]),
                drives: [{ kind: "disk", file: disk, format: "raw", bus: "sata", writable: false }],
            }),
        );
        expect(failure.message).to.match(
            /^the machine failed while "tiny login:" was waited for: ".*Access Denied/,
        );
        expect(failure.message).to.contain(folder.path("serial.log"));
    });
});

describe("a machine that does not come far enough", () => {
    const folder = temporaryFolder();

    /** Stands for QEMU where only its end counts. */
    function machine(script: string, options: Partial<QemuRun> = {}): QemuRun {
        const program = writeFile(folder.path(), "qemu", `#!/bin/sh\n${script}\n`);
        fs.chmodSync(program, 0o755);
        return {
            ...{ program, firmware: "bios", drives: [], accelerator: "tcg" },
            ...{ until: ["first", "second"].map(serialPattern), timeLimit: 20_000 },
            logFile: folder.path("serial.log"),
            ...options,
        };
    }

    it("is ended at the time limit, with what was waited for and the last lines", async () => {
        const failure = await bootFailure(machine("echo first; sleep 100", { timeLimit: 400 }));
        expect(failure.message).to.equal(
            `the machine did not show "second" within 0.4 s; the last lines of its serial line:\n    first\n  all of it: ${folder.path("serial.log")}`,
        );
    });

    it("is ended when it says nothing any more", async () => {
        const failure = await bootFailure(machine("sleep 100", { stallLimit: 300 }));
        expect(failure.message).to.match(
            /showed nothing for 0.3 s while "first" was waited for; nothing came/,
        );
    });

    it("is told from one that was switched off, and from one that could not be run", async () => {
        expect((await bootFailure(machine("echo first"))).message).to.match(
            /was switched off or restarted before/,
        );
        expect((await bootFailure(machine("echo no such option >&2; exit 1"))).message).to.match(
            /could not be run: QEMU ended with code 1 and said "no such option"/,
        );
    });

    it("is ended at once by what it must not show", async () => {
        const failing = machine("echo first; echo out of luck; sleep 100", {
            failOn: [serialPattern("of luck")],
        });
        expect((await bootFailure(failing)).message).to.match(/failed while "second" .*: "out of luck"/);
    });

    it("is ended on cancellation, with its children and its private folder", async () => {
        const pids = folder.path("pids");
        const controller = new AbortController();
        const script = `sleep 1000 & echo $$ $! "$TMPDIR" >${pids}; echo up; wait`;
        const running = runQemu(
            machine(script, {
                signal: controller.signal,
                onProgress: () => controller.abort(new Error("stop")),
            }),
        ).catch((error: unknown) => error);
        expect(await running).to.have.property("message", "stop");
        const [qemu, child, privateFolder = ""] = fs.readFileSync(pids, "utf8").trim().split(" ");
        expect(await gone(Number(qemu))).to.equal(true);
        expect(await gone(Number(child))).to.equal(true);
        expect(fs.existsSync(privateFolder)).to.equal(false);
    });

    it("ends when the process that started it is killed", async () => {
        const pids = folder.path("orphan");
        const { program } = machine(
            `echo $$ "$TMPDIR" >${pids}.new; mv ${pids}.new ${pids}; echo up; sleep 1000`,
        );
        const script = `
            require("ts-node/register/transpile-only");
            const { runQemu } = require(${JSON.stringify(path.join(__dirname, "../../../provider/qemu/run"))});
            const { serialPattern } = require(${JSON.stringify(path.join(__dirname, "../../../provider/qemu/serialWatch"))});
            void runQemu({
                program: ${JSON.stringify(program)}, firmware: "bios", drives: [], accelerator: "tcg",
                until: [serialPattern("never")], timeLimit: 100000, logFile: ${JSON.stringify(folder.path("orphan.log"))},
                onProgress: () => process.kill(process.pid, "SIGKILL"),
            });`;
        const { signal } = spawnSync(process.execPath, ["-e", script], { cwd: __dirname });
        expect(signal).to.equal("SIGKILL");
        const [qemu, privateFolder = ""] = fs.readFileSync(pids, "utf8").trim().split(" ");
        expect(await gone(Number(qemu))).to.equal(true);
        await until(() => !fs.existsSync(privateFolder));
    });

    it("is not started where QEMU is missing", () => {
        const { PATH } = process.env;
        process.env.PATH = "/nowhere";
        try {
            expect(() => findQemu()).to.throw(
                EdgeError,
                /apt install qemu-system-x86 ovmf.*brew install qemu/s,
            );
        } finally {
            process.env.PATH = PATH;
        }
    });
});

async function bootFailure(options: QemuRun): Promise<Error> {
    return runQemu(options).then(
        () => {
            throw new Error("did not fail");
        },
        (error: unknown) => {
            expect(error).to.be.instanceOf(BootFailure);
            return error as Error;
        },
    );
}

async function gone(pid: number): Promise<boolean> {
    return until(() => {
        try {
            process.kill(pid, 0);
            return isZombie(pid);
        } catch {
            return true;
        }
    });
}

/** One whose parent has not looked yet: in a container nobody may ever look. */
function isZombie(pid: number): boolean {
    const stat = fs.existsSync(`/proc/${pid}/stat`) ? fs.readFileSync(`/proc/${pid}/stat`, "utf8") : "";
    return stat.includes(") Z ");
}

async function until(condition: () => boolean): Promise<boolean> {
    for (const end = Date.now() + 10_000; Date.now() < end;) {
        if (condition()) return true;
        await sleep(20);
    }
    throw new Error("has not come within 10 s");
}

function ownCertificate(test: Mocha.Context): Buffer {
    needsTool(test, "openssl");
    const args = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-subj",
        "/CN=Edge",
    ];
    const { stdout, stderr } = spawnSync("openssl", [...args, "-outform", "DER"]);
    if (stdout.length === 0) throw new Error(stderr.toString());
    return stdout;
}
