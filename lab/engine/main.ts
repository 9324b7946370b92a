#!/usr/bin/env node
import { ExitCodes, runCommand } from "./command";
import type { RunningDeployment } from "./deployment";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The command line of the embedded engine, with the process's own streams, signals and exit code. */
async function main(): Promise<void> {
    let running: RunningDeployment | undefined;
    const interrupt = (): void => {
        if (running === undefined) {
            // Nothing has been started that would have to be ended.
            process.exit(ExitCodes.error);
        }
        running.interrupt();
    };
    for (const signal of SIGNALS) {
        process.on(signal, interrupt);
    }
    process.exitCode = await runCommand(process.argv.slice(2), {
        env: process.env,
        out: (text) => process.stdout.write(text),
        err: (text) => process.stderr.write(text),
        reason: "there is no pulumi on PATH",
        terminal: process.stdout.isTTY ? process.stdout : undefined,
        onStart: (started) => (running = started),
    });
    for (const signal of SIGNALS) {
        process.off(signal, interrupt);
    }
}

void main();
