import type { EdgeCluster, MachinePool } from "../store";
import { newRecord, type Call } from "./call";
import { assign, release } from "./clusterLife";
import { poolOf, refuseUnready, type PoolInput } from "./clusters";
import { invalid, notFound, PaletteError } from "./errors";

export function get(call: Call): object {
    const { config, pools, configUid } = clusterOf(call);
    const { store } = call.service;
    return {
        metadata: { uid: configUid },
        spec: {
            clusterConfig: config,
            machinePoolConfig: pools.map((pool) => ({
                ...pool.config,
                ...{ name: pool.name, isControlPlane: pool.isControlPlane, size: pool.hosts.length },
                hosts: pool.hosts.map((host) => ({
                    ...host,
                    hostAddress: store.edgeHosts.get(host.hostUid)?.hardware?.ip ?? "",
                })),
            })),
        },
    };
}

export function updateConfig(call: Call): void {
    const cluster = clusterOf(call);
    const { clusterConfig = {} } = call.body as { clusterConfig?: EdgeCluster["config"] };
    const { controlPlaneEndpoint } = cluster.config;
    change(call, {
        ...cluster,
        config: { ...clusterConfig, ...(controlPlaneEndpoint ? { controlPlaneEndpoint } : {}) },
    });
}

export function addPool(call: Call): object {
    const cluster = clusterOf(call);
    const pool = poolOf(call.body as PoolInput);
    if (cluster.pools.some(({ name }) => name === pool.name)) {
        throw new PaletteError(409, "MachinePoolAlreadyExists", `Machine pool '${pool.name}' already exists`);
    }
    setPools(call, cluster, [...cluster.pools, pool]);
    return { uid: newRecord(call.service.store, {}).uid };
}

export function updatePool(call: Call): void {
    const cluster = clusterOf(call);
    const former = poolNamed(call, cluster);
    const pool = { ...poolOf(call.body as PoolInput), name: former.name };
    setPools(
        call,
        cluster,
        cluster.pools.map((other) => (other === former ? pool : other)),
    );
}

export function removePool(call: Call): void {
    const cluster = clusterOf(call);
    const former = poolNamed(call, cluster);
    if (former.isControlPlane) throw invalid("the control plane cannot be removed");
    setPools(
        call,
        cluster,
        cluster.pools.filter((other) => other !== former),
    );
}

/** Hosts that are new become part of the cluster, those that are gone are free again. */
function setPools(call: Call, cluster: EdgeCluster, pools: MachinePool[]): void {
    const { service } = call;
    for (const pool of pools) refuseUnready(service, pool, cluster.projectUid, cluster.uid);
    const uids = (list: MachinePool[]): string[] =>
        list.flatMap(({ hosts }) => hosts.map((host) => host.hostUid));
    const kept = new Set(uids(pools));
    for (const uid of uids(cluster.pools)) if (!kept.has(uid)) release(service, uid);
    for (const uid of kept) assign(service, uid, cluster.uid);
    change(call, { ...cluster, pools });
}

function change({ service: { store } }: Call, cluster: EdgeCluster): void {
    store.clusters.put({ ...cluster, changedAt: store.time() });
}

function clusterOf({ service, params: { configUid = "" }, project }: Call): EdgeCluster {
    const found = service.store.clusters.list().find((cluster) => cluster.configUid === configUid);
    if (!found || found.projectUid !== project?.uid) throw notFound("EdgeNativeCloudConfig", configUid);
    if (found.state === "Deleting" || found.state === "Deleted") {
        throw invalid(`cluster '${found.name}' is ${found.state}`);
    }
    return found;
}

function poolNamed({ params: { machinePoolName = "" } }: Call, { pools }: EdgeCluster): MachinePool {
    const found = pools.find(({ name }) => name === machinePoolName);
    if (!found) throw notFound("MachinePool", machinePoolName);
    return found;
}
