import type * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { EmfTargetArgs } from "./args";

/** A machine, what is installed on it, and where it stands. */
export interface EdgeHostArgs extends EmfTargetArgs {
    /**
     * Serial number of the machine, 5 to 20 letters and digits. One of `serial` and `uuid` is needed; the one that
     * was missing may be filled in later, which changes nothing. Another value is another machine: replaces.
     */
    serial?: pulumi.Input<string>;
    /** UUID of the machine. See `serial`. Another value is another machine: replaces. */
    uuid?: pulumi.Input<string>;
    /**
     * Shown in EMF, at most 50 letters, digits, blanks and `- _ . / :`. Names need not be unique. Default: the
     * host's own id, as with orch-cli. Changed in place.
     */
    name?: pulumi.Input<string>;
    /** Site the host stands at: `site-…` or an exact name that only one site has. Default: none. Changed in place. */
    site?: pulumi.Input<string>;
    /**
     * Keys of the host itself: lower-case letters, digits and `- _ .`, values of at most 63 such characters. Only
     * the keys given here are managed. Changed in place.
     */
    metadata?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * OS profile to install: `os-…`, an exact name, or the `id` of an OsProfile. Default: the host is only registered.
     * A profile with the same image is relinked in place; any other one means a new installation, see `reimage`.
     */
    osProfile?: pulumi.Input<string>;
    /**
     * The `sha256` of the OS profile, where the same program makes the profile: a preview then tells whether another
     * profile erases the disk although it is not there yet. Kept nowhere; a HostFleet sets it by itself. Default: a
     * preview warns, and only the update can tell.
     */
    imageSha256?: pulumi.Input<string | undefined>;
    /**
     * `NONE` or `SECURE_BOOT_AND_FULL_DISK_ENCRYPTION`, which the OS profile must offer. Default: `NONE`, as with
     * orch-cli. A change means a new installation.
     */
    securityFeature?: pulumi.Input<string>;
    /** Local account (SSH user) of the installation: id or exact name. A change means a new installation. */
    localAccount?: pulumi.Input<string>;
    /** Custom configs (cloud-init) of the installation: ids or exact names. A change means a new installation. */
    customConfigs?: pulumi.Input<pulumi.Input<string>[]>;
    /** Size of the user's LVM volume in GB. EMF takes it at registration only: a change means a new installation. */
    lvmSizeGb?: pulumi.Input<number>;
    /**
     * Let the machine onboard as soon as it boots. Default: true, as with orch-cli. Later only a change to true has
     * an effect: an onboarded machine stays so.
     */
    autoOnboard?: pulumi.Input<boolean>;
    /** Provision Intel vPro (AMT). Default: false. Changed in place. */
    enableVpro?: pulumi.Input<boolean>;
    /** Another text asks for a new installation of an unchanged host; see `reimage`. */
    reimageToken?: pulumi.Input<string>;
    /**
     * `allow` lets a change erase the disk of a machine that is being or has been installed: it is deauthorized,
     * deleted and registered again, and installs itself when it next boots from the network. Default: `refuse`,
     * which fails in the preview. Machines with nothing on the disk (never booted, failed installation) need no
     * permission.
     */
    reimage?: pulumi.Input<string>;
    /**
     * Take over a machine that is registered already, by hand or by another tool. One that another Pulumi stack
     * manages is refused. Default: false, which refuses both.
     */
    adopt?: pulumi.Input<boolean>;
}

/**
 * A machine in EMF: registered by serial number and/or UUID, put at a site, and given an OS profile to install. It
 * does not wait for the machine; a {@link ProvisioningGate} does, for many at once. Its Pulumi id is the machine,
 * `<project uid>/<uuid, else serial>`; EMF's ids are outputs and change when the host is registered anew.
 *
 * Deleting it deletes the instance, then the host, and waits until both are gone. A host that was deleted behind
 * the program's back shows at the next refresh and is registered again by the next up. A missing instance is made
 * again; on a machine that has run already only with `reimage: "allow"`, by a new registration.
 *
 * @example
 * ```ts
 * const till = new emf.EdgeHost("till-4", { serial: "SN0004", site: "store-17", osProfile: profile.id });
 * ```
 */
export class EdgeHost extends EdgeResource {
    declare readonly serial: pulumi.Output<string | undefined>;
    declare readonly uuid: pulumi.Output<string | undefined>;
    declare readonly name: pulumi.Output<string | undefined>;
    /** EMF's id of the site. */
    declare readonly site: pulumi.Output<string | undefined>;
    declare readonly metadata: pulumi.Output<Record<string, string> | undefined>;
    /** EMF's id of the OS profile. */
    declare readonly osProfile: pulumi.Output<string | undefined>;
    declare readonly securityFeature: pulumi.Output<string | undefined>;
    /** EMF's id of the local account. */
    declare readonly localAccount: pulumi.Output<string | undefined>;
    /** EMF's ids of the custom configs. */
    declare readonly customConfigs: pulumi.Output<string[] | undefined>;
    /** EMF's id of the host, `host-…`. */
    declare readonly hostId: pulumi.Output<string>;
    /** EMF's id of the instance, `inst-…`; undefined without an OS profile. */
    declare readonly instanceId: pulumi.Output<string | undefined>;
    /** Where EMF is, `https://api.<domain>`. */
    declare readonly endpoint: pulumi.Output<string>;
    /** EMF's id of the project. */
    declare readonly projectUid: pulumi.Output<string>;

    constructor(name: string, args: EdgeHostArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "emf.EdgeHost", properties: PROPERTIES }, name, { ...args }, opts);
    }
}

const PROPERTIES = [
    "connection",
    "project",
    "endpoint",
    "projectUid",
    "serial",
    "uuid",
    "name",
    "site",
    "metadata",
    "osProfile",
    "imageSha256",
    "securityFeature",
    "localAccount",
    "customConfigs",
    "lvmSizeGb",
    "autoOnboard",
    "enableVpro",
    "reimageToken",
    "reimage",
    "adopt",
    "hostId",
    "instanceId",
    "claim",
] as const;
