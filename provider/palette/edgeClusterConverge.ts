import { EdgeError, messageOf, PartialFailure } from "../resource/errors";
import { PaletteError } from "./answers";
import { admissionProblem, assertStillOwn } from "./claims";
import type { ClusterRecord, ClusterSummary } from "./clusterApi";
import { newDescription } from "./description";
import { applyProfiles } from "./edgeClusterApply";
import { claimOf, configUidOf, isGoing, isTombstone, observeCluster } from "./edgeClusterObserve";
import {
    adoptionProblem,
    clusterConfig,
    planCluster,
    poolRequest,
    valuesOf,
    type ClusterPlan,
    type ClusterStep,
    type ObservedCluster,
} from "./edgeClusterPlan";
import { poolsOf, type ClusterInputs, type ClusterOutputs } from "./edgeCluster.schema";
import type { PaletteContext } from "./target";
import { pauses, withinTime } from "./timeLimit";
import type { Scope } from "./transport";

export type Project = Exclude<Scope, "tenant">;

/** How often it is looked whether a cluster is gone whose name is still taken. */
const GOING_PAUSE = 5_000;
/** Between looks at hosts that have yet to pair. */
const SHORTEST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

export interface ClusterGoal {
    readonly id: string;
    readonly scope: Project;
    readonly inputs: ClusterInputs;
    readonly claim: string;
    readonly previous?: ClusterInputs;
    readonly uid?: string;
}

/** Brings a cluster from whatever is there to what is wanted. Waits for no node. */
export async function convergeCluster(goal: ClusterGoal, context: PaletteContext): Promise<ClusterOutputs> {
    const { client, signal, title } = context;
    const { scope, inputs, claim, previous } = goal;
    const present = goal.uid === undefined ? await admitted(goal, context) : await stillThere(goal, context);
    const observed =
        present && (await observeCluster(present.uid, present.record, scope, client, { signal }));
    if (present && observed) assertAdoptable(goal, present, observed, context);
    const wanted = await wantedProfiles(inputs, observed, scope, context);
    const plan = planCluster(observed, inputs, { claim, previous, wanted });
    if (plan.refused !== undefined) throw new EdgeError(`${title}: ${plan.refused}`);
    const work = new Work(goal, context, present);
    try {
        for (const step of plan.steps) await work.take(step);
        if (present && isHalfApplied(goal, present, plan)) await work.apply();
        return { uid: work.uid, claim, endpointHost: await endpointHost(work.uid, scope, context) };
    } catch (error) {
        if (work.uid === "") throw error;
        // What a first run has done of the profiles and their secrets nobody knows: the next one looks, and writes those.
        const unproven: Partial<ClusterInputs> = { profiles: [] };
        const reached = {
            ...{ id: goal.id, outputs: { uid: work.uid, claim } },
            ...(previous ? {} : { inputs: unproven }),
        };
        throw new PartialFailure([messageOf(error)], reached, { cause: error });
    }
}

/** Adoption takes over what matches; an interrupted run's own cluster does. */
function assertAdoptable(
    { uid, inputs }: ClusterGoal,
    { record }: Present,
    observed: ObservedCluster,
    context: PaletteContext,
): void {
    if (uid !== undefined || context.ownership(claimOf(record)) === "row") return;
    const problem = adoptionProblem(observed, inputs);
    if (problem !== undefined) throw new EdgeError(`${context.title}: ${describeCluster(inputs)} ${problem}`);
}

/** An interrupted run has changed the profiles, and has not seen them handed over. */
function isHalfApplied(
    { inputs, previous }: ClusterGoal,
    { record }: Present,
    { steps }: ClusterPlan,
): boolean {
    if (steps.some((step) => step.do === "patchProfiles" || step.do === "removeProfiles")) return false;
    const uids = (cluster: ClusterInputs | undefined): string | undefined =>
        cluster?.profiles.map(({ uid }) => uid).join();
    const { spcApply, repave } = record.status ?? {};
    const isOpen = spcApply?.canBeApplied === false || repave?.state === "Pending";
    return isOpen && uids(previous) !== uids(inputs);
}

export function describeCluster({ name }: { readonly name: string }): string {
    return `cluster ${name}`;
}

