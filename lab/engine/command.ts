import * as fs from "node:fs";
import type { RunningDeployment } from "./deployment";
import { createDisplay, type DisplayOptions } from "./display/display";
import type { ChangeSummary, EngineEvent } from "./events";
import { parseCommandLine, UsageError, type CommandLine } from "./options";
import {
    exportStack,
    runStack,
    type RunStackOptions,
    type RunStackResult,
    type StackOperation,
} from "./stack";

/** Exit codes, as the CLI has them since 3.25x (pkg/cmd/pulumi/cmd). */
export const ExitCodes = { success: 0, error: 1, usage: 2, changesNotExpected: 7 } as const;

/** What a command works with besides its arguments. */
export interface CommandContext {
    env: NodeJS.ProcessEnv;
    out: (text: string) => void;
    err: (text: string) => void;
    /** Why the embedded engine runs; shown in the first line. */
    reason?: string;
    terminal?: DisplayOptions["terminal"];
    /** Called with what interrupts the running deployment. */
    onStart?: (running: RunningDeployment) => void;
}

/** Runs a command line; returns the exit code. Nothing is thrown: failures are shown. */
export async function runCommand(args: readonly string[], context: CommandContext): Promise<number> {
    try {
        const options = parseCommandLine(args);
        if (options.command === "export") {
            const exported = exportStack({
                ...stackOptions(options, context),
                showSecrets: options.showSecrets,
            });
            context.out(`${JSON.stringify(exported, undefined, 4)}\n`);
            return ExitCodes.success;
        }
        return await runOperation(options, options.command, context);
    } catch (error) {
        context.err(`error: ${error instanceof Error ? error.message : String(error)}\n`);
        return error instanceof UsageError ? ExitCodes.usage : ExitCodes.error;
    }
}

async function runOperation(
    options: CommandLine,
    op: StackOperation,
    context: CommandContext,
): Promise<number> {
    const events = options.events === undefined ? undefined : fs.openSync(options.events, "w", 0o600);
    context.out(`The embedded engine runs${context.reason === undefined ? "" : `: ${context.reason}`}.\n`);
    const onEvent =
        events === undefined
            ? undefined
            : (event: EngineEvent): void => {
                  fs.writeSync(events, `${JSON.stringify(event)}\n`);
              };
    const run = (dryRun: boolean): Promise<RunStackResult> => runOnce(options, op, dryRun, onEvent, context);
    try {
        if (op !== "preview" && !options.skipPreview) {
            const preview = await run(true);
            if (!preview.succeeded) {
                return ExitCodes.error;
            }
        }
        const result = await run(op === "preview");
        if (!result.succeeded) {
            return ExitCodes.error;
        }
        if (options.expectNoChanges && hasChanges(result.changes)) {
            context.err("error: no changes were expected but changes were made\n");
            return ExitCodes.changesNotExpected;
        }
        return ExitCodes.success;
    } finally {
        if (events !== undefined) {
            fs.closeSync(events);
        }
    }
}

async function runOnce(
    options: CommandLine,
    op: StackOperation,
    dryRun: boolean,
    onEvent: ((event: EngineEvent) => void) | undefined,
    context: CommandContext,
): Promise<RunStackResult> {
    const display = createDisplay({
        op,
        dryRun,
        stack: options.stack,
        detailed: options.diff,
        write: context.out,
        terminal: context.terminal,
    });
    try {
        const result = await runStack({
            ...stackOptions(options, context),
            op,
            dryRun,
            parallel: options.parallel,
            refresh: options.refresh,
            onEvent,
            onDeploymentEvent: (event) => display.event(event),
            onStart: (running, info) => {
                context.onStart?.(running);
                display.start(info);
            },
        });
        display.end(result.deployment);
        return result;
    } finally {
        display.close();
    }
}

function stackOptions(
    options: CommandLine,
    context: CommandContext,
): Pick<RunStackOptions, "workDir" | "stack" | "stateDir" | "env"> {
    return { workDir: options.cwd, stack: options.stack, stateDir: options.state, env: context.env };
}

function hasChanges(changes: ChangeSummary): boolean {
    return Object.entries(changes).some(([op, count]) => op !== "same" && count > 0);
}
