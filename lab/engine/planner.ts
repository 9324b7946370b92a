import type { StepOp } from "./events";
import { pathCovers } from "./paths";
import type { ResourceState } from "./resource";
import { mapValues, UNKNOWN, type PropertyMap } from "./values";

/** What the provider (or, for a component, the comparison of inputs) says of a row and its new inputs. */
export interface Diff {
    changes: boolean;
    /** The properties that can only be changed by a replacement. */
    replaces: string[];
    /** The properties that differ, where the provider names them. */
    changed: string[];
    deleteBeforeReplace: boolean;
}

/** The options of a registration that decide what is done. */
export interface PlanOptions {
    replaceOnChanges: readonly string[];
    replaceWith: readonly string[];
    /** Undefined leaves it to the provider. */
    deleteBeforeReplace?: boolean;
}

/** What is known when a registration is decided upon. */
export interface PlanInput {
    old: ResourceState | undefined;
    next: ResourceState;
    options: PlanOptions;
    diff: Diff | undefined;
    /** The old row was deleted earlier in this run, since something it depends on is replaced delete-first. */
    deletedEarlier: boolean;
    /** URNs replaced so far in this run. */
    replaced: ReadonlySet<string>;
}

/** What is to be done with a registered resource. */
export type Decision =
    | { kind: "create" }
    | { kind: "same" }
    | { kind: "update"; diff: Diff }
    /** What was read only becomes managed. */
    | { kind: "adopt" }
    /** The second half of a replacement whose deletion came first. */
    | { kind: "recreate" }
    | { kind: "replace"; diff: Diff; deleteFirst: boolean; alreadyDeleted: boolean; refused: boolean };

const INIT_ERROR_KEY = "#initerror";

/** Decides what is done with a resource that the program has registered. */
export function decide(input: PlanInput): Decision {
    const { old, next, options } = input;
    if (input.deletedEarlier) {
        return { kind: "recreate" };
    }
    if (old === undefined) {
        return { kind: "create" };
    }
    if (old.external === true) {
        return { kind: "adopt" };
    }
    const diff = effectiveDiff(input, old);
    if ((diff.changes && diff.replaces.length > 0) || old.pendingReplacement === true) {
        return {
            kind: "replace",
            diff,
            deleteFirst: options.deleteBeforeReplace ?? diff.deleteBeforeReplace,
            alreadyDeleted: old.pendingReplacement === true,
            refused: old.protect === true && next.protect === true,
        };
    }
    const unfinished = (old.initErrors ?? []).length > 0;
    return diff.changes || unfinished ? { kind: "update", diff } : { kind: "same" };
}

/** The provider's answer with what the options make of it. */
function effectiveDiff({ next, options, diff, replaced }: PlanInput, old: ResourceState): Diff {
    const given: Diff = diff ?? { changes: false, replaces: [], changed: [], deleteBeforeReplace: false };
    if (!old.provider !== !next.provider) {
        return { ...given, changes: true, replaces: ["provider"], changed: [] };
    }
    if (options.replaceWith.some((urn) => replaced.has(urn))) {
        return { ...given, changes: true, replaces: ["replaceWith"], changed: [] };
    }
    return withReplaceOnChanges(given, options.replaceOnChanges, (old.initErrors ?? []).length > 0);
}

/**
 * `replaceOnChanges` looks only at the properties that are named as changed. A dynamic provider that answers
 * `changes: true` names none, so there the option has no effect, in the CLI as here.
 */
function withReplaceOnChanges(diff: Diff, paths: readonly string[], unfinished: boolean): Diff {
    if (!diff.changes && !unfinished) {
        return diff;
    }
    const forced = paths.flatMap((path) => diff.changed.filter((key) => pathCovers(path, key)));
    const retried = unfinished && paths.some((path) => pathCovers(path, INIT_ERROR_KEY));
    return {
        ...diff,
        changes: diff.changes || retried,
        replaces: [...diff.replaces, ...forced, ...(retried ? [INIT_ERROR_KEY] : [])],
    };
}

/** The steps of a decision in order; `delete-replaced` of dependents come before these. */
export function stepsOf(decision: Decision): StepOp[] {
    switch (decision.kind) {
        case "create":
        case "same":
        case "update":
            return [decision.kind];
        case "recreate":
            return ["replace", "create-replacement"];
        case "adopt":
            return ["create-replacement", "replace"];
        case "replace":
            if (!decision.deleteFirst) {
                return ["create-replacement", "replace"];
            }
            return decision.alreadyDeleted
                ? ["replace", "create-replacement"]
                : ["delete-replaced", "replace", "create-replacement"];
    }
}

/**
 * The inputs of a dependent as they will be known while what it depends on is replaced: the properties that come from
 * a replaced resource are unknown. Undefined when none does.
 */
export function inputsDuringReplacement(
    row: ResourceState,
    replaced: ReadonlySet<string>,
): PropertyMap | undefined {
    const affected = (key: string): boolean =>
        (row.propertyDependencies?.[key] ?? []).some((urn) => replaced.has(urn));
    if (!Object.keys(row.inputs).some(affected)) {
        return undefined;
    }
    return mapValues(row.inputs, (value, key) => (affected(key) ? UNKNOWN : value));
}

/** Whether a dependent must be replaced too, from its diff against {@link inputsDuringReplacement}. */
export function mustGoFirst(row: ResourceState, diff: Diff): boolean {
    const forced = diff.changed.some((key) =>
        (row.replaceOnChanges ?? []).some((path) => pathCovers(path, key)),
    );
    return diff.replaces.length > 0 || (diff.changes && forced);
}

/** Why a row that the program has not registered leaves the state. */
export type Removal = "delete" | "delete-replaced" | "forget";

/** What happens to the rows that are left when the program has ended. */
export function removals(
    rows: readonly ResourceState[],
    facts: {
        /** The row was taken over, replaced or deleted by a step already. */
        isDone: (row: ResourceState) => boolean;
        /** The delete of a replaced row was part of the replacement. */
        isDeletedAlready: (row: ResourceState) => boolean;
        /** The URN, or what it has become by an alias, was registered. */
        isRegistered: (urn: string) => boolean;
    },
): Map<ResourceState, Removal> {
    const result = new Map<ResourceState, Removal>();
    for (const row of rows) {
        if (row.delete === true) {
            if (!facts.isDeletedAlready(row)) {
                result.set(row, "delete-replaced");
            }
        } else if (!facts.isDone(row) && !facts.isRegistered(row.urn)) {
            // A row with a pending replacement was deleted by an earlier run; there is nothing left to delete.
            result.set(row, row.pendingReplacement === true ? "forget" : "delete");
        }
    }
    return result;
}
