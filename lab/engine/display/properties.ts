import {
    equal,
    isObject,
    isSecret,
    isUnknown,
    signatureOf,
    Signatures,
    type PropertyMap,
    type Value,
} from "../values";

/** How a property changed. Null, undefined and absent are the same. */
export type Change = "add" | "delete" | "update" | "same";

const SIGNS: Record<Change, string> = { add: "+ ", delete: "- ", update: "~ ", same: "  " };
const INDENT = 4;

/** The names of properties by how they changed; internal ones (`__…`) are left out. */
function compareProperties(before: PropertyMap, after: PropertyMap): Map<string, Change> {
    const changes = new Map<string, Change>();
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
        if (!key.startsWith("__")) {
            changes.set(key, compare(before[key], after[key]));
        }
    }
    return changes;
}

function compare(before: Value, after: Value): Change {
    if (sameShown(before, after)) {
        return "same";
    }
    if (before === null || before === undefined) {
        return "add";
    }
    return after === null || after === undefined ? "delete" : "update";
}

function sameShown(before: Value, after: Value): boolean {
    if (isPlainObject(before) && isPlainObject(after)) {
        return [...compareProperties(before, after).values()].every((change) => change === "same");
    }
    if (Array.isArray(before) && Array.isArray(after)) {
        return before.length === after.length && before.every((item, index) => sameShown(item, after[index]));
    }
    return equal(before, after);
}

/** `diff: ~desc,norm` as rows show it; empty without a difference. */
export function shortDiff(
    before: PropertyMap,
    after: PropertyMap,
    extra: string[],
    only: readonly string[],
): string {
    const changes = [...compareProperties(before, after), ...extra.map((key) => [key, "update"] as const)];
    if (changes.every(([, change]) => change === "same")) {
        return "";
    }
    const named = (wanted: Change): string => {
        const keys = changes.filter(
            ([key, change]) => change === wanted && (only.length === 0 || only.includes(key)),
        );
        return keys.length === 0 ? "" : SIGNS[wanted].trim() + keys.map(([key]) => key).join(",");
    };
    return `diff: ${named("add")}${named("delete")}${named("update")}`;
}

/** All properties, one or more lines each, indented `level` times, with their signs. */
export function propertyLines(
    before: PropertyMap,
    after: PropertyMap,
    level: number,
    showSame: boolean,
): string[] {
    const changes = [...compareProperties(before, after)].filter(
        ([, change]) => showSame || change !== "same",
    );
    const width = Math.max(0, ...changes.map(([key]) => key.length));
    return changes.flatMap(([key, change]) => {
        const title = `${key.padEnd(width)}: `;
        switch (change) {
            case "same":
                return isWorthShowing(after[key]) ? valueLines(title, after[key], level, "same") : [];
            case "add":
                return valueLines(title, after[key], level, "add");
            case "delete":
                return valueLines(title, before[key], level, "delete");
            case "update":
                return updateLines(title, before[key], after[key], level);
        }
    });
}

function isWorthShowing(value: Value): boolean {
    if (value === null || value === undefined || value === "") {
        return false;
    }
    return Array.isArray(value) ? value.length > 0 : !isPlainObject(value) || Object.keys(value).length > 0;
}

function indentation(level: number, change: Change): string {
    return " ".repeat(level * INDENT - 2) + SIGNS[change];
}

function valueLines(title: string, value: Value, level: number, change: Change): string[] {
    const start = indentation(level, change) + title;
    const unsigned = " ".repeat(level * INDENT);
    if (Array.isArray(value) && value.length > 0) {
        const items = value.flatMap((item, index) => itemLines(index, item, level, change));
        return [`${start}[`, ...items, `${unsigned}]`];
    }
    if (isPlainObject(value) && Object.keys(value).length > 0) {
        const keys = Object.keys(value)
            .filter((key) => !key.startsWith("__"))
            .sort();
        const width = Math.max(0, ...keys.map((key) => key.length));
        const inner = keys.flatMap((key) =>
            valueLines(`${key.padEnd(width)}: `, value[key], level + 1, change),
        );
        return [`${start}{`, ...inner, `${unsigned}}`];
    }
    return [start + scalarText(value)];
}

/** An item of a list: its sign stands where the list's stands, its own items one level further in. */
function itemLines(index: number, value: Value, level: number, change: Change): string[] {
    const [first = "", ...rest] = valueLines(`[${index}]: `, value, level + 1, change);
    return [`${indentation(level, change)}    ${first.slice((level + 1) * INDENT)}`, ...rest];
}

function updateLines(title: string, before: Value, after: Value, level: number): string[] {
    const start = indentation(level, "update") + title;
    const unsigned = " ".repeat(level * INDENT);
    if (Array.isArray(before) && Array.isArray(after)) {
        return [`${start}[`, ...listDiffLines(before, after, level), `${unsigned}]`];
    }
    if (isPlainObject(before) && isPlainObject(after)) {
        return [`${start}{`, ...propertyLines(before, after, level + 1, true), `${unsigned}}`];
    }
    if (isScalar(before) && isScalar(after)) {
        return [`${start}${scalarText(before)} => ${scalarText(after)}`];
    }
    return [...valueLines(title, before, level, "delete"), ...valueLines(title, after, level, "add")];
}

function listDiffLines(before: Value[], after: Value[], level: number): string[] {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_item, index) => index).flatMap((index) => {
        const title = `[${index}]: `;
        const [was, is] = [before[index], after[index]];
        switch (compare(was, is)) {
            case "same":
                return valueLines(title, is, level + 1, "same");
            case "add":
                return valueLines(title, is, level + 1, "add");
            case "delete":
                return valueLines(title, was, level + 1, "delete");
            case "update":
                return updateLines(title, was, is, level + 1);
        }
    });
}

function isPlainObject(value: Value): value is PropertyMap {
    return isObject(value) && signatureOf(value) === undefined;
}

function isScalar(value: Value): boolean {
    return !Array.isArray(value) && !isPlainObject(value);
}

/** A value on one line; secrets and unknown values are named, not shown. */
function scalarText(value: Value): string {
    if (value === null || value === undefined) {
        return "<null>";
    }
    if (isSecret(value)) {
        return "[secret]";
    }
    if (isUnknown(value)) {
        return "[unknown]";
    }
    if (isObject(value) && signatureOf(value) === Signatures.resource) {
        return typeof value.id === "string" && value.id !== "" ? value.id : JSON.stringify(value.urn);
    }
    return JSON.stringify(value);
}
