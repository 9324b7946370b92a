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

/** A name that the fleet has a resource for means that resource. */
function meant(given: Reference, named: Readonly<Record<string, Reference>>): Reference {
    return typeof given === "string" && Object.hasOwn(named, given) ? (named[given] ?? given) : given;
}

/** What an EdgeHost takes for it. */
export function idOf(
    given: Reference | undefined,
    named: Readonly<Record<string, Reference>> = {},
): pulumi.Input<string> | undefined {
    if (given === undefined) return undefined;
    const reference = meant(given, named);
    return isNamedResource(reference) ? reference.id : reference;
}

/** What is installed with an OS profile of the program. */
export function imageOf(
    given: Reference | undefined,
    named: Readonly<Record<string, Reference>> = {},
): NamedResource["sha256"] {
    if (given === undefined) return undefined;
    const reference = meant(given, named);
    return isNamedResource(reference) ? reference.sha256 : undefined;
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

/** One for all rows that say the same: a fleet has thousands of rows and a handful of names. */
const meanings = new WeakMap<NamedResource, Map<string, NamedResource>>();

function meaningOf(cell: string, own: NamedResource, name: pulumi.Output<string>): NamedResource {
    const known = meanings.get(own) ?? new Map<string, NamedResource>();
    meanings.set(own, known);
    const none = pulumi.output<string | undefined>(undefined);
    const meaning: NamedResource = known.get(cell) ?? {
        id: name.apply((text) => (text === cell ? own.id : pulumi.output(cell))),
        name: pulumi.output(cell),
        sha256: name.apply((text) => (text === cell ? (own.sha256 ?? none) : none)),
    };
    known.set(cell, meaning);
    return meaning;
}
