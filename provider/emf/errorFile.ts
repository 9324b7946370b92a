import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import { messageOf } from "../resource/errors";
import { csvLine, HOSTS_CSV_HEADER } from "./hostsCsvForm";

/** Where failed hosts are written, and the rows they are written with. */
export const errorFile = z.object({
    path: z.string().min(1, "must not be empty"),
    /** By the host's label: a line of the CSV without its last column. */
    rows: z.record(z.string(), z.string()),
});

export type ErrorFile = z.output<typeof errorFile>;

/**
 * Makes the file say which hosts failed last, and why: orch-cli's CSV with its error column filled. Without failures
 * it is removed. It is there whole or not at all. Returns what to tell about it; that it cannot be written is told,
 * too, but never hides why the hosts failed.
 */
export function keepErrorFile(
    file: ErrorFile | undefined,
    failures: ReadonlyMap<string, string>,
    projectDir: string,
): string[] {
    if (!file) return [];
    const target = path.resolve(projectDir, file.path);
    const rows = [...failures].flatMap(([label, reason]) => {
        const row = file.rows[label];
        return row === undefined ? [] : [`${row},${csvLine([reason])}`];
    });
    if (rows.length === 0) {
        fs.rmSync(target, { force: true });
        return [];
    }
    try {
        writeWhole(target, `${[csvLine(HOSTS_CSV_HEADER), ...rows].join("\n")}\n`);
    } catch (error) {
        return [`${file.path} could not be written: ${messageOf(error)}`];
    }
    const hosts = rows.length === 1 ? "1 host with the reason" : `${rows.length} hosts with the reasons`;
    return [`${file.path} has ${hosts}; with its last column emptied it can be imported again`];
}

/** A reader, or a crash half-way, sees the old file or the new one. */
function writeWhole(target: string, text: string): void {
    const temporary = `${target}.${crypto.randomBytes(4).toString("hex")}.tmp`;
    try {
        fs.writeFileSync(temporary, text);
        fs.renameSync(temporary, target);
    } catch (error) {
        fs.rmSync(temporary, { force: true });
        throw error;
    }
}
