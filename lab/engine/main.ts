#!/usr/bin/env node
import { runCommand } from "./command";
import type { RunningDeployment } from "./deployment";

/** The command line of the embedded engine, with the process's own streams, signals and exit code. */
async function main(): Promise<void> {
    let running: RunningDeployment | undefined;
    const interrupt = (): void => running?.interrupt();
    process.on("SIGINT", interrupt);
    process.on("SIGTERM", interrupt);
    process.exitCode = await runCommand(process.argv.slice(2), {
        env: process.env,
        out: (text) => process.stdout.write(text),
        err: (text) => process.stderr.write(text),
        reason: "there is no pulumi on PATH",
        terminal: process.stdout.isTTY ? process.stdout : undefined,
        onStart: (started) => (running = started),
    });
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
}

void main();
