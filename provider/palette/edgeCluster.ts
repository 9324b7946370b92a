import * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { PaletteProjectArgs } from "./args";
import { ClusterProfile } from "./clusterProfile";
import { EdgeHost } from "./edgeHost";

/** A cluster: its hosts, what runs on them, and how it changes. */
export interface EdgeClusterArgs extends PaletteProjectArgs {
    /**
     * Name of the cluster, 2 to 32 lower-case letters, digits and `-`. It cannot change while the cluster is there.
     */
    name: pulumi.Input<string>;
    /** Shown in the console. Changed in place. */
    description?: pulumi.Input<string>;
    /** Tags; `""` is one without a value. Only the keys given here are managed. Changed in place. */
    tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * What the cluster is made of: the profile with the operating system, and add-ons. Another version takes the place of
     * the one before in a single step; a change of its `system.uri` repaves all nodes, which the preview tells.
     */
    profiles: pulumi.Input<pulumi.Input<ClusterProfileUse>[]>;
    /** The hosts that carry the control plane: one, three or five. Changed in place. */
    controlPlane: pulumi.Input<ControlPlaneArgs>;
    /** Pools of worker nodes. Changed in place. */
    workers?: pulumi.Input<pulumi.Input<WorkerPoolArgs>[]>;
    /**
     * Where the control plane is reached. Default: a virtual address that Palette assigns, then shown as `endpointHost`. It
     * cannot change while the cluster is there.
     */
    controlPlaneEndpoint?: pulumi.Input<ControlPlaneEndpoint>;
    /** Time servers. Default: those of the hosts. Changed in place. */
    ntpServers?: pulumi.Input<pulumi.Input<string>[]>;
    /** Public keys of those who may log in to the nodes. Default: none. Changed in place. */
    sshKeys?: pulumi.Input<pulumi.Input<string>[]>;
    /** Range of an overlay network between the nodes. Default: none. It cannot change while the cluster is there. */
    overlayCidr?: pulumi.Input<string>;
    /** A cluster of two nodes that replace each other. Default: false. It cannot change while the cluster is there. */
    twoNode?: pulumi.Input<boolean>;
    /**
     * What happens when a change of profiles repaves all nodes: `allow` says so in the preview and does it; `refuse` fails
     * in the preview, and approves none that only Palette could see. A change of it alone changes nothing. Default:
     * `allow`.
     */
    repave?: pulumi.Input<"allow" | "refuse">;
    /**
     * Force a deletion that has been stuck for 15 minutes; hosts may need a reset after it. An up has to set it before the
     * deletion. Default: false.
     */
    forceDelete?: pulumi.Input<boolean>;
    /** Take over a cluster of this name. One of another Pulumi stack is refused. Default: false. */
    adopt?: pulumi.Input<boolean>;
    /**
     * The image that the nodes will run, where the same program makes the profile: the preview tells by it whether nodes are
     * repaved. Default: that of the profiles that are given as resources, else what Palette has of them.
     */
    systemUri?: pulumi.Input<string | undefined>;
}

