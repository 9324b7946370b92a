import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { ClaimRecords } from "./claims";

const SUFFIX = ".claim.json";

/** Claims on a file in a folder: `<file>.<row>.claim.json` beside it. */
export function folderClaims(target: string): ClaimRecords {
    const directory = path.dirname(target);
    const start = `${path.basename(target)}.`;
    const fileOf = (name: string): string => path.join(directory, `${start}${name}${SUFFIX}`);
    return {
        async names() {
            const files = await fs.readdir(directory).catch(() => []);
            return files
                .filter((file) => file.startsWith(start) && file.endsWith(SUFFIX))
                .map((file) => file.slice(start.length, -SUFFIX.length));
        },
        async read(name) {
            try {
                return await fs.readFile(fileOf(name), "utf8");
            } catch (error) {
                if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
                throw error;
            }
        },
        write: (name, text) => writeWhole(fileOf(name), text),
        remove: (name) => fs.rm(fileOf(name), { force: true }),
    };
}

/** A small file that a reader sees whole, in its old version or the new one. */
export async function writeWhole(file: string, content: string | Buffer): Promise<void> {
    const unfinished = `${file}.${crypto.randomBytes(4).toString("hex")}`;
    await fs.writeFile(unfinished, content, { mode: 0o644 });
    await fs.rename(unfinished, file);
}
