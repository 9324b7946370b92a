import type * as pulumi from "@pulumi/pulumi";
import type { EmfTargetArgs } from "../provider/emf/args";
import type { EdgeHostArgs } from "../provider/emf/edgeHost";
import type { ProvisioningGateArgs } from "../provider/emf/provisioningGate";

/** A resource of the program, where an id or a name could stand: an OsProfile, a Site, a LocalAccount. */
export interface NamedResource {
    /** Id of the resource, which hosts are given. */
    readonly id: pulumi.Output<string>;
    /** What cells of a CSV call it. */
    readonly name?: pulumi.Output<string>;
    /** Of an OS profile: what its image is, known before the profile is made. */
    readonly sha256?: pulumi.Output<string | undefined>;
}

/** A resource of the program, an id, or an exact name in EMF. */
export type Reference = pulumi.Input<string> | NamedResource;

/** What a host refers to. */
export interface HostReferences {
    /** OS profile to install. See EdgeHost. */
    osProfile?: Reference;
    /** Site the host stands at. See EdgeHost. */
    site?: Reference;
    /** Local account (SSH user) of the installation. See EdgeHost. */
    localAccount?: Reference;
    /** Custom configs (cloud-init) of the installation. See EdgeHost. */
    customConfigs?: Reference[];
}

/** What can be set for a host of a fleet: everything an EdgeHost takes, but what says which machine it is. */
export interface HostSettings
    extends
        HostReferences,
        Omit<
            EdgeHostArgs,
            "serial" | "uuid" | "connection" | "project" | "imageSha256" | keyof HostReferences
        > {
    /** Keys of the host itself. Added to the fleet's; the host's own value wins. */
    metadata?: Record<string, pulumi.Input<string>>;
}

/** A host of a fleet that is not listed in a CSV. */
export interface FleetHost extends HostSettings {
    /** Serial number of the machine. One of `serial` and `uuid` is needed. See EdgeHost. */
    serial?: string;
    /** UUID of the machine. See `serial`. */
    uuid?: string;
}

/**
 * How the waves of a fleet are waited for: what a ProvisioningGate takes beside its hosts. Its hosts are labelled by
 * their serial numbers in capitals, else their UUIDs.
 */
export interface FleetGateArgs extends Omit<
    ProvisioningGateArgs,
    "hosts" | "errorFile" | keyof EmfTargetArgs
> {
    /** How long a wave may take, for example `90m`. Default: `2h`. */
    timeLimit?: string;
}

/** The program's resources by what the cells of a CSV call them. */
export interface NamedResources {
    /** What OSProfile cells mean. A name that is not here is looked up in EMF. */
    osProfiles?: Readonly<Record<string, Reference>>;
    /** What Site cells mean. A name that is not here is looked up in EMF, where only one site may have it. */
    sites?: Readonly<Record<string, Reference>>;
    /** What RemoteUser cells mean. A name that is not here is looked up in EMF. */
    remoteUsers?: Readonly<Record<string, Reference>>;
    /** What the names in CloudInitMeta cells mean. A name that is not here is looked up in EMF. */
    cloudInits?: Readonly<Record<string, Reference>>;
}