/** A profile in a cluster. */
export interface ClusterProfileUse {
    /** `uid` of a {@link ClusterProfile}. */
    uid: pulumi.Input<string>;
    /** Values of the profile's variables. Give those of sensitive ones as secrets. Changed in place. */
    variables?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** What all pools have. */
export interface MachinePoolArgs {
    /** The hosts; their order does not matter. */
    hosts: pulumi.Input<pulumi.Input<ClusterHost>[]>;
    /** `amd64` or `arm64`. Default: `amd64`. */
    architecture?: pulumi.Input<"amd64" | "arm64">;
    /** Labels of the nodes. Default: none. */
    labels?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /** Taints of the nodes. Default: none. */
    taints?: pulumi.Input<pulumi.Input<NodeTaint>[]>;
    /** How nodes are replaced. Default: `RollingUpdateScaleOut`. */
    updateStrategy?: pulumi.Input<"RollingUpdateScaleOut" | "RollingUpdateScaleIn">;
}

/** The pool of the control plane. */
export interface ControlPlaneArgs extends MachinePoolArgs {
    /** Default: `control-plane`. */
    name?: pulumi.Input<string>;
    /** Its nodes carry workloads, too. Default: false. */
    alsoWorker?: pulumi.Input<boolean>;
}

/** A pool of worker nodes. */
export interface WorkerPoolArgs extends MachinePoolArgs {
    /** Name of the pool, once in a cluster. Another name is another pool. */
    name: pulumi.Input<string>;
}

/** A host in a pool. It can be in one pool of one cluster only. */
export interface ClusterHost {
    /**
     * Uid of the host, which must be `ready` when it joins: let the cluster depend on a `HostGate`. A cluster that is there
     * waits for hosts that have yet to pair, 30 minutes unless `customTimeouts` says otherwise.
     */
    uid: pulumi.Input<string>;
    /** Name of the node. Default: the host's. */
    name?: pulumi.Input<string>;
    /** A static address. All hosts of a cluster have one, or none. */
    network?: pulumi.Input<HostNetwork>;
}

/** The static address of a host. */
export interface HostNetwork {
    /** Address of the host, IPv4. */
    ip: pulumi.Input<string>;
    /** Network interface. Default: the host's default one. */
    nic?: pulumi.Input<string>;
    /** Address of the default gateway. */
    gateway?: pulumi.Input<string>;
    /** Such as `255.255.255.0`. */
    subnet?: pulumi.Input<string>;
    /** Addresses of name servers. */
    dns?: pulumi.Input<pulumi.Input<string>[]>;
}

/** A taint of nodes. */
export interface NodeTaint {
    /** As Kubernetes has it, such as `dedicated`. */
    key: pulumi.Input<string>;
    /** Default: none. */
    value?: pulumi.Input<string>;
    /** What happens to pods that do not tolerate it. */
    effect: pulumi.Input<"NoSchedule" | "PreferNoSchedule" | "NoExecute">;
}

/** Where the control plane is reached. */
export interface ControlPlaneEndpoint {
    /** `VIP` is an address that the nodes share; `External` is a load balancer of one's own; `DDNS` a name. */
    type: pulumi.Input<"VIP" | "External" | "DDNS" | "IP">;
    /** Address or name. Default: Palette assigns an address, for a `VIP` only. */
    host?: pulumi.Input<string>;
    /** Where a `DDNS` name is looked up. */
    searchDomain?: pulumi.Input<string>;
}

/** Pools in a program: hosts are given as resources, by their uids, or with more about them. */
type Host = EdgeHost | string | ClusterHost;
type Hosts = pulumi.Input<pulumi.Input<Host>[]>;

/** How a program gives a cluster: profiles and hosts as resources, or by their uids. */
export type EdgeClusterInput = Omit<EdgeClusterArgs, "profiles" | "controlPlane" | "workers"> & {
    /** {@link EdgeClusterArgs.profiles}: resources, or uids with values for variables. */
    profiles: (ClusterProfile | ClusterProfileUse)[];
    /** {@link EdgeClusterArgs.controlPlane} */
    controlPlane: Omit<ControlPlaneArgs, "hosts"> & { hosts: Hosts };
    /** {@link EdgeClusterArgs.workers} */
    workers?: (Omit<WorkerPoolArgs, "hosts"> & { hosts: Hosts })[];
};

/**
 * An edge-native cluster, made of hosts that have paired. Its Pulumi id is `<project uid>/<name>`. It waits for no node; a
 * {@link ClusterGate} does, for many at once. Hosts and profiles can change while it lives, in place; a node or profile
 * that was taken out behind the program's back shows at the next refresh and comes back with the next up.
 *
 * Deleting it deletes what runs on it, and waits until its hosts are free.
 *
 * @example
 * ```ts
 * const cluster = new palette.EdgeCluster("store-17", {
 *     name: "store-17",
 *     profiles: [profile],
 *     controlPlane: { hosts: tills, alsoWorker: true },
 *     controlPlaneEndpoint: { type: "VIP", host: "10.17.0.10" },
 * }, { dependsOn: up }); // a HostGate
 * ```
 */
export class EdgeCluster extends EdgeResource {
    declare readonly name: pulumi.Output<string>;
    /** Palette's own id of the cluster. */
    declare readonly uid: pulumi.Output<string>;
    /** Address or name of the control plane, also where Palette has assigned it. */
    declare readonly endpointHost: pulumi.Output<string | undefined>;
    /** The image that nodes run. */
    declare readonly systemUri: pulumi.Output<string | undefined>;
    /** Changes with what its nodes have to follow. */
    declare readonly revision: pulumi.Output<string>;
    /** Where Palette is. */
    declare readonly endpoint: pulumi.Output<string>;
    /** Palette's id of the project. */
    declare readonly projectUid: pulumi.Output<string>;

