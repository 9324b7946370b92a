import type { ClusterHost, EdgeCluster } from "../store";
import {
    newRecord,
    projectOf,
    shownMetadata,
    visible,
    type Call,
    type Metadata,
    type PaletteService,
} from "./call";
import { stateOf } from "./edgeHosts";
import { invalid, notFound, PaletteError } from "./errors";

const KIND = "SpectroCluster";

interface PoolInput {
    cloudConfig?: { edgeHosts?: ClusterHost[] };
    poolConfig?: { name?: string; isControlPlane?: boolean; size?: number };
}

interface ProfileInput {
    uid?: string;
    replaceWithProfile?: string;
    variables?: { name: string; value?: string }[];
}

interface Request {
    metadata?: Metadata;
    spec?: {
        cloudConfig?: { controlPlaneEndpoint?: { host?: string; type?: string } };
        machinepoolconfig?: PoolInput[];
        /** CanvOS' own script spells it so, and the server takes it. */
        machinePoolConfig?: PoolInput[];
        profiles?: ProfileInput[];
    };
}

export function create(call: Call): object {
    const { service } = call;
    const { store } = service;
    const project = projectOf(call);
    const { metadata = {}, spec = {} } = call.body as Request;
    const pools = (spec.machinepoolconfig ?? spec.machinePoolConfig ?? []).map(poolOf);
    for (const { hostUid } of pools.flatMap(({ hosts }) => hosts)) {
        const host = store.edgeHosts.get(hostUid);
        if (host?.projectUid !== project.uid) throw notFound("EdgeHostDevice", hostUid);
        if (stateOf(host) !== "ready") throw invalid(`edge host '${hostUid}' is not ready`);
    }
    const { host = "", type = "VIP" } = spec.cloudConfig?.controlPlaneEndpoint ?? {};
    const cluster = store.clusters.put({
        ...newRecord(store, metadata, project.uid),
        ...{ state: "Provisioning", until: store.now() + service.clusterPaceMs, healthy: false, pools },
        // An address that is not given is assigned.
        endpoint: { host: host === "" ? "10.0.0.100" : host, type },
        profiles: (spec.profiles ?? []).map((profile) => profileOf(service, profile)),
    });
    for (const { hostUid } of pools.flatMap(({ hosts }) => hosts)) assign(service, hostUid, cluster.uid);
    return { uid: cluster.uid };
}

/** Deleted ones are still answered for days, with the state `Deleted`. */
export function get(call: Call): object {
    const { service } = call;
    const cluster = visible(call, KIND, service.store.clusters);
    const { state, applicableAt, endpoint } = cluster;
    const canBeApplied = applicableAt === undefined || applicableAt <= service.store.now();
    return {
        metadata: shownMetadata(cluster),
        spec: { cloudType: "edge-native", clusterProfileTemplates: templatesOf(service, cluster) },
        status: { state, spcApply: { canBeApplied }, apiEndpoints: [{ host: endpoint.host, port: 6443 }] },
    };
}

export function overview(call: Call): object {
    const cluster = visible(call, KIND, call.service.store.clusters);
    const health = cluster.healthy ? { health: { state: "Healthy" } } : {};
    return { metadata: shownMetadata(cluster), status: { state: cluster.state, ...health } };
}

export function listProfiles(call: Call): object {
    const { service } = call;
    const { profiles } = visible(call, KIND, service.store.clusters);
    return {
        profiles: profiles.map(({ uid }) => {
            const { name = "", type = "", cloudType = "" } = service.store.profiles.get(uid) ?? {};
            return { metadata: { uid, name }, spec: { type, cloudType } };
        }),
    };
}

/** A profile takes the place of the one it names, of the one it is, or comes to the others. */
export function patchProfiles(call: Call): void {
    const { service } = call;
    const { store } = service;
    const cluster = visible(call, KIND, store.clusters);
    const profiles = [...cluster.profiles];
    for (const input of (call.body as { profiles: ProfileInput[] }).profiles) {
        const former = input.replaceWithProfile ?? input.uid;
        const at = profiles.findIndex(({ uid }) => uid === former);
        if (at < 0 && input.replaceWithProfile !== undefined) throw notFound("ClusterProfile", former ?? "");
        profiles.splice(at < 0 ? profiles.length : at, 1, profileOf(service, input));
    }
    const applicableAt = store.now() + service.clusterPaceMs;
    store.clusters.put({ ...cluster, profiles, applicableAt, changedAt: store.time() });
}

export function remove(call: Call): void {
    const { service, query } = call;
    const { store } = service;
    const cluster = visible(call, KIND, store.clusters);
    if (cluster.state === "Deleted") throw notFound(KIND, cluster.uid);
    const isForced = query.get("forceDelete") === "true";
    if (isForced && cluster.state !== "Deleting") {
        throw new PaletteError(
            400,
            "ClusterNotDeleting",
            "only a cluster that is being deleted can be forced",
        );
    }
    const until = isForced ? store.now() : store.now() + service.clusterPaceMs;
    store.clusters.put({ ...cluster, state: "Deleting", until, healthy: false, changedAt: store.time() });
    settleClusters(service);
}

/** Moves every cluster on to the state it has by now. */
export function settleClusters(service: PaletteService): void {
    const { store } = service;
    for (const cluster of store.clusters.list()) {
        if (cluster.until === undefined || cluster.until > store.now()) continue;
        const settled = { ...cluster, changedAt: store.time() };
        delete settled.until;
        if (cluster.state === "Provisioning") {
            store.clusters.put({ ...settled, state: "Running", healthy: true });
        } else {
            store.clusters.put({ ...settled, state: "Deleted" });
            for (const { hostUid } of cluster.pools.flatMap(({ hosts }) => hosts)) assign(service, hostUid);
        }
    }
}

function poolOf({ cloudConfig, poolConfig = {} }: PoolInput): EdgeCluster["pools"][number] {
    const { name = "", isControlPlane = false, size } = poolConfig;
    const hosts = cloudConfig?.edgeHosts ?? [];
    if (size !== hosts.length)
        throw invalid(`the size of pool '${name}' is not the number of its edge hosts`);
    return { name, isControlPlane, hosts };
}

function profileOf(
    { store }: PaletteService,
    { uid = "", variables = [] }: ProfileInput,
): EdgeCluster["profiles"][number] {
    if (!store.profiles.get(uid)?.published) throw notFound("ClusterProfile", uid);
    return { uid, variables };
}

function templatesOf({ store }: PaletteService, { profiles }: EdgeCluster): object[] {
    return profiles.map(({ uid }) => {
        const { name = "", type = "", cloudType = "", version = "" } = store.profiles.get(uid) ?? {};
        return { uid, name, type, cloudType, profileVersion: version };
    });
}

function assign({ store }: PaletteService, hostUid: string, clusterUid?: string): void {
    const known = store.edgeHosts.get(hostUid);
    if (!known) return;
    const host = { ...known };
    delete host.clusterUid;
    store.edgeHosts.put({ ...host, ...(clusterUid === undefined ? {} : { clusterUid }) });
}
