/** An expression, where a literal would be text. */
export class Code {
    constructor(readonly text: string) {}
}

export function code(text: string): Code {
    return new Code(text);
}

const INDENT = "    ";
const WIDTH = 100;

/** A value as TypeScript: on one line where that is short. `depth`: how far in it stands. */
export function literal(value: unknown, depth = 0): string {
    if (value instanceof Code) return value.text;
    if (Array.isArray(value)) return list(value, depth);
    if (typeof value !== "object" || value === null) return JSON.stringify(value);
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    if (entries.length === 0) return "{}";
    const short = `{ ${entries.map(([key, item]) => `${keyOf(key)}: ${literal(item)}`).join(", ")} }`;
    if (short.length + depth * INDENT.length <= WIDTH - INDENT.length * 4 && !short.includes("\n"))
        return short;
    const inner = INDENT.repeat(depth + 1);
    const lines = entries.map(([key, item]) => `${inner}${keyOf(key)}: ${literal(item, depth + 1)},`);
    return `{\n${lines.join("\n")}\n${INDENT.repeat(depth)}}`;
}

function list(items: readonly unknown[], depth: number): string {
    const short = `[${items.map((item) => literal(item, depth)).join(", ")}]`;
    if (!short.includes("\n") && short.length + depth * INDENT.length <= WIDTH) return short;
    const inner = INDENT.repeat(depth + 1);
    const lines = items.map((item) => `${inner}${literal(item, depth + 1)},`);
    return `[\n${lines.join("\n")}\n${INDENT.repeat(depth)}]`;
}

function keyOf(key: string): string {
    return /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
}

/** A long line as several, further ones set in. */
export function wrapped(text: string, width: number): string[] {
    const lines: string[] = [];
    let line = "";
    for (const word of text.replace(/[\r\n]+/g, " ").split(" ")) {
        if (line !== "" && line.length + 1 + word.length > width) {
            lines.push(line);
            line = `  ${word}`;
        } else line = line === "" && lines.length === 0 ? word : `${line} ${word}`;
    }
    return [...lines, line];
}
