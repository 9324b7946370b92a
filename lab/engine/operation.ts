import { stripVTControlCharacters } from "node:util";
import { defaultParallel, limiter, mutex } from "./concurrency";
import type { ChangeSummary, DeploymentEvent, Severity, StepOp } from "./events";
import type { ProcessRecord } from "./orphans";
import type { ResourceState } from "./resource";
import type { Sdk } from "./sdk";
import type { Snapshot } from "./snapshot";
import type { PropertyMap } from "./values";

/** What one operation (an update, a refresh, a destroy, or the preview of one) is about. */
export interface OperationSettings {
    sdk: Sdk;
    project: string;
    stack: string;
    /** Folder of Pulumi.yaml. */
    root: string;
    /** Folder of the program. */
    pwd: string;
    entry: string;
    typescript: boolean;
    nodeArgs: readonly string[];
    config: Record<string, string>;
    secretKeys: readonly string[];
    dryRun: boolean;
    /** Steps at the same time; four for each processor if not given, as in the CLI. */
    parallel?: number;
    env: NodeJS.ProcessEnv;
    /** The Node.js that runs program and provider. */
    node: string;
    record: ProcessRecord;
    emit: (event: DeploymentEvent) => void;
}

/** The failure has been reported; only the run has to end. */
export class ReportedError extends Error {}

/** A failure that belongs to the row of a resource. */
export class ResourceError extends Error {
    constructor(
        readonly urn: string,
        message: string,
    ) {
        super(message);
    }
}

/** The organization of every stack of a file backend. */
export const ORGANIZATION = "organization";

/** What the parts of a running operation share: its settings, what has happened so far, and whether it goes on. */
export class Operation {
    readonly parallel: number;
    /** Runs check, diff and steps, a few at a time. Never wait inside it for {@link decide}. */
    readonly limited: <T>(task: () => Promise<T>) => Promise<T>;
    /** Decisions depend on each other, so they are taken one at a time. */
    readonly decide = mutex();

    /** URNs the program has registered or read. */
    readonly registered = new Set<string>();
    /** URNs by what has been decided about them. */
    readonly decided = {
        same: new Set<string>(),
        update: new Set<string>(),
        create: new Set<string>(),
        replace: new Set<string>(),
        read: new Set<string>(),
        delete: new Set<string>(),
    };
    /** Rows that a delete-first replacement has deleted, or will. */
    readonly deletedFirst = new Set<ResourceState>();
    /** The rows as this run has made them. */
    readonly current = new Map<string, ResourceState>();
    /** The URN a resource had before, by its URN now, and the other way round. */
    readonly formerUrn = new Map<string, string>();
    readonly renamedTo = new Map<string, string>();
    readonly changes: ChangeSummary = {};

    /** Something has gone wrong: the operation ends as failed. */
    failed = false;
    private cancelled = false;
    private byUser = false;
    private rows: readonly ResourceState[] = [];
    private live = new Map<string, ResourceState>();
    private stackOutputs: { urn: string; outputs: PropertyMap } | undefined;
    private readonly running = new Set<Promise<unknown>>();
    private readonly cancelListeners = new Set<() => void>();

    constructor(
        readonly settings: OperationSettings,
        /** The state; another one after a refresh. */
        readonly state: { readonly snapshot: Snapshot },
    ) {
        this.parallel = settings.parallel ?? defaultParallel();
        this.limited = limiter(this.parallel);
        this.rebase();
    }

    /** Takes the rows of the snapshot as those to compare with. */
    rebase(): void {
        this.rows = this.snapshot.base;
        this.live = new Map(this.rows.filter((row) => row.delete !== true).map((row) => [row.urn, row]));
    }

    get snapshot(): Snapshot {
        return this.state.snapshot;
    }

    get dryRun(): boolean {
        return this.settings.dryRun;
    }

    /** All rows at the beginning. */
    get oldRows(): readonly ResourceState[] {
        return this.rows;
    }

    /** The live row of a URN at the beginning. */
    old(urn: string): ResourceState | undefined {
        return this.live.get(urn);
    }

    /** Whether the operation is ending before its time. */
    get isCancelled(): boolean {
        return this.cancelled;
    }

    /** Whether the user has asked for the end. */
    get isInterrupted(): boolean {
        return this.byUser;
    }

    emit(event: DeploymentEvent): void {
        this.settings.emit(event);
    }

    /** Reports a message; an error makes the operation fail. */
    report(severity: Severity, message: string, urn?: string, ephemeral = false): void {
        if (severity === "error") {
            this.failed = true;
        }
        // The SDK colours the errors of programs whatever the output is.
        this.emit({
            kind: "diagnostic",
            severity,
            message: stripVTControlCharacters(message),
            urn,
            ephemeral,
        });
    }

    /** Reports an error once and ends the operation. */
    fail(error: unknown): void {
        if (!(error instanceof ReportedError)) {
            this.report(
                "error",
                error instanceof Error ? error.message : String(error),
                error instanceof ResourceError ? error.urn : undefined,
            );
        }
        this.failed = true;
        this.cancel();
    }

    count(op: StepOp): void {
        this.changes[op] = (this.changes[op] ?? 0) + 1;
    }

    /** Lets running steps finish and starts no more. */
    cancel(): void {
        if (!this.cancelled) {
            this.cancelled = true;
            for (const listener of [...this.cancelListeners]) {
                listener();
            }
        }
    }

    /** {@link cancel}, because the user wants so. */
    interrupt(): void {
        this.byUser = true;
        this.failed = true;
        this.cancel();
    }

    /** Calls back when the operation is cancelled; returns what takes the listener away. */
    onCancel(listener: () => void): () => void {
        this.cancelListeners.add(listener);
        return () => this.cancelListeners.delete(listener);
    }

    /** Counts the task as running until it ends: {@link settled} waits for it. */
    async track<T>(task: () => Promise<T>): Promise<T> {
        const running = task();
        this.running.add(running);
        try {
            return await running;
        } finally {
            this.running.delete(running);
        }
    }

    /** Waits until nothing that was tracked is running. */
    async settled(): Promise<void> {
        while (this.running.size > 0) {
            await Promise.allSettled([...this.running]);
        }
    }

    /** The program has said what the stack's outputs are; they take effect at the end of the operation. */
    setStackOutputs(urn: string, outputs: PropertyMap): void {
        this.stackOutputs = { urn, outputs };
    }

    /** Writes the stack's outputs into its row: those of a failed run over the old ones. Returns the row. */
    applyStackOutputs(): ResourceState | undefined {
        const row = this.stackOutputs && this.current.get(this.stackOutputs.urn);
        if (row !== undefined && this.stackOutputs !== undefined) {
            const before = this.failed ? (this.old(row.urn)?.outputs ?? {}) : {};
            row.outputs = { ...before, ...this.stackOutputs.outputs };
            this.snapshot.set(row);
        }
        return row;
    }
}
