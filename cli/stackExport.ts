import * as fs from "node:fs";
import * as path from "node:path";
import { EdgeError, messageOf } from "../provider/resource/errors";
import { isRecord } from "../provider/resource/unknown";
import type { Terminal } from "./command";

/** What a stack has, out of `pulumi stack export`. */
export interface StackExport {
    project: string;
    stack: string;
    rows: StackRow[];
}

export interface StackRow {
    urn: string;
    type: string;
    outputs: Readonly<Record<string, unknown>>;
}

/** Reads an export from a file, or from standard input for `-`. */
export async function readStackExport(file: string, terminal: Terminal): Promise<StackExport> {
    const shown = file === "-" ? "standard input" : file;
    let document: unknown;
    try {
        const text =
            file === "-"
                ? await terminal.readInput()
                : fs.readFileSync(path.resolve(terminal.cwd, file), "utf8");
        document = JSON.parse(text);
    } catch (error) {
        throw new EdgeError(`the stack's state cannot be read from ${shown}: ${messageOf(error)}`);
    }
    const deployment = isRecord(document) ? document.deployment : undefined;
    const resources = isRecord(deployment) ? (deployment.resources ?? []) : undefined;
    if (!Array.isArray(resources)) {
        throw new EdgeError(`${shown} is no export of a stack: pulumi stack export writes one`);
    }
    const rows = resources.filter(isRecord).map((row) => ({
        urn: String(row.urn),
        type: String(row.type),
        outputs: isRecord(row.outputs) ? row.outputs : {},
    }));
    // `urn:pulumi:<stack>::<project>::<type>::<name>`
    const [head = "", project = ""] = rows[0]?.urn.split("::") ?? [];
    if (project === "") {
        throw new EdgeError(`${shown} is the export of an empty stack, which does not tell whose it is`);
    }
    return { project, stack: head.slice("urn:pulumi:".length), rows };
}
