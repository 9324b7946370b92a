import type * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { EmfTargetArgs } from "./args";

/** An account, and the key it logs in with. */
export interface LocalAccountArgs extends EmfTargetArgs {
    /**
     * Name to log in with, unique in the project: a lower-case letter, then at most 31 of `a-z 0-9 -`. A change makes
     * a new account.
     */
    username: pulumi.Input<string>;
    /**
     * Public key, the line of the `.pub` file: ssh-ed25519 or ecdsa-sha2-nistp521 only, at most 800 characters. EMF
     * cannot change it: another key needs another username. A changed comment alone changes nothing.
     */
    sshKey: pulumi.Input<string>;
    /**
     * Take over an existing account of this name and key. While no host uses it, it is made again and gets a new
     * `resourceId`. Default: false.
     */
    adopt?: pulumi.Input<boolean>;
}

/**
 * An account that is set up on hosts when they are installed, for logging in over SSH. Its Pulumi id is
 * `<project uid>/<username>`. Deleting one that hosts still use leaves it in EMF, with a warning.
 *
 * @example
 * ```ts
 * const ops = new emf.LocalAccount("ops", {
 *     username: "ops",
 *     sshKey: fs.readFileSync("keys/ops.pub", "utf8"),
 * });
 * new emf.EdgeHost("till-1", { serial: "SN0001", osProfile: profile.resourceId, localAccount: ops.resourceId });
 * ```
 */
export class LocalAccount extends EdgeResource {
    declare readonly username: pulumi.Output<string>;
    /** As EMF has it. */
    declare readonly sshKey: pulumi.Output<string>;
    /** EMF's id, `localaccount-…`. */
    declare readonly resourceId: pulumi.Output<string>;
    /** Where EMF is, `https://api.<domain>`. */
    declare readonly endpoint: pulumi.Output<string>;
    /** EMF's id of the project. */
    declare readonly projectUid: pulumi.Output<string>;

    constructor(name: string, args: LocalAccountArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "emf.LocalAccount", properties: PROPERTIES }, name, { ...args }, opts);
    }
}

const PROPERTIES = [
    "connection",
    "project",
    "endpoint",
    "projectUid",
    "username",
    "sshKey",
    "adopt",
    "resourceId",
] as const;
