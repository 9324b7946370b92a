import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { childEnvironment, findTool } from "../process/tools";
import { EdgeError } from "../resource/errors";
import { type Accelerator, workingAccelerator } from "./accelerator";
import { enrollKeys, type SecureBootKeys } from "./efiVariables";
import { findFirmware } from "./firmware";
import { startGuarded, type GuardedProcess } from "../process/guardedProcess";
import { runsNotWith } from "./kvmProbe";
import { qemuArguments, type Machine, type MachineFirmware } from "./machine";
import { type MachineLine, openLine, readingLine } from "./machineLine";
import { SerialLog } from "./serialLog";
import { BOOT_FAILURES, lastLines, type SerialPattern, SerialWatch } from "./serialWatch";

/** A machine to start, and what its serial line must show. */
export interface QemuRun extends Partial<Pick<Machine, "memoryMb" | "cores" | "cpu" | "kernel" | "network">> {
    firmware: "bios" | "uefi";
    /** With UEFI only: Secure Boot on, trusting these keys alone. */
    secureBoot?: SecureBootKeys;
    drives: Machine["drives"];
    /** Default `auto`: KVM where it really works. */
    accelerator?: "auto" | Accelerator;
    /** One after the other; what a pattern replies is typed, and its keys are pressed. */
    until: readonly SerialPattern[];
    /** Beside those of every machine (`BOOT_FAILURES`). */
    failOn?: readonly SerialPattern[];
    /** Milliseconds for all of it. */
    timeLimit: number;
    /** Milliseconds without a character on the serial line. Default 120,000. */
    stallLimit?: number;
    /** Where the serial line is recorded. */
    logFile: string;
    signal?: AbortSignal;
    /** Told now and then: the last line that was shown. */
    onProgress?: (line: string) => void;
    /** The machine has to switch itself off, or to restart, once all of that has come. Default: it is ended then. */
    endsItself?: boolean;
    /** Full path of QEMU; default: the one on PATH. */
    program?: string;
}

export interface QemuOutcome {
    milliseconds: number;
    accelerator: Accelerator;
}

/** The machine did not come as far as it should have; the message has its last lines and where its record is. */
export class BootFailure extends EdgeError {
    override readonly name = "BootFailure";
}

