import type * as pulumi from "@pulumi/pulumi";

/** Which EMF a resource is in. */
export interface EmfTargetArgs {
    /**
     * A named block of the configuration `edge-os:connections`, for programs that serve several EMFs. Default: the
     * block `edge-os:emf`.
     */
    connection?: pulumi.Input<string>;
    /** EMF project. Default: the one of the settings. A resource cannot move to another project. */
    project?: pulumi.Input<string>;
}
