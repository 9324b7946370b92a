import { execFileSync, spawn } from "node:child_process";

/** How a process and everything it has started got on. */
export interface Measured {
    seconds: number;
    /** Most memory that all of them together were seen to hold, in bytes. */
    peakMemory: number;
    exitCode: number | null;
    stdout: string;
}

const SAMPLE_MS = 250;

/** Runs a process to its end, looking at the memory of it and its descendants a few times a second. */
export function runMeasured(
    file: string,
    args: readonly string[],
    options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<Measured> {
    return new Promise((resolve, reject) => {
        const start = performance.now();
        const child = spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
        let stdout = "";
        for (const stream of [child.stdout, child.stderr]) {
            stream.setEncoding("utf8").on("data", (text: string) => (stdout += text));
        }
        let peakMemory = 0;
        const sample = setInterval(() => {
            peakMemory = Math.max(peakMemory, memoryOf(child.pid ?? -1));
        }, SAMPLE_MS);
        child.once("error", (error) => {
            clearInterval(sample);
            reject(error);
        });
        child.once("close", (exitCode) => {
            clearInterval(sample);
            resolve({ seconds: (performance.now() - start) / 1000, peakMemory, exitCode, stdout });
        });
    });
}

/** Resident memory of a process and its descendants, in bytes. */
function memoryOf(root: number): number {
    const rows = execFileSync("ps", ["-A", "-o", "pid=,ppid=,rss="], { encoding: "utf8" })
        .trim()
        .split("\n")
        .map((line) => line.trim().split(/\s+/).map(Number) as [pid: number, parent: number, kib: number]);
    const family = new Set([root]);
    // A parent may stand behind its child; as often as the family grows, look again.
    for (let size = 0; size < family.size;) {
        size = family.size;
        for (const [pid, parent] of rows) if (family.has(parent)) family.add(pid);
    }
    return rows.reduce((sum, [pid, , kib]) => (family.has(pid) ? sum + kib * 1024 : sum), 0);
}
