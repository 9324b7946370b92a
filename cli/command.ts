import { parseArgs, type ParseArgsConfig } from "node:util";

/** Where a command's words go, and what it may know of its surroundings. */
export interface Terminal {
    out(text: string): void;
    err(text: string): void;
    /** Whether a person watches what `err` writes: a line may then be painted over. */
    readonly isInteractive?: boolean;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly cwd: string;
    /** All of standard input, as text. */
    readInput(): Promise<string>;
}

/** 0: done, and nothing is wrong. 1: something is wrong, and was said. 2: the command line is wrong. */
export type ExitCode = 0 | 1 | 2;

export interface Command {
    /** What `--help` prints. */
    readonly help: string;
    run(words: readonly string[], terminal: Terminal): Promise<ExitCode>;
}

/** The command line is wrong; `--help` of the command tells how it is right. */
export class UsageError extends Error {
    override readonly name = "UsageError";
}

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Options and other words of a command line. More or fewer of the others than have names is an error. */
export function parseWords<O extends Options, N extends string>(
    words: readonly string[],
    options: O,
    names: readonly N[],
): { flags: ReturnType<typeof parseArgs<{ options: O }>>["values"]; given: Record<N, string> } {
    const { values, positionals } = parsed(words, options);
    names.forEach((name, i) => {
        if (positionals[i] === undefined) throw new UsageError(`${name} is missing`);
    });
    const [extra] = positionals.slice(names.length);
    if (extra !== undefined) throw new UsageError(`${JSON.stringify(extra)} is one word too many`);
    const given = Object.fromEntries(names.map((name, i) => [name, positionals[i]])) as Record<N, string>;
    return { flags: values, given };
}

function parsed<O extends Options>(words: readonly string[], options: O) {
    try {
        return parseArgs({ args: [...words], options, allowPositionals: true });
    } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code?.startsWith("ERR_PARSE_ARGS") !== true) throw error;
        throw new UsageError(message.split(". ", 1)[0] ?? message);
    }
}
