import type { ChangeSummary, DeploymentEvent, StepEvent, StepOp } from "../events";
import { displayType, isStackUrn, nameOf, STACK_TYPE, typeOf } from "../urn";
import { shortDiff } from "./properties";
import { plural, WORDS } from "./words";

type Diagnostic = DeploymentEvent & { kind: "diagnostic" };

/** One row of the display: a resource, and what is happening to it. */
export interface Row {
    urn: string;
    parent: string;
    step: StepEvent;
    isStack: boolean;
    /** Something other than "unchanged" has happened to it, or was said of it. */
    visible: boolean;
    /** The operations that have come to their end. */
    ended: Set<StepOp>;
    replaceStep?: StepEvent;
    failed: boolean;
    startedAt: number;
    endedAt?: number;
    diagnostics: Diagnostic[];
    lastMessage?: Diagnostic;
    lastError?: Diagnostic;
}

/** Draws rows. */
export interface Renderer {
    update(row: Row, event: DeploymentEvent): void;
    /** The last drawing; safe to call again. */
    finish(unfinished: readonly Row[]): void;
}

/** The columns of a row, as text. */
export interface Columns {
    prefix: string;
    type: string;
    name: string;
    status: string;
    info: string;
}

/** What the rows depend on. */
export interface RowOptions {
    dryRun: boolean;
    isTerminal: boolean;
    now?: () => number;
}

/** The rows of a run, by resource, in the order in which they came. */
export class Rows {
    stackName = "";
    changes: ChangeSummary = {};
    seconds = 0;
    isDone = false;
    private anyFailed = false;
    private readonly rows = new Map<string, Row>();
    private readonly now: () => number;

    constructor(private readonly options: RowOptions) {
        this.now = options.now ?? Date.now;
    }

    get isPreview(): boolean {
        return this.options.dryRun;
    }

    all(): Row[] {
        return [...this.rows.values()];
    }

    get(urn: string): Row | undefined {
        return this.rows.get(urn);
    }

    /** The row of the stack, made up while there is none. */
    stackRow(): Row {
        const found = this.all().find((row) => row.isStack);
        return found ?? this.add("", { op: "same", urn: "", internal: false });
    }

    /** Takes an event in; returns the row to be drawn anew, if any. */
    record(event: DeploymentEvent): Row | undefined {
        switch (event.kind) {
            case "summary":
                this.changes = event.changes;
                this.seconds = event.seconds;
                return undefined;
            case "diagnostic":
                return this.recordDiagnostic(event);
            default:
                return event.step.internal ? undefined : this.recordStep(event.kind, event.step);
        }
    }

    /** The run has ended: what is not done now never will be. Returns the visible rows of which that is so. */
    finish(): Row[] {
        const unfinished = this.all().filter((row) => row.visible && !this.isRowDone(row));
        this.isDone = true;
        return unfinished;
    }

    private recordDiagnostic(event: Diagnostic): Row {
        const row = event.urn === undefined ? this.stackRow() : this.rowOf(event.urn);
        row.lastMessage = event;
        if (event.severity === "error") {
            row.lastError = event;
        }
        if (!event.ephemeral) {
            row.diagnostics.push(event);
            row.visible = true;
        }
        return row;
    }

    /** The row of a URN; a message may come before the first step, or instead of one. */
    private rowOf(urn: string): Row {
        return this.rows.get(urn) ?? this.adopt({ op: "same", urn, internal: false });
    }

    private recordStep(kind: "pre" | "outputs" | "failed", step: StepEvent): Row {
        const row = this.rows.get(step.urn) ?? this.adopt(step);
        const isShown = step.op !== "same" || step.old?.protect !== step.new?.protect;
        // A row that a refresh has shown is not hidden when it turns out to be unchanged.
        row.visible ||= isShown && !(kind === "outputs" && step.op === "same");
        row.step = step;
        row.parent = (step.new ?? step.old)?.parent ?? "";
        if (kind === "pre") {
            row.startedAt = this.now();
            row.endedAt = undefined;
        } else if (kind === "outputs") {
            row.endedAt = this.now();
            row.ended.add(step.op);
            if (step.op === "replace") {
                row.replaceStep = step;
            }
        } else {
            row.failed = true;
            this.anyFailed = true;
        }
        return row;
    }

    /** The stack's real row takes the place of the one made up for it. */
    private adopt(step: StepEvent): Row {
        const madeUp = isStackUrn(step.urn) ? this.rows.get("") : undefined;
        if (madeUp === undefined) {
            return this.add(step.urn, step);
        }
        this.rows.delete("");
        madeUp.urn = step.urn;
        this.rows.set(step.urn, madeUp);
        return madeUp;
    }

