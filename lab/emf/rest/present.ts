import type { AnySchemaObject } from "ajv";
import { normaliseItems, readItems, type MetadataItem } from "../inventory/metadata";
import type { RowBase } from "../inventory/rows";
import { API } from "./description";

/** A resource as the API answers it. */
export type Answer = Record<string, unknown>;

const REFERENCE = "#/components/schemas/";
const EMPTY = new Map<string, Answer>();

/** A resource with every field at its zero value: what EMF answers where it has nothing to show. */
export function emptyAnswer(schemaName: string): Answer {
    const known = EMPTY.get(schemaName) ?? zeroValues(schemaName);
    EMPTY.set(schemaName, known);
    return { ...known };
}

/** The columns of a row under the names of the API, everything else at its zero value. */
export function presentColumns(schemaName: string, row: RowBase): Answer {
    const answer = emptyAnswer(schemaName);
    for (const [name, value] of Object.entries(row)) {
        if (value !== undefined && name in answer) answer[name] = value;
    }
    answer.timestamps = timestamps(row);
    return answer;
}

function zeroValues(schemaName: string): Answer {
    const properties = (API.schemas[schemaName]?.properties ?? {}) as Record<string, AnySchemaObject>;
    return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, zeroValue(schema)]));
}

function zeroValue(schema: AnySchemaObject): unknown {
    const reference: unknown = schema.$ref;
    if (typeof reference === "string")
        return API.schemas[reference.slice(REFERENCE.length)]?.enum?.[0] ?? null;
    switch (schema.type) {
        case "string":
            return "";
        case "integer":
            return 0;
        case "boolean":
            return false;
        case "array":
            return [];
        default:
            return null;
    }
}

function timestamps({ createdAt, updatedAt }: RowBase): Answer {
    return { createdAt, updatedAt };
}

/** The kinds that EMF keeps no time of change for: it answers the beginning of time. */
export function neverUpdated({ createdAt }: RowBase): Answer {
    return { createdAt, updatedAt: "1970-01-01T00:00:00Z" };
}

/** Metadata as it is answered. */
export function presentMetadata(stored: string | undefined): MetadataItem[] {
    return readItems(stored);
}

/** Metadata of a request as it is stored; undefined for none, which clears it. */
export function storedMetadata(items: unknown): string | undefined {
    if (!Array.isArray(items) || items.length === 0) return undefined;
    const complete = (items as Partial<MetadataItem>[]).map(({ key = "", value = "" }) => ({ key, value }));
    return normaliseItems(JSON.stringify(complete));
}
