import { EdgeError } from "../resource/errors";
import type { EdgeHostRecord } from "./api";
import { claimOf, describeHost } from "./edgeHostPlan";
import { isGoing } from "./edgeClusterObserve";
import type { PaletteContext } from "./target";
import { pauses, withinTime } from "./timeLimit";
import type { Scope } from "./transport";

type Project = Exclude<Scope, "tenant">;

const SHORTEST_PAUSE = 1_000;
const LONGEST_PAUSE = 15_000;

interface Removal {
    readonly uid: string;
    /** What stands in its labels while it is this row's. */
    readonly claim: string;
    /** Palette decides whether a member of a cluster can go. */
    readonly force: boolean;
}

/** Deletes a host, and returns when it is gone. */
export async function removeHost(
    present: EdgeHostRecord,
    removal: Removal,
    scope: Project,
    context: PaletteContext,
): Promise<void> {
    const { client, signal } = context;
    const { uid, force } = removal;
    const what = describeHost(uid);
    if (!force) {
        const open = `${what} is still in use. The next run goes on waiting`;
        await withinTime(context, () => untilFree(present, uid, scope, context), open);
    }
    await client.removeEdgeHost(uid, scope, { signal });
    const open = `Palette still shows ${what}, which it was told to delete`;
    await withinTime(context, () => untilGone(removal, scope, context), open);
}

/** Nodes are drained before their hosts are free: that is waited for. A member of a cluster stays. */
async function untilFree(
    present: EdgeHostRecord,
    uid: string,
    scope: Project,
    context: PaletteContext,
): Promise<void> {
    const { client, signal } = context;
    let host: EdgeHostRecord | undefined = present;
    for (const pause of pauses(SHORTEST_PAUSE, LONGEST_PAUSE)) {
        const names = host ? clustersOf(host) : [];
        if (!host || names.length === 0) return;
        if (!(await isLeaving(host, uid, scope, context))) throw new EdgeError(inUse(uid, names));
        context.progress(`waiting until ${names.join(", ")} has let it go`);
        await context.sleep(pause);
        host = await client.edgeHost(uid, scope, { signal });
    }
}

/** Whether no cluster that shows the host wants it any more. */
async function isLeaving(
    { status }: EdgeHostRecord,
    uid: string,
    scope: Project,
    { client, signal }: PaletteContext,
): Promise<boolean> {
    const clusters = status?.inUseClustersRef ?? [];
    for (const cluster of clusters) {
        if (cluster.uid === undefined) return false;
        const record = await client.clusters.get(cluster.uid, scope, { signal });
        if (!record || isGoing(record)) continue;
        const pools = await client.clusters.pools(record, scope, { signal });
        if (!pools || pools.some(({ hosts }) => hosts?.some(({ hostUid }) => hostUid === uid))) return false;
    }
    return clusters.length > 0;
}

/** The agent of a machine that is on can make it again, and then without the claim. */
async function untilGone({ uid, claim }: Removal, scope: Project, context: PaletteContext): Promise<void> {
    const { client, signal, log } = context;
    for (const pause of pauses(SHORTEST_PAUSE, LONGEST_PAUSE)) {
        const host = await client.edgeHost(uid, scope, { signal });
        if (!host) return;
        if (claimOf(host) !== claim) break;
        await context.sleep(pause);
    }
    log.warn(
        `${describeHost(uid)} is registered again by its agent, which is on: switch the machine off, or its user-data ` +
            "to disableAutoRegister, and delete the host in Palette",
    );
}

function clustersOf({ status }: EdgeHostRecord): string[] {
    if (status?.state !== "in-use") return [];
    const clusters = status.inUseClustersRef ?? [];
    return clusters.length === 0
        ? ["a cluster"]
        : clusters.map(({ name, uid }) => name ?? uid ?? "a cluster");
}

function inUse(uid: string, clusters: readonly string[]): string {
    return (
        `${describeHost(uid)} is a member of ${clusters.join(", ")}: take it out of the cluster or delete the cluster first; ` +
        "force: true, set by an up before, asks Palette to delete it all the same"
    );
}
