import { EmfError, duplicateKey } from "../errors";
import type { Edge, Kind, KindDefinition, UniqueIndex } from "./columns";
import { KINDS } from "./kinds";
import type { AnyRow } from "./rows";

/** The rows of one kind with the indexes that keep their constraints cheap in a fleet of thousands. */
export class Table {
    readonly #definition: KindDefinition;
    readonly #rows = new Map<string, AnyRow>();
    /** For each unique index: key → id. */
    readonly #keys = new Map<UniqueIndex, Map<string, string>>();
    /** For each edge: id of the target → ids of the rows that point to it. */
    readonly #pointers = new Map<string, Map<string, Set<string>>>();

    constructor(kind: Kind) {
        this.#definition = KINDS[kind];
        for (const index of this.#definition.unique) this.#keys.set(index, new Map());
        for (const [name, edge] of storedEdges(this.#definition)) {
            if (edge.reverseOf === undefined) this.#pointers.set(name, new Map());
        }
    }

    get(resourceId: string): AnyRow | undefined {
        return this.#rows.get(resourceId);
    }

    /** All rows in the order of their creation. */
    rows(): IterableIterator<AnyRow> {
        return this.#rows.values();
    }

    /** The rows whose `edge` points to `target`, in the order in which they came to do so. */
    pointingTo(edge: string, target: string): AnyRow[] {
        const ids = this.#pointers.get(edge)?.get(target) ?? new Set<string>();
        return [...ids].flatMap((id) => this.#rows.get(id) ?? []);
    }

    /** Adds or replaces a row; refused, with nothing changed, when it breaks a unique index. */
    put(row: AnyRow): void {
        this.#checkUnique(row);
        const previous = this.#rows.get(row.resourceId);
        if (previous) this.#unindex(previous);
        this.#rows.set(row.resourceId, row);
        this.#index(row);
    }

    remove(resourceId: string): void {
        const row = this.#rows.get(resourceId);
        if (!row) return;
        this.#unindex(row);
        this.#rows.delete(resourceId);
    }

    #checkUnique(row: AnyRow): void {
        for (const [index, keys] of this.#keys) {
            const key = keyOf(index, row);
            const holder = key === undefined ? undefined : keys.get(key);
            if (holder !== undefined && holder !== row.resourceId) throw duplicateKey(index.name);
        }
        for (const [name, edge] of storedEdges(this.#definition)) {
            const target = row[name];
            if (edge.exclusive === undefined || typeof target !== "string") continue;
            if (this.pointingTo(name, target).some((other) => other.resourceId !== row.resourceId)) {
                throw new EmfError(
                    "FailedPrecondition",
                    `constraint failed: one of [${target}] is already connected to a different ${edge.exclusive}`,
                );
            }
        }
    }

    #index(row: AnyRow): void {
        for (const [index, keys] of this.#keys) {
            const key = keyOf(index, row);
            if (key !== undefined) keys.set(key, row.resourceId);
        }
        for (const [name, targets] of this.#pointers) {
            for (const target of targetsOf(row, name)) {
                const ids = targets.get(target) ?? new Set();
                targets.set(target, ids.add(row.resourceId));
            }
        }
    }

    #unindex(row: AnyRow): void {
        for (const [index, keys] of this.#keys) {
            const key = keyOf(index, row);
            if (key !== undefined) keys.delete(key);
        }
        for (const [name, targets] of this.#pointers) {
            for (const target of targetsOf(row, name)) {
                const ids = targets.get(target);
                ids?.delete(row.resourceId);
                if (ids?.size === 0) targets.delete(target);
            }
        }
    }
}

/** The ids that `edge` of a row points to. */
export function targetsOf(row: AnyRow, edge: string): readonly string[] {
    const value = row[edge];
    if (typeof value === "string") return [value];
    return Array.isArray(value) ? (value as readonly string[]) : [];
}

/** The edges a row of this kind keeps itself. */
export function storedEdges(definition: KindDefinition): [string, Edge][] {
    return Object.entries(definition.edges).filter(([, edge]) => edge.reverseOf === undefined);
}

/** A row's key in a unique index; undefined when the row is exempt. */
function keyOf(index: UniqueIndex, row: AnyRow): string | undefined {
    if (index.whereUnset !== undefined && row[index.whereUnset] !== undefined) return undefined;
    const values = index.columns.map((column) => row[column]);
    if (values.includes(undefined)) return undefined;
    return JSON.stringify(index.global ? values : [row.tenantId, ...values]);
}
