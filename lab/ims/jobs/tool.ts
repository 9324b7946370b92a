import { execFile } from "node:child_process";

/** Runs a program to its end; its error text is in the error. */
export function tool(command: string, args: readonly string[], signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
        execFile(command, args, { signal, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
            if (error) reject(new Error(`${command}: ${stderr.trim() || error.message}`, { cause: error }));
            else resolve(stdout);
        });
    });
}
