import type * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";

/** A key, and what it is called in IMS. */
export interface PublicKeyArgs {
    /** A block of `edge-os:connections`. Default: `edge-os:ims`. */
    connection?: pulumi.Input<string>;
    /** Name of the record; names need not be unique. IMS cannot change it: a change makes a new record. */
    name: pulumi.Input<string>;
    /**
     * The public key, the one line of the `.pub` file, without `#` and `: ` in its comment. IMS cannot change it: a
     * change makes a new record.
     */
    publicKey: pulumi.Input<string>;
    /**
     * Use a record that has this key already, whatever its name; it stays when this resource is deleted. Without one, a
     * record is made. Default: false, which refuses a record of the same name and key.
     */
    adopt?: pulumi.Input<boolean>;
}

/**
 * A public key in IMS, for jobs that people or other tools start. `CustomizedImage` needs none: it makes a key for each
 * job, and removes it. A key of this resource is deleted for good, without a rest among the deleted ones; jobs under way
 * have their own copy.
 *
 * @example
 * ```ts
 * const operators = new ims.PublicKey("operators", {
 *     name: "operators public key",
 *     publicKey: fs.readFileSync("operators.pub", "utf8"),
 *     adopt: true,
 * });
 * ```
 */
export class PublicKey extends EdgeResource {
    declare readonly name: pulumi.Output<string>;
    declare readonly publicKey: pulumi.Output<string>;
    /** For `public_key_id` of a job. */
    declare readonly keyId: pulumi.Output<string>;
    /** Whether the record was there before. */
    declare readonly adopted: pulumi.Output<boolean>;
    /** Where the service is. */
    declare readonly endpoint: pulumi.Output<string>;

    constructor(name: string, args: PublicKeyArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "ims.PublicKey", properties: PROPERTIES }, name, { ...args }, opts);
    }
}

const PROPERTIES = ["connection", "name", "publicKey", "adopt", "endpoint", "keyId", "adopted"] as const;