    constructor(name: string, args: EdgeClusterInput, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "palette.EdgeCluster", properties: PROPERTIES }, name, inputsOf(args), opts);
    }
}

function inputsOf(given: Partial<EdgeClusterInput>): pulumi.Inputs {
    const { profiles, controlPlane, workers, systemUri, ...rest } = given;
    const image = systemUri ?? imageOf(profiles ?? []);
    return {
        ...rest,
        ...(profiles === undefined ? {} : { profiles: profiles.map(useOf) }),
        ...(controlPlane === undefined ? {} : { controlPlane: withHosts(controlPlane) }),
        ...(workers === undefined ? {} : { workers: workers.map(withHosts) }),
        ...(image === undefined ? {} : { systemUri: image }),
    };
}

function useOf(profile: ClusterProfile | ClusterProfileUse): ClusterProfileUse {
    return profile instanceof ClusterProfile ? { uid: profile.uid } : profile;
}

/** Known in previews, unlike the uid of a profile that is not there yet. */
function imageOf(
    profiles: readonly (ClusterProfile | ClusterProfileUse)[],
): pulumi.Output<string | undefined> | undefined {
    const resources = profiles.filter((profile) => profile instanceof ClusterProfile);
    if (resources.length < profiles.length) return undefined;
    return pulumi.all(resources.map(({ systemUri }) => systemUri)).apply((uris) => uris.find(Boolean));
}

function withHosts<Pool extends { hosts: Hosts }>(
    pool: Pool,
): Omit<Pool, "hosts"> & Pick<MachinePoolArgs, "hosts"> {
    const { hosts } = pool;
    return {
        ...pool,
        hosts: Array.isArray(hosts)
            ? hosts.map(hostOf)
            : pulumi.output(hosts).apply((all) => all.map(hostOf)),
    };
}

function hostOf(host: pulumi.Input<Host>): pulumi.Input<ClusterHost> {
    if (host instanceof EdgeHost) return { uid: host.uid };
    // What an output holds is unwrapped already; a resource in it is still one.
    const known = pulumi.output(host as pulumi.Input<unknown>) as pulumi.Output<Host>;
    return known.apply((one): pulumi.Input<ClusterHost> => {
        if (typeof one === "string") return { uid: one };
        return one instanceof EdgeHost ? { uid: one.uid } : one;
    }) as pulumi.Output<ClusterHost>;
}

const PROPERTIES = [
    "connection",
    "project",
    "endpoint",
    "projectUid",
    "name",
    "description",
    "tags",
    "profiles",
    "controlPlane",
    "workers",
    "controlPlaneEndpoint",
    "ntpServers",
    "sshKeys",
    "overlayCidr",
    "twoNode",
    "repave",
    "forceDelete",
    "adopt",
    "systemUri",
    "revision",
    "uid",
    "endpointHost",
    "claim",
] as const;
