/**
 * A value that is not known yet: in a preview, an output of something that does not exist.
 * Each adapter translates its own sentinel to and from the one instance, UNKNOWN.
 */
export class Unknown {
    /** Nominal: no other object is an Unknown. */
    protected readonly unknown = true;

    toString(): string {
        return "(not known yet)";
    }

    toJSON(): string {
        return this.toString();
    }
}

export const UNKNOWN = new Unknown();

/** The fields of `T`, each either fully known or unknown as a whole. */
export type Checked<T> = { [K in keyof T]: T[K] | Unknown };

export function isKnown<T>(value: T | Unknown): value is T {
    return value !== UNKNOWN;
}

/** Whether an unknown stands anywhere inside the value. */
export function hasUnknown(value: unknown): boolean {
    if (value === UNKNOWN) return true;
    if (Array.isArray(value)) return value.some(hasUnknown);
    if (isRecord(value)) return Object.values(value).some(hasUnknown);
    return false;
}

/** Whether the path leads to an unknown, or through one. */
export function leadsToUnknown(value: unknown, path: readonly PropertyKey[]): boolean {
    let here = value;
    for (const step of path) {
        if (here === UNKNOWN) return true;
        if (typeof here !== "object" || here === null) return false;
        here = (here as Record<PropertyKey, unknown>)[step];
    }
    return hasUnknown(here);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value) && value !== UNKNOWN;
}
