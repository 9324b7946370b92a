import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Limiter } from "../http/limiter";
import { failed, passed } from "../image/check";
import { isAlive } from "../process/isAlive";
import { applySeverity } from "../image/severity";
import type { Severity } from "../image/check";
import type { Drive } from "../qemu/machine";
import { BootFailure, runQemu } from "../qemu/run";
import { serialPattern } from "../qemu/serialWatch";
import { EdgeError } from "../resource/errors";
import type { BuiltFile } from "./build.types";
import {
    fileQuestion,
    type JudgedQuestion,
    mstQuestion,
    readQuestion,
    serviceQuestion,
    writeQuestion,
} from "./smokeTest.questions";
import { type InstallOptions, type SmokeTestOptions, smokeTestOptions } from "./smokeTest.schema";
import { answersIn, session } from "./smokeTest.session";
import type { BuildCheck, BuildExpectations } from "./verify.types";

export interface SmokeTestContext {
    /** Where the records of the serial lines are kept. */
    logFolder: string;
    signal?: AbortSignal | undefined;
    /** Told the last line that a machine has shown. */
    onProgress?: (text: string) => void;
    severity?: Readonly<Record<string, Severity>> | undefined;
    /** For the disk of an installation, which is sparse. Default: the system's folder for temporary files. */
    spoolDirectory?: string | undefined;
}

/** What the test has to know of the build. */
export type SmokeTestSubject = Pick<BuildExpectations, "architecture" | "appliance" | "installerFiles">;

type Firmware = SmokeTestOptions["firmware"][number];

/** Kairos goes there when what it should start does not come up. */
const RECOVERY = serialPattern("Welcome to kairos recovery mode!");
const SILENT_SECONDS = 300;
const INSTALLED = ["login:"];
/** Each takes all of the cores, and the memory of a machine. */
const machines = new Limiter(1);

/**
 * Boots an installer ISO in QEMU as the wrapper's smoke test does, and looks from its shell whether what has to run does.
 * With `install` it is installed on a disk, started from there, started again, and must still have what was put into it.
 * A machine that does not come up throws; everything else is a check.
 */
export async function smokeTest(
    iso: Pick<BuiltFile, "path">,
    test: SmokeTestOptions,
    subject: SmokeTestSubject,
    context: SmokeTestContext,
): Promise<BuildCheck[]> {
    if (subject.architecture !== "amd64") {
        throw new EdgeError(
            "smokeTest: machines of amd64 are tested, and the ISO is for arm64: leave smokeTest out",
        );
    }
    const checks: BuildCheck[] = [];
    for (const firmware of test.firmware) {
        const run = new SmokeRun(iso.path, firmware, test, subject, context);
        checks.push(...(await machines.run(() => run.live(), context.signal)));
        const { install } = test;
        if (install === false) continue;
        const options = install === true ? installDefaults() : install;
        checks.push(...(await machines.run(() => run.install(options), context.signal)));
    }
    return applySeverity(checks, context.severity).map((check) => ({
        ...check,
        artifact: path.basename(iso.path),
    }));
}

function installDefaults(): InstallOptions {
    const { install } = smokeTestOptions.parse({ install: {} });
    if (typeof install === "boolean") throw new Error("the defaults of install are no object");
    return install;
}

/** Those of runs that were killed: gigabytes each. */
function removeDeadDisks(folder: string): void {
    for (const name of fs.readdirSync(folder)) {
        const [, pid] = /^edge-os-smoke-(\d+)-/.exec(name) ?? [];
        if (pid !== undefined && !isAlive(Number(pid)))
            fs.rmSync(path.join(folder, name), { recursive: true, force: true });
    }
}

class SmokeRun {
    private readonly prefix: string;

    constructor(
        private readonly iso: string,
        private readonly firmware: Firmware,
        private readonly test: SmokeTestOptions,
        private readonly subject: SmokeTestSubject,
        private readonly context: SmokeTestContext,
    ) {
        this.prefix = `smoke.${firmware}`;
    }

    /** From the ISO, without a disk. */
    async live(): Promise<BuildCheck[]> {
        const { services, mst = this.hasDoca(), menuEntry } = this.test;
        const questions = [
            ...services.map((unit) => serviceQuestion(this.prefix, unit)),
            ...(mst ? [mstQuestion(this.prefix)] : []),
        ];
        return this.run("live", { questions, menuEntry, drives: [{ kind: "cdrom", file: this.iso }] });
    }

