import { isObject, isSecret, type PropertyMap, type Value } from "./values";

/** A parsed property path: names, list indexes, and `*` for all of them. */
export type PropertyPath = (string | number)[];

const SEGMENT = /\[(\d+|\*)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g;

/** Parses `a.b[0]["c.d"].*`. */
export function parsePath(text: string): PropertyPath {
    return [...text.matchAll(SEGMENT)].map((match) => {
        const [, index, quoted, name] = match as (string | undefined)[];
        if (index !== undefined) {
            return index === "*" ? "*" : Number(index);
        }
        return quoted !== undefined ? quoted.replace(/\\(.)/g, "$1") : (name ?? "");
    });
}

/** Whether the path `outer` covers the path `inner`: the same, or a part of it. */
export function pathCovers(outer: string, inner: string): boolean {
    const [a, b] = [parsePath(outer), parsePath(inner)];
    return a.length <= b.length && a.every((segment, index) => segment === "*" || segment === b[index]);
}

/** `news` with what the paths name taken from `olds`: the meaning of `ignoreChanges`. */
export function ignoreChanges(news: PropertyMap, olds: PropertyMap, paths: readonly string[]): PropertyMap {
    if (paths.length === 0) {
        return news;
    }
    const result = structuredClone(news);
    for (const path of paths) {
        resetPath(parsePath(path), olds, result);
    }
    return result;
}

/** Copies what stands at `path` from `source` to `target` (in place), or deletes it where `source` has none. */
function resetPath(path: PropertyPath, source: Value, target: Value): void {
    const [from, to] = [inside(source), inside(target)];
    const [key, ...rest] = path;
    if (key === undefined) {
        return;
    }
    if (key === "*") {
        for (const each of keysOf(to, from)) {
            resetPath([each, ...rest], from, to);
        }
        return;
    }
    if (Array.isArray(from) && Array.isArray(to)) {
        const index = Number(key);
        // A list keeps its length: items that only one side has are left alone.
        if (index in from && index in to) {
            if (rest.length > 0) {
                resetPath(rest, from[index], to[index]);
            } else {
                to[index] = structuredClone(from[index]);
            }
        }
        return;
    }
    if (!isObject(from) || !isObject(to)) {
        return;
    }
    if (rest.length > 0) {
        if (key in from && key in to) {
            resetPath(rest, from[key], to[key]);
        }
    } else if (key in from) {
        to[key] = structuredClone(from[key]);
    } else {
        delete to[key];
    }
}

function inside(value: Value): Value {
    return isSecret(value) ? value.value : value;
}

function keysOf(target: Value, source: Value): (string | number)[] {
    if (Array.isArray(target)) {
        return [...target.keys()];
    }
    return [
        ...new Set([
            ...(isObject(target) ? Object.keys(target) : []),
            ...(isObject(source) ? Object.keys(source) : []),
        ]),
    ];
}

const SECONDS: Record<string, number> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** Parses a duration as Go writes it (`1h5m`, `90s`) to seconds; undefined for an empty text. */
export function parseDuration(text: string): number | undefined {
    if (text === "") {
        return undefined;
    }
    const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
    if (parts.map(([part]) => part).join("") !== text) {
        throw new Error(
            `customTimeouts: "${text}" is not a duration. Write a number with a unit, for example "90s", "5m" or "1h30m".`,
        );
    }
    return parts.reduce((total, [, number, unit]) => total + Number(number) * (SECONDS[unit ?? ""] ?? 0), 0);
}
