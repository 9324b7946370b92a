import { EmfError } from "../errors";
import type { Column, Kind } from "./columns";
import { enumValues } from "./enums";
import { KINDS, snakeCase } from "./kinds";
import type { FieldValue } from "./rows";
import type { Message } from "./rules";

/**
 * Reads a resource in protobuf's JSON form (the form of the manager's writes): 64-bit numbers may be texts, edges
 * are objects with a `resourceId`, and zero values are as good as absent.
 */
export function readMessage(kind: Kind, fields: Readonly<Record<string, unknown>>): Message {
    const { columns, edges, messageName } = KINDS[kind];
    const message: Record<string, FieldValue> = {};
    for (const [name, value] of Object.entries(fields)) {
        const column = columns[name];
        const edge = edges[name];
        if (!column && !edge) {
            throw new EmfError("InvalidArgument", `unknown field "${name}" of ${messageName}`);
        }
        const read = column ? readColumn(name, column, value) : readEdge(name, value);
        if (read !== undefined) message[name] = read;
    }
    return message;
}

function readColumn(name: string, column: Column, value: unknown): FieldValue | undefined {
    if (column.type === "integer") {
        const number = Number(value);
        if (!Number.isInteger(number)) throw wrongValue(name, value);
        return number === 0 ? undefined : number;
    }
    if (column.type === "boolean") {
        if (typeof value !== "boolean") throw wrongValue(name, value);
        return value || undefined;
    }
    if (column.list && Array.isArray(value)) {
        return value.length > 0 ? value.join("|") : undefined;
    }
    if (typeof value !== "string") throw wrongValue(name, value);
    if (column.enumName !== undefined) {
        if (!enumValues(column.enumName).includes(value)) throw wrongValue(name, value);
        return value.endsWith("_UNSPECIFIED") ? undefined : value;
    }
    return value === "" ? undefined : value;
}

function readEdge(name: string, value: unknown): FieldValue | undefined {
    if (Array.isArray(value)) return value.map((item) => readTarget(name, item));
    return value === null ? undefined : readTarget(name, value);
}

function readTarget(name: string, value: unknown): string {
    const id = typeof value === "string" ? value : (value as { resourceId?: unknown } | null)?.resourceId;
    if (typeof id !== "string" || id === "") throw wrongValue(name, value);
    return id;
}

function wrongValue(name: string, value: unknown): EmfError {
    return new EmfError("InvalidArgument", `invalid value for field ${name}: ${JSON.stringify(value)}`);
}

/** The camel-case names behind the paths of a field mask; a path the kind does not have is refused. */
export function readMask(kind: Kind, mask: readonly string[]): string[] {
    const { columns, edges, messageName } = KINDS[kind];
    const names = new Map(
        [...Object.keys(columns), ...Object.keys(edges)].map((name) => [snakeCase(name), name]),
    );
    return mask.map((path) => {
        const name = names.get(path);
        if (name === undefined) {
            throw new EmfError("InvalidArgument", `invalid FieldMask for the given ${messageName}: ${path}`);
        }
        return name;
    });
}
