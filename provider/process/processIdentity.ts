import { execFileSync } from "node:child_process";
import * as fs from "node:fs";

/** A process as it is found again: its number alone is given to others after its end. */
export interface ProcessIdentity {
    pid: number;
    started: string;
}

/** The running process of a number; undefined when there is none. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
    const started = process.platform === "linux" ? startOnLinux(pid) : startByPs(pid);
    return started === undefined ? undefined : { pid, started };
}

export function isSameProcess({ pid, started }: ProcessIdentity): boolean {
    return identifyProcess(pid)?.started === started;
}

function startOnLinux(pid: number): string | undefined {
    try {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
        // The name in brackets may hold blanks and brackets.
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        // One that has ended and was not waited for is gone, too.
        return fields[0] === "Z" ? undefined : fields[19];
    } catch {
        return undefined;
    }
}

function startByPs(pid: number): string | undefined {
    try {
        return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    } catch {
        return undefined;
    }
}
