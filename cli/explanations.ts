import type { Explanation } from "./explanation";
import { HTTP_TEXTS, ORCH_CLI_TEXTS } from "./explanations.api";
import { IMAGE_TEXTS } from "./explanations.image";
import { STATUS_TEXTS } from "./explanations.status";

/** Every text that is explained. */
export const EXPLANATIONS: readonly Explanation[] = [
    ...STATUS_TEXTS,
    ...IMAGE_TEXTS,
    ...HTTP_TEXTS,
    ...ORCH_CLI_TEXTS,
];

export interface Match {
    readonly explanation: Explanation;
    /** What stands in the place of each `<…>`. */
    readonly values: Readonly<Record<string, string>>;
    /** Whether the text is this one and nothing else. */
    readonly whole: boolean;
}

/**
 * The explanations that fit a text, the most telling first: a message often holds another one
 * (`Provisioning Failed: 3/9: Streaming OS image failed: …`), and both have something to say.
 */
export function explain(text: string): Match[] {
    // An answer's body is often pasted as it is, with its quotes escaped.
    const line = oneLine(text.replaceAll('\\"', '"'));
    const matches = EXPLANATIONS.flatMap((explanation) => {
        const found = patternOf(explanation.text).exec(line);
        if (!found) return [];
        const names = placeholders(explanation.text);
        const values = Object.fromEntries(names.map((name, i) => [name, (found[i + 1] ?? "").trim()]));
        return [{ explanation, values, whole: found[0].length === line.length }];
    });
    const telling = matches
        .filter(({ explanation, whole }) => whole || !(explanation.alone ?? isOneWord(explanation.text)))
        .sort((a, b) => literalLength(b.explanation) - literalLength(a.explanation));
    // What fits the text of a better match as well says nothing beyond it.
    return telling.filter(
        ({ explanation }, i) =>
            !telling.slice(0, i).some((better) => patternOf(explanation.text).test(better.explanation.text)),
    );
}

function patternOf(text: string): RegExp {
    const parts = oneLine(text).split(PLACEHOLDER);
    // Every second part is a placeholder's name.
    const source = parts.map((part, i) =>
        i % 2 === 1 ? "(.+?)" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"),
    );
    const open = text.endsWith(">") ? "$" : "";
    const start = /^\w/.test(text) ? "(?<!\\w)" : "";
    const end = /\w$/.test(text) ? "(?!\\w)" : "";
    return new RegExp(start + source.join("") + (open || end), "i");
}

const PLACEHOLDER = /<([a-z][a-z ]*)>/;

function placeholders(text: string): string[] {
    return [...text.matchAll(new RegExp(PLACEHOLDER, "g"))].map(([, name = ""]) => name);
}

function literalLength({ text }: Explanation): number {
    return text.replace(new RegExp(PLACEHOLDER, "g"), "").length;
}

/** A word such as "Error" is a status when it stands alone, and anything at all inside a sentence. */
function isOneWord(text: string): boolean {
    return /^\w+$/.test(text);
}

function oneLine(text: string): string {
    return text.trim().replace(/\s+/g, " ");
}
