import * as yaml from "yaml";
import { isRecord } from "../resource/unknown";

/** `{{ .spectro.var.site }}`. Palette fills them in before anything reads the YAML, so they may stand anywhere in it. */
const MACRO = /\{\{.*?\}\}/g;
const HELD = /_macro(\d+)_/g;

/** Values as they count: the console cuts blanks off at both ends. */
export function trimmed(values: string | undefined): string {
    return (values ?? "").replaceAll("\r\n", "\n").trim();
}

/** YAML of an object, in its order; text is left as it is. */
export function yamlText(values: unknown): string {
    if (typeof values === "string") return values;
    return yaml.stringify(values, { lineWidth: 0 });
}

/** What is wrong with the text as YAML, in words; undefined when nothing is. */
export function yamlFault(text: string): string | undefined {
    const { errors } = yaml.parseDocument(holdMacros(text).held);
    const [first] = errors;
    return first && (first.message.split("\n", 1)[0] ?? first.message).replace(/:$/, "");
}

/** The text with these values set in it; its order and comments stay. */
export function withOverrides(text: string, overrides: string): string {
    const { held, released } = holdMacros(text);
    const document = yaml.parseDocument(held);
    const changes: unknown = yaml.parse(overrides);
    if (!isRecord(changes)) return text;
    if (!yaml.isMap(document.contents)) return yaml.stringify(changes, { lineWidth: 0 });
    set(document, [], changes);
    return released(document.toString({ lineWidth: 0 }));
}

/** The options of a pack as text, just as they are written: `24.10` is no number here. */
export function optionsIn(values: string): Record<string, string> {
    const { held, released } = holdMacros(values);
    const document = yaml.parseDocument(held, { schema: "failsafe" });
    const options = document.errors.length > 0 ? undefined : document.getIn(["options"]);
    if (!yaml.isMap(options)) return {};
    const entries = Object.entries(options.toJSON() as Record<string, unknown>);
    return Object.fromEntries(
        entries.flatMap(([key, value]) => (typeof value === "string" ? [[key, released(value)]] : [])),
    );
}

/** Names of the profile's variables that a text uses. */
export function variablesIn(text: string): string[] {
    const found = text.matchAll(/\{\{[^}]*?\.spectro\.var\.([\w-]+)/g);
    return [...new Set([...found].map(([, name = ""]) => name))];
}

function set(document: yaml.Document, path: string[], changes: Record<string, unknown>): void {
    for (const [key, value] of Object.entries(changes)) {
        const place = [...path, key];
        const former = document.getIn(place, true);
        if (isRecord(value) && yaml.isMap(former)) {
            set(document, place, value);
            continue;
        }
        const node = document.createNode(value);
        // What stands behind a value belongs to its key.
        if (yaml.isScalar(former)) node.comment = former.comment;
        document.setIn(place, node);
    }
}

/** A text whose macros are plain words, and the way back: outside of quotes they are no YAML. */
function holdMacros(text: string): { held: string; released: (text: string) => string } {
    const macros: string[] = [];
    const held = text.replace(MACRO, (macro) => `_macro${macros.push(macro) - 1}_`);
    return { held, released: (changed) => changed.replace(HELD, (_, i: string) => macros[Number(i)] ?? "") };
}
