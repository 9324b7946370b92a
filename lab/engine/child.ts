import { spawn, type ChildProcess } from "node:child_process";
import * as readline from "node:readline";
import type { ProcessRecord } from "./orphans";

/** How a child process is started. */
export interface ChildOptions {
    node: string;
    args: string[];
    cwd: string;
    env: NodeJS.ProcessEnv;
    record: ProcessRecord;
    onLine: (line: string, from: "stdout" | "stderr") => void;
}

/** A Node.js process that belongs to the run: program or provider. */
export class Child {
    /** The exit code, or the name of the signal, or what kept it from starting; when all its output is read. */
    readonly exited: Promise<number | string>;
    private readonly process: ChildProcess;
    private ended = false;

    constructor(options: ChildOptions) {
        // A process group of its own: a terminal's Ctrl-C must reach the engine alone, which lets running steps finish.
        this.process = spawn(options.node, options.args, {
            cwd: options.cwd,
            env: options.env,
            detached: true,
            stdio: ["ignore", "pipe", "pipe"],
        });
        const { pid } = this.process;
        if (pid !== undefined) {
            options.record.started(pid);
        }
        const read = Promise.all(
            (["stdout", "stderr"] as const).map((from) => this.readLines(from, options.onLine)),
        );
        this.exited = new Promise<number | string>((resolve) => {
            this.process.once("error", (error) => resolve(error.message));
            this.process.once("exit", (code, signal) => {
                this.ended = true;
                if (pid !== undefined) {
                    options.record.ended(pid);
                }
                // A grandchild may hold the pipes open; what it writes is not waited for.
                const outcome = code ?? signal ?? "unknown";
                void Promise.race([read, delay(1000)]).then(() => resolve(outcome));
            });
        });
    }

    /** Ends the process and all that it has started. */
    kill(signal: NodeJS.Signals = "SIGKILL"): void {
        if (this.ended || this.process.pid === undefined) {
            return;
        }
        try {
            process.kill(-this.process.pid, signal);
        } catch {
            this.process.kill(signal);
        }
    }

    private async readLines(from: "stdout" | "stderr", onLine: ChildOptions["onLine"]): Promise<void> {
        const stream = this.process[from];
        if (stream !== null) {
            for await (const line of readline.createInterface({ input: stream })) {
                onLine(line, from);
            }
        }
    }
}

function delay(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
