import * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { PaletteArgs } from "./args";

/** A token, whom it is for and how long it lasts. */
export interface RegistrationTokenArgs extends PaletteArgs {
    /** Shown in the console. Names need not be unique. Changed in place. */
    name: pulumi.Input<string>;
    /** Shown in the console. Changed in place. */
    description?: pulumi.Input<string>;
    /**
     * When it expires: a date such as `2030-01-31` (its first moment, UTC) or a moment such as `2030-01-31T18:00:00Z`.
     * Either this or `validFor`. Changed in place.
     */
    expiry?: pulumi.Input<string>;
    /**
     * How long a value is good for, `90d` or `36h`, from the `up` that makes it. Once it has expired, the next `up` makes
     * a new one; see `rotateBefore`. Either this or `expiry`. Changed in place.
     */
    validFor?: pulumi.Input<string>;
    /**
     * How long before its expiry an `up` makes a new value, `14d`. Needs `validFor`. The new token is made first and the
     * old one deleted last, after everything that uses it was updated. Default: when it has expired.
     */
    rotateBefore?: pulumi.Input<string>;
    /** Another text makes a new value: replaces. */
    rotationTrigger?: pulumi.Input<string>;
    /**
     * Name of the project that hosts get into whose user-data names none. Default: none; hosts then need a project in
     * their user-data. Changed in place.
     */
    defaultProject?: pulumi.Input<string>;
    /** Whether hosts can register with it. Default: true. Changed in place. */
    active?: pulumi.Input<boolean>;
    /**
     * Take over a token of this name that is there already; there must be one only. One that another Pulumi stack
     * manages is refused. Default: false, which makes a new one: names need not be unique.
     */
    adopt?: pulumi.Input<boolean>;
}

/**
 * A registration token: what machines show when they first report to Palette. It belongs to the tenant, so the API key's
 * user must be a tenant administrator. Its value is a secret output.
 *
 * A token that was deactivated, changed or deleted behind the program's back shows at the next refresh, and the next up
 * repairs it. Deleting it keeps no paired host from working; machines that have not registered yet cannot any more.
 *
 * @example
 * ```ts
 * const token = new palette.RegistrationToken("stores", {
 *     name: "stores",
 *     defaultProject: "stores",
 *     validFor: "90d",
 *     rotateBefore: "14d",
 * });
 * ```
 */
export class RegistrationToken extends EdgeResource {
    declare readonly name: pulumi.Output<string>;
    /** The value itself; secret. */
    declare readonly token: pulumi.Output<string>;
    /** Palette's id of the token. */
    declare readonly tokenUid: pulumi.Output<string>;
    /** When it expires, as Palette writes moments. */
    declare readonly expiresAt: pulumi.Output<string>;
    declare readonly defaultProject: pulumi.Output<string | undefined>;
    declare readonly active: pulumi.Output<boolean>;
    /** Where Palette is. */
    declare readonly endpoint: pulumi.Output<string>;

    constructor(name: string, args: RegistrationTokenArgs, opts?: pulumi.CustomResourceOptions) {
        super(
            { kind: "palette.RegistrationToken", properties: PROPERTIES },
            name,
            { ...args },
            pulumi.mergeOptions(opts, { additionalSecretOutputs: ["token"] }),
        );
    }
}

const PROPERTIES = [
    "connection",
    "project",
    "endpoint",
    "projectUid",
    "name",
    "description",
    "expiry",
    "validFor",
    "rotateBefore",
    "rotationTrigger",
    "defaultProject",
    "active",
    "adopt",
    "issuedAt",
    "expiresAt",
    "tokenUid",
    "token",
    "claim",
] as const;
