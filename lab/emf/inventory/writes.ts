import { EmfError } from "../errors";
import type { Edge, Kind } from "./columns";
import { KINDS, snakeCase } from "./kinds";
import type { AnyRow, FieldValue } from "./rows";
import { RULES, type Message } from "./rules";
import { storedEdges } from "./table";

/** A row while it is written. */
export type WritableRow = Record<string, FieldValue | undefined>;

/** The columns of a new row, in their stored form. */
export function newColumns(kind: Kind, message: Message): Record<string, FieldValue> {
    const columns: Record<string, FieldValue> = {};
    for (const [name, column] of Object.entries(KINDS[kind].columns)) {
        const value = message[name] ?? column.fallback ?? column.initial;
        if (value !== undefined) columns[name] = normalised(kind, name, value);
    }
    return columns;
}

/** What is required is asked for last, when everything that was given has been found right. */
export function checkComplete(kind: Kind, row: AnyRow): void {
    const { columns, messageName } = KINDS[kind];
    const column = Object.keys(columns).find((name) => columns[name]?.required && row[name] === undefined);
    if (column !== undefined) {
        throw new EmfError("InvalidArgument", `missing required field "${messageName}.${snakeCase(column)}"`);
    }
    const edge = storedEdges(KINDS[kind]).find(([name, { required }]) => required && row[name] === undefined);
    if (edge) throw new EmfError("InvalidArgument", `missing required edge "${messageName}.${edge[0]}"`);
}

/** Whether a name of a field mask leads to other rows. */
export function isEdge(kind: Kind, name: string): boolean {
    return name in KINDS[kind].edges;
}

/** What of a message its field mask lets through; an empty mask lets everything through. */
export function filterByMask(message: Message, mask: readonly string[]): Message {
    if (mask.length === 0) return message;
    return Object.fromEntries(Object.entries(message).filter(([name]) => mask.includes(name)));
}

function normalised(kind: Kind, name: string, value: FieldValue): FieldValue {
    const normalise = RULES[kind]?.normalise?.[name];
    return normalise && typeof value === "string" ? normalise(value) : value;
}

/** Writes a column. Without a mask an immutable one is left as it is, with one it is refused. */
export function setColumn(
    kind: Kind,
    row: WritableRow,
    name: string,
    value: FieldValue,
    masked: boolean,
): void {
    if (!KINDS[kind].columns[name]?.immutable) row[name] = normalised(kind, name, value);
    else if (masked) throw new EmfError("InvalidArgument", `field ${name} is immutable`);
}

/** Clears what a field mask names without a value. */
export function clear(kind: Kind, row: WritableRow, name: string): void {
    const { columns, edges, messageName, table } = KINDS[kind];
    if (!(name in columns) && !(name in edges)) {
        throw new EmfError("Internal", `unknown ${messageName} unique edge ${name}`);
    }
    if (edges[name]?.required) {
        const relation = `column "${name}" of relation "${table}"`;
        throw new EmfError("Internal", `null value in ${relation} violates not-null constraint`);
    }
    row[name] = columns[name]?.fallback;
}

/** The definition of an edge that is known to exist. */
export function edgeOf(kind: Kind, name: string): Edge {
    const edge = KINDS[kind].edges[name];
    if (!edge) throw new Error(`${KINDS[kind].messageName} has no edge ${name}.`);
    return edge;
}
