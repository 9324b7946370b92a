import { EdgeError } from "../resource/errors";
import { ArgLineError, readBashLine } from "./argFile.bash";
import { readGodotenvLine } from "./argFile.godotenv";

/**
 * CanvOS's `.arg` file has two parsers: `earthly.sh` sources it with bash, and Earthly reads it with a Go library.
 * They agree about less than it seems, and the first one runs what it is given.
 */

export interface ArgFile {
    variables: ReadonlyMap<string, string>;
    /** Lines that the two parsers read differently, or that a shell would run; they set no variable here. */
    problems: readonly { line: number; message: string }[];
}

/** Reads an `.arg` or `.arg.template`. */
export function readArgFile(text: string): ArgFile {
    const variables = new Map<string, string>();
    const problems: { line: number; message: string }[] = [];
    for (const [index, line] of text.split("\n").entries()) {
        try {
            readLine(line, variables);
        } catch (error) {
            if (!(error instanceof ArgLineError)) throw error;
            problems.push({ line: index + 1, message: error.message });
        }
    }
    return { variables, problems };
}

function readLine(line: string, variables: Map<string, string>): void {
    if (line.endsWith("\r")) {
        throw new ArgLineError(
            "ends in a carriage return, which bash takes into the value: save it with Unix line ends",
        );
    }
    const read = readBashLine(line, variables);
    if (read.kind === "blank") return;
    const { name, value } = read;
    if (readGodotenvLine(line, variables) !== value) {
        throw new ArgLineError(
            `gives ${name} one value in earthly.sh and another in Earthly: write it in single quotes, without \\`,
        );
    }
    variables.set(name, value);
}

/** The text of an `.arg` file that both parsers read as these variables, in this order. */
export function writeArgFile(variables: Readonly<Record<string, string>>): string {
    const lines: string[] = [];
    const problems: string[] = [];
    for (const [name, value] of Object.entries(variables)) {
        const message = argNameProblem(name) ?? argValueProblem(value);
        if (message === undefined) lines.push(`${name}=${spell(value)}\n`);
        else problems.push(`${name} ${message}`);
    }
    if (problems.length > 0) {
        throw new EdgeError(`the .arg file cannot be written: ${problems.join("; ")}`);
    }
    return lines.join("");
}

/** Variables of the shell and of the programs that `earthly.sh` starts: setting them changes what runs on the host. */
const SHELL_OWN =
    /^(?:PATH|HOME|IFS|ENV|SHELL|SHELLOPTS|BASHOPTS|BASH.*|PS[0-4]|PROMPT_COMMAND|CDPATH|GLOBIGNORE|TMPDIR|E?UID|PPID|PWD|OLDPWD|LD_.*|DOCKER_.*|GIT_.*)$/;

/** Why a variable of this name cannot stand in an `.arg` file. */
export function argNameProblem(name: string): string | undefined {
    if (!/^[A-Z_][A-Z0-9_]*$/.test(name)) {
        return "is no name of a variable: upper-case letters, digits and _, not beginning with a digit";
    }
    if (SHELL_OWN.test(name)) return "is a variable of the build's shell, and may not be set here";
    return undefined;
}

/** Why a value cannot be written so that both parsers read it and nothing is run. Never repeats the value. */
export function argValueProblem(value: string): string | undefined {
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    if (/[\u0000-\u001f\u007f]/.test(value)) {
        return "has a line break or another control character, which cannot be written to the .arg file";
    }
    if (/[\uD800-\uDFFF]/u.test(value)) return "is not valid Unicode text";
    if (/[$`\\]/.test(value)) {
        return "has $, ` or \\: the build's shell and Earthly expand them, each in its own way. Give the expanded value";
    }
    if (value.includes("'") && value.includes('"')) {
        return "has both ' and \": the two parsers of the .arg file know no common way to write that";
    }
    return undefined;
}

function spell(value: string): string {
    if (/^[A-Za-z0-9_.,:/@%+=-]*$/.test(value)) return value;
    return value.includes("'") ? `"${value}"` : `'${value}'`;
}