    /** On a disk, and twice from there. */
    async install(options: InstallOptions): Promise<BuildCheck[]> {
        const { spoolDirectory = os.tmpdir() } = this.context;
        removeDeadDisks(spoolDirectory);
        const folder = fs.mkdtempSync(path.join(spoolDirectory, `edge-os-smoke-${process.pid}-`));
        const disk = path.join(folder, "disk.raw");
        try {
            fs.writeFileSync(disk, "");
            fs.truncateSync(disk, options.diskGb * 2 ** 30);
            return await this.installOn(
                { kind: "disk", file: disk, format: "raw", bus: "virtio", writable: true },
                options,
            );
        } finally {
            fs.rmSync(folder, { recursive: true, force: true });
        }
    }

    private async installOn(disk: Drive, options: InstallOptions): Promise<BuildCheck[]> {
        const { persistentPaths, services, menuEntry, timeoutSeconds } = options;
        const prefix = `${this.prefix}.install`;
        const kept = this.subject.installerFiles.flatMap((file) =>
            "target" in file ? [] : [fileQuestion(prefix, file)],
        );
        const text = crypto.randomBytes(8).toString("hex");
        const installed = await this.run("install", {
            questions: [],
            menuEntry,
            until: [],
            drives: [{ kind: "cdrom", file: this.iso }, disk],
            timeoutSeconds,
            endsItself: true,
        });
        const first = await this.run("installed", {
            questions: [
                ...services.map((unit) => serviceQuestion(prefix, unit)),
                ...persistentPaths.map((folder) => writeQuestion(prefix, folder, text)),
            ],
            menuEntry: null,
            drives: [disk],
            until: INSTALLED,
            last: "reboot",
            endsItself: true,
        });
        const second = await this.run("restarted", {
            questions: [...kept, ...persistentPaths.map((folder) => readQuestion(prefix, folder, text))],
            menuEntry: null,
            drives: [disk],
            until: INSTALLED,
        });
        return [...installed, ...first, ...second];
    }

    private async run(
        name: string,
        run: {
            questions: readonly JudgedQuestion[];
            menuEntry: number | null;
            drives: readonly Drive[];
            until?: readonly string[];
            timeoutSeconds?: number;
            last?: string;
            endsItself?: boolean;
        },
    ): Promise<BuildCheck[]> {
        const { memoryMb, cores, cpu, accel, failOn, timeoutSeconds } = this.test;
        const logFile = path.join(this.context.logFolder, `smoke-${this.firmware}-${name}.log`);
        const untilOf = run.until === undefined ? this.test : { ...this.test, until: [...run.until] };
        const spoken = name === "install" ? { ...untilOf, login: null } : untilOf;
        const { signal, onProgress } = this.context;
        try {
            const { milliseconds, accelerator } = await runQemu({
                ...{
                    firmware: this.firmware,
                    memoryMb,
                    cores,
                    drives: run.drives,
                    accelerator: accel,
                    logFile,
                },
                ...(cpu === undefined ? {} : { cpu }),
                until: session(spoken, run.menuEntry, run.questions, run.last),
                failOn: [...failOn.map(serialPattern), RECOVERY],
                timeLimit: (run.timeoutSeconds ?? timeoutSeconds) * 1000,
                stallLimit: SILENT_SECONDS * 1000,
                endsItself: run.endsItself === true,
                ...(signal ? { signal } : {}),
                onProgress: (line) => {
                    const shown = line.trim().replace(/\s+/g, " ").slice(0, 100);
                    onProgress?.(`smoke test (${this.firmware}, ${name}): ${shown || "starting"}`);
                },
            });
            const seen = `after ${Math.round(milliseconds / 100) / 10} s (${accelerator})`;
            return [
                this.check(passed(`${this.prefix}.${name}`, seen)),
                ...this.judge(run.questions, logFile),
            ];
        } catch (error) {
            if (!(error instanceof BootFailure)) throw error;
            throw new EdgeError(
                `smoke test ${this.prefix}.${name} of ${path.basename(this.iso)}: ${error.message}`,
            );
        }
    }

    private judge(questions: readonly JudgedQuestion[], logFile: string): BuildCheck[] {
        const answers = answersIn(fs.readFileSync(logFile, "utf8"), questions);
        return questions.map(({ id, judge }) => {
            const answer = answers.get(id);
            const check =
                answer === undefined
                    ? failed(id, "no answer", "the machine's shell gave no answer")
                    : judge(answer);
            return this.check(
                check.verdict === "passed"
                    ? check
                    : { ...check, message: `${check.message}; the serial line: ${logFile}` },
            );
        });
    }

    private check(check: Omit<BuildCheck, "artifact">): BuildCheck {
        return { ...check, artifact: path.basename(this.iso) };
    }

    private hasDoca(): boolean {
        return this.subject.appliance?.packages.includes("doca-all") ?? false;
    }
}
