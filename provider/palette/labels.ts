/** What Palette keeps as the value of a tag that has none. */
const VALUELESS = "spectro__tag";

export type Labels = Readonly<Record<string, string>>;

/** Labels as Palette keeps them: `""` is a tag without a value. */
export function encodeLabels(labels: Labels): Record<string, string> {
    return mapValues(labels, (value) => (value === "" ? VALUELESS : value));
}

/** Labels as programs spell them. */
export function decodeLabels(labels: Labels): Record<string, string> {
    return mapValues(labels, (value) => (value === VALUELESS ? "" : value));
}

/** Why a value cannot be kept, in words; undefined when it can. */
export function labelValueFault(value: string): string | undefined {
    return value === VALUELESS
        ? `must not be ${VALUELESS}, which Palette keeps for tags without a value: write ""`
        : undefined;
}

/** A key is any text, also `__proto__`. */
function mapValues(labels: Labels, change: (value: string) => string): Record<string, string> {
    return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, change(value)]));
}
