import type { ChangeSummary, StepEvent } from "./events";
import { deletePhase } from "./deletePhase";
import { Monitor } from "./monitor";
import { Operation, type OperationSettings } from "./operation";
import { Providers } from "./providers";
import { refreshAll } from "./refresh";
import { Registrations } from "./registration";
import type { ResourceState } from "./resource";
import { runProgram } from "./runner";
import { Steps } from "./steps";
import type { StackStore } from "./store";

/** What is done with the stack. */
export type DeploymentKind = "update" | "refresh" | "destroy";

/** How a deployment ended. */
export interface DeploymentResult {
    succeeded: boolean;
    interrupted: boolean;
    changes: ChangeSummary;
    /** The row of the stack, if there is one. */
    stack?: ResourceState;
    /** The stack's row before. */
    stackBefore?: ResourceState;
}

/** A deployment under way. */
export interface RunningDeployment {
    result: Promise<DeploymentResult>;
    /** Ends it: the first time after the running steps, the second time at once. */
    interrupt(): void;
}

// Providers get this long to end their own children before they are killed.
const GRACE_MILLISECONDS = 5000;

/** Starts a deployment (or the preview of one) on an opened state. */
export function startDeployment(
    kind: DeploymentKind,
    refreshFirst: boolean,
    settings: OperationSettings,
    store: StackStore,
): RunningDeployment {
    const operation = new Operation(settings, store);
    let providers: Providers | undefined;
    const run = async (): Promise<DeploymentResult> => {
        let registrations: Registrations | undefined;
        let steps: Steps | undefined;
        let afterProgram: Promise<void> | undefined;
        // Once: the SDK asks for it at the end of a good program, and one that ends without asking gets it too.
        const programEnded = (): Promise<void> =>
            (afterProgram ??= (async () => {
                await operation.settled();
                if (!operation.isCancelled && steps !== undefined) {
                    await deletePhase(operation, steps);
                }
            })());
        const monitor = new Monitor(operation, {
            registrations: () => {
                if (registrations === undefined) {
                    throw new Error("this operation runs no program");
                }
                return registrations;
            },
            ended: programEnded,
        });
        const started = Date.now();
        try {
            const address = await monitor.listen();
            providers = new Providers(operation, address);
            steps = new Steps(operation, providers);
            if (kind === "refresh" || refreshFirst) {
                await refresh(operation, providers, steps, store, kind === "refresh");
            }
            if (kind === "update" && !operation.isCancelled) {
                registrations = new Registrations(operation, providers, steps);
                providers.startEarly();
                await runProgram(operation, address);
            }
            if (kind !== "refresh") {
                await programEnded();
            }
        } catch (error) {
            operation.fail(error);
        }
        await operation.settled();
        providers?.close();
        monitor.close();
        return finish(operation, store, started);
    };
    let interrupts = 0;
    return {
        result: run(),
        interrupt() {
            interrupts++;
            if (interrupts > 1) {
                providers?.close("SIGINT");
                setTimeout(() => providers?.close("SIGKILL"), GRACE_MILLISECONDS).unref();
                return;
            }
            operation.report(
                "error",
                "interrupted: waiting for running operations to end; interrupt again to end them",
            );
            void providers?.cancel();
            operation.interrupt();
        },
    };
}

/** Reads all resources and goes on from what was found. Only in a refresh of its own the steps count as changes. */
async function refresh(
    operation: Operation,
    providers: Providers,
    steps: Steps,
    store: StackStore,
    counted: boolean,
): Promise<void> {
    const found = await refreshAll(operation, providers, steps);
    if (!counted) {
        for (const op of Object.keys(operation.changes) as (keyof ChangeSummary)[]) {
            delete operation.changes[op];
        }
    }
    if (found !== undefined) {
        store.rebase(found.rows, found.pending);
        operation.rebase();
    }
}

function finish(operation: Operation, store: StackStore, started: number): DeploymentResult {
    const stack = operation.applyStackOutputs();
    if (stack !== undefined) {
        const op = operation.decided.create.has(stack.urn) ? "create" : "same";
        const step: StepEvent = {
            op,
            urn: stack.urn,
            old: operation.old(stack.urn),
            new: stack,
            internal: false,
        };
        operation.emit({ kind: "outputs", step, planning: operation.dryRun });
    }
    store.fold();
    operation.emit({
        kind: "summary",
        changes: operation.changes,
        seconds: (Date.now() - started) / 1000,
        planning: operation.dryRun,
    });
    const stackRow = (row: ResourceState): boolean => row.type === "pulumi:pulumi:Stack";
    return {
        succeeded: !operation.failed,
        interrupted: operation.isInterrupted,
        changes: operation.changes,
        stack: stack ?? store.snapshot.rows().find(stackRow),
        stackBefore: operation.oldRows.find(stackRow),
    };
}
