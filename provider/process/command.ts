import { spawn } from "node:child_process";

export interface CommandOptions {
    /** The whole environment of the program. */
    env: Readonly<Record<string, string>>;
    cwd?: string | undefined;
    signal?: AbortSignal | undefined;
    /** In milliseconds. */
    timeLimit?: number | undefined;
    /** Gets the output as it comes instead of having it collected. */
    onOutput?: ((chunk: Buffer) => void) | undefined;
}

export interface CommandResult {
    /** Exit code, or the signal that ended it. */
    ended: number | NodeJS.Signals;
    stdout: string;
    /** Its last part. */
    stderr: string;
    timedOut: boolean;
}

const MOST_OUTPUT = 16 * 1024 * 1024;
const MOST_STDERR = 4000;

/** Runs a program to its end and tells what it printed; rejects when it cannot be started or the signal aborts. */
export async function runCommand(
    program: string,
    args: readonly string[],
    { env, cwd, signal, timeLimit, onOutput }: CommandOptions,
): Promise<CommandResult> {
    signal?.throwIfAborted();
    const child = spawn(program, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
    const chunks: Buffer[] = [];
    let size = 0;
    let stderr = "";
    let timedOut = false;
    child.stdout.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (onOutput) onOutput(chunk);
        else if (size <= MOST_OUTPUT) chunks.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
        stderr = (stderr + chunk.toString("utf8")).slice(-MOST_STDERR);
    });
    const end = (): void => void child.kill();
    const timer =
        timeLimit === undefined
            ? undefined
            : setTimeout(() => {
                  timedOut = true;
                  end();
              }, timeLimit);
    signal?.addEventListener("abort", end, { once: true });
    try {
        const ended = await new Promise<number | NodeJS.Signals>((resolve, reject) => {
            child.once("error", reject);
            child.once("close", (code, killedBy) => resolve(code ?? killedBy ?? -1));
        });
        signal?.throwIfAborted();
        return { ended, stdout: Buffer.concat(chunks).toString("utf8"), stderr: stderr.trim(), timedOut };
    } finally {
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
    }
}

/** What a failed program printed last, short enough for a message. */
export function lastLines(text: string, count = 5): string {
    return text.trim().split("\n").slice(-count).join("\n");
}

/** The variables of an environment whose names match. */
export function pickEnvironment(
    env: Readonly<Record<string, string | undefined>>,
    names: RegExp,
): Record<string, string> {
    const entries = Object.entries(env).filter(
        (entry): entry is [string, string] => names.test(entry[0]) && entry[1] !== undefined,
    );
    return Object.fromEntries(entries);
}
