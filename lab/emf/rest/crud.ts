import type { Kind } from "../inventory/columns";
import type { AnyRow } from "../inventory/rows";
import type { Message } from "../inventory/rules";
import type { Call } from "./call";

/**
 * The row that the path names, or undefined when its id is of another kind. EMF does not check the kind of an id: such
 * a GET succeeds with an empty resource.
 */
export function getRow({ store, tenantId, path }: Call, kind: Kind): AnyRow | undefined {
    const found = store.locate(path.resourceId ?? "", tenantId);
    return found.kind === kind ? found.row : undefined;
}

/** Writes the row that the path names, whatever its kind. */
export function updateRow(
    call: Call,
    kind: Kind,
    message: Message,
    mask: readonly string[],
): AnyRow | undefined {
    const { resourceId } = call.store.locate(call.path.resourceId ?? "", call.tenantId).row;
    call.store.update(resourceId, kind, message, mask);
    return getRow(call, kind);
}

/** Deletes the row that the path names, whatever its kind. */
export function removeRow({ store, tenantId, path }: Call): Record<string, never> {
    const { row } = store.locate(path.resourceId ?? "", tenantId);
    store.delete(row.resourceId);
    return {};
}
