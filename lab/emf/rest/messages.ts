import { snakeCase } from "../inventory/kinds";
import type { FieldValue } from "../inventory/rows";
import type { Message } from "../inventory/rules";
import type { Call } from "./call";

type Body = Call["body"];

/**
 * The fields of a body that the inventory stores under the same name. Zero values are left out: in the protocol
 * behind the API they are the same as absent.
 */
export function pick(body: Body, names: readonly string[]): Message {
    const message: Record<string, FieldValue> = {};
    for (const name of names) {
        const value = stored(body[name]);
        if (value !== undefined) message[name] = value;
    }
    return message;
}

/** The fields of a body under the names of the inventory. */
export function pickAs(body: Body, names: Readonly<Record<string, string>>): Message {
    const picked = pick(body, Object.keys(names));
    return Object.fromEntries(Object.entries(picked).map(([name, value]) => [names[name] ?? name, value]));
}

function stored(value: unknown): FieldValue | undefined {
    if (typeof value === "string") return value === "" || value.endsWith("_UNSPECIFIED") ? undefined : value;
    if (typeof value === "number" || typeof value === "boolean") return value || undefined;
    return Array.isArray(value) && value.length > 0 ? (value as string[]) : undefined;
}

/** Leaves out what is not set. */
export function compact(fields: Readonly<Record<string, FieldValue | undefined>>): Message {
    const set = Object.entries(fields).filter(
        (entry): entry is [string, FieldValue] => entry[1] !== undefined,
    );
    return Object.fromEntries(set);
}

/**
 * The field mask of a PATCH: the keys of the body, unless the query names fields. Keys that the kind does not map are
 * dropped silently, which can leave an empty mask, and that means: write every field that has a value.
 */
export function patchMask({ query, body }: Call, mapped: Readonly<Record<string, string>>): string[] {
    const asked = query.get("fieldMask") ?? query.get("field_mask");
    const paths = asked ? asked.flatMap((text) => text.split(",")) : Object.keys(body).map(snakeCase);
    const names = new Map(Object.entries(mapped).map(([name, stored]) => [snakeCase(name), stored]));
    return paths.flatMap((path) => names.get(path) ?? []);
}
