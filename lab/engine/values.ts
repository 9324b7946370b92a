/**
 * Property values in the form in which they travel between program, engine, provider and state: plain JSON, plus
 * signature objects (secrets, resource references, assets, output values) and the sentinel texts of unknown values.
 */
export type Value = null | undefined | boolean | number | string | Value[] | PropertyMap;

/** Properties of a resource by name. An absent and an undefined property mean the same. */
export interface PropertyMap {
    [key: string]: Value;
}

/** The key that marks an object as something else than an object. */
export const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** What the value under {@link SIGNATURE} says the object is. */
export const Signatures = {
    secret: "1b47061264138c4ac30d75fd1eb44270",
    asset: "c44067f5952c0a294b673a41bacd8c17",
    archive: "0def7320c3a5731c473e5ecbe6d01bc7",
    resource: "5cf8f73096256a8f31e491e813e4eb8e",
    output: "d0e6a833031e9bbcd3f4e8bde6ca49a4",
} as const;

/** The sentinel of an unknown value (of unknown type). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

// One sentinel for each type that a value will have; the SDK sends only the first, other sources any of them.
const UNKNOWN_SENTINELS: ReadonlySet<Value> = new Set([
    UNKNOWN,
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** A secret in wire form. */
export interface Secret extends PropertyMap {
    value: Value;
}

/** Whether the value is an object, signature objects included. */
export function isObject(value: Value): value is PropertyMap {
    return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The signature of a value, if it has one. */
export function signatureOf(value: Value): Value {
    return isObject(value) ? value[SIGNATURE] : undefined;
}

/** Whether the value is a secret. */
export function isSecret(value: Value): value is Secret {
    return signatureOf(value) === Signatures.secret;
}

/** Whether the value itself is unknown. */
export function isUnknown(value: Value): boolean {
    return UNKNOWN_SENTINELS.has(value);
}

/** The value as a secret. A secret stays itself, so that its identity, and with it its ciphertext, is kept. */
export function secret(value: Value): Secret {
    return isSecret(value) ? value : { [SIGNATURE]: Signatures.secret, value };
}

/** The map with `change` applied to each value. */
export function mapValues(map: PropertyMap, change: (value: Value, key: string) => Value): PropertyMap {
    const result: PropertyMap = {};
    for (const key of Object.keys(map)) {
        result[key] = change(map[key], key);
    }
    return result;
}

/**
 * A value as the program sent it: output values become plain, secret or unknown, and every sentinel the same one.
 * @param dependencies receives the URNs that output values inside depend on
 */
export function fromProgram(value: Value, dependencies?: Set<string>): Value {
    if (Array.isArray(value)) {
        return value.map((item) => fromProgram(item, dependencies));
    }
    if (!isObject(value)) {
        return isUnknown(value) ? UNKNOWN : value;
    }
    if (value[SIGNATURE] === Signatures.output) {
        for (const urn of Array.isArray(value.dependencies) ? value.dependencies : []) {
            if (typeof urn === "string") {
                dependencies?.add(urn);
            }
        }
        const inner = "value" in value ? fromProgram(value.value, dependencies) : UNKNOWN;
        return value.secret === true ? secret(inner) : inner;
    }
    return mapValues(value, (item) => fromProgram(item, dependencies));
}

/** A value as the dynamic provider takes it: without secret marks, resource references as ids (components: URNs). */
export function toProvider(value: Value): Value {
    if (Array.isArray(value)) {
        return value.map(toProvider);
    }
    if (!isObject(value)) {
        return value;
    }
    if (isSecret(value)) {
        return toProvider(value.value);
    }
    if (value[SIGNATURE] === Signatures.resource) {
        if (!("id" in value)) {
            return value.urn;
        }
        return value.id === "" || value.id === null ? UNKNOWN : toProvider(value.id);
    }
    return mapValues(value, toProvider);
}

/** All properties as the dynamic provider takes them. */
export function propertiesToProvider(map: PropertyMap): PropertyMap {
    return mapValues(map, toProvider);
}

/** Whether `test` holds for the value or for any value inside it. */
export function someValue(value: Value, test: (value: Value) => boolean): boolean {
    if (test(value)) {
        return true;
    }
    if (Array.isArray(value)) {
        return value.some((item) => someValue(item, test));
    }
    return isObject(value) && Object.values(value).some((item) => someValue(item, test));
}

/** Whether there is a secret in the value. */
export function hasSecret(value: Value): boolean {
    return someValue(value, isSecret);
}

/** Whether there is something unknown in the value. */
export function hasUnknown(value: Value): boolean {
    return someValue(value, isUnknown);
}

/**
 * Marks in `answer` (in place) what was secret in `asked`. The provider answers without secret marks; an object is
 * looked into, a list with a secret in it becomes secret as a whole.
 */
export function annotateSecrets(answer: PropertyMap, asked: PropertyMap): PropertyMap {
    for (const key of Object.keys(asked)) {
        if (!(key in answer)) {
            continue;
        }
        const [to, from] = [answer[key], asked[key]];
        const plainObjects =
            isObject(to) &&
            isObject(from) &&
            signatureOf(to) === undefined &&
            signatureOf(from) === undefined;
        if (plainObjects) {
            annotateSecrets(to, from);
        } else if (!isSecret(to) && hasSecret(from)) {
            answer[key] = secret(to);
        }
    }
    return answer;
}

/** Deep equality. A secret differs from the same value in clear; null and undefined are equal. */
export function equal(a: Value, b: Value): boolean {
    if (a === b) {
        return true;
    }
    if (Array.isArray(a)) {
        return Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]));
    }
    if (!isObject(a) || !isObject(b)) {
        return (a ?? null) === (b ?? null);
    }
    const [keysOfA, keysOfB] = [definedKeys(a), definedKeys(b)];
    return keysOfA.length === keysOfB.length && keysOfA.every((key) => key in b && equal(a[key], b[key]));
}

