import { EmfError } from "../errors";
import type { Kind } from "../inventory/columns";
import type { AnyRow } from "../inventory/rows";
import { listRows, readUint32, type ListRequest } from "../query/list";
import type { Call } from "./call";
import { TRUE, type Query } from "./validation";

/** Answers a list: the page under `collection`, each row as `present` shows it. */
export function answerList(
    { store, tenantId, query }: Call,
    kind: Kind,
    collection: string,
    present: (row: AnyRow) => unknown,
): Record<string, unknown> {
    const { rows, totalElements, hasNext } = listRows(store, kind, tenantId, readListRequest(query));
    return { [collection]: rows.map(present), totalElements, hasNext };
}

function readListRequest(query: Query): ListRequest {
    return {
        filter: parameter(query, "filter") ?? "",
        orderBy: parameter(query, "orderBy") ?? "",
        pageSize: readUint32("page_size", parameter(query, "pageSize")),
        offset: readUint32("offset", parameter(query, "offset")),
    };
}

/** A parameter by either of its spellings. The limits of the API description hold for the camel-case one only. */
export function parameter(query: Query, name: string): string | undefined {
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const values = query.get(name) ?? query.get(snake) ?? [];
    if (values.length > 1) {
        throw new EmfError("InvalidArgument", `too many values for field "${snake}": ${values.join(", ")}`);
    }
    return values[0];
}

/** A flag of the query; the API description has refused what is neither true nor false. */
export function flagParameter(query: Query, name: string): boolean {
    return TRUE.includes(parameter(query, name) ?? "");
}
