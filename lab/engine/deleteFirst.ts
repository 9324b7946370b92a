import { dependents } from "./graph";
import { ResourceError, type Operation } from "./operation";
import { inputsDuringReplacement, mustGoFirst } from "./planner";
import type { Providers } from "./providers";
import { isManaged, type ResourceState } from "./resource";
import type { Steps } from "./steps";

/**
 * The deletes that come before a delete-first replacement: of the dependents that cannot live while what they use is
 * replaced, last ones first.
 */
export async function deleteDependents(
    operation: Operation,
    providers: Providers,
    steps: Steps,
    root: ResourceState,
): Promise<(() => Promise<void>)[]> {
    const deletions: (() => Promise<void>)[] = [];
    for (const row of (await dependentsToReplace(operation, providers, root)).reverse()) {
        if (operation.deletedFirst.has(row)) {
            continue;
        }
        if (row.protect === true && row.delete !== true) {
            throw new ResourceError(
                root.urn,
                `unable to replace resource "${row.urn}" as part of replacing "${root.urn}" as it is currently ` +
                    "marked for protection.",
            );
        }
        operation.decided.delete.add(row.urn);
        operation.deletedFirst.add(row);
        deletions.push(() => steps.deleteReplaced(row, row.delete !== true));
    }
    return deletions;
}

async function dependentsToReplace(
    operation: Operation,
    providers: Providers,
    root: ResourceState,
): Promise<ResourceState[]> {
    const settled = new Set(Object.values(operation.decided).flatMap((urns) => [...urns]));
    settled.delete(root.urn);
    const replaced = new Set([root.urn]);
    const result: ResourceState[] = [];
    for (const row of dependents(operation.oldRows, root, settled)) {
        const inputs =
            isManaged(row) && row.external !== true ? inputsDuringReplacement(row, replaced) : undefined;
        if (inputs === undefined) {
            continue;
        }
        const provider = await providers.of(row);
        if (mustGoFirst(row, await provider.diff(row, inputs, row.ignoreChanges))) {
            replaced.add(row.urn);
            result.push(row);
        }
    }
    const bound = operation.oldRows.filter(
        (row) => row.delete !== true && row.replaceWith?.includes(root.urn),
    );
    return [...result, ...bound.filter((row) => !replaced.has(row.urn) && !settled.has(row.urn))];
}