function definedKeys(map: PropertyMap): string[] {
    return Object.keys(map).filter((key) => map[key] !== undefined);
}

/** The names of the properties that differ. */
export function changedKeys(before: PropertyMap, after: PropertyMap): string[] {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].filter((key) => !equal(before[key], after[key]));
}

/**
 * `after` with the secrets that have not changed taken from `before`: a secret that keeps its identity keeps its
 * ciphertext, and an unchanged state file stays unchanged.
 */
export function keepSecrets(after: PropertyMap, before: PropertyMap | undefined): PropertyMap {
    return before === undefined ? after : mapValues(after, (value, key) => keepSecret(value, before[key]));
}

function keepSecret(after: Value, before: Value): Value {
    if (isSecret(after)) {
        return isSecret(before) && equal(after, before) ? before : after;
    }
    if (isObject(after) && isObject(before)) {
        return keepSecrets(after, before);
    }
    if (Array.isArray(after) && Array.isArray(before)) {
        return after.map((item, index) => keepSecret(item, before[index]));
    }
    return after;
}

/** The value for people: secrets as `[secret]`, unknown values as `[unknown]`. */
export function redact(value: Value): Value {
    if (isSecret(value)) {
        return "[secret]";
    }
    if (isUnknown(value)) {
        return "[unknown]";
    }
    if (Array.isArray(value)) {
        return value.map(redact);
    }
    return isObject(value) ? mapValues(value, redact) : value;
}

/** The value without secret marks, at any depth. Only for ciphertexts and for exports that are asked for in clear. */
export function reveal(value: Value): Value {
    if (isSecret(value)) {
        return reveal(value.value);
    }
    if (Array.isArray(value)) {
        return value.map(reveal);
    }
    return isObject(value) ? mapValues(value, reveal) : value;
}

/** The value with the keys of all objects in order, as the CLI writes them. */
export function sortKeys(value: Value): Value {
    if (Array.isArray(value)) {
        return value.map(sortKeys);
    }
    if (!isObject(value)) {
        return value;
    }
    const sorted: PropertyMap = {};
    for (const key of Object.keys(value).sort()) {
        sorted[key] = sortKeys(value[key]);
    }
    return sorted;
}
