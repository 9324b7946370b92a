import { isDeepStrictEqual } from "node:util";
import { hasUnknown } from "../resource/unknown";
import { mayDelete } from "./claims";
import { declaredDescription } from "./description";
import { checkEdgeCluster } from "./edgeCluster.check";
import { convergeCluster, describeCluster, type Project } from "./edgeClusterConverge";
import { claimOf, isGoing, isTombstone, observeCluster } from "./edgeClusterObserve";
import { readBack } from "./edgeClusterRead";
import { removeCluster } from "./edgeClusterRemove";
import { edgeClusterInputs, edgeClusterOutputs, poolsOf, type ClusterInputs } from "./edgeCluster.schema";
import { palette } from "./system";
import { inPaletteProject } from "./target";

const MINUTE = 60_000;

/** An edge-native cluster. Waits for no node; a gate does. */
export const edgeCluster = inPaletteProject({
    kind: "palette.EdgeCluster",
    system: palette,
    timeouts: { create: 30 * MINUTE, update: 30 * MINUTE, delete: 45 * MINUTE },
    inputs: edgeClusterInputs,
    outputs: edgeClusterOutputs,

    check: checkEdgeCluster,

    /** Hosts, keys and servers are sets; so are pools beside their names. */
    same(olds, news) {
        const equal: (keyof ClusterInputs)[] = [];
        for (const field of ["ntpServers", "sshKeys"] as const) {
            if (!hasUnknown(news[field]) && isDeepStrictEqual(sorted(olds[field]), sorted(news[field]))) {
                equal.push(field);
            }
        }
        const { controlPlane, workers } = news;
        if (hasUnknown([controlPlane, workers])) return equal;
        const pools = unordered(news as ClusterInputs);
        return isDeepStrictEqual(unordered(olds), pools) ? [...equal, "controlPlane", "workers"] : equal;
    },

    async create(inputs, context) {
        const { client, signal } = context;
        const scope = await client.project(inputs.project, { signal });
        const id = `${scope.projectUid}/${inputs.name}`;
        const goal = { id, scope, inputs, claim: context.newClaim() };
        return { id, outputs: await convergeCluster(goal, context) };
    },

    async read(_id, { inputs: declared, outputs: { uid } }, { client, signal, log }) {
        const scope = scopeOf(declared);
        const record = await client.clusters.get(uid, scope, { signal });
        if (!record || isGoing(record)) {
            const how = record && !isTombstone(record) ? "is being deleted" : "is gone from Palette";
            log.warn(`${describeCluster(declared)} ${how}: the next up makes it anew`);
            return undefined;
        }
        const observed = await observeCluster(uid, record, scope, client, { signal });
        return {
            inputs: { ...declaredDescription(observed, declared), ...readBack(observed, declared) },
            outputs: { endpointHost: observed.config.controlPlaneEndpoint?.host },
        };
    },

    async update(id, state, inputs, context) {
        const { uid, claim } = state.outputs;
        const goal = { id, scope: scopeOf(state.inputs), inputs, claim, uid, previous: state.inputs };
        return { outputs: await convergeCluster(goal, context) };
    },

    async delete(_id, { inputs, outputs: { uid, claim } }, context) {
        const { client, signal } = context;
        const scope = scopeOf(inputs);
        const what = describeCluster(inputs);
        const record = await client.clusters.get(uid, scope, { signal });
        if (!record || isTombstone(record) || !mayDelete(claimOf(record), claim, what, context)) return;
        await removeCluster(uid, { name: what, force: inputs.forceDelete === true }, scope, context);
    },
});

function scopeOf({ projectUid = "" }: ClusterInputs): Project {
    return { projectUid };
}

function sorted(value: unknown): unknown {
    return Array.isArray(value) ? [...(value as string[])].sort() : value;
}

function unordered(cluster: Pick<ClusterInputs, "controlPlane" | "workers">): unknown {
    const pools = poolsOf(cluster).map(({ hosts, ...pool }) => ({
        ...pool,
        hosts: [...hosts].sort((a, b) => (a.uid < b.uid ? -1 : 1)),
    }));
    return JSON.parse(JSON.stringify(pools.sort((a, b) => (a.name < b.name ? -1 : 1)))) as unknown;
}
