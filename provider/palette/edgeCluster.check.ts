import * as crypto from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { CheckOutcome } from "../resource/definition";
import type { Problem } from "../resource/problem";
import { hasUnknown, isKnown, UNKNOWN, type Checked } from "../resource/unknown";
import { presentCluster } from "./edgeClusterConverge";
import { hasStaticAddresses, moveProblem } from "./edgeClusterPlan";
import { poolsOf, type ClusterInputs, type PoolInput } from "./edgeCluster.schema";
import { systemUriOf } from "./systemUri";
import { inCheck, type PaletteContext } from "./target";
import type { PaletteClient } from "./client";

type Inputs = Checked<ClusterInputs>;

/** Rules over the pools, what a living cluster cannot change, and whether its nodes are repaved. */
export async function checkEdgeCluster(
    inputs: Inputs,
    context: PaletteContext,
    state?: Partial<ClusterInputs>,
): Promise<CheckOutcome<ClusterInputs>> {
    const values = { revision: revisionOf(inputs), systemUri: await imageOf(inputs, context, state) };
    const problems = [...rules(inputs, context), ...fixed(inputs, state)];
    const moved = movedHost(inputs, state);
    if (moved !== undefined) problems.push({ path: [], message: moved });
    if (problems.length > 0) return { values, problems };
    const repave = repaveProblem({ ...inputs, ...values }, context, state);
    if (repave) return { values, problems: [repave] };
    const problem = state ? undefined : await presenceProblem(inputs, context);
    return { values, problems: problem ? [problem] : [] };
}

/** A digest of what nodes have to follow; no variable's value is in it. */
function revisionOf({ profiles, controlPlane, workers }: Inputs): string | typeof UNKNOWN {
    if (!isKnown(profiles) || !isKnown(controlPlane) || !isKnown(workers)) return UNKNOWN;
    const pools = poolsOf({ controlPlane, workers }).map(({ name, hosts }) => [
        name,
        ...hosts.map(({ uid }) => uid).sort(),
    ]);
    const content = JSON.stringify([profiles.map(({ uid }) => uid), pools]);
    return crypto.createHash("sha256").update(content).digest("hex").slice(0, 12);
}

/** The image of the profiles: as the program gives it, or as Palette has it. */
async function imageOf(
    { systemUri, profiles, project }: Inputs,
    context: PaletteContext,
    state: Partial<ClusterInputs> | undefined,
): Promise<Inputs["systemUri"]> {
    if (systemUri !== undefined || !isKnown(project)) return systemUri;
    // A version that is not there yet: nobody can tell whether it has another image.
    if (!isKnown(profiles)) return state?.systemUri === undefined ? undefined : UNKNOWN;
    const uids = profiles.map(({ uid }) => uid);
    const before = state?.profiles?.map(({ uid }) => uid);
    if (isDeepStrictEqual(uids, before)) return state?.systemUri;
    return inCheck(context, (client, signal) => publishedImage(uids, project, client, signal), undefined);
}

async function publishedImage(
    uids: readonly string[],
    project: string | undefined,
    client: PaletteClient,
    signal: AbortSignal,
): Promise<string | undefined> {
    const scope = await client.project(project, { signal });
    const records = await Promise.all(uids.map((uid) => client.profiles.get(uid, scope, { signal })));
    return systemUriOf(records.flatMap((record) => record?.spec?.published?.packs ?? []));
}

function rules(inputs: Inputs, { log }: PaletteContext): Problem[] {
    const { controlPlane, workers, controlPlaneEndpoint: endpoint, twoNode } = inputs;
    const problems: Problem[] = [];
    if (isKnown(endpoint) && endpoint !== undefined && endpoint.host === undefined) {
        const { type } = endpoint;
        if (type !== "VIP") {
            const message = `is missing: Palette assigns an address for a VIP only, not for ${type}`;
            problems.push({ path: ["controlPlaneEndpoint", "host"], message });
        }
    }
    if (!isKnown(controlPlane) || !isKnown(workers)) return problems;
    const pools = poolsOf({ controlPlane, workers });
    problems.push(...poolProblems(pools));
    const size = controlPlane.hosts.length;
    if (size === 0) {
        problems.push({ path: ["controlPlane", "hosts"], message: "must have at least one host" });
    } else if (twoNode === true && size !== 2) {
        const message = `has ${size} hosts: a two-node cluster has two`;
        problems.push({ path: ["controlPlane", "hosts"], message });
    } else if (twoNode !== true && size % 2 === 0) {
        log.warn(`${size} control-plane hosts bear no more failures than ${size - 1}: use an odd number`);
    }
    return problems;
}

