import { ReportedError, type Operation } from "./operation";
import { deleteLayers } from "./graph";
import { removals } from "./planner";
import { references, type ResourceState } from "./resource";
import { ProtectedError, type Steps } from "./steps";

/** Deletes what the program no longer has, and what has been replaced; what depends on others goes first. */
export async function deletePhase(operation: Operation, steps: Steps): Promise<void> {
    const { snapshot } = operation;
    const how = removals(operation.oldRows, {
        isDone: (row) => snapshot.isDone(row),
        isDeletedAlready: (row) => operation.deletedFirst.has(row),
        isRegistered: (urn) => isRegistered(operation, urn),
    });
    for (const row of how.keys()) {
        operation.decided.delete.add(row.urn);
    }
    // What a row needs that could not be deleted stays as well.
    const kept = new Set<string>();
    const keepNeedsOf = (row: ResourceState): void => references(row).forEach((urn) => kept.add(urn));

    const remove = async (row: ResourceState): Promise<void> => {
        if (kept.has(row.urn)) {
            keepNeedsOf(row);
        } else if (how.get(row) === "forget") {
            snapshot.done(row);
        } else if (how.get(row) === "delete-replaced") {
            await steps.deleteReplaced(row, false);
        } else {
            await steps.delete(row);
        }
    };
    for (const layer of deleteLayers(operation.oldRows, new Set(how.keys()))) {
        if (operation.isCancelled) {
            return;
        }
        await Promise.all(
            layer.map((row) =>
                remove(row).catch((error: unknown) => {
                    if (error instanceof ProtectedError) {
                        keepNeedsOf(row);
                    } else if (!(error instanceof ReportedError)) {
                        throw error;
                    }
                }),
            ),
        );
    }
}

function isRegistered(operation: Operation, urn: string): boolean {
    const now = operation.renamedTo.get(urn) ?? urn;
    const { same, update, replace, read } = operation.decided;
    return [same, update, replace, read].some((urns) => urns.has(now));
}
