import { EmfError } from "../errors";

/** One key of the metadata of a region, site or host. */
export interface MetadataItem {
    readonly key: string;
    readonly value: string;
}

const KEY =
    /^$|^[a-z.]+\/$|^[a-z.]+\/[a-z0-9][a-z0-9-_.]*[a-z0-9]$|^[a-z.]+\/[a-z0-9]$|^[a-z]$|^[a-z0-9][a-z0-9-_.]*[a-z0-9]$/;
const VALUE = /^$|^[a-z0-9]$|^[a-z0-9][a-z0-9+._-]*[a-z0-9]$/;
const NAME_MAX = 63;
const PREFIX_MAX = 253;

/** Reads metadata as regions, sites and hosts keep it; the order in which it was sent is kept. */
export function readItems(stored: string | undefined): MetadataItem[] {
    return stored === undefined ? [] : (JSON.parse(stored) as MetadataItem[]);
}

/** Checks the metadata of a region, site or host and returns it as it is stored. */
export function normaliseItems(json: string): string {
    const items = JSON.parse(json) as MetadataItem[];
    if (new Set(items.map((item) => item.key)).size !== items.length) {
        throw new EmfError("InvalidArgument", "Duplicate metadata keys are forbidden");
    }
    checkItems(items);
    return JSON.stringify(items.map(({ key, value }) => ({ key, value })));
}

function checkItems(items: readonly MetadataItem[]): void {
    for (const { key, value } of items) {
        checkKey(key);
        if (value.length > NAME_MAX)
            throw new EmfError("InvalidArgument", "Invalid length of metadata value");
        if (!VALUE.test(value)) throw new EmfError("InvalidArgument", "Invalid metadata value");
    }
}

function checkKey(key: string): void {
    if (!KEY.test(key)) throw new EmfError("InvalidArgument", "Invalid metadata key");
    const slash = key.indexOf("/");
    const prefix = slash < 0 ? "" : key.slice(0, slash);
    const name = key.slice(slash + 1);
    if (prefix.length > PREFIX_MAX || name.length > NAME_MAX) {
        throw new EmfError("InvalidArgument", "Invalid length of metadata key");
    }
}

/**
 * Checks the metadata text of an OS profile and returns it as it is stored: keys sorted, no blanks.
 *
 * The inventory reads the text twice: a first pass, whose complaints are the caller's fault, sees the object's
 * braces and repeated keys; a second one, whose complaints come out as internal errors, sees values that are
 * no strings and text behind the object.
 */
export function normaliseOsMetadata(json: string): string {
    const entries = readFlatObject(json);
    const repeated = entries.find(([key], index) => entries.findIndex(([other]) => other === key) < index);
    if (repeated) throw new EmfError("InvalidArgument", `duplicate key found: ${repeated[0]}`);
    const values = readStrings(json);
    checkItems([...values].map(([key, value]) => ({ key, value })));
    const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify(Object.fromEntries(sorted.map(([key, value]) => [key, value])), undefined);
}

/** The keys of the object at the start of the text, repeated ones included, with the raw text of each value. */
function readFlatObject(json: string): [key: string, raw: string][] {
    const start = skipBlanks(json, 0);
    if (start === json.length) throw new EmfError("InvalidArgument", "invalid JSON: EOF");
    if (json[start] !== "{") {
        const reason = isJson(json) ? "JSON must start with an object" : "invalid JSON: no token";
        throw new EmfError("InvalidArgument", reason);
    }
    const entries: [string, string][] = [];
    let at = skipBlanks(json, start + 1);
    while (at < json.length && json[at] !== "}") {
        if (entries.length > 0) {
            if (json[at] !== ",")
                throw new EmfError("InvalidArgument", "error reading key: invalid character");
            at = skipBlanks(json, at + 1);
        }
        const keyEnd = endOfValue(json, at);
        const key: unknown = parse(json.slice(at, keyEnd));
        if (typeof key !== "string") throw new EmfError("InvalidArgument", "expected string for key");
        at = skipBlanks(json, keyEnd);
        if (json[at] !== ":") throw new EmfError("InvalidArgument", `error reading value for key ${key}`);
        at = skipBlanks(json, at + 1);
        const valueEnd = endOfValue(json, at);
        const raw = json.slice(at, valueEnd);
        if (!isJson(raw)) throw new EmfError("InvalidArgument", `error reading value for key ${key}`);
        entries.push([key, raw]);
        at = skipBlanks(json, valueEnd);
    }
    if (json[at] !== "}") throw new EmfError("InvalidArgument", "missing closing object brace: EOF");
    return entries;
}

/** The object as a map of strings; null reads as "". */
function readStrings(json: string): Map<string, string> {
    const value: unknown = parse(json);
    if (value === undefined) throw new EmfError("Internal", "invalid character after top-level value");
    const result = new Map<string, string>();
    for (const [key, item] of Object.entries(value as Record<string, unknown>)) {
        if (item !== null && typeof item !== "string") {
            throw new EmfError(
                "Internal",
                `json: cannot unmarshal ${jsonType(item)} into Go value of type string`,
            );
        }
        result.set(key, item ?? "");
    }
    return result;
}

function jsonType(value: unknown): string {
    if (Array.isArray(value)) return "array";
    return typeof value === "boolean" ? "bool" : typeof value;
}

function skipBlanks(text: string, from: number): number {
    let at = from;
    while (" \t\r\n".includes(text[at] ?? "end")) at++;
    return at;
}

/** Where the JSON value that begins at `from` ends; nesting and strings are followed, nothing is checked. */
function endOfValue(text: string, from: number): number {
    let depth = 0;
    let quoted = false;
    for (let at = from; at < text.length; at++) {
        const char = text[at];
        if (quoted) {
            if (char === "\\") at++;
            else if (char === '"') {
                quoted = false;
                if (depth === 0) return at + 1;
            }
        } else if (char === '"') {
            quoted = true;
        } else if (char === "{" || char === "[") {
            depth++;
        } else if (char === "}" || char === "]") {
            if (depth === 0) return at;
            depth--;
            if (depth === 0) return at + 1;
        } else if (depth === 0 && (char === "," || char === ":" || char === " ")) {
            return at;
        }
    }
    return text.length;
}

function parse(json: string): unknown {
    try {
        return JSON.parse(json) as unknown;
    } catch {
        return undefined;
    }
}

function isJson(json: string): boolean {
    return parse(json) !== undefined;
}
