import * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { PaletteProjectArgs } from "./args";

/** A host, and what is declared of it. */
export interface EdgeHostArgs extends PaletteProjectArgs {
    /**
     * The host's uid, `edge-lab1-01`: what the machine's user-data gives as `stylus.site.name`, or what its agent makes of
     * the machine's UUID ({@link edgeHostUid}). At most 128 characters without blanks and without
     * `/?#&+%,$~!@*(){}|=;:<>'.^"`. Unique in the whole tenant. Another uid is another host: replaces.
     */
    uid: pulumi.Input<string>;
    /** Shown in the console. Default: the uid, and what it is renamed to there. Changed in place. */
    name?: pulumi.Input<string>;
    /**
     * Labels, which the console calls tags; `""` is a tag without a value. Only the keys given here are managed. Changed
     * in place.
     */
    labels?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * `amd64` or `arm64`. Default: `amd64` at the registration, and then whatever the machine is. A change registers a
     * host anew that has not paired; a machine cannot change it.
     */
    architecture?: pulumi.Input<string>;
    /** Secret that the machine has to show when it pairs. Never read back. Changed in place; taken out, it is cleared. */
    pairingKey?: pulumi.Input<string>;
    /**
     * Remote shell by way of Palette. Default: off at the registration, and then not managed; taken out, it is switched
     * off. A refresh looks at hosts that have this one by one, since lists do not show it. Changed in place.
     */
    remoteShell?: pulumi.Input<boolean>;
    /** A temporary user for the remote shell, which has to be on. Default: false. Changed in place. */
    temporaryShellUser?: pulumi.Input<boolean>;
    /**
     * Take over a host that is registered already, by hand, by its agent or by another tool. One that another Pulumi stack
     * manages is refused. Default: false, which refuses both.
     */
    adopt?: pulumi.Input<boolean>;
    /**
     * Ask Palette to delete the host even while it is a member of a cluster. Default: false, which refuses and names the
     * clusters. It counts once an `up` has run with it. Changed in place.
     */
    force?: pulumi.Input<boolean>;
}

/**
 * An edge host in Palette, registered before its machine boots for the first time. It waits for no machine; a
 * {@link HostGate} does, for many at once. Its Pulumi id is its uid.
 *
 * A host that was deleted behind the program's back shows at the next refresh and is registered again by the next up.
 * Deleting it while a cluster uses it is refused, see `force`; one that its cluster is letting go is waited for.
 *
 * @example
 * ```ts
 * const till = new palette.EdgeHost("till-4", {
 *     uid: "edge-store17-till4",
 *     labels: { site: "store-17", spare: "" },
 * });
 * ```
 */
export class EdgeHost extends EdgeResource {
    declare readonly uid: pulumi.Output<string>;
    declare readonly name: pulumi.Output<string | undefined>;
    declare readonly labels: pulumi.Output<Record<string, string> | undefined>;
    declare readonly architecture: pulumi.Output<string | undefined>;
    declare readonly remoteShell: pulumi.Output<boolean | undefined>;
    /** Where Palette is. */
    declare readonly endpoint: pulumi.Output<string>;
    /** Palette's id of the project. */
    declare readonly projectUid: pulumi.Output<string>;

    constructor(name: string, args: EdgeHostArgs, opts?: pulumi.CustomResourceOptions) {
        super(
            { kind: "palette.EdgeHost", properties: PROPERTIES },
            name,
            { ...args, ...secretPairingKey(args) },
            opts,
        );
    }
}

/** Also one that was written into the program in clear does not get into the state in clear. */
function secretPairingKey({ pairingKey }: Partial<EdgeHostArgs>): { pairingKey?: pulumi.Output<string> } {
    return pairingKey === undefined ? {} : { pairingKey: pulumi.secret(pairingKey) };
}

const PROPERTIES = [
    "connection",
    "project",
    "endpoint",
    "projectUid",
    "uid",
    "name",
    "labels",
    "architecture",
    "pairingKey",
    "remoteShell",
    "temporaryShellUser",
    "adopt",
    "force",
    "claim",
] as const;
