import { PALETTE_CLAIM_KEY } from "../../provider/palette/claims";
import type { ClusterRecord, ClusterSummary, Nic, PoolHost } from "../../provider/palette/clusterApi";
import { edgeCluster } from "../../provider/palette/edgeCluster.handler";
import { CONTROL_PLANE, type ClusterInputs } from "../../provider/palette/edgeCluster.schema";
import { isGoing, isTombstone, observeCluster } from "../../provider/palette/edgeClusterObserve";
import {
    given,
    planCluster,
    type ObservedCluster,
    type ObservedPool,
    type ObservedUse,
} from "../../provider/palette/edgeClusterPlan";
import type { Args } from "./judge";
import { Names } from "./names";
import { ANY, faultOf, MANAGED, shownDescription, type PaletteScope, type Secrets } from "./paletteJudge";
import type { LeftOut, NamedPlan } from "./plan";

/** How the program spells what a cluster refers to: by its own resource, or by a uid. */
export interface Spelling {
    readonly secrets: Secrets;
    /** The resource; undefined for what the program does not have. */
    resource(kind: "hosts" | "profiles", uid: string): unknown;
    /** The uid of the resource, or as it is. */
    uid(kind: "hosts" | "profiles", uid: string): unknown;
}

/** As the resource's own check sees it. */
const PLAIN: Spelling = { secrets: ANY, resource: (_kind, uid) => ({ uid }), uid: (_kind, uid) => uid };

/** The edge clusters that a program can take over. */
export async function planClusters(
    scope: PaletteScope,
    spelling: Spelling,
    left: LeftOut[],
): Promise<NamedPlan[]> {
    const { client, project } = scope;
    const listed = await client.clusters.listed(project, { maxAge: 0 });
    const names = new Names();
    const planned: NamedPlan[] = [];
    for (const [uid, summary] of listed) {
        if (isTombstone(summary)) continue;
        const { name = "" } = summary.metadata;
        const record = await client.clusters.get(uid, project);
        if (!record) continue;
        const why = standingFault(summary, record);
        const verdict = why === undefined ? await judged(uid, record, scope) : { left: why };
        if ("left" in verdict) {
            left.push({ what: `cluster ${name} (${uid})`, why: verdict.left });
            continue;
        }
        const args = clusterArgs(verdict.observed, scope, spelling);
        planned.push({ id: uid, key: name, name: names.take(name, uid), args });
    }
    return planned;
}

function standingFault(summary: ClusterSummary, record: ClusterRecord): string | undefined {
    if (isGoing(summary) || isGoing(record)) return "it is being deleted";
    const { cloudType = "edge-native" } = record.spec ?? {};
    if (cloudType !== "edge-native") return `it is a cluster of ${cloudType}, and not of edge hosts`;
    return record.metadata.labels?.[PALETTE_CLAIM_KEY] === undefined ? undefined : MANAGED;
}

/** By the resource's own check and plan: taking it over may write nothing but the claim. */
async function judged(
    uid: string,
    record: ClusterRecord,
    scope: PaletteScope,
): Promise<{ observed: ObservedCluster } | { left: string }> {
    const { client, project } = scope;
    const observed = await observeCluster(uid, record, project, client);
    const args = clusterArgs(observed, scope, PLAIN);
    const fault = await faultOf(edgeCluster, args, scope);
    if (fault !== undefined) return { left: fault };
    const inputs = args as unknown as ClusterInputs;
    // As if the last run had written what nobody can read.
    const context = { claim: "", previous: inputs, wanted: new Map<string, never>() };
    const { steps, refused } = planCluster(observed, inputs, context);
    const writes = steps.map((step) => step.do).filter((step) => step !== "describe");
    if (refused !== undefined) return { left: refused };
    return writes.length > 0 ? { left: `taking it over would need: ${writes.join(", ")}` } : { observed };
}

function clusterArgs(observed: ObservedCluster, { target }: PaletteScope, spelling: Spelling): Args {
    const { name, config, pools, profiles } = observed;
    const { controlPlaneEndpoint: endpoint, overlayNetworkConfiguration: overlay } = config;
    const isStatic = config.staticIp === true;
    const primary = pools.find(({ isControlPlane }) => isControlPlane);
    const workers = pools.filter((pool) => pool !== primary);
    const poolOf = (pool: ObservedPool): Args => poolArgs(pool, isStatic, spelling);
    return {
        ...target,
        name,
        ...shownDescription(observed),
        profiles: profiles.map((use) => profileUse(use, name, spelling)),
        controlPlane: {
            ...(primary === undefined || primary.name === CONTROL_PLANE ? {} : { name: primary.name }),
            ...(primary ? poolOf(primary) : { hosts: [] }),
            ...(primary?.request.useControlPlaneAsWorker === true ? { alsoWorker: true } : {}),
        },
        ...(workers.length === 0
            ? {}
            : { workers: workers.map((pool) => ({ name: pool.name, ...poolOf(pool) })) }),
        ...(endpoint?.type === undefined
            ? {}
            : {
                  controlPlaneEndpoint: given({
                      ...{ type: endpoint.type, host: endpoint.host },
                      searchDomain: endpoint.ddnsSearchDomain,
                  }),
              }),
        ...given({ ntpServers: config.ntpServers, sshKeys: config.sshKeys }),
        ...(overlay?.enable === true ? given({ overlayCidr: overlay.cidr }) : {}),
        ...(config.isTwoNodeCluster === true ? { twoNode: true } : {}),
        adopt: true,
    };
}

function profileUse({ uid, variables }: ObservedUse, cluster: string, spelling: Spelling): unknown {
    const set = variables.filter(
        ({ value, defaultValue, isSensitive }) =>
            value !== undefined && (isSensitive || value !== defaultValue),
    );
    const resource = spelling.resource("profiles", uid);
    if (set.length === 0 && resource !== undefined) return resource;
    const values = set.map(({ name, value, isSensitive }) => [
        name,
        isSensitive ? spelling.secrets.take(cluster, name) : value,
    ]);
    return {
        uid: spelling.uid("profiles", uid),
        ...(values.length === 0 ? {} : { variables: Object.fromEntries(values) as Args }),
    };
}

function poolArgs({ hosts, request }: ObservedPool, isStatic: boolean, spelling: Spelling): Args {
    const { additionalLabels = {}, taints, updateStrategy, machinePoolProperties } = request;
    const strategy = updateStrategy?.type;
    return {
        hosts: hosts.map((host) => hostArgs(host, isStatic, spelling)),
        ...(machinePoolProperties?.archType === "arm64" ? { architecture: "arm64" } : {}),
        ...(Object.keys(additionalLabels).length === 0 ? {} : { labels: additionalLabels }),
        ...given({ taints: taints?.map(({ key, value, effect }) => given({ key, value, effect })) }),
        ...(strategy === undefined || strategy === "RollingUpdateScaleOut"
            ? {}
            : { updateStrategy: strategy }),
    };
}

function hostArgs({ hostUid, hostName = "", nic }: PoolHost, isStatic: boolean, spelling: Spelling): unknown {
    const network = isStatic ? networkArgs(nic ?? {}) : undefined;
    const isNamed = hostName !== "" && hostName !== hostUid;
    const resource = spelling.resource("hosts", hostUid);
    if (!network && !isNamed) return resource ?? hostUid;
    return {
        uid: spelling.uid("hosts", hostUid),
        ...(isNamed ? { name: hostName } : {}),
        ...(network ? { network } : {}),
    };
}

function networkArgs({ ip, nicName, gateway, subnet, dns }: Nic): Args {
    return given({ ip, nic: nicName, gateway, subnet, dns });
}
