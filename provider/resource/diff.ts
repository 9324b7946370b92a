import { isDeepStrictEqual } from "node:util";
import { fieldsOf, traitsOf, type AnyResource } from "./definition";
import { hasUnknown } from "./unknown";

export interface Difference {
    /** Names of changed inputs, in the schema's order. */
    changed: string[];
    /** Those of them that need a new object. */
    replaces: string[];
}

/** Compares declared inputs only: whatever else a system stores in an object is its own affair. */
export function diffInputs(
    definition: AnyResource,
    olds: Readonly<Record<string, unknown>>,
    news: Readonly<Record<string, unknown>>,
): Difference {
    const fields = fieldsOf(definition.inputs);
    const same = new Set(definition.same?.(olds, news));
    const changed = fields.filter(
        ([name, field]) =>
            !traitsOf(field).control &&
            !same.has(name) &&
            (hasUnknown(news[name]) || !isDeepStrictEqual(plain(olds[name]), plain(news[name]))),
    );
    return {
        changed: changed.map(([name]) => name),
        replaces: changed.filter(([, field]) => traitsOf(field).replaces).map(([name]) => name),
    };
}

/** The wire drops undefined and makes null of it in lists, and forgets prototypes. */
function plain(value: unknown): unknown {
    return value === undefined || value === null ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}