/** The live cluster of a name, and why it cannot become this row's. */
export async function presentCluster(
    { name, adopt }: Pick<ClusterInputs, "name" | "adopt">,
    scope: Project,
    { client, signal, ownership }: Pick<PaletteContext, "client" | "signal" | "ownership">,
): Promise<{ readonly found?: ClusterSummary; readonly problem?: string | undefined }> {
    const listed = await client.clusters.listed(scope, { signal, maxAge: 0 });
    const found = [...listed.values()].find(
        (cluster) => cluster.metadata.name === name && !isTombstone(cluster),
    );
    if (!found || isGoing(found)) return found ? { found } : {};
    const what = describeCluster({ name });
    return { found, problem: admissionProblem(claimOf(found), adopt === true, what, { ownership }) };
}

interface Present {
    readonly uid: string;
    readonly record: ClusterRecord;
}

/** A cluster of this name that is there already: of an interrupted run, or to be taken over. */
async function admitted(goal: ClusterGoal, context: PaletteContext): Promise<Present | undefined> {
    const { client, signal, title } = context;
    for (;;) {
        const { found, problem } = await presentCluster(goal.inputs, goal.scope, context);
        if (problem !== undefined) throw new EdgeError(`${title}: ${problem}`);
        if (!found) return undefined;
        const uid = found.metadata.uid ?? "";
        const record = await client.clusters.get(uid, goal.scope, { signal });
        if (record && !isGoing(record)) return { uid, record };
        context.progress(`waiting until ${describeCluster(goal.inputs)}, which is being deleted, is gone`);
        await context.sleep(GOING_PAUSE);
    }
}

/** The cluster of the last run, where it is still there and still this row's. */
async function stillThere(goal: ClusterGoal, context: PaletteContext): Promise<Present | undefined> {
    const { client, signal } = context;
    const { uid = "", scope, inputs, claim } = goal;
    const record = await client.clusters.get(uid, scope, { signal });
    if (!record || isGoing(record)) return admitted(goal, context);
    assertStillOwn(claimOf(record), claim, describeCluster(inputs), context);
    return { uid, record };
}

/** Names and types of profiles that the cluster does not have yet; what is secret in their variables is kept so. */
async function wantedProfiles(
    { profiles }: ClusterInputs,
    observed: ObservedCluster | undefined,
    scope: Project,
    { client, signal, title }: PaletteContext,
): Promise<ReadonlyMap<string, { readonly name: string; readonly type: string }>> {
    const wanted = new Map<string, { name: string; type: string }>();
    for (const { uid, variables = {} } of profiles) {
        if (Object.keys(variables).length > 0) {
            const declared = await client.profiles.variables(uid, scope, { signal });
            const sensitive = declared.filter(({ isSensitive }) => isSensitive === true);
            client.protect(sensitive.flatMap(({ name }) => variables[name] ?? []));
        }
        if (observed?.profiles.some((use) => use.uid === uid)) continue;
        const record = await client.profiles.get(uid, scope, { signal });
        if (!record) throw new EdgeError(`${title}: there is no cluster profile ${uid} in this project`);
        const { type = "" } = record.spec?.published ?? {};
        wanted.set(uid, { name: record.metadata.name ?? "", type });
    }
    return wanted;
}

async function endpointHost(
    uid: string,
    scope: Project,
    { client, signal }: PaletteContext,
): Promise<string | undefined> {
    const record = await client.clusters.get(uid, scope, { signal });
    const config = record && (await client.clusters.config(configUidOf(record), scope, { signal }));
    return config?.spec?.clusterConfig?.controlPlaneEndpoint?.host;
}

/** Takes the steps of a plan. */
class Work {
    constructor(
        private readonly goal: ClusterGoal,
        private readonly context: PaletteContext,
        private readonly present: Present | undefined,
    ) {
        this.uid = present?.uid ?? "";
    }

    uid: string;

