import * as childProcess from "node:child_process";

/**
 * Runs beside the program and holds the read end of a pipe whose write end only this process has: when this process
 * ends, however that happens, the read returns, and the program and its folder go too. What the program prints goes
 * through a real pipe: Node's is a socket that takes few hundred single characters, and QEMU drops what does not fit
 * while nobody reads.
 */
const GUARD = `
folder=$1; shift
exec 3<&0 </dev/null
mkfifo -m 600 "$folder/.output"
cat 3<&- <"$folder/.output" & copy=$!
"$@" 3<&- >"$folder/.output" & program=$!
{ read -r _ <&3; kill -9 $program; rm -rf "$folder"; } >/dev/null 2>&1 & guard=$!
wait $program; code=$?
wait $copy
kill -9 $guard 2>/dev/null
exit $code
`;

export interface GuardedProcess {
    readonly stdout: NodeJS.ReadableStream;
    readonly stderr: NodeJS.ReadableStream;
    /** Exit code of the program, or the signal's number and 128; -1 when it could not be started. */
    readonly ended: Promise<number>;
    /** Ends the program with all its children; returns when it is gone. */
    end(): Promise<void>;
}

/** Starts a program in a process group of its own, which never outlives this process. `folder` is its private one. */
export function startGuarded(
    program: string,
    args: readonly string[],
    options: { folder: string; env: Record<string, string> },
): GuardedProcess {
    const child = childProcess.spawn("/bin/sh", ["-c", GUARD, "guard", options.folder, program, ...args], {
        stdio: ["pipe", "pipe", "pipe"],
        env: options.env,
        detached: true,
    });
    const ended = new Promise<number>((resolve) => {
        child.once("error", () => resolve(-1));
        child.once("exit", (code) => resolve(code ?? -1));
    });
    return {
        stdout: child.stdout,
        stderr: child.stderr,
        ended,
        async end() {
            endGroup(child.pid);
            await ended;
        },
    };
}

function endGroup(pid: number | undefined): void {
    if (pid === undefined) return;
    try {
        process.kill(-pid, "SIGKILL");
    } catch (error) {
        // Gone already; macOS says EPERM of a group that has ended and was not yet waited for.
        if (!["ESRCH", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
}
