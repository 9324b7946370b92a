import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { readJson, readText, writeAtomically, type LabFolder } from "./folder";

const STOP_TIMEOUT_MS = 30_000;
/** Docker starts, and a first start downloads packages; what ends is seen at once. */
const START_TIMEOUT_MS = 300_000;
const POLL_MS = 50;

/** The process of a lab, as it is recorded. */
export interface LabProcess {
    pid: number;
    /** When it was started: a pid alone may be another process by now. */
    startTime: string;
}

/** The lab's process, if it runs. */
export function runningProcess(folder: LabFolder): LabProcess | undefined {
    const recorded = readJson(folder.process) as LabProcess | undefined;
    return recorded && startTimeOf(recorded.pid) === recorded.startTime ? recorded : undefined;
}

/** Records this process as the lab of the folder; fails if another is. */
export function claimFolder(folder: LabFolder): void {
    const own: LabProcess = { pid: process.pid, startTime: startTimeOf(process.pid) ?? "" };
    for (let attempt = 0; ; attempt++) {
        try {
            fs.writeFileSync(folder.process, `${JSON.stringify(own)}\n`, { flag: "wx" });
            return;
        } catch (error) {
            const running = runningProcess(folder);
            if ((error as NodeJS.ErrnoException).code !== "EEXIST" || running || attempt > 0) {
                throw new Error(
                    running
                        ? `The lab in ${folder.path} runs already (pid ${running.pid}).`
                        : (error as Error).message,
                );
            }
            // Left by a lab that was killed.
            fs.rmSync(folder.process, { force: true });
        }
    }
}

/** This process is no longer the lab of the folder. */
export function releaseFolder(folder: LabFolder): void {
    fs.rmSync(folder.process, { force: true });
}

/** Starts `command` on its own, waits until it says that it is ready, and leaves it. */
export async function startDetached(command: readonly string[], folder: LabFolder): Promise<void> {
    writeAtomically(folder.log, "");
    const log = fs.openSync(folder.log, "a");
    const child = spawn(process.execPath, [...process.execArgv, ...command], {
        detached: true,
        stdio: ["ignore", log, log, "ipc"],
    });
    fs.closeSync(log);
    const outcome = await new Promise<string>((resolve) => {
        const timer = setTimeout(() => resolve("it was not ready in time"), START_TIMEOUT_MS);
        const settle = (text: string): void => {
            clearTimeout(timer);
            resolve(text);
        };
        child.once("message", () => settle(""));
        child.once("error", (error) => settle(error.message));
        child.once("exit", () => settle("exited"));
    });
    if (child.connected) {
        child.disconnect();
    }
    child.unref();
    if (outcome !== "") {
        const said = readText(folder.log)?.trim() ?? "";
        throw new Error(said === "" ? `The lab did not start: ${outcome} (${folder.log}).` : said);
    }
}

/** Runs `command` on this terminal and waits for its end; returns its exit code. */
export async function runAttached(command: readonly string[]): Promise<number> {
    const child = spawn(process.execPath, [...process.execArgv, ...command], { stdio: "inherit" });
    // Both get the interrupt of a terminal; the lab decides when it is over.
    const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
    process.once("SIGTERM", pass);
    process.once("SIGINT", () => undefined);
    return new Promise((resolve, reject) => {
        child.once("error", reject);
        child.once("exit", (code) => resolve(code ?? 1));
    });
}

/** Ends the lab's process and waits until it is gone. False if none ran. */
export async function stopProcess(folder: LabFolder): Promise<boolean> {
    const running = runningProcess(folder);
    if (!running) {
        return false;
    }
    process.kill(running.pid, "SIGTERM");
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    while (runningProcess(folder)) {
        if (Date.now() > deadline) {
            throw new Error(
                `The lab (pid ${running.pid}) has not stopped within ${STOP_TIMEOUT_MS / 1000} s. ` +
                    `It can be ended with: kill -9 ${running.pid}`,
            );
        }
        await sleep(POLL_MS);
    }
    return true;
}

/** When a process was started, in whatever form the system has; undefined when there is none. */
function startTimeOf(pid: number): string | undefined {
    if (process.platform === "linux") {
        // The 22nd field; the name before it, in brackets, may hold anything.
        const stat = readText(`/proc/${pid}/stat`);
        const [state, ...fields] = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
        return state === undefined || state === "Z" ? undefined : fields[18];
    }
    const { status, stdout } = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
    return status === 0 && stdout.trim() !== "" ? stdout.trim() : undefined;
}
