import type { DeploymentResult } from "../deployment";
import type { StepOp } from "../events";
import type { StackOperation } from "../stack";
import { isObject, isSecret, isUnknown, mapValues, type PropertyMap } from "../values";
import { propertyLines } from "./properties";
import { diagnosticText, type Row, type Rows } from "./rows";
import { durationText, plural, WORDS } from "./words";

// The CLI's order; reads are not changes.
const COUNTED: StepOp[] = [
    "create",
    "update",
    "delete",
    "replace",
    "create-replacement",
    "delete-replaced",
    "refresh",
    "discard-replaced",
];

/** `Diagnostics:` by resource; empty when nothing was said. */
export function diagnosticsSection(rows: Rows): string {
    const blocks = rows
        .all()
        .filter((row) => row.diagnostics.length > 0)
        .map(
            (row) =>
                heading(rows, row) +
                row.diagnostics.map((each) => indented(diagnosticText(each))).join("") +
                "\n",
        );
    return blocks.length === 0 ? "" : `Diagnostics:\n${blocks.join("")}`;
}

/** `Outputs:` with what has changed in them; in a preview only that. */
export function outputsSection(result: DeploymentResult, op: StackOperation, dryRun: boolean): string {
    const after = op === "destroy" && result.succeeded ? {} : (result.stack?.outputs ?? {});
    // Without earlier outputs there is nothing to mark as new.
    const before = result.stackBefore?.outputs ?? after;
    const isNew = result.stackBefore === undefined;
    const lines = propertyLines(before, dryRun ? keepKnown(before, after) : after, 1, !dryRun || isNew);
    return lines.length === 0 ? "" : `Outputs:\n${lines.map((line) => `${line}\n`).join("")}\n`;
}

/** In a preview, an output that was known and now is not says nothing of a change. */
function keepKnown(before: PropertyMap, after: PropertyMap): PropertyMap {
    return mapValues(after, (value, key) => {
        const was = before[key];
        if (isUnknown(value) && was !== undefined) {
            return was;
        }
        const nested = isObject(value) && isObject(was) && !isSecret(value) && !isSecret(was);
        return nested ? keepKnown(was, value) : value;
    });
}

/** `Changes:`: for each changed resource what changes in it. */
export function resourceDiffs(rows: Rows): string {
    const blocks = rows
        .all()
        .filter((row) => !row.isStack && row.visible && row.step.op !== "same")
        .map((row) => ({ row, lines: detailLines(row) }))
        .filter(({ lines }) => lines.length > 0)
        .map(({ row, lines }) => `${heading(rows, row)}${lines.map((line) => `    ${line}\n`).join("")}\n`);
    return blocks.length === 0 ? "" : `Changes:\n${blocks.join("")}`;
}

function detailLines(row: Row): string[] {
    const step = row.replaceStep ?? row.step;
    return propertyLines(step.old?.inputs ?? {}, step.new?.inputs ?? {}, 1, true);
}

/** `Resources:` with their numbers, and the time it took. */
export function summarySection(rows: Rows, dryRun: boolean): string {
    const counted = COUNTED.map((op) => ({ op, count: rows.changes[op] ?? 0 })).filter(
        ({ count }) => count > 0,
    );
    const lines = counted.map(
        ({ op, count }) => `    ${WORDS[op].prefix}${count} ${dryRun ? `to ${op}` : WORDS[op].past}\n`,
    );
    const total = counted.reduce((sum, { count }) => sum + count, 0);
    const unchanged = rows.changes.same ?? 0;
    const closing = [
        ...(counted.length > 1 ? [plural(total, "change")] : []),
        ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
    ];
    const errored = rows
        .all()
        .filter((row) => row.diagnostics.some(({ severity }) => severity === "error")).length;
    return [
        "Resources:\n",
        ...lines,
        closing.length > 0 ? `    ${closing.join(". ")}\n` : "",
        errored > 0 ? `    ${errored} errored\n` : "",
        dryRun ? "\n" : `\nDuration: ${durationText(rows.seconds)}\n\n`,
    ].join("");
}

function heading(rows: Rows, row: Row): string {
    const { type, name } = rows.columns(row);
    return `  ${type} (${name}):\n`;
}

function indented(text: string): string {
    return text
        .split("\n")
        .map((line) => `    ${line.trimEnd()}\n`)
        .join("");
}
