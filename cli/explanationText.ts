import type { Match } from "./explanations";

/** An explanation as it is shown: the text, where it is from, cause and steps. */
export function matchText({ explanation, values }: Match): string {
    const { text, from, cause, todo } = explanation;
    const filled = Object.entries(values).map(([name, value]) => `  ${name}: ${value}`);
    const steps = todo.map((step, i) => `  ${i + 1}. ${step}`);
    return [
        text,
        `  said by: ${from}`,
        ...filled,
        `  cause: ${cause}`,
        ...(steps.length > 0 ? ["  what to do:", ...steps.map((step) => `  ${step}`)] : ["  nothing to do"]),
    ].join("\n");
}

/** The same for programs. */
export function asJson({ explanation, values }: Match): object {
    return { ...explanation, values };
}
