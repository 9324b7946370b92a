/** What bash makes of one line of an `.arg` file that it sources. */
export type ArgLine = { kind: "blank" } | { kind: "assignment"; name: string; value: string };

/** Why a line is none that both parsers of an `.arg` file can be trusted with. */
export class ArgLineError extends Error {}

const STATEMENT = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=/;
const REFERENCE = /^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/;

/**
 * Reads a line as bash would, as far as it is a plain assignment. Everything that would run something, or depend on
 * the machine it runs on, is refused: `earthly.sh` sources the file on the build host.
 */
export function readBashLine(line: string, above: ReadonlyMap<string, string>): ArgLine {
    if (/^[ \t]*(?:#.*)?$/.test(line)) return { kind: "blank" };
    const statement = STATEMENT.exec(line);
    const name = statement?.[1];
    if (!statement || name === undefined) {
        throw new ArgLineError("is not NAME=value: the build's shell would run it as a command");
    }
    return { kind: "assignment", name, value: readWord(line, statement[0].length, above) };
}

function readWord(line: string, start: number, above: ReadonlyMap<string, string>): string {
    let value = "";
    let at = start;
    while (at < line.length) {
        const character = line.charAt(at);
        if (character === " " || character === "\t") {
            checkRest(line.slice(at));
            break;
        }
        if (character === "'") {
            const end = line.indexOf("'", at + 1);
            if (end < 0) throw unclosed("'");
            value += line.slice(at + 1, end);
            at = end + 1;
        } else if (character === '"') {
            const quoted = readDoubleQuoted(line, at + 1, above);
            value += quoted.value;
            at = quoted.end;
        } else if (character === "$" || character === "`") {
            const reference = readReference(line, at, above);
            value += reference.value;
            at = reference.end;
        } else if (character === "\\") {
            if (at + 1 >= line.length)
                throw new ArgLineError("ends in \\, which joins it with the next line");
            value += line.charAt(at + 1);
            at += 2;
        } else {
            checkPlain(character, at === start || line.charAt(at - 1) === ":");
            value += character;
            at++;
        }
    }
    return value;
}

function readDoubleQuoted(
    line: string,
    start: number,
    above: ReadonlyMap<string, string>,
): { value: string; end: number } {
    let value = "";
    let at = start;
    while (at < line.length) {
        const character = line.charAt(at);
        if (character === '"') return { value, end: at + 1 };
        if (character === "$" || character === "`") {
            const reference = readReference(line, at, above);
            value += reference.value;
            at = reference.end;
        } else if (character === "\\" && '$`"\\'.includes(line.charAt(at + 1) || "x")) {
            value += line.charAt(at + 1);
            at += 2;
        } else {
            value += character;
            at++;
        }
    }
    throw unclosed('"');
}

function readReference(
    line: string,
    at: number,
    above: ReadonlyMap<string, string>,
): { value: string; end: number } {
    const match = REFERENCE.exec(line.slice(at));
    const name = match?.[1] ?? match?.[2];
    if (!match || name === undefined) {
        throw new ArgLineError("has $ or ` other than $NAME: the build's shell would run or expand it");
    }
    const value = above.get(name);
    // Bash would take it from its environment, Earthly's parser an empty text.
    if (value === undefined) throw new ArgLineError(`refers to ${name}, which is not set above it`);
    return { value, end: at + match[0].length };
}

function checkPlain(character: string, canBeHome: boolean): void {
    if (";&|<>()".includes(character)) {
        throw new ArgLineError(`has ${character} outside quotes, which ends the value in a shell: quote it`);
    }
    if (character === "~" && canBeHome) {
        throw new ArgLineError("has ~ outside quotes, which a shell replaces by a home folder: quote it");
    }
}

function checkRest(rest: string): void {
    if (/^[ \t]+(?:#.*)?$/.test(rest)) return;
    throw new ArgLineError(
        "has a blank outside quotes: the build's shell would run what follows it; quote the value",
    );
}

function unclosed(quote: string): ArgLineError {
    return new ArgLineError(`has a ${quote} that is not closed on its line`);
}
