import { isRecord, UNKNOWN } from "../resource/unknown";

/** What the engine sends for a value that a preview does not know yet, untyped and for each type. */
const UNKNOWN_SENTINELS: ReadonlySet<unknown> = new Set([
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);
const UNKNOWN_SENTINEL = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export type Properties = Record<string, unknown>;

/** Inputs and outputs with `__` in front are between this package's two halves; the CLI hides them from diffs. */
function isHidden(name: string): boolean {
    return name.startsWith("__");
}

/** Protocol values as handlers see them: sentinels become UNKNOWN, hidden properties are left out. */
export function fromWire(properties: Properties): Properties {
    const visible = Object.entries(properties).filter(([name]) => !isHidden(name));
    return Object.fromEntries(visible.map(([name, value]) => [name, decode(value)]));
}

/** The way back. Undefined is dropped, since the protocol has no place for it; a foreign type is a programming error. */
export function toWire(properties: Properties): Properties {
    return encode(properties) as Properties;
}

function decode(value: unknown): unknown {
    if (UNKNOWN_SENTINELS.has(value)) return UNKNOWN;
    if (Array.isArray(value)) return value.map(decode);
    if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, decode(v)]));
    return value;
}

function encode(value: unknown): unknown {
    if (value === UNKNOWN) return UNKNOWN_SENTINEL;
    if (Array.isArray(value)) return value.map((item: unknown) => (item === undefined ? null : encode(item)));
    if (isRecord(value)) {
        if (Object.getPrototypeOf(value) !== Object.prototype) {
            throw new Error(`a ${value.constructor.name} cannot be stored in Pulumi's state`);
        }
        const entries = Object.entries(value).filter(([, item]) => item !== undefined);
        return Object.fromEntries(entries.map(([name, item]) => [name, encode(item)]));
    }
    if (["bigint", "function", "symbol"].includes(typeof value)) {
        throw new Error(`a ${typeof value} cannot be stored in Pulumi's state`);
    }
    return value;
}
