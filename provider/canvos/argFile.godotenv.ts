import { ArgLineError } from "./argFile.bash";

/**
 * What Earthly makes of one line of an `.arg` file. It reads the file with the Go library godotenv 1.5.1, which looks
 * like a shell and is none.
 */

/** Its own idea of blanks: more than a shell's. */
const BLANK = "[\\t\\v\\f\\r \\u0085\\u00A0]";
const LEADING = new RegExp(`^${BLANK}+`);
const OUTER = new RegExp(`^${BLANK}+|${BLANK}+$`, "g");
const COMMENT = new RegExp(`^([^]*${BLANK})#[^]*$`);
const KEY = /^(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[=:]/;
/** Lower-case names are left as they stand. */
const REFERENCE = /(\\)?(\$)(\()?\{?([A-Z0-9_]+)?\}?/g;

/** The value of a line that a shell reads as `name=…`. */
export function readGodotenvLine(line: string, above: ReadonlyMap<string, string>): string {
    const trimmed = line.replace(LEADING, "");
    const key = KEY.exec(trimmed);
    if (!key) throw new ArgLineError("is not NAME=value");
    const source = trimmed.slice(key[0].length).replace(LEADING, "");
    const quote = source.charAt(0);
    if (quote === "'" || quote === '"') return readQuoted(source, quote, above);
    const comment = COMMENT.exec(source);
    return expand((comment?.[1] ?? source).replace(OUTER, ""), above);
}

function readQuoted(source: string, quote: string, above: ReadonlyMap<string, string>): string {
    let end = source.indexOf(quote, 1);
    // A backslash hides the quote, in single quotes too, where a shell takes it as it stands.
    while (end > 0 && source.charAt(end - 1) === "\\") end = source.indexOf(quote, end + 1);
    if (end < 0) throw new ArgLineError(`has a ${quote} that Earthly does not see closed on its line`);
    if (!/^\s*(?:#.*)?$/.test(source.slice(end + 1))) {
        throw new ArgLineError(
            `goes on after the closing ${quote}: Earthly would take the rest as the next variable`,
        );
    }
    const inner = trimQuotes(source.slice(0, end), quote);
    return quote === "'" ? inner : expand(unescape(inner), above);
}

/** All of them at both ends, not one. */
function trimQuotes(text: string, quote: string): string {
    let [start, end] = [0, text.length];
    while (start < end && text.charAt(start) === quote) start++;
    while (end > start && text.charAt(end - 1) === quote) end--;
    return text.slice(start, end);
}

function unescape(text: string): string {
    return text
        .replace(/\\./g, (pair) => (pair === "\\n" ? "\n" : pair === "\\r" ? "\r" : pair))
        .replace(/\\([^$])/g, "$1");
}

function expand(text: string, above: ReadonlyMap<string, string>): string {
    return text.replace(
        REFERENCE,
        (whole: string, escape?: string, _dollar?: string, bracket?: string, name?: string) => {
            if (escape !== undefined || bracket !== undefined) return whole.slice(1);
            return name === undefined ? whole : (above.get(name) ?? "");
        },
    );
}
