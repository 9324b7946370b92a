import { execFileSync } from "node:child_process";
import * as fs from "node:fs";

/** A process that can be told from a later one with the same id. */
export interface ProcessId {
    pid: number;
    /** When it started, in the system's own terms; equal texts mean the same process. */
    started: string;
}

/** The identity of a running process; undefined when there is none with this id. */
export function identify(pid: number): ProcessId | undefined {
    const started = process.platform === "linux" ? startedOnLinux(pid) : startedElsewhere(pid);
    return started === undefined ? undefined : { pid, started };
}

/** Whether exactly this process is still running. */
export function isAlive(id: ProcessId): boolean {
    return identify(id.pid)?.started === id.started;
}

/** Ticks since boot, of field 22 of /proc/<pid>/stat, with the boot they count from. */
function startedOnLinux(pid: number): string | undefined {
    try {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
        // The second field is the program's name in parentheses and may hold blanks.
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        const [state, ticks] = [fields[0], fields[19]];
        const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
        return state === "Z" || ticks === undefined ? undefined : `${boot}/${ticks}`;
    } catch {
        return undefined;
    }
}

function startedElsewhere(pid: number): string | undefined {
    try {
        const started = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
        return started === "" ? undefined : started;
    } catch {
        return undefined;
    }
}
