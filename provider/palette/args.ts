import type * as pulumi from "@pulumi/pulumi";

/** Which Palette a resource is in; the defaults come from the stack's configuration and the environment. */
export interface PaletteArgs {
    /** A block of `edge-os:connections`. Default: `edge-os:palette`. */
    connection?: pulumi.Input<string>;
}

/** Which project of a Palette a resource is in. */
export interface PaletteProjectArgs extends PaletteArgs {
    /** Name of the project. Default: that of the settings, else `Default`. */
    project?: pulumi.Input<string>;
}