function poolProblems(pools: readonly PoolInput[]): Problem[] {
    const problems: Problem[] = [];
    const names = pools.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice !== undefined) {
        problems.push({ path: ["workers"], message: `has two pools named ${JSON.stringify(twice)}` });
    }
    const hosts = pools.flatMap((pool) => pool.hosts);
    const seen = new Set<string>();
    for (const { uid } of hosts) {
        if (seen.has(uid)) problems.push({ path: [], message: `host ${uid} is in the cluster twice` });
        seen.add(uid);
    }
    const dynamic = hosts.filter(({ network }) => network === undefined).map(({ uid }) => uid);
    if (dynamic.length > 0 && dynamic.length < hosts.length) {
        const message = `${dynamic.join(", ")} have no network.ip: a cluster has static addresses on all hosts, or on none`;
        problems.push({ path: [], message });
    }
    return problems;
}

/** What is fixed for good when a cluster is made. */
function fixed(inputs: Inputs, state: Partial<ClusterInputs> | undefined): Problem[] {
    if (!state) return [];
    const pools = { controlPlane: inputs.controlPlane, workers: inputs.workers };
    const isStatic =
        hasUnknown(pools) || !state.controlPlane
            ? undefined
            : hasStaticAddresses(pools as ClusterInputs) !==
              hasStaticAddresses({ controlPlane: state.controlPlane, workers: state.workers });
    const changed = (["name", "controlPlaneEndpoint", "overlayCidr", "twoNode"] as const).filter(
        (field) =>
            !hasUnknown(inputs[field]) && !isDeepStrictEqual(plain(inputs[field]), plain(state[field])),
    );
    return [...changed, ...(isStatic ? (["controlPlane"] as const) : [])].map((field) => ({
        path: [field],
        message:
            "cannot change while the cluster is there, and its hosts can be in one cluster only: take it back; or remove the " +
            "cluster from the program, run up, which deletes it with all that runs on it, and add it again",
    }));
}

function movedHost(
    { controlPlane, workers }: Inputs,
    state: Partial<ClusterInputs> | undefined,
): string | undefined {
    if (!state?.controlPlane || !isKnown(controlPlane) || !isKnown(workers)) return undefined;
    const before = poolsOf({ controlPlane: state.controlPlane, workers: state.workers });
    return moveProblem(
        before.map(({ name, hosts }) => ({ name, hosts: hosts.map(({ uid }) => ({ hostUid: uid })) })),
        poolsOf({ controlPlane, workers }),
    );
}

function repaveProblem(
    { systemUri, profiles, repave }: Inputs,
    { log }: PaletteContext,
    state: Partial<ClusterInputs> | undefined,
): Problem | undefined {
    const before = state?.systemUri;
    if (before === undefined) return undefined;
    if (!isKnown(systemUri)) {
        log.warn(`if the nodes' image is another than ${before}, all of them are repaved`);
        return undefined;
    }
    if (systemUri === undefined || systemUri === before) return undefined;
    const change = `${before} becomes ${systemUri}`;
    if (repave !== "refuse") {
        log.warn(`all nodes are repaved, one after another: system.uri ${change}`);
        return undefined;
    }
    const uids = isKnown(profiles) ? profiles.map(({ uid }) => uid).join(", ") : "";
    const message =
        `would repave all nodes (system.uri ${change})${uids === "" ? "" : `, with ${uids}`}, and repave is "refuse": ` +
        'set it to "allow", or take the change back';
    return { path: ["profiles"], message };
}

async function presenceProblem(inputs: Inputs, context: PaletteContext): Promise<Problem | undefined> {
    const { name, adopt, project } = inputs;
    if (!isKnown(name) || !isKnown(adopt) || !isKnown(project)) return undefined;
    const message = await inCheck(
        context,
        async (client, signal) => {
            const scope = await client.project(project, { signal });
            return (await presentCluster({ name, adopt }, scope, { ...context, client, signal })).problem;
        },
        undefined,
    );
    return message === undefined ? undefined : { path: ["name"], message };
}

function plain(value: unknown): unknown {
    return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}
