import type { AliasSpec, Goal } from "./goal";
import { ResourceError, type Operation } from "./operation";
import type { ResourceState } from "./resource";
import { makeUrn, nameOf, typeOf } from "./urn";

/** Takes a URN for a resource of this run. */
export function claimUrn(operation: Operation, parent: string, type: string, name: string): string {
    if (parent !== "" && !operation.registered.has(parent)) {
        throw new Error(`could not find parent resource ${parent}`);
    }
    const urn = makeUrn(operation.settings, parent, type, name);
    if (operation.registered.has(urn)) {
        throw new ResourceError(urn, `Duplicate resource URN '${urn}'; try giving it a unique name`);
    }
    const successor = operation.renamedTo.get(urn);
    if (successor !== undefined) {
        throw new ResourceError(
            urn,
            `Duplicate resource URN '${urn}' conflicting with alias on resource with URN '${successor}'`,
        );
    }
    operation.registered.add(urn);
    return urn;
}

/** Finds the row that a resource has had: by its URN, or else by the first of its aliases that has one. */
export function findOldRow(operation: Operation, urn: string, goal: Goal): ResourceState | undefined {
    const own = operation.old(urn);
    if (own !== undefined) {
        return own;
    }
    for (const alias of aliasUrns(operation, goal)) {
        const row = operation.old(alias);
        if (row !== undefined) {
            if (operation.registered.has(alias) || operation.renamedTo.has(alias)) {
                throw new ResourceError(
                    urn,
                    `Duplicate resource alias '${alias}' applied to resource with URN '${urn}'`,
                );
            }
            operation.renamedTo.set(alias, urn);
            operation.formerUrn.set(urn, alias);
            return row;
        }
    }
    return undefined;
}

/** All URNs a resource may have had: its own aliases, those inherited from an aliased parent, and both together. */
function aliasUrns(operation: Operation, goal: Goal): string[] {
    const own = goal.aliases.map((alias) => aliasUrn(operation, goal, alias));
    const urns = new Set(own);
    const formerParent = operation.formerUrn.get(goal.parent);
    if (formerParent !== undefined) {
        for (const [type, name] of [[goal.type, goal.name] as const, ...own.map(typeAndName)]) {
            urns.add(
                makeUrn(
                    operation.settings,
                    formerParent,
                    type,
                    inheritedName(name, goal.parent, formerParent),
                ),
            );
        }
    }
    return [...urns];
}

function typeAndName(urn: string): readonly [string, string] {
    return [typeOf(urn), nameOf(urn)];
}

/** A child named after its parent had the parent's former name in its own. */
function inheritedName(name: string, parent: string, formerParent: string): string {
    const prefix = nameOf(parent);
    return name.startsWith(prefix) ? nameOf(formerParent) + name.slice(prefix.length) : name;
}

/** What an alias leaves out is as the resource has it now; a parent that was itself renamed counts by its old URN. */
function aliasUrn(operation: Operation, goal: Goal, alias: AliasSpec): string {
    if (alias.urn !== undefined && alias.urn !== "") {
        return alias.urn;
    }
    const { settings } = operation;
    const given = (value: string | undefined, otherwise: string): string =>
        value === undefined || value === "" ? otherwise : value;
    const named = given(alias.parent, "");
    const parent = named === "" ? goal.parent : (operation.formerUrn.get(named) ?? named);
    return makeUrn(
        { stack: given(alias.stack, settings.stack), project: given(alias.project, settings.project) },
        alias.noParent === true ? "" : parent,
        given(alias.type, goal.type),
        given(alias.name, goal.name),
    );
}