/** Runs a machine until its serial line has shown what it must, and ends it then. Everything else is an error. */
export async function runQemu(run: QemuRun): Promise<QemuOutcome> {
    run.signal?.throwIfAborted();
    const program = run.program ?? findQemu();
    const accelerator = await workingAccelerator(run.accelerator ?? "auto", () => kvmObstacle(program, run));
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-qemu-"));
    try {
        const isSpokenTo = run.until.some(({ reply, keys }) => reply !== undefined || keys !== undefined);
        const sockets = { serial: path.join(folder, "serial"), control: path.join(folder, "control") };
        const machine: Machine = {
            accelerator,
            firmware: prepareFirmware(run, folder),
            memoryMb: run.memoryMb ?? 2048,
            cores: run.cores ?? 2,
            ...pick(run, ["cpu", "kernel", "network"]),
            drives: run.drives,
            ...(isSpokenTo ? { sockets } : {}),
        };
        const startedAt = performance.now();
        await watch(run, program, machine, folder);
        return { milliseconds: Math.round(performance.now() - startedAt), accelerator };
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

/** Asked once for each processor model. */
const kvmObstacles = new Map<string, Promise<string | undefined>>();

function kvmObstacle(program: string, { cpu, signal }: QemuRun): Promise<string | undefined> {
    const key = JSON.stringify([program, cpu]);
    const known = kvmObstacles.get(key) ?? runsNotWith("kvm", { program, cpu, signal });
    kvmObstacles.set(key, known);
    known.catch(() => kvmObstacles.delete(key));
    return known;
}

export function findQemu(): string {
    const found = findTool("qemu-system-x86_64");
    if (found !== undefined) return found;
    throw new EdgeError(
        "QEMU (qemu-system-x86_64) is not installed: Debian and Ubuntu: apt install qemu-system-x86 ovmf; " +
            "Fedora: dnf install qemu-system-x86 edk2-ovmf; macOS: brew install qemu",
    );
}

function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): Pick<T, K> {
    const present = names.filter((name) => from[name] !== undefined);
    return Object.fromEntries(present.map((name) => [name, from[name]])) as unknown as Pick<T, K>;
}

function prepareFirmware({ firmware, secureBoot }: QemuRun, folder: string): MachineFirmware {
    if (firmware === "bios") {
        if (secureBoot) throw new EdgeError("Secure Boot needs firmware uefi: a BIOS checks no signatures");
        return { kind: "bios" };
    }
    const files = findFirmware(secureBoot !== undefined);
    const blank = fs.readFileSync(files.vars);
    const vars = path.join(folder, "vars.fd");
    fs.writeFileSync(vars, secureBoot ? enrollKeys(blank, secureBoot) : blank);
    return { kind: "uefi", code: files.code, vars, secure: files.secure };
}

async function watch(run: QemuRun, program: string, description: Machine, folder: string): Promise<void> {
    const log = SerialLog.create(run.logFile);
    // TMPDIR is where QEMU keeps what a disk opened with snapshot=on is written with.
    const env = { ...childEnvironment(), TMPDIR: folder };
    const machine = startGuarded(program, qemuArguments(description), { folder, env });
    let line: MachineLine | undefined;
    try {
        line = description.sockets ? await openLine(description.sockets, machine) : readingLine(machine);
        const problem = await firstProblem(run, machine, line, log);
        if (problem !== undefined) throw new BootFailure(withRecord(problem, log));
    } finally {
        line?.close();
        await machine.end();
        log.close();
    }
}

/** Undefined once everything awaited was seen. */
function firstProblem(
    run: QemuRun,
    machine: GuardedProcess,
    line: MachineLine,
    log: SerialLog,
): Promise<string | undefined> {
    const { signal, timeLimit, stallLimit = 120_000 } = run;
    const failures = [...(run.failOn ?? []), ...BOOT_FAILURES];
    const serial = new SerialWatch(run.until, failures, (pattern) => line.answer(pattern));
    const awaited = (): string => (serial.pending ? JSON.stringify(serial.pending.text) : "its end");
    const timers = new Set<NodeJS.Timeout>();
    let abort: (() => void) | undefined;
    return new Promise<string | undefined>((resolve, reject) => {
        const giveUp = setTimeout(() => {
            resolve(`did not show ${awaited()} within ${seconds(timeLimit)}`);
        }, timeLimit);
        const stalled = setTimeout(() => {
            resolve(`showed nothing for ${seconds(stallLimit)} while ${awaited()} was waited for`);
        }, stallLimit);
        timers.add(giveUp).add(stalled);
        abort = () => reject(signal?.reason as Error);
        signal?.addEventListener("abort", abort, { once: true });

        line.output.on("data", (bytes: Buffer) => {
            stalled.refresh();
            log.add(bytes);
            run.onProgress?.(lastLines(log.tail, 1)[0] ?? "");
            const verdict = serial.feed(bytes);
            if (verdict?.kind === "reached" && run.endsItself !== true) resolve(undefined);
            if (verdict?.kind === "failed") {
                const { meaning } = verdict.pattern;
                const why = meaning === undefined ? "" : ` (${meaning})`;
                resolve(
                    `failed while ${awaited()} was waited for: ${JSON.stringify(verdict.line.slice(0, 200))}${why}`,
                );
            }
        });
        let complaint = "";
        machine.stderr.on("data", (bytes: Buffer) => {
            complaint = (complaint + bytes.toString("utf8")).slice(-1000);
        });
        // What was written before the end may still be under way.
        const drained = new Promise((done) => line.output.once("close", done));
        void Promise.all([machine.ended, drained]).then(([code]) => {
            if (code === 0 && run.endsItself === true && !serial.pending) resolve(undefined);
            resolve(
                code === 0
                    ? `was switched off or restarted before it showed ${awaited()}`
                    : `could not be run: QEMU ended with code ${code}${complaint === "" ? "" : ` and said ${JSON.stringify(complaint.trim())}`}`,
            );
        });
    }).finally(() => {
        timers.forEach((timer) => clearTimeout(timer));
        if (abort) signal?.removeEventListener("abort", abort);
    });
}

function withRecord(problem: string, log: SerialLog): string {
    const lines = lastLines(log.tail, 12);
    const shown =
        lines.length > 0
            ? `the last lines of its serial line:\n${lines.map((line) => `    ${line}`).join("\n")}`
            : "nothing came over its serial line (a kernel needs console=ttyS0, GRUB a serial terminal)";
    return `the machine ${problem}; ${shown}\n  all of it: ${log.file}`;
}

function seconds(milliseconds: number): string {
    return `${Math.round(milliseconds / 100) / 10} s`;
}
