import { spawnSync } from "node:child_process";
import * as path from "node:path";

/**
 * For a test that has an independent tool (or a file, by its full path) as its judge: without it the test is skipped
 * with the reason on a user's machine, and fails in continuous integration, where the set-up installs it.
 */
export function needsTool(test: Mocha.Context, command: string): void {
    const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };
    const look = path.isAbsolute(command) ? `test -r ${command}` : `command -v ${command}`;
    const found = spawnSync("sh", ["-c", look], { env, stdio: "ignore" }).status === 0;
    if (found) return;
    if (process.env.CI)
        throw new Error(`${command} is missing here, where the set-up should have installed it`);
    skipBecause(test, `${command} is not installed`);
}

/** Skips a test, with the reason in its title. */
export function skipBecause(test: Mocha.Context, reason: string): never {
    if (test.test) test.test.title += ` (skipped: ${reason})`;
    return test.skip();
}
