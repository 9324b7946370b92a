import * as fs from "node:fs";
import * as path from "node:path";
import { EdgeError, messageOf } from "../../provider/resource/errors";
import type { Files } from "./program";

/** A program inside an npm package uses that one's dependencies: a second SDK would not see the first's resources. */
export function hasPackage(folder: string): boolean {
    for (let here = folder; ; here = path.dirname(here)) {
        if (fs.existsSync(path.join(here, "package.json"))) return true;
        if (path.dirname(here) === here) return false;
    }
}

export function packageJson(name: string): string {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- found beside the build and in the sources alike
    const own = require("pulumi-edge-os/package.json") as {
        version: string;
        peerDependencies: Record<string, string>;
    };
    const content = {
        name,
        private: true,
        main: "index.ts",
        dependencies: { ...own.peerDependencies, "pulumi-edge-os": own.version },
        devDependencies: { "@types/node": "^20", typescript: "^5" },
    };
    return `${JSON.stringify(content, undefined, 4)}\n`;
}

/** All or nothing: a second run must not mix two programs, nor undo what was edited since. */
export function writeNew(folder: string, files: Files, shown: string): void {
    const present = [...files.keys()].filter((name) => fs.existsSync(path.join(folder, name)));
    if (present.length > 0) {
        throw new EdgeError(
            `${shown} has ${present.join(", ")} already, and nothing was written: give another folder with --dir`,
        );
    }
    try {
        for (const [name, content] of files) {
            fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
            fs.writeFileSync(path.join(folder, name), content, { flag: "wx" });
        }
    } catch (error) {
        throw new EdgeError(`the program cannot be written to ${shown}: ${messageOf(error)}`);
    }
}
