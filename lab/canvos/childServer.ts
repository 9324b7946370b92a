import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";

/** A server in a process of its own, which ends with this one, also when this one is killed. */
export function spawnServer(
    command: string,
    args: readonly string[],
    options: { stdio: StdioOptions; env?: NodeJS.ProcessEnv },
): ChildProcess {
    return spawn("setpriv", ["--pdeathsig", "TERM", command, ...args], options);
}

/** Asks it to end, and waits until it has. */
export async function endServer(child: ChildProcess): Promise<void> {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null && child.signalCode === null && child.kill()) await gone;
}
