import * as fs from "node:fs";
import * as path from "node:path";

/** What a thread or program that reads what others have made gets of this process's environment, which holds credentials. */
export function childEnvironment(): Record<string, string> {
    const passed = ["PATH", "TMPDIR", "TEMP", "TMP", "SystemRoot"];
    const values = passed.map((name) => [name, process.env[name]] as const);
    // A variable set to undefined would arrive as the text "undefined".
    return Object.fromEntries(values.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Full path of a program of this machine, or undefined. */
export function findTool(name: string, searchPath = process.env.PATH ?? ""): string | undefined {
    const suffix = process.platform === "win32" ? ".exe" : "";
    for (const folder of searchPath.split(path.delimiter)) {
        if (!path.isAbsolute(folder)) continue; // a program from the current folder would be anybody's
        const candidate = path.join(folder, name + suffix);
        try {
            fs.accessSync(candidate, fs.constants.X_OK);
            return candidate;
        } catch {
            continue;
        }
    }
    return undefined;
}