    async take(step: ClusterStep): Promise<void> {
        const { client, signal } = this.context;
        const { scope, inputs } = this.goal;
        const { clusters } = client;
        switch (step.do) {
            case "create":
                return this.create();
            case "describe": {
                const { labels, annotations } = step;
                const metadata = { name: inputs.name, labels, annotations };
                return clusters.describe(this.uid, metadata, scope, { signal });
            }
            case "configure":
                return clusters.setConfig(this.configUid, step.config, scope, { signal });
            case "addPool":
                return this.joining(() => clusters.addPool(this.configUid, step.pool, scope, { signal }));
            case "setPool":
                return this.joining(() => clusters.setPool(this.configUid, step.pool, scope, { signal }));
            case "removePool":
                return clusters.removePool(this.configUid, step.name, scope, { signal });
            case "patchProfiles":
                await clusters.patchProfiles(this.uid, step.profiles, scope, { signal });
                return this.apply();
            case "removeProfiles":
                await clusters.removeProfiles(this.uid, step.uids, scope, { signal });
                return this.apply();
            case "setVariables":
                return clusters.setVariables(this.uid, step.profiles, scope, { signal });
        }
    }

    /** Waits until the nodes get the changed profiles. */
    async apply(): Promise<void> {
        const { scope, inputs } = this.goal;
        await applyProfiles({ uid: this.uid, repave: inputs.repave }, scope, this.context);
    }

    private async create(): Promise<void> {
        const { client, signal } = this.context;
        const { inputs, scope, claim } = this.goal;
        const body = {
            metadata: { name: inputs.name, ...newDescription(inputs, claim) },
            spec: {
                cloudConfig: clusterConfig(inputs),
                machinepoolconfig: poolsOf(inputs).map(poolRequest),
                profiles: inputs.profiles.map(({ uid, variables }) => ({
                    uid,
                    variables: valuesOf(variables),
                })),
            },
        };
        const same = (cluster: ClusterSummary): boolean => claimOf(cluster) === claim && !isGoing(cluster);
        await this.joining(async () => {
            this.uid = await client.clusters.create(body, scope, { signal, same });
        });
        this.context.progress("its nodes join by themselves");
    }

    private get configUid(): string {
        return this.present ? configUidOf(this.present.record) : "";
    }

    /**
     * Palette names one host at most; which are not ready is easily told. One that was registered anew, since somebody had
     * deleted it, pairs in a while, and no gate looks at it again: in a cluster that is there it is waited for.
     */
    private async joining(attempt: () => Promise<void>): Promise<void> {
        for (const pause of pauses(SHORTEST_PAUSE, LONGEST_PAUSE)) {
            try {
                await attempt();
                if (pause > SHORTEST_PAUSE) this.context.progress("all of its hosts have paired");
                return;
            } catch (error) {
                if (!(error instanceof PaletteError) || error.status >= 500) throw error;
                const unready = await this.unreadyHosts();
                if (unready.length === 0) throw error;
                const mayPair = unready.every(({ state }) => state === "unpaired");
                if (!mayPair || !this.goal.previous) throw cannotJoin(unready, error);
                await this.pausing(unready, pause);
            }
        }
    }

    private async pausing(unready: readonly UnreadyHost[], pause: number): Promise<void> {
        const uids = unready.map(({ uid }) => uid).join(", ");
        this.context.progress(`waiting for ${uids} to pair`);
        const open = `these hosts have not paired: ${uids}. The next up goes on`;
        await withinTime(this.context, () => this.context.sleep(pause), open);
    }

    private async unreadyHosts(): Promise<UnreadyHost[]> {
        const { client, signal } = this.context;
        const { inputs, scope } = this.goal;
        const listed = await client.listedEdgeHosts(scope.projectUid, { signal, maxAge: 0 });
        return poolsOf(inputs).flatMap(({ hosts }) =>
            hosts.flatMap(({ uid }) => {
                const host = listed.get(uid);
                const state = host ? (host.status?.state ?? "unpaired") : "not in this project";
                const isMember = (host?.status?.inUseClustersRef ?? []).some((ref) => ref.uid === this.uid);
                return state === "ready" || isMember ? [] : [{ uid, state }];
            }),
        );
    }
}

interface UnreadyHost {
    readonly uid: string;
    readonly state: string;
}

function cannotJoin(unready: readonly UnreadyHost[], cause: PaletteError): EdgeError {
    const shown = unready.map(({ uid, state }) => `${uid} (${state})`).join(", ");
    return new EdgeError(
        `${cause.message}\nHosts that cannot join now: ${shown}. Wait for them with a HostGate that this cluster depends ` +
            "on, and take those that are in use out of their clusters",
        { cause },
    );
}
