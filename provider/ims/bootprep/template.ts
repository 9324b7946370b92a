import { isRecord } from "../../resource/unknown";

/** A text with its variables replaced, or what is in it that cannot be. */
export type Rendered = { readonly text: string } | { readonly problems: readonly string[] };

const EXPRESSION = /\{\{([\s\S]*?)\}\}/g;
const VARIABLE = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

/**
 * Replaces `{{ a.b }}`. What `sat` renders is Jinja, of which files use little else; the rest of it is a problem
 * rather than text that nobody has meant.
 */
export function render(template: string, valueOf: (variable: string) => string | undefined): Rendered {
    const problems: string[] = [];
    const text = template.replace(EXPRESSION, (whole, inner: string) => {
        const variable = inner.trim();
        if (!VARIABLE.test(variable)) {
            problems.push(`has ${whole}: of Jinja only variables are replaced, such as {{ default.suffix }}`);
            return "";
        }
        const value = valueOf(variable);
        if (value === undefined)
            problems.push(`has {{ ${variable} }}, which is not among the variables given`);
        return value ?? "";
    });
    if (isTemplate(template.replace(EXPRESSION, ""))) {
        problems.push("has a statement of Jinja: only variables are replaced, such as {{ default.suffix }}");
    }
    return problems.length > 0 ? { problems } : { text };
}

/** Whether a text means to be a template. */
export function isTemplate(text: string): boolean {
    return /\{\{|\{%|\{#/.test(text);
}

/** `a.b` of nested variables. */
export function variableIn(variables: Readonly<Record<string, unknown>>, path: string): string | undefined {
    let here: unknown = variables;
    for (const name of path.split(".")) {
        here = isRecord(here) && Object.hasOwn(here, name) ? here[name] : undefined;
    }
    return typeof here === "string" || typeof here === "number" ? String(here) : undefined;
}
