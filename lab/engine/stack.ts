import * as fs from "node:fs";
import * as path from "node:path";
import { loadStackConfig, writeEncryptionSalt } from "./config";
import {
    startDeployment,
    type DeploymentKind,
    type DeploymentResult,
    type RunningDeployment,
} from "./deployment";
import { toEngineEvents } from "./engineEvents";
import type { ChangeSummary, DeploymentEvent, EngineEvent } from "./events";
import { checkStateDir, prepareStateDir, stackLayout, type StackLayout } from "./layout";
import { StackLock } from "./lock";
import { endOrphans, ProcessRecord } from "./orphans";
import { loadProject } from "./project";
import { refuseWhereHarmful } from "./refusal";
import { loadSdk } from "./sdk";
import { Crypter, passphraseFrom } from "./secrets";
import { StackStore } from "./store";
import { isSecret, reveal, type PropertyMap } from "./values";

/** What {@link runStack} does. */
export type StackOperation = "up" | "preview" | "refresh" | "destroy";

/** How {@link runStack} works on a stack. */
export interface RunStackOptions {
    op: StackOperation;
    /** The project's folder, or one below it. */
    workDir: string;
    stack: string;
    /** Folder whose `.pulumi` holds the state, in the layout of the CLI's file backend. */
    stateDir: string;
    /** Environment of program and provider, and where the passphrase is taken from. Default: the process's own. */
    env?: NodeJS.ProcessEnv;
    /** Steps at the same time. Default: four for each processor. */
    parallel?: number;
    /** Whether to read all resources first. Default: what `options.refresh` of Pulumi.yaml says. */
    refresh?: boolean;
    /** Only tell what would be done. `op: "preview"` is the preview of an `up`. */
    dryRun?: boolean;
    /** The Node.js for program and provider. Default: the running one. */
    node?: string;
    /** Ends the operation: the first abort lets running steps end. */
    signal?: AbortSignal;
    /** Called with events of the form of the Automation API's. */
    onEvent?: (event: EngineEvent) => void;
    /** Called with the engine's own events, which the display is made from. */
    onDeploymentEvent?: (event: DeploymentEvent) => void;
    /** Called when the operation can be interrupted. */
    onStart?: (running: RunningDeployment, info: StartInfo) => void;
}

/** What is known of a run at its start. */
export interface StartInfo {
    project: string;
    /** The state had to be completed from the journal of a killed run. */
    recovered: boolean;
    /** Processes of a killed run that were ended. */
    endedOrphans: number[];
}

/** A value of a stack's outputs. */
export interface OutputValue {
    value: unknown;
    secret: boolean;
}

/** How a run ended. */
export interface RunStackResult {
    succeeded: boolean;
    interrupted: boolean;
    changes: ChangeSummary;
    /** The stack's outputs; secrets in clear, marked as such. */
    outputs: Record<string, OutputValue>;
    deployment: DeploymentResult;
}

/** Runs one operation on a stack with the embedded engine. Failures of the program are in the result, not thrown. */
export async function runStack(options: RunStackOptions): Promise<RunStackResult> {
    const opened = openStack(options);
    const dryRun = options.dryRun === true || options.op === "preview";
    const lock = dryRun ? undefined : StackLock.acquire(opened.layout);
    // Only after the lock: what a running engine has started is not an orphan.
    const endedOrphans = endOrphans(opened.layout);
    const record = new ProcessRecord(opened.layout);
    let folded = false;
    try {
        // A state that cannot be opened (no passphrase, say) is as it was: only a journal keeps the lock.
        folded = !fs.existsSync(opened.layout.journal);
        const store = openStore(opened, dryRun);
        folded = true;
        const emit = eventSink(options, opened.config.values);
        const running = startDeployment(
            kindOf(options.op),
            options.refresh ?? opened.project.refreshAlways,
            {
                sdk: opened.sdk,
                stack: options.stack,
                project: opened.project.name,
                root: opened.project.root,
                pwd: opened.project.pwd,
                entry: opened.project.entry,
                typescript: opened.project.typescript,
                nodeArgs: opened.project.nodeArgs,
                config: opened.config.values,
                secretKeys: opened.config.secretKeys,
                dryRun,
                parallel: options.parallel,
                env: opened.env,
                node: options.node ?? process.execPath,
                record,
                emit,
            },
            store,
        );
        folded = false;
        options.signal?.addEventListener("abort", () => running.interrupt());
        options.onStart?.(running, {
            project: opened.project.name,
            recovered: store.recovered,
            endedOrphans,
        });
        const deployment = await running.result;
        folded = true;
        return {
            succeeded: deployment.succeeded,
            interrupted: deployment.interrupted,
            changes: deployment.changes,
            outputs: outputValues(deployment.stack?.outputs ?? {}),
            deployment,
        };
    } finally {
        record.close();
        // Held while there is an unfolded journal: the CLI must not open a state that is not up to date.
        if (folded) {
            lock?.release();
        }
    }
}

