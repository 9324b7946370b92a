import { ReportedError, type Operation } from "./operation";
import type { Providers } from "./providers";
import { isManaged, type PendingOperation, type ResourceState } from "./resource";
import { isProvider } from "./resource";
import { stamp, type Steps } from "./steps";
import { equal, keepSecrets } from "./values";

/** What a refresh has found: the rows that are still there, with what they are now. */
export interface Refreshed {
    rows: ResourceState[];
    pending: PendingOperation[];
}

/** Reads every resource; undefined when that failed or was cancelled, and the state stays as it was. */
export async function refreshAll(
    operation: Operation,
    providers: Providers,
    steps: Steps,
): Promise<Refreshed | undefined> {
    const found = await Promise.all(
        operation.oldRows.map((row) =>
            refreshRow(operation, providers, steps, row).catch((error: unknown) => {
                if (!(error instanceof ReportedError)) {
                    throw error;
                }
                return undefined;
            }),
        ),
    );
    await operation.settled();
    if (operation.isCancelled) {
        return undefined;
    }
    return {
        rows: withoutDanglingReferences(found.filter((row) => row !== undefined)),
        // Whether an interrupted create made something, no read can tell; it is kept as a warning.
        pending: operation.snapshot.leftPending.filter(({ type }) => type === "creating"),
    };
}

async function refreshRow(
    operation: Operation,
    providers: Providers,
    steps: Steps,
    old: ResourceState,
): Promise<ResourceState | undefined> {
    if (isProvider(old)) {
        return old;
    }
    let next: ResourceState | undefined = old;
    await steps.refresh(old, async () => {
        if (!isManaged(old) || old.pendingReplacement === true) {
            return { op: "same" };
        }
        next = await readRow(operation, providers, old);
        if (next === undefined) {
            return { op: "delete", next };
        }
        return { op: (await hasDrifted(providers, old, next)) ? "update" : "same", next };
    });
    return next;
}

async function readRow(
    operation: Operation,
    providers: Providers,
    old: ResourceState,
): Promise<ResourceState | undefined> {
    const provider = await providers.of(old);
    const result = await provider.read(
        old.urn,
        old.id ?? "",
        old.inputs,
        old.outputs,
        old.customTimeouts?.read,
    );
    if (result.id === "" || result.outputs === undefined) {
        return undefined;
    }
    if (result.initErrors !== undefined) {
        const reasons = result.initErrors.map((reason) => `\n* ${reason}`).join("");
        operation.report("warning", `Refreshed resource is in an unhealthy state:${reasons}`, old.urn);
    }
    const next: ResourceState = {
        ...old,
        id: result.id,
        initErrors: result.initErrors ?? [],
        inputs: keepSecrets(result.inputs ?? old.inputs, old.inputs),
        outputs: keepSecrets(result.outputs, old.outputs),
    };
    if (!equal(next.inputs, old.inputs) || !equal(next.outputs, old.outputs)) {
        stamp(next);
    }
    return next;
}

/** Asks the provider whether going back to the old inputs would be a change. */
async function hasDrifted(providers: Providers, old: ResourceState, next: ResourceState): Promise<boolean> {
    if (old.external === true) {
        return !equal(old.outputs, next.outputs);
    }
    const provider = await providers.of(old);
    return (await provider.diff(next, old.inputs, old.ignoreChanges)).changes;
}

/** The rows without references to those that have vanished. Property dependencies on nothing go too, as in the CLI. */
function withoutDanglingReferences(rows: ResourceState[]): ResourceState[] {
    const present = new Set<string>();
    const existing = (urns: string[] | undefined): string[] | undefined =>
        urns?.filter((urn) => present.has(urn));
    return rows.map((row) => {
        const byProperty = Object.entries(row.propertyDependencies ?? {})
            .map(([key, urns]) => [key, existing(urns) ?? []] as const)
            .filter(([, urns]) => urns.length > 0);
        const result: ResourceState = {
            ...row,
            dependencies: existing(row.dependencies),
            propertyDependencies: Object.fromEntries(byProperty),
            replaceWith: existing(row.replaceWith),
            deletedWith:
                row.deletedWith !== undefined && present.has(row.deletedWith) ? row.deletedWith : undefined,
        };
        present.add(row.urn);
        return result;
    });
}
