import { PALETTE_CLAIM_KEY } from "./claims";
import type { PaletteClient } from "./client";
import type { ClusterRecord, ClusterSummary } from "./clusterApi";
import type { ObservedCluster } from "./edgeClusterPlan";
import type { CallOptions, Scope } from "./transport";

type Project = Exclude<Scope, "tenant">;

/** Deleted clusters are shown for days. */
export function isTombstone({ status }: ClusterRecord | ClusterSummary): boolean {
    return status?.state === "Deleted";
}

/** Being deleted, or deleted already. */
export function isGoing(cluster: ClusterRecord | ClusterSummary): boolean {
    return cluster.status?.state === "Deleting" || isTombstone(cluster);
}

export function claimOf({ metadata }: ClusterRecord | ClusterSummary): string | undefined {
    return metadata.labels?.[PALETTE_CLAIM_KEY];
}

export function configUidOf({ spec }: ClusterRecord): string {
    return spec?.cloudConfigRef?.uid ?? "";
}

/** What else the cluster is, with the calls that it takes: configuration, pools, and variables. */
export async function observeCluster(
    uid: string,
    record: ClusterRecord,
    scope: Project,
    { clusters }: PaletteClient,
    options: CallOptions = {},
): Promise<ObservedCluster> {
    const [found, variables] = await Promise.all([
        clusters.config(configUidOf(record), scope, options),
        clusters.variables(uid, scope, options),
    ]);
    const { clusterConfig = {}, machinePoolConfig } = found?.spec ?? {};
    const { metadata, spec } = record;
    return {
        name: metadata.name ?? "",
        labels: metadata.labels ?? {},
        annotations: metadata.annotations ?? {},
        config: clusterConfig,
        pools: (machinePoolConfig ?? []).map(({ hosts, ...request }) => ({
            name: request.name ?? "",
            isControlPlane: request.isControlPlane === true,
            hosts: hosts ?? [],
            request,
        })),
        profiles: (spec?.clusterProfileTemplates ?? []).map((template) => {
            const ofProfile = variables.find(({ profileUid }) => profileUid === template.uid);
            return {
                ...{ uid: template.uid ?? "", name: template.name ?? "", type: template.type ?? "" },
                variables: (ofProfile?.variables ?? []).map(({ name, value, defaultValue, isSensitive }) => ({
                    ...{ name, value, defaultValue, isSensitive: isSensitive === true },
                })),
            };
        }),
    };
}
