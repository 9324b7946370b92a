import type { z } from "zod";

/** One thing that is wrong with the inputs. */
export interface Problem {
    /** Where: the first step is the input's name; empty for a problem of several inputs together. */
    path: readonly PropertyKey[];
    /** What is wrong, what is allowed, and what to do next. */
    message: string;
}

/** `hosts`, `[2]`, `name` as `hosts[2].name`. */
export function formatPath(path: readonly PropertyKey[]): string {
    return path
        .map((step, i) =>
            typeof step === "number" ? `[${step}]` : i === 0 ? String(step) : `.${String(step)}`,
        )
        .join("");
}

/** Zod's finding in the words of a form: what is allowed here. */
export function describeIssue(issue: z.core.$ZodIssue): string {
    switch (issue.code) {
        case "invalid_type":
            return issue.input === undefined && issue.message.includes("undefined")
                ? "is required"
                : `must be ${article(issue.expected)}`;
        case "invalid_value": {
            const allowed = `must be ${oneOf(issue.values.map((value) => JSON.stringify(value)))}`;
            return issue.input === undefined ? `is required: ${allowed}` : allowed;
        }
        case "too_small":
            return issue.message.startsWith("Too small")
                ? limit("at least", issue.minimum, issue)
                : issue.message;
        case "too_big":
            return issue.message.startsWith("Too big")
                ? limit("at most", issue.maximum, issue)
                : issue.message;
        case "unrecognized_keys":
            return `has no ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}`;
        default:
            return issue.message;
    }
}

export function oneOf(words: readonly string[]): string {
    return words.length < 2
        ? words.join("")
        : `${words.slice(0, -1).join(", ")} or ${words[words.length - 1]}`;
}

/** The known word closest to a mistyped one, if it is close enough to be meant. */
export function closest(word: string, known: readonly string[]): string | undefined {
    const ranked = known
        .map((candidate) => ({
            candidate,
            distance: editDistance(word.toLowerCase(), candidate.toLowerCase()),
        }))
        .sort((a, b) => a.distance - b.distance);
    const best = ranked[0];
    return best && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined;
}

/** A limit that carries no words of its own. */
function limit(word: string, bound: number | bigint, issue: { origin: string; inclusive?: boolean }): string {
    if (issue.origin !== "number" && issue.origin !== "int")
        return `must have ${word} ${bound} ${UNITS[issue.origin] ?? "items"}`;
    if (issue.inclusive === false) return `must be ${word === "at least" ? "more" : "less"} than ${bound}`;
    return `must be ${word} ${bound}`;
}

const UNITS: Readonly<Record<string, string>> = { string: "characters" };

function article(expected: string): string {
    const type = expected === "record" ? "map" : expected;
    return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function editDistance(a: string, b: string): number {
    let row = Array.from({ length: b.length + 1 }, (_, i) => i);
    for (let i = 1; i <= a.length; i++) {
        const next = [i];
        for (let j = 1; j <= b.length; j++) {
            const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
            next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change));
        }
        row = next;
    }
    return row[b.length] ?? 0;
}
