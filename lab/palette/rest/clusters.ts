import type { ClusterHost, EdgeCluster, MachinePool } from "../store";
import {
    newRecord,
    projectOf,
    shownMetadata,
    visible,
    type Call,
    type Metadata,
    type PaletteService,
} from "./call";
import { assign, settleClusters, startsDeleting } from "./clusterLife";
import { profileOf, type ProfileInput } from "./clusterProfilesOf";
import { stateOf } from "./edgeHosts";
import { invalid, notFound, PaletteError } from "./errors";
import { page } from "./search";

const KIND = "SpectroCluster";
/** Milliseconds after which a deletion can be forced. */
const FORCE_AFTER = 15 * 60_000;
/** Palette has a free one, where none is given. */
const ASSIGNED_ADDRESS = "10.0.0.100";

export interface PoolInput {
    cloudConfig?: { edgeHosts?: ClusterHost[] };
    poolConfig?: { name?: string; isControlPlane?: boolean; size?: number; [field: string]: unknown };
}

interface Request {
    metadata?: Metadata;
    spec?: {
        cloudConfig?: EdgeCluster["config"];
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
    const record = newRecord(store, metadata, project.uid);
    refuseTakenName(service, record);
    const pools = (spec.machinepoolconfig ?? spec.machinePoolConfig ?? []).map(poolOf);
    for (const pool of pools) refuseUnready(service, pool, project.uid);
    const { controlPlaneEndpoint: { host = "", type = "VIP" } = {}, ...config } = spec.cloudConfig ?? {};
    const cluster = store.clusters.put({
        ...record,
        configUid: store.newUid(),
        ...{ state: "Pending", until: store.now() + service.clusterPaceMs / 4, healthy: false, pools },
        config: {
            ...config,
            controlPlaneEndpoint: { host: host === "" ? ASSIGNED_ADDRESS : host, type },
        },
        profiles: (spec.profiles ?? []).map((profile) => profileOf(service, profile)),
    });
    for (const { hostUid } of pools.flatMap(({ hosts }) => hosts)) assign(service, hostUid, cluster.uid);
    return { uid: cluster.uid };
}

/** Deleted ones are still answered for days, with the state `Deleted`; new ones have no status at first. */
export function get(call: Call): object {
    const { service } = call;
    const cluster = visible(call, KIND, service.store.clusters);
    const { state } = cluster;
    return {
        metadata: shownMetadata(cluster),
        spec: {
            cloudType: "edge-native",
            cloudConfigRef: { kind: "EdgeNativeCloudConfig", uid: cluster.configUid },
            clusterProfileTemplates: templatesOf(service, cluster),
        },
        ...(state === "Pending" ? {} : { status: { state, ...detailsOf(service, cluster) } }),
    };
}

export function overview(call: Call): object {
    const cluster = visible(call, KIND, call.service.store.clusters);
    return { metadata: shownMetadata(cluster), status: { state: cluster.state, ...healthOf(cluster) } };
}

/** Page by page, with those that are deleted. */
export function search(call: Call): object {
    const { service, project, query } = call;
    const found = service.store.clusters.list().filter(({ projectUid }) => projectUid === project?.uid);
    const { items, listmeta } = page(found, query);
    const summaries = items.map((cluster) => ({
        metadata: shownMetadata(cluster),
        status: {
            state: cluster.state,
            ...healthOf(cluster),
            ...(cluster.repave ? { repave: { state: cluster.repave } } : {}),
        },
    }));
    return { items: summaries, listmeta };
}

export function updateMetadata(call: Call): void {
    const { store } = call.service;
    const cluster = visible(call, KIND, store.clusters);
    const { metadata = {} } = call.body as { metadata?: Metadata };
    const { name = cluster.name, labels = {}, annotations = {} } = metadata;
    store.clusters.put({ ...cluster, name, labels, annotations, changedAt: store.time() });
}

export function remove(call: Call): void {
    const { service, query } = call;
    const { store } = service;
    const cluster = visible(call, KIND, store.clusters);
    if (cluster.state === "Deleted") throw notFound(KIND, cluster.uid);
    if (query.get("forceDelete") !== "true") {
        if (cluster.state !== "Deleting") startsDeleting(service, cluster);
        return;
    }
    if (cluster.state !== "Deleting" || store.now() - Date.parse(cluster.changedAt) < FORCE_AFTER) {
        throw new PaletteError(
            400,
            "ClusterForceDeleteNotAllowed",
            "only a cluster that has been in deletion for 15 minutes can be forced",
        );
    }
    store.clusters.put({ ...cluster, until: store.now() });
    settleClusters(service);
}

export function poolOf({ cloudConfig, poolConfig = {} }: PoolInput): MachinePool {
    const { name = "", isControlPlane = false, size, ...config } = poolConfig;
    const hosts = cloudConfig?.edgeHosts ?? [];
    if (size !== hosts.length)
        throw invalid(`the size of pool '${name}' is not the number of its edge hosts`);
    return { name, isControlPlane, hosts, config };
}

/** Refuses hosts that cannot become part of a cluster; those that are part of this one stay. */
export function refuseUnready(
    { store }: PaletteService,
    { hosts }: MachinePool,
    projectUid: string | undefined,
    clusterUid?: string,
): void {
    for (const { hostUid } of hosts) {
        const host = store.edgeHosts.get(hostUid);
        if (host?.projectUid !== projectUid || !host) throw notFound("EdgeHostDevice", hostUid);
        if (clusterUid !== undefined && host.clusterUid === clusterUid) continue;
        if (stateOf(host) !== "ready") throw invalid(`edge host '${hostUid}' is not ready`);
    }
}

function refuseTakenName(
    { store }: PaletteService,
    record: EdgeCluster | ReturnType<typeof newRecord>,
): void {
    const isTaken = store.clusters
        .list()
        .some(
            ({ name, projectUid, state }) =>
                name === record.name && projectUid === record.projectUid && state !== "Deleted",
        );
    if (isTaken)
        throw new PaletteError(409, "ClusterAlreadyExists", `Cluster '${record.name}' already exists`);
}

function healthOf({ state, healthy }: EdgeCluster): object {
    if (state !== "Running") return {};
    return { health: { state: healthy ? "Healthy" : "UnHealthy" } };
}

function detailsOf({ store }: PaletteService, cluster: EdgeCluster): object {
    const { rollout, repave, config, state } = cluster;
    const applicableAt = rollout?.applicableAt;
    const canBeApplied = rollout === undefined || (applicableAt !== undefined && applicableAt <= store.now());
    const isSettled = cluster.healthy && state === "Running";
    return {
        spcApply: {
            canBeApplied,
            ...(cluster.changedProfilesAt ? { lastModifiedTime: cluster.changedProfilesAt } : {}),
            ...(cluster.appliedProfilesAt ? { patchAppliedTime: cluster.appliedProfilesAt } : {}),
        },
        apiEndpoints: [{ host: config.controlPlaneEndpoint?.host ?? "", port: 6443 }],
        conditions: [
            {
                type: "ControlPlaneNodeAdditionDone",
                status: isSettled ? "True" : "False",
                ...(isSettled ? {} : { reason: "NodesPending", message: "waiting for nodes" }),
            },
        ],
        ...(repave ? { repave: { state: repave } } : {}),
    };
}

function templatesOf({ store }: PaletteService, { profiles }: EdgeCluster): object[] {
    return profiles.map(({ uid }) => {
        const { name = "", type = "", cloudType = "", version = "" } = store.profiles.get(uid) ?? {};
        return { uid, name, type, cloudType, profileVersion: version };
    });
}
