const SECRET_MEMBERS: ReadonlySet<string> = new Set([
    "token",
    "hostPairingKey",
    "serviceAuthToken",
    "hostAuthToken",
]);

/** All that is secret in a body or an answer. */
export function secretsIn(value: unknown): string[] {
    if (typeof value !== "object" || value === null) return [];
    return Object.entries(value).flatMap(([name, member]) =>
        SECRET_MEMBERS.has(name) && typeof member === "string" && member !== ""
            ? [member]
            : secretsIn(member),
    );
}
