import * as fs from "node:fs";
import * as path from "node:path";
import {
    revealed,
    stackUnderTest,
    type CommandResult,
    type EngineName,
    type StateRow,
} from "../../support/stack";

/** A step of a recorded list: a change of the files that stand for the outside world, or a command. */
export interface Step {
    action?: string;
    command?: "up" | "pv" | "refresh" | "destroy";
    scenario?: string;
    exit?: number;
    operations?: string[];
    providerCalls?: string[];
    diagnostics?: string[];
    state?: { resources: Record<string, unknown>[]; pending: unknown[] };
}

/** Lists of steps by name; each begins with an empty stack. */
export interface Recording {
    about: string;
    lists: Record<string, Step[]>;
}

export const DATA = path.resolve(__dirname, "../data/engine");

/** Reads a recording. */
export function readRecording(file: string): Recording {
    return JSON.parse(fs.readFileSync(path.join(DATA, file), "utf8")) as Recording;
}

/** Runs the steps of a list one after another and yields each as it went, in the form of the recording. */
export async function* runList(steps: readonly Step[], engine: EngineName): AsyncGenerator<Step> {
    const world = fs.mkdtempSync(path.join(fs.realpathSync(process.env.TMPDIR ?? "/tmp"), "edge-os-engine-"));
    const store = path.join(world, "store");
    const calls = path.join(world, "calls.log");
    const stack = stackUnderTest({
        program: { dir: path.join(DATA, "program") },
        engine,
        env: { STORE: store, PULUMI_CONFIG_PASSPHRASE: "x" },
    });
    try {
        for (const step of steps) {
            if (step.action !== undefined) {
                changeWorld(world, step.action);
                yield { action: step.action };
                continue;
            }
            fs.rmSync(calls, { force: true });
            stack.env.S = step.scenario ?? "";
            const command = step.command === "pv" ? "preview" : (step.command ?? "up");
            const result = await stack[command]();
            yield {
                command: step.command,
                scenario: step.scenario,
                exit: result.exitCode,
                operations: result.operations.map(({ op, urn }) => `${op} ${urn}`).sort(),
                providerCalls: readLines(calls).sort(),
                diagnostics: diagnosticsOf(result),
                state: {
                    resources: rowsOf(result),
                    pending: (await stack.export()).pending_operations ?? [],
                },
            };
        }
    } finally {
        stack.remove();
        fs.rmSync(world, { recursive: true, force: true });
    }
}

/** `edit a: desc=DRIFT` and `remove a` change the objects named a-*; `nodelete on|off` makes deletes fail. */
function changeWorld(world: string, action: string): void {
    const store = path.join(world, "store");
    const [verb, name = ""] = action.replace(/:.*/, "").split(" ");
    if (verb === "nodelete") {
        const file = path.join(world, "nodelete");
        if (name === "on") {
            fs.writeFileSync(file, "");
        } else {
            fs.rmSync(file, { force: true });
        }
        return;
    }
    for (const file of fs.readdirSync(store).filter((each) => each.startsWith(`${name}-`))) {
        const object = path.join(store, file);
        if (verb === "remove") {
            fs.rmSync(object);
        } else {
            const content = JSON.parse(fs.readFileSync(object, "utf8")) as Record<string, unknown>;
            fs.writeFileSync(object, JSON.stringify({ ...content, desc: "DRIFT" }));
        }
    }
}

function readLines(file: string): string[] {
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim().split("\n") : [];
}

function diagnosticsOf(result: CommandResult): string[] {
    return result.diagnostics
        .map(({ severity, urn, message }) => {
            // The stack's own messages have no URN in the recording.
            const row = urn === undefined || urn.includes("::pulumi:pulumi:Stack::") ? "" : urn;
            return `${severity} | ${row} | ${message.replace(/\s+/g, " ").trim()}`.replace("|  |", "| |");
        })
        .filter((line) => !isUncounted(line))
        .sort();
}

/** The last word of the CLI on a failed run; the stack of an error, with the paths of a machine. */
export function isUncounted(diagnostic: string): boolean {
    return /\| \| ((update|preview|destroy|refresh) failed$|.*\bat .*\.[jt]s:|at .*:\d+:\d+)/.test(
        diagnostic,
    );
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const UNCOMPARED = ["created", "modified", "sourcePosition", "stackTrace"];

function rowsOf(result: CommandResult): Record<string, unknown>[] {
    return result.resources.map(comparable).sort((a, b) => compareText(sortKey(a), sortKey(b)));
}

function sortKey(row: Record<string, unknown>): string {
    return JSON.stringify([row.urn, row.id]);
}

function compareText(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}

function comparable(row: StateRow): Record<string, unknown> {
    const kept = Object.entries(row).filter(([key]) => !UNCOMPARED.includes(key));
    const masked = JSON.parse(
        JSON.stringify(Object.fromEntries(kept), (_key, value: unknown) =>
            isStoredSecret(value) ? { SECRET: JSON.stringify(revealed(value)) } : value,
        ).replace(UUID, "UUID"),
    ) as Record<string, unknown>;
    return row.modified === undefined ? masked : { ...masked, hasModified: true };
}

function isStoredSecret(value: unknown): boolean {
    return typeof value === "object" && value !== null && "plaintext" in value;
}
