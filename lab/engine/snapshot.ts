import type { PendingKind, PendingOperation, ResourceState } from "./resource";

/** One change of a {@link Snapshot}. Rows are named by a key: `b<n>` those it began with, `n<n>` later ones. */
export type Mutation =
    | { kind: "begin"; key: string; operation: PendingKind; row: ResourceState }
    | { kind: "end"; key: string }
    | { kind: "new"; key: string; row: ResourceState }
    | { kind: "set"; key: string; row: ResourceState }
    | { kind: "done"; key: string };

/**
 * The state of a stack while an operation runs: the rows it began with and those that the operation has finished.
 * Every change is one {@link Mutation}; the same mutations on the same beginning give the same state.
 */
export class Snapshot {
    private readonly finished: ResourceState[] = [];
    private readonly superseded = new Set<ResourceState>();
    private readonly inFlight = new Map<ResourceState, PendingKind>();
    private readonly keys = new Map<ResourceState, string>();
    private readonly byKey = new Map<string, ResourceState>();
    private created = 0;
    private together: Mutation[] | undefined;

    constructor(
        /** The rows at the beginning, deleted-but-present ones included. */
        readonly base: readonly ResourceState[],
        /** Operations that an earlier run left unfinished. */
        readonly leftPending: readonly PendingOperation[],
        /** Gets the mutations that belong together: all of them, or after a crash none, have happened. */
        private readonly recordAll?: (mutations: readonly Mutation[]) => void,
    ) {
        base.forEach((row, index) => this.name(row, `b${index}`));
    }

    /** What `change` does is one change: a crash leaves all of it or nothing. */
    atomically(change: () => void): void {
        this.together = [];
        try {
            change();
        } finally {
            const mutations = this.together;
            this.together = undefined;
            if (mutations.length > 0) {
                this.recordAll?.(mutations);
            }
        }
    }

    /** An operation on the outside world begins: if the run dies now, the state says so. */
    begin(operation: PendingKind, row: ResourceState): void {
        this.inFlight.set(row, operation);
        this.record({ kind: "begin", key: this.keyOf(row), operation, row });
    }

    /** The operation has ended, well or not. */
    end(row: ResourceState): void {
        if (this.inFlight.delete(row)) {
            this.record({ kind: "end", key: this.keyOf(row) });
        }
    }

    /** A row has come to be. */
    add(row: ResourceState): void {
        this.finished.push(row);
        this.record({ kind: "new", key: this.keyOf(row), row });
    }

    /** The fields of a row have changed. */
    set(row: ResourceState): void {
        this.record({ kind: "set", key: this.keyOf(row), row });
    }

    /** A row is no longer part of the state. */
    done(row: ResourceState): void {
        this.superseded.add(row);
        this.record({ kind: "done", key: this.keyOf(row) });
    }

    /** Whether {@link done} was said of the row. */
    isDone(row: ResourceState): boolean {
        return this.superseded.has(row);
    }

    /** The rows as they stand now: finished ones in the order of their completion, then the untouched ones. */
    rows(): ResourceState[] {
        return [...this.finished, ...this.base].filter((row) => !this.superseded.has(row));
    }

    /** The operations in flight now. */
    pending(): PendingOperation[] {
        return [...this.inFlight].map(([resource, type]) => ({ resource, type }));
    }

    /** Repeats a mutation that another snapshot with the same beginning recorded. */
    apply(mutation: Mutation): void {
        switch (mutation.kind) {
            case "begin":
                this.begin(mutation.operation, this.named(mutation.key, mutation.row));
                break;
            case "end":
                this.withRow(mutation.key, (row) => this.end(row));
                break;
            case "new":
                this.add(this.named(mutation.key, mutation.row));
                break;
            case "set":
                this.withRow(mutation.key, (row) => {
                    overwrite(row, mutation.row);
                    this.set(row);
                });
                break;
            case "done":
                this.withRow(mutation.key, (row) => this.done(row));
        }
    }

    private record(mutation: Mutation): void {
        if (this.together === undefined) {
            this.recordAll?.([mutation]);
        } else {
            this.together.push(mutation);
        }
    }

    private withRow(key: string, action: (row: ResourceState) => void): void {
        const row = this.byKey.get(key);
        if (row !== undefined) {
            action(row);
        }
    }

    /** The row of a key with these fields; a row of that key keeps its identity. */
    private named(key: string, row: ResourceState): ResourceState {
        const known = this.byKey.get(key);
        if (known === undefined) {
            this.name(row, key);
            return row;
        }
        overwrite(known, row);
        return known;
    }

    private name(row: ResourceState, key: string): void {
        this.keys.set(row, key);
        this.byKey.set(key, row);
    }

    private keyOf(row: ResourceState): string {
        let key = this.keys.get(row);
        if (key === undefined) {
            key = `n${this.created++}`;
            this.name(row, key);
        }
        return key;
    }
}

function overwrite(target: ResourceState, source: ResourceState): void {
    if (target !== source) {
        for (const field of Object.keys(target)) {
            delete (target as unknown as Record<string, unknown>)[field];
        }
        Object.assign(target, source);
    }
}
