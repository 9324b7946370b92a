import type * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { PaletteProjectArgs } from "./args";
import { EdgeCluster } from "./edgeCluster";

/** A cluster to wait for. */
export interface GateCluster {
    /** Names the cluster in messages. */
    label: pulumi.Input<string>;
    /** Palette's id of the cluster. */
    uid: pulumi.Input<string>;
    /** `revision` of the {@link EdgeCluster}. Another one is another change to wait for. */
    revision?: pulumi.Input<string>;
}

/** What to wait for, and what may go wrong. */
export interface ClusterGateArgs extends PaletteProjectArgs {
    /** The clusters to wait for. A change of the list, or of a cluster in it, waits anew. */
    clusters: pulumi.Input<pulumi.Input<GateCluster>[]>;
    /**
     * How far they have to come: `running`, or `healthy`, which is running, healthy, and with all changes of profiles on
     * the nodes. Default: `healthy`.
     */
    until?: pulumi.Input<"running" | "healthy">;
    /** So many clusters may fail without failing the gate. Default: 0. */
    maxFailed?: pulumi.Input<number>;
    /**
     * What happens when clusters are not there at the time limit: `fail` fails the gate, `warn` goes on without them and
     * says which. A change of it alone changes nothing. Default: `fail`.
     */
    onTimeout?: pulumi.Input<"fail" | "warn">;
}

/** How a program gives a gate: clusters as resources, or one by one. */
export type ClusterGateInput = Omit<ClusterGateArgs, "clusters"> & {
    /** {@link ClusterGateArgs.clusters} */
    clusters: (EdgeCluster | GateCluster)[];
};

/**
 * Waits until many clusters have come up, or have followed a change, in one row, with one line of progress. What depends
 * on the gate starts when it is through. It waits when it is made and when its inputs change, else not at all. A gate that
 * fails leaves the clusters as they are, and the next up waits again. The time limit is 2 hours unless `customTimeouts`
 * says otherwise.
 *
 * @example
 * ```ts
 * const up = new palette.ClusterGate("stores-up", { clusters: [cluster] });
 * ```
 */
export class ClusterGate extends EdgeResource {
    declare readonly until: pulumi.Output<"running" | "healthy">;

    constructor(name: string, args: ClusterGateInput, opts?: pulumi.CustomResourceOptions) {
        const given: Partial<ClusterGateInput> = args;
        const { clusters, ...rest } = given;
        const inputs = { ...rest, ...(clusters === undefined ? {} : { clusters: clusters.map(clusterOf) }) };
        super({ kind: "palette.ClusterGate", properties: PROPERTIES }, name, inputs, opts);
    }
}

function clusterOf(cluster: EdgeCluster | GateCluster): GateCluster {
    if (!(cluster instanceof EdgeCluster)) return cluster;
    return { label: cluster.name, uid: cluster.uid, revision: cluster.revision };
}

const PROPERTIES = [
    "connection",
    "project",
    "endpoint",
    "projectUid",
    "clusters",
    "until",
    "maxFailed",
    "onTimeout",
] as const;
