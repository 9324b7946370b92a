import type * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { EmfTargetArgs } from "./args";

/** A region, and where in the tree it is. */
export interface RegionArgs extends EmfTargetArgs {
    /** Shown in EMF, at most 50 letters, digits, blanks and `- _ . / :`. Names need not be unique. Changed in place. */
    name: pulumi.Input<string>;
    /** Parent region (`region-…`); regions nest at most five levels deep. Changed in place. */
    parent?: pulumi.Input<string>;
    /**
     * Keys that all sites and hosts below inherit: lower-case letters, digits and `- _ .`, values of at most 63 such
     * characters. Only the keys given here are managed; others stay as they are. Changed in place.
     */
    metadata?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * Take over the one existing region of this name and parent instead of making a second one; where there is none,
     * it is created. A region of another Pulumi stack is refused. Default: false.
     */
    adopt?: pulumi.Input<boolean>;
}

/**
 * A region: a node in the tree that sites hang on. Its Pulumi id is EMF's (`region-…`). Deleting one that still has
 * regions or sites below it is refused, naming them.
 *
 * @example
 * ```ts
 * const north = new emf.Region("north", { name: "north", metadata: { country: "de" } });
 * const plants = new emf.Region("plants", { name: "plants", parent: north.resourceId });
 * ```
 */
export class Region extends EdgeResource {
    declare readonly name: pulumi.Output<string>;
    declare readonly parent: pulumi.Output<string | undefined>;
    declare readonly metadata: pulumi.Output<Record<string, string> | undefined>;
    /** EMF's id, `region-…`. */
    declare readonly resourceId: pulumi.Output<string>;
    /** Where EMF is, `https://api.<domain>`. */
    declare readonly endpoint: pulumi.Output<string>;
    /** EMF's id of the project. */
    declare readonly projectUid: pulumi.Output<string>;

    constructor(name: string, args: RegionArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "emf.Region", properties: PROPERTIES }, name, { ...args }, opts);
    }
}

const PROPERTIES = [
    "connection",
    "project",
    "endpoint",
    "projectUid",
    "name",
    "parent",
    "metadata",
    "adopt",
    "resourceId",
    "claim",
] as const;
