import type * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { EmfTargetArgs } from "./args";

/** A site, and where it is. */
export interface SiteArgs extends EmfTargetArgs {
    /** Shown in EMF, at most 50 letters, digits, blanks and `- _ . / :`. Names need not be unique. Changed in place. */
    name: pulumi.Input<string>;
    /** Region the site is in (`region-…`). Default: none. Changed in place. */
    regionId?: pulumi.Input<string>;
    /** Degrees north of the equator, −90 to 90. Changed in place. */
    latitude?: pulumi.Input<number>;
    /** Degrees east of Greenwich, −180 to 180. Changed in place. */
    longitude?: pulumi.Input<number>;
    /**
     * Keys that all hosts of the site inherit: lower-case letters, digits and `- _ .`, values of at most 63 such
     * characters. Only the keys given here are managed; others stay as they are. Changed in place.
     */
    metadata?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * Take over the one existing site of this name and region instead of making a second one; where there is none,
     * it is created. A site of another Pulumi stack is refused. Default: false.
     */
    adopt?: pulumi.Input<boolean>;
}

/**
 * A site: the place where hosts stand. Its Pulumi id is EMF's (`site-…`). Deleting one that still has hosts is
 * refused, naming them.
 *
 * @example
 * ```ts
 * const plant = new emf.Site("plant", { name: "plant", regionId: north.resourceId, latitude: 52.1, longitude: 9.1 });
 * ```
 */
export class Site extends EdgeResource {
    declare readonly name: pulumi.Output<string>;
    declare readonly regionId: pulumi.Output<string | undefined>;
    declare readonly latitude: pulumi.Output<number | undefined>;
    declare readonly longitude: pulumi.Output<number | undefined>;
    declare readonly metadata: pulumi.Output<Record<string, string> | undefined>;
    /** EMF's id, `site-…`. */
    declare readonly resourceId: pulumi.Output<string>;
    /** Where EMF is, `https://api.<domain>`. */
    declare readonly endpoint: pulumi.Output<string>;
    /** EMF's id of the project. */
    declare readonly projectUid: pulumi.Output<string>;

    constructor(name: string, args: SiteArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "emf.Site", properties: PROPERTIES }, name, { ...args }, opts);
    }
}

const PROPERTIES = [
    "connection",
    "project",
    "endpoint",
    "projectUid",
    "name",
    "regionId",
    "latitude",
    "longitude",
    "metadata",
    "adopt",
    "resourceId",
    "claim",
] as const;
