import type { EdgeCluster } from "../store";
import type { PaletteService } from "./call";

/** A new cluster's stages, and how many of the pace each takes. */
const NEXT: Readonly<Record<string, EdgeCluster["state"]>> = {
    Pending: "Provisioning",
    Provisioning: "Running",
};

/** Moves every cluster on to the state it has by now. */
export function settleClusters(service: PaletteService): void {
    const { store } = service;
    for (const { uid } of store.clusters.list()) {
        for (let cluster = store.clusters.get(uid); cluster && isDue(service, cluster);) {
            step(service, cluster);
            cluster = store.clusters.get(uid);
        }
        settleRollout(service, uid);
    }
    settleHosts(service);
}

function isDue({ store }: PaletteService, { until }: EdgeCluster): boolean {
    return until !== undefined && until <= store.now();
}

function step({ store, clusterPaceMs }: PaletteService, cluster: EdgeCluster): void {
    const { until = store.now(), ...settled } = { ...cluster, changedAt: store.time() };
    const next = NEXT[cluster.state];
    if (next === "Provisioning") {
        store.clusters.put({ ...settled, state: next, until: until + clusterPaceMs / 2 });
    } else if (next === "Running") {
        // It runs before it is healthy.
        store.clusters.put({ ...settled, state: next, until: until + clusterPaceMs / 4 });
    } else if (cluster.state === "Running") {
        store.clusters.put({ ...settled, healthy: true });
    } else {
        store.clusters.put({ ...settled, state: "Deleted" });
        for (const { hostUid } of cluster.pools.flatMap(({ hosts }) => hosts)) {
            assign({ store }, hostUid);
        }
    }
}

/** The agents take a change of profiles over: for a while they are at it, and then it is done. */
function settleRollout({ store, clusterPaceMs }: PaletteService, uid: string): void {
    const cluster = store.clusters.get(uid);
    const { rollout } = cluster ?? {};
    if (!cluster || rollout?.applicableAt === undefined || rollout.applicableAt > store.now()) return;
    const { doneAt = rollout.applicableAt + clusterPaceMs } = rollout;
    if (doneAt > store.now()) {
        if (rollout.doneAt === undefined) {
            store.clusters.put({ ...cluster, healthy: false, rollout: { ...rollout, doneAt } });
        }
        return;
    }
    const done = { ...cluster, healthy: true, appliedProfilesAt: store.time() };
    delete done.rollout;
    delete done.repave;
    store.clusters.put(done);
}

export function startsDeleting(
    { store, behaviour, clusterPaceMs }: PaletteService,
    cluster: EdgeCluster,
): void {
    const deleting = { ...cluster, state: "Deleting" as const, healthy: false, changedAt: store.time() };
    delete deleting.until;
    store.clusters.put({
        ...deleting,
        ...(behaviour.deletion === "sticks" ? {} : { until: store.now() + clusterPaceMs }),
    });
}

/** Takes a host out of its cluster, which can take a while. */
export function release(service: PaletteService, hostUid: string): void {
    const { store, behaviour, clusterPaceMs } = service;
    const host = store.edgeHosts.get(hostUid);
    if (!host || behaviour.leaving === "at-once") assign(service, hostUid);
    else store.edgeHosts.put({ ...host, leavesAt: store.now() + clusterPaceMs });
}

function settleHosts(service: PaletteService): void {
    const { store } = service;
    for (const { uid, leavesAt } of store.edgeHosts.list()) {
        if (leavesAt !== undefined && leavesAt <= store.now()) assign(service, uid);
    }
}

/** Makes a host part of a cluster, or of none. */
export function assign({ store }: Pick<PaletteService, "store">, hostUid: string, clusterUid?: string): void {
    const known = store.edgeHosts.get(hostUid);
    if (!known) return;
    const host = { ...known };
    delete host.clusterUid;
    delete host.leavesAt;
    store.edgeHosts.put({ ...host, ...(clusterUid === undefined ? {} : { clusterUid }) });
}
