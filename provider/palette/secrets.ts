import { isRecord } from "../resource/unknown";

const SECRET_MEMBERS: ReadonlySet<string> = new Set([
    "token",
    "hostPairingKey",
    "serviceAuthToken",
    "hostAuthToken",
]);

/** What Palette shows in the place of a secret. */
const MASK = /^\*+$/;

/** All that is secret in a body or an answer. */
export function secretsIn(value: unknown): string[] {
    if (typeof value !== "object" || value === null) return [];
    if (isRecord(value) && value.isSensitive === true) return variableValues(value);
    return Object.entries(value).flatMap(([name, member]) =>
        SECRET_MEMBERS.has(name) && typeof member === "string" && member !== ""
            ? [member]
            : secretsIn(member),
    );
}

function variableValues({ defaultValue, value }: Record<string, unknown>): string[] {
    return [defaultValue, value].filter(
        (text): text is string => typeof text === "string" && text !== "" && !MASK.test(text),
    );
}
