import { spawnSync } from "node:child_process";
import * as path from "node:path";

/** A program, or a file by its full path, and the Debian package that has it. */
export type Tool = readonly [command: string, packageName: string];

/** What to install where tools are missing; undefined where none is. */
export function missingTools(tools: readonly Tool[]): string | undefined {
    const missing = tools.filter(([command]) => !isThere(command));
    if (missing.length === 0) return undefined;
    const packages = [...new Set(missing.map(([, name]) => name))].join(" ");
    return (
        `${missing.map(([command]) => command).join(", ")} must be there. ` +
        `On Debian and Ubuntu: sudo apt-get install ${packages}`
    );
}

function isThere(command: string): boolean {
    const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };
    const look = path.isAbsolute(command) ? `test -r ${command}` : `command -v ${command}`;
    return spawnSync("sh", ["-c", look], { env, stdio: "ignore" }).status === 0;
}
