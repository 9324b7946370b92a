import { EmfError } from "../errors";
import type { Kind } from "../inventory/columns";
import type { AnyRow } from "../inventory/rows";
import type { EmfStore } from "../store";
import { compileFilter } from "./filter";
import { compileOrder } from "./order";

/** What a list request asks for. */
export interface ListRequest {
    readonly filter: string;
    readonly orderBy: string;
    /** 0: all rows. */
    readonly pageSize: number;
    readonly offset: number;
}

/** A page of rows. */
export interface Page {
    readonly rows: readonly AnyRow[];
    readonly totalElements: number;
    readonly hasNext: boolean;
}

/** The rows of a project that a list request asks for. */
export function listRows(store: EmfStore, kind: Kind, tenantId: string, request: ListRequest): Page {
    const found = filterRows(store, kind, tenantId, request.filter);
    const sorted = found.sort(compileOrder(kind, request.orderBy));
    const end = request.pageSize === 0 ? undefined : request.offset + request.pageSize;
    const rows = sorted.slice(request.offset, end);
    return { rows, totalElements: found.length, hasNext: request.offset + rows.length < found.length };
}

/** The rows of a project that a filter finds, in the order of their creation. */
export function filterRows(store: EmfStore, kind: Kind, tenantId: string, filter: string): AnyRow[] {
    const own = store.list(kind, tenantId) as unknown as AnyRow[];
    if (filter === "") return own;
    const wanted = compileFilter(store, kind, tenantId, filter);
    return own.filter((row) => wanted(row) === true);
}

/** Refuses what does not fit an unsigned 32-bit number, which is what the services read. */
export function readUint32(name: string, value: string | undefined): number {
    if (value === undefined) return 0;
    const number = /^\d+$/.test(value) ? Number(value) : NaN;
    if (number <= 0xffffffff) return number;
    const reason = `strconv.ParseUint: parsing "${value}": invalid syntax`;
    throw new EmfError("InvalidArgument", `type mismatch, parameter: ${name}, error: ${reason}`);
}
