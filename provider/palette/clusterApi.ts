/*
 * The objects of Palette's API about edge clusters, as far as this package uses them. Everything is optional that the
 * API's description has as optional.
 */
import type { Architecture, Metadata } from "./api";

export const ENDPOINT_TYPES = ["VIP", "External", "DDNS", "IP"] as const;
export type EndpointType = (typeof ENDPOINT_TYPES)[number];

export const UPDATE_STRATEGIES = ["RollingUpdateScaleOut", "RollingUpdateScaleIn"] as const;
export const TAINT_EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"] as const;

export interface Nic {
    readonly nicName?: string;
    readonly ip?: string;
    readonly gateway?: string;
    readonly subnet?: string;
    readonly dns?: readonly string[] | null;
}

export interface Taint {
    readonly key?: string | undefined;
    readonly value?: string | undefined;
    readonly effect?: (typeof TAINT_EFFECTS)[number] | undefined;
}

export interface PoolHost {
    readonly hostUid: string;
    readonly hostName?: string;
    readonly nic?: Nic;
    /** Of a cluster of two nodes. */
    readonly twoNodeCandidatePriority?: "primary" | "secondary";
}

/** What a pool is, beside its hosts. */
export interface PoolConfig {
    readonly name: string;
    readonly isControlPlane: boolean;
    readonly size: number;
    readonly labels: readonly string[];
    readonly useControlPlaneAsWorker?: boolean;
    readonly additionalLabels?: Readonly<Record<string, string>>;
    readonly taints?: readonly Taint[];
    readonly updateStrategy?: { readonly type: (typeof UPDATE_STRATEGIES)[number] };
    readonly machinePoolProperties?: { readonly archType: Architecture };
}

export interface PoolRequest {
    readonly cloudConfig: { readonly edgeHosts: readonly PoolHost[] };
    readonly poolConfig: PoolConfig;
}

export interface ClusterConfig {
    readonly controlPlaneEndpoint?: {
        readonly host?: string;
        readonly type?: EndpointType;
        readonly ddnsSearchDomain?: string;
    };
    readonly ntpServers?: readonly string[] | null;
    readonly sshKeys?: readonly string[] | null;
    readonly staticIp?: boolean;
    readonly isTwoNodeCluster?: boolean;
    readonly overlayNetworkConfiguration?: { readonly enable?: boolean; readonly cidr?: string };
}

export interface VariableValue {
    readonly name: string;
    readonly value: string;
}

export interface ProfileUse {
    readonly uid: string;
    readonly replaceWithProfile?: string;
    readonly variables?: readonly VariableValue[];
}

export interface ClusterRequest {
    readonly metadata: Metadata & { readonly name: string };
    readonly spec: {
        readonly cloudConfig: ClusterConfig;
        readonly machinepoolconfig: readonly PoolRequest[];
        readonly profiles: readonly ProfileUse[];
    };
}

interface Condition {
    readonly type?: string;
    readonly status?: string;
    readonly reason?: string;
    readonly message?: string;
}

export interface ClusterRecord {
    readonly metadata: Metadata;
    readonly spec?: {
        readonly cloudType?: string;
        readonly cloudConfigRef?: { readonly uid?: string };
        readonly clusterProfileTemplates?:
            readonly { readonly uid?: string; readonly name?: string; readonly type?: string }[] | null;
    };
    /** Not there at first. */
    readonly status?: {
        /** `Pending`, `Provisioning`, `Running`, `Deleting`, `Deleted` … */
        readonly state?: string;
        readonly conditions?: readonly Condition[] | null;
        readonly spcApply?: {
            readonly canBeApplied?: boolean;
            readonly lastModifiedTime?: string;
            readonly patchAppliedTime?: string;
        };
        readonly repave?: { readonly state?: string };
    };
}

/** A cluster as searches list it. */
export interface ClusterSummary {
    readonly metadata: Metadata;
    readonly status?: {
        readonly state?: string;
        readonly health?: { readonly state?: string };
        readonly repave?: { readonly state?: string };
    };
}

export interface CloudConfigRecord {
    readonly spec?: {
        readonly clusterConfig?: ClusterConfig;
        readonly machinePoolConfig?:
            readonly (Partial<PoolConfig> & { readonly hosts?: readonly PoolHost[] | null })[] | null;
    };
}

/** Values of a profile's variables in a cluster; those of sensitive ones are masked. */
export interface ClusterVariables {
    readonly profileUid: string;
    readonly variables?:
        | readonly {
              readonly name: string;
              readonly value?: string;
              readonly defaultValue?: string;
              readonly isSensitive?: boolean;
          }[]
        | null;
}
