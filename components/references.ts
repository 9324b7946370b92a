import * as pulumi from "@pulumi/pulumi";
import type { NamedResource, Reference } from "./fleetSettings";

/** Whether it is a resource of the program and not an id or a name. */
export function isNamedResource(given: Reference): given is NamedResource {
    return (
        typeof given === "object" &&
        !pulumi.Output.isInstance(given) &&
        !(given instanceof Promise) &&
        "id" in given
    );
}

/** What an EdgeHost takes for it: a name that the fleet has a resource for means that resource. */
export function idOf(
    given: Reference | undefined,
    named: Readonly<Record<string, Reference>> = {},
): pulumi.Input<string> | undefined {
    if (given === undefined) return undefined;
    const meant = typeof given === "string" && Object.hasOwn(named, given) ? (named[given] ?? given) : given;
    return isNamedResource(meant) ? meant.id : meant;
}

/**
 * What a cell means where the fleet has a value of its own: that one, when the cell is empty or calls it by its name;
 * else what the cell says.
 */
export function cellOr(
    cell: string | undefined,
    own: Reference | undefined,
    named: Readonly<Record<string, Reference>> = {},
): Reference | undefined {
    if (cell === undefined) return own;
    if (own === undefined || !isNamedResource(own) || own.name === undefined || Object.hasOwn(named, cell)) {
        return cell;
    }
    return meaningOf(cell, own, own.name);
}

/** One output for all rows that say the same: a fleet has thousands of rows and a handful of names. */
const meanings = new WeakMap<NamedResource, Map<string, pulumi.Output<string>>>();

function meaningOf(cell: string, own: NamedResource, name: pulumi.Output<string>): pulumi.Output<string> {
    const known = meanings.get(own) ?? new Map<string, pulumi.Output<string>>();
    meanings.set(own, known);
    const meaning = known.get(cell) ?? name.apply((text) => (text === cell ? own.id : pulumi.output(cell)));
    known.set(cell, meaning);
    return meaning;
}
