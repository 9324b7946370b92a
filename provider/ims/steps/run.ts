import * as crypto from "node:crypto";
import * as path from "node:path";
import { redact } from "../../http/redact";
import { duration } from "../../pulumi/duration";
import { isRecord } from "../../resource/unknown";
import { quote } from "../../process/quote";
import { playAnsible, type SessionAccess } from "./ansible";
import { regenerateInitrd } from "./initrd";
import type { ImageRoot, ShellOptions } from "./imageRoot";
import { changePackages } from "./packages";
import { stepTitle, type Step } from "./schema";

/** What a single quote becomes within single quotes: in bash, and in dash and BusyBox. */
const SHELL_QUOTES = ["'\\''", `'"'"'`] as const;

export interface RunOptions {
    readonly projectDir: string;
    readonly signal: AbortSignal;
    /** File name of the initrd in `/boot`. */
    readonly initrd: string;
    /** For steps without a limit of their own, in milliseconds. */
    readonly timeLimit: number;
    readonly progress: (text: string) => void;
    /** Something in the steps is secret: no value that was handed to one may be shown, should it print it. */
    readonly isSecret: boolean;
    /** For steps that another program takes. */
    readonly access: SessionAccess;
}

/** Takes the steps in their order; the first that fails ends it. */
export async function runSteps(steps: readonly Step[], root: ImageRoot, options: RunOptions): Promise<void> {
    for (const [index, step] of steps.entries()) {
        const title = stepTitle(step, index);
        options.progress(`${title} of ${steps.length}`);
        const { environment, timeLimit } = step;
        const hidden = options.isSecret ? valuesIn([environment, step.ansible?.variables]) : [];
        const clean = (text: string): string => redact(text, hidden);
        try {
            await runStep(step, root, options, {
                title,
                signal: options.signal,
                onLine: (line) => options.progress(clean(`${title}: ${line}`)),
                timeLimit: duration(timeLimit) ?? options.timeLimit,
                ...(environment ? { environment } : {}),
            });
        } catch (error) {
            if (error instanceof Error) error.message = clean(error.message);
            throw error;
        }
    }
}

/** All texts in a value as they are printed: those of several lines line by line, too, and as `set -x` quotes them. */
function valuesIn(value: unknown): string[] {
    if (typeof value === "string") {
        return [value, ...value.split("\n")].flatMap((text) => [
            text,
            ...SHELL_QUOTES.map((form) => text.replaceAll("'", form)),
        ]);
    }
    if (typeof value === "number") return [String(value)];
    if (Array.isArray(value)) return value.flatMap(valuesIn);
    return isRecord(value) ? Object.values(value).flatMap(valuesIn) : [];
}

async function runStep(step: Step, root: ImageRoot, options: RunOptions, shell: ShellOptions): Promise<void> {
    const local = (file: string): string => path.resolve(options.projectDir, file);
    if (step.run !== undefined) await root.shell(step.run, shell);
    else if (step.script !== undefined)
        await runScript(local(step.script), step.arguments ?? [], root, shell);
    else if (step.upload !== undefined && step.to !== undefined) {
        await root.shell(`mkdir -p ${quote(path.posix.dirname(step.to))}`, shell);
        await root.upload(local(step.upload), step.to, shell.signal);
    } else if (step.packages) await changePackages(step.packages, root, shell);
    else if (step.regenerateInitrd)
        await regenerateInitrd(step.regenerateInitrd, options.initrd, root, shell);
    else if (step.ansible) await playAnsible(step.ansible, local, { root, access: options.access, shell });
}

/** Runs a file by its own interpreter, from a folder of the image that is gone before the image is packed. */
async function runScript(
    file: string,
    args: readonly string[],
    root: ImageRoot,
    shell: ShellOptions,
): Promise<void> {
    const folder = `/tmp/.edge-os-${crypto.randomBytes(6).toString("hex")}`;
    const program = `${folder}/${path.basename(file)}`;
    await root.shell(`mkdir -m 700 ${folder}`, shell);
    try {
        await root.upload(file, program, shell.signal);
        await root.shell(`chmod 700 ${quote(program)}\n${[program, ...args].map(quote).join(" ")}`, shell);
    } finally {
        await root
            .tryShell(`rm -rf ${folder}`, { ...shell, title: `removing ${folder}` })
            .catch(() => undefined);
    }
}