    private add(urn: string, step: StepEvent): Row {
        const row: Row = {
            urn,
            parent: (step.new ?? step.old)?.parent ?? "",
            step,
            isStack: urn === "" || isStackUrn(urn),
            visible: urn === "" || isStackUrn(urn),
            ended: new Set(),
            failed: false,
            startedAt: this.now(),
            diagnostics: [],
        };
        this.rows.set(urn, row);
        return row;
    }

    /** The row as the CLI words it. */
    columns(row: Row): Columns {
        const op = this.shownOp(row);
        return {
            prefix: WORDS[op].prefix,
            type: row.urn === "" ? STACK_TYPE : displayType(typeOf(row.urn)),
            name: row.urn === "" ? this.stackName : nameOf(row.urn),
            status: this.status(row, op),
            info: this.info(row),
        };
    }

    /** On a terminal the steps of a replacement are one "replace", except while they run or when something failed. */
    private shownOp(row: Row): StepOp {
        const { op } = row.step;
        const merged = this.options.isTerminal && !this.anyFailed && (this.options.dryRun || this.isDone);
        return merged && ["create-replacement", "delete-replaced", "discard-replaced"].includes(op)
            ? "replace"
            : op;
    }

    private isRowDone(row: Row): boolean {
        if (row.failed || this.isDone) {
            return true;
        }
        // The stack ends with the run.
        return !row.isStack && row.ended.has(row.step.op);
    }

    private status(row: Row, op: StepOp): string {
        const words = WORDS[op];
        const failed = row.failed || row.diagnostics.some(({ severity }) => severity === "error");
        if (!this.isRowDone(row)) {
            if (row.isStack && op === "same") {
                return "running";
            }
            return this.options.dryRun
                ? words.preview
                : this.timed(words.running, op, this.now() - row.startedAt, false);
        }
        if (this.options.dryRun) {
            return this.isDone && op === "refresh" ? words.done : words.preview;
        }
        const neverEnded = row.step.new?.custom === true && op !== "same" && !row.ended.has(row.step.op);
        if (neverEnded && !failed) {
            return `${words.running} (interrupted)`;
        }
        const elapsed = row.endedAt === undefined ? undefined : row.endedAt - row.startedAt;
        const text = this.timed(failed ? words.failed : words.done, op, elapsed, true);
        return failed ? `**${text}**` : text;
    }

    private timed(text: string, op: StepOp, milliseconds: number | undefined, exact: boolean): string {
        if (op === "same" || milliseconds === undefined) {
            return text;
        }
        const seconds = milliseconds / 1000;
        return exact && seconds < 1
            ? `${text} (${seconds.toFixed(2)}s)`
            : `${text} (${Math.floor(seconds)}s)`;
    }

    private info(row: Row): string {
        const diff = differenceOf(row);
        const messages = this.isDone ? countMessages(row) : [this.latestMessage(row)];
        const parts = [diff === "" ? "" : `[${diff}]`, ...messages].filter((part) => part !== "");
        return parts.join("; ").split("\n", 1)[0] ?? "";
    }

    private latestMessage(row: Row): string {
        const message = (this.options.isTerminal ? row.lastError : undefined) ?? row.lastMessage;
        return message === undefined ? "" : diagnosticText(message);
    }
}

/** A message with its severity, as the CLI shows it. */
export function diagnosticText({ severity, message }: Diagnostic): string {
    const prefix = severity === "error" || severity === "warning" ? `${severity}: ` : "";
    return prefix + message.trimEnd();
}

function differenceOf(row: Row): string {
    const { op } = row.step;
    const step =
        op === "create-replacement" || op === "delete-replaced" ? (row.replaceStep ?? row.step) : row.step;
    const { old, new: next } = step;
    if (old === undefined || next === undefined) {
        return "";
    }
    const extra = [
        ...((old.provider ?? "") === (next.provider ?? "") ? [] : ["provider"]),
        ...((old.protect ?? false) === (next.protect ?? false) ? [] : ["protect"]),
    ];
    if (op === "same") {
        return extra.length === 0 ? "" : shortDiff({}, {}, extra, []);
    }
    return shortDiff(old.inputs, next.inputs, extra, step.diffs ?? []);
}

function countMessages(row: Row): string[] {
    const count = (...severities: string[]): number =>
        row.diagnostics.filter(({ severity }) => severities.includes(severity)).length;
    const counts: [number, string][] = [
        [count("error"), "error"],
        [count("warning"), "warning"],
        [count("info", "info#err"), "message"],
    ];
    return counts.filter(([number]) => number > 0).map(([number, word]) => plural(number, word));
}
