import { EmfError } from "../errors";
import type { Kind } from "../inventory/columns";
import { KINDS, snakeCase } from "../inventory/kinds";
import type { AnyRow, FieldValue } from "../inventory/rows";

/** How two rows stand to each other. */
export type Order = (a: AnyRow, b: AnyRow) => number;

/** Reads an `orderBy` (AIP-132). Without one the order is that of the ids, which are random. */
export function compileOrder(kind: Kind, orderBy: string): Order {
    if (orderBy === "") return (a, b) => compare(a.resourceId, b.resourceId);
    const orders = orderBy.split(",").map((part) => compilePart(kind, trimBlanks(part)));
    return (a, b) => orders.reduce((result, order) => result || order(a, b), 0);
}

function compilePart(kind: Kind, part: string): Order {
    const descending = part.endsWith(" desc");
    const name = descending ? part.slice(0, -" desc".length) : part.replace(/ asc$/, "");
    if (name === "") throw new EmfError("InvalidArgument", "empty `order_by` field");
    const column = columnNamed(kind, toSnakeCase(name));
    const sign = descending ? -1 : 1;
    return (a, b) => sign * compare(a[column], b[column]);
}

function trimBlanks(text: string): string {
    return text.replace(/^ +| +$/g, "");
}

function columnNamed(kind: Kind, snake: string): string {
    const columns = ["resourceId", "tenantId", "createdAt", "updatedAt", ...Object.keys(KINDS[kind].columns)];
    const column = columns.find((name) => snakeCase(name) === snake);
    if (column === undefined) throw new EmfError("InvalidArgument", `unknown column \`${snake}\``);
    return column;
}

/** Snake case as EMF's library makes it: capitals together are one word, blanks and dots separate words. */
function toSnakeCase(name: string): string {
    return name
        .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
        .replace(/([A-Z])([A-Z][a-z])/g, "$1_$2")
        .replace(/[ .-]/g, "_")
        .toLowerCase();
}

/** Ascending; unset values last. Texts are ordered by their bytes, which for what EMF accepts is JavaScript's order. */
function compare(a: FieldValue | undefined, b: FieldValue | undefined): number {
    if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
    return a === b ? 0 : a < b ? -1 : 1;
}