/** The state of a stack in the form of `pulumi stack export`. */
export function exportStack(
    options: Pick<RunStackOptions, "workDir" | "stack" | "stateDir" | "env"> & { showSecrets?: boolean },
): { version: number; deployment: unknown } {
    const opened = openStack({ ...options, op: "preview" });
    if (!fs.existsSync(opened.layout.checkpoint)) {
        throw new Error(
            `there is no stack "${options.stack}" of project ${opened.project.name} in ${options.stateDir}.`,
        );
    }
    const store = openStore(opened, true);
    return { version: 3, deployment: store.export(options.showSecrets === true) };
}

interface OpenedStack {
    project: ReturnType<typeof loadProject>;
    sdk: ReturnType<typeof loadSdk>;
    config: ReturnType<typeof loadStackConfig>;
    layout: StackLayout;
    env: NodeJS.ProcessEnv;
    passphrase: () => string;
}

function openStack(
    options: Pick<RunStackOptions, "workDir" | "stack" | "stateDir" | "env" | "op">,
): OpenedStack {
    const env = options.env ?? process.env;
    const stateDir = path.resolve(options.stateDir);
    checkStackName(options.stack);
    const project = loadProject(options.workDir);
    const passphrase = (): string => passphraseFrom(env, (file) => fs.readFileSync(file, "utf8"));
    const config = loadStackConfig(project, options.stack, passphrase);
    refuseWhereHarmful({
        env,
        stateDir,
        projectBackend: project.backend,
        config: config.values,
        secretKeys: config.secretKeys,
    });
    const layout = stackLayout(stateDir, project.name, options.stack);
    checkStateDir(layout);
    return { project, sdk: loadSdk(project.pwd), config, layout, env, passphrase };
}

function openStore(opened: OpenedStack, readOnly: boolean): StackStore {
    const crypters = new Map<string | undefined, Crypter>();
    const store = new StackStore(opened.layout, {
        version: `v${opened.sdk.version}`,
        readOnly,
        configSalt: opened.config.salt,
        crypter: (salt) => {
            const known = crypters.get(salt);
            if (known !== undefined) {
                return known;
            }
            const passphrase = opened.passphrase();
            const crypter = salt === undefined ? Crypter.create(passphrase) : Crypter.open(passphrase, salt);
            crypters.set(salt, crypter);
            return crypter;
        },
    });
    if (!readOnly) {
        prepareStateDir(opened.layout);
        if (opened.config.salt === undefined) {
            writeEncryptionSalt(opened.config.file, store.salt);
        }
    }
    return store;
}

function checkStackName(name: string): void {
    if (!/^[A-Za-z0-9_.-]{1,100}$/.test(name)) {
        throw new Error(
            `"${name}" is not a stack name: letters, digits, "-", "_" and "." are allowed, at most 100.`,
        );
    }
}

function kindOf(op: StackOperation): DeploymentKind {
    return op === "refresh" || op === "destroy" ? op : "update";
}

function eventSink(
    options: RunStackOptions,
    config: Record<string, string>,
): (event: DeploymentEvent) => void {
    const { onEvent, onDeploymentEvent } = options;
    const convert = onEvent && toEngineEvents(Object.keys(config), onEvent);
    return (event) => {
        onDeploymentEvent?.(event);
        convert?.(event);
    };
}

function outputValues(outputs: PropertyMap): Record<string, OutputValue> {
    return Object.fromEntries(
        Object.entries(outputs).map(([key, value]) => [
            key,
            { value: reveal(value), secret: isSecret(value) },
        ]),
    );
}
