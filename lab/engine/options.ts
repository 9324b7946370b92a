import { parseArgs } from "node:util";
import type { StackOperation } from "./stack";

/** A command line that was understood. */
export interface CommandLine {
    command: StackOperation | "export";
    cwd: string;
    stack: string;
    /** Folder of the state. */
    state: string;
    parallel?: number;
    /** Undefined: as Pulumi.yaml says. */
    refresh?: boolean;
    skipPreview: boolean;
    expectNoChanges: boolean;
    /** Show detailed differences. */
    diff: boolean;
    showSecrets: boolean;
    /** File for the event log. */
    events?: string;
}

/** A command line that was not understood; the message says why. */
export class UsageError extends Error {}

/** How the command is used. */
export const USAGE = `Usage: up|preview|refresh|destroy|export [options]
  --cwd DIR              folder of the project (default: .)
  --stack NAME           name of the stack (default: dev)
  --state DIR            folder of the state (default: .pulumi-state in the project's folder)
  --parallel N           steps at the same time (default: 32, or 4 for each processor)
  --refresh[=false]      read all resources first (default: what Pulumi.yaml says under options.refresh)
  --skip-preview         do not preview first
  --yes                  accepted for likeness with the CLI: nothing is asked
  --expect-no-changes    fail when anything is changed
  --diff                 show the differences in detail
  --show-secrets         with export: secrets in clear
  --events FILE          write events to a file, one JSON text a line`;

const COMMANDS = new Set(["up", "preview", "refresh", "destroy", "export"]);

/** Parses the arguments after the program's name. */
export function parseCommandLine(args: readonly string[]): CommandLine {
    const { values, positionals } = parse(args);
    const [command, ...rest] = positionals;
    if (command === undefined || !COMMANDS.has(command)) {
        throw new UsageError(
            `${command === undefined ? "no command" : `unknown command "${command}"`}\n${USAGE}`,
        );
    }
    if (rest.length > 0) {
        throw new UsageError(`unexpected argument "${rest.join(" ")}"\n${USAGE}`);
    }
    const cwd = values.cwd ?? ".";
    return {
        command: command as CommandLine["command"],
        cwd,
        stack: values.stack ?? "dev",
        state: values.state ?? `${cwd}/.pulumi-state`,
        parallel: parseParallel(values.parallel),
        refresh: parseRefresh(values.refresh),
        skipPreview: values["skip-preview"] ?? false,
        expectNoChanges: values["expect-no-changes"] ?? false,
        diff: values.diff ?? false,
        showSecrets: values["show-secrets"] ?? false,
        events: values.events,
    };
}

function parse(args: readonly string[]) {
    try {
        return parseArgs({
            // `--refresh` alone means yes, as in the CLI; the parser knows only options with or without a value.
            args: args.map((arg) => (arg === "--refresh" ? "--refresh=true" : arg)),
            allowPositionals: true,
            options: {
                cwd: { type: "string", short: "C" },
                stack: { type: "string", short: "s" },
                state: { type: "string" },
                parallel: { type: "string", short: "p" },
                refresh: { type: "string" },
                "skip-preview": { type: "boolean", short: "f" },
                yes: { type: "boolean", short: "y" },
                "expect-no-changes": { type: "boolean" },
                diff: { type: "boolean" },
                "show-secrets": { type: "boolean" },
                events: { type: "string" },
            },
        });
    } catch (error) {
        throw new UsageError(`${(error as Error).message}\n${USAGE}`);
    }
}

function parseParallel(text: string | undefined): number | undefined {
    if (text === undefined) {
        return undefined;
    }
    const number = Number(text);
    if (!Number.isInteger(number) || number < 1) {
        throw new UsageError(`--parallel: "${text}" is not a whole number from 1`);
    }
    return number;
}

function parseRefresh(text: string | undefined): boolean | undefined {
    if (text === undefined) {
        return undefined;
    }
    if (!["true", "false"].includes(text)) {
        throw new UsageError(`--refresh: "${text}" is neither true nor false`);
    }
    return text === "true";
}
