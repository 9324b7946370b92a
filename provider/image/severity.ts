import type { ImageCheck, Severity } from "./check";

/**
 * The checks with what the user makes of their failures. A check id wins over its first parts, and a longer first part
 * over a shorter one.
 */
export function applySeverity(
    checks: readonly ImageCheck[],
    severities: Readonly<Record<string, Severity>> = {},
): ImageCheck[] {
    return checks.flatMap((check) => {
        const severity = severityOf(check.id, severities);
        if (severity === undefined) return [check];
        if (severity === "off") return [];
        const { id, verdict, seen, message } = check;
        return [
            {
                id,
                verdict,
                seen,
                message,
                ...(severity === "warning" && verdict === "failed" ? { severity } : {}),
            },
        ];
    });
}

function severityOf(id: string, severities: Readonly<Record<string, Severity>>): Severity | undefined {
    if (Object.hasOwn(severities, id)) return severities[id];
    const parts = id.split(".");
    for (let count = parts.length - 1; count > 0; count--) {
        const pattern = `${parts.slice(0, count).join(".")}.*`;
        if (Object.hasOwn(severities, pattern)) return severities[pattern];
    }
    return undefined;
}
