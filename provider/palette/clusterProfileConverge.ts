import { EdgeError, messageOf, PartialFailure } from "../resource/errors";
import { admissionProblem, assertStillOwn } from "./claims";
import type { ProfileInputs } from "./clusterProfile.schema";
import { contentChanges, withoutSecret } from "./clusterProfileContent";
import { belongsTo, claimOf, observeProfile, usersOf } from "./clusterProfileObserve";
import {
    editsOf,
    planProfile,
    variableRecord,
    type DesiredProfile,
    type ObservedProfile,
    type ProfileStep,
} from "./clusterProfilePlan";
import { newDescription, type Description } from "./description";
import { resolvePacks } from "./packs";
import type { PackRequest, ProfileRequest } from "./profileApi";
import type { ProfileClient } from "./profileClient";
import type { PaletteContext } from "./target";
import type { Scope } from "./transport";

export interface ProfileGoal {
    readonly id: string;
    readonly scope: Scope;
    readonly inputs: ProfileInputs;
    readonly claim: string;
    /** Inputs of the last run; absent on creation. */
    readonly previous?: ProfileInputs;
    /** Uid that the last run came to. */
    readonly uid?: string;
}

/** Brings a version from whatever is there to what is wanted, and returns its uid. */
export async function convergeProfile(goal: ProfileGoal, context: PaletteContext): Promise<string> {
    const { client, signal } = context;
    const { inputs, scope, claim, previous } = goal;
    const { packs, problems } = await resolvePacks(inputs.packs, client.packs, scope, { signal });
    const [problem] = problems;
    if (problem) throw new EdgeError(`${context.title}: ${problem.path.join(".")} ${problem.message}`);
    let uid = (await stillThere(goal, context)) ?? (await present(goal, packs, context));
    const observed = uid === undefined ? undefined : await observeProfile(uid, scope, client, { signal });
    const desired = desiredProfile(inputs, packs);
    const work = { desired, observed, scope, claim };
    try {
        for (const step of planProfile(observed, desired, { claim, previous })) {
            uid = await take(step, uid ?? "", work, context);
        }
    } catch (error) {
        if (uid === undefined) throw error;
        const reached = { id: goal.id, inputs: previous ? {} : unproven(inputs), outputs: { uid, claim } };
        throw new PartialFailure([messageOf(error)], reached, { cause: error });
    }
    return uid ?? "";
}

/** What a first run has written of secrets nobody can read: the next one writes them. */
function unproven({ variables }: ProfileInputs): Partial<ProfileInputs> {
    return variables ? { variables: variables.map(withoutSecret) } : {};
}

export function desiredProfile(inputs: ProfileInputs, packs: readonly PackRequest[]): DesiredProfile {
    const { name, version, type, cloud = "", description, tags, variables = [] } = inputs;
    return { name, version, type, cloud, description, tags, packs, variables };
}

export function describeProfile({ name, version }: { name: string; version: string }): string {
    return `cluster profile ${name} ${version}`;
}

/** Why a version that is there already cannot become this row's; undefined when it can, or there is none. */
export async function presenceProblem(
    inputs: ProfileInputs,
    packs: readonly PackRequest[],
    scope: Scope,
    { client, signal, ownership }: Pick<PaletteContext, "client" | "signal" | "ownership">,
): Promise<{ readonly uid?: string; readonly problem?: string }> {
    const what = describeProfile(inputs);
    const uids = await client.profiles.named(inputs, scope, { signal, maxAge: 0 });
    const records = await Promise.all(uids.map((uid) => client.profiles.get(uid, scope, { signal })));
    // A project is also told of the tenant's profiles, which are others.
    const found = records
        .filter((record) => record !== undefined)
        .filter((record) => belongsTo(scope, record));
    const own = found.find((record) => ownership(claimOf(record)) === "row");
    const [record = own, ...others] = own ? [own] : found;
    const uid = record?.metadata.uid;
    if (!record || uid === undefined) return {};
    if (others.length > 0) {
        return { problem: `Palette has ${what} more than once (${uids.join(", ")}): delete all but one` };
    }
    const problem = admissionProblem(claimOf(record), inputs.adopt === true, what, { ownership });
    if (problem !== undefined || own) return { uid, ...(problem === undefined ? {} : { problem }) };
    const observed = await observeProfile(uid, scope, client, { signal });
    const edits = observed ? editsOf(observed, desiredProfile(inputs, packs)) : [];
    if (edits.length === 0) return { uid };
    return {
        uid,
        problem:
            `${what} is in Palette with other contents (${edits.join("; ")}): adopt takes over what is the same. ` +
            "Declare what it has, or another version",
    };
}

async function present(
    { inputs, scope }: ProfileGoal,
    packs: readonly PackRequest[],
    context: PaletteContext,
): Promise<string | undefined> {
    const { uid, problem } = await presenceProblem(inputs, packs, scope, context);
    if (problem !== undefined) throw new EdgeError(`${context.title}: ${problem}`);
    return uid;
}

/** The uid of the last run, where there is still a profile of this row behind it. */
async function stillThere(goal: ProfileGoal, context: PaletteContext): Promise<string | undefined> {
    const { client, signal, title } = context;
    const { uid, scope, inputs, claim, previous } = goal;
    const record = uid === undefined ? undefined : await client.profiles.get(uid, scope, { signal });
    if (!record) return undefined;
    assertStillOwn(claimOf(record), claim, describeProfile(inputs), context);
    const users = usersOf(record);
    const changes = previous ? contentChanges(previous, inputs) : [];
    if (changes.length > 0 && users.length > 0) {
        throw new EdgeError(`${title}: ${usedProblem(inputs, changes, users)}`);
    }
    return uid;
}

/** Why a version's content stays as it is. */
export function usedProblem(
    inputs: ProfileInputs,
    changes: readonly string[],
    users: readonly string[],
): string {
    return (
        `${describeProfile(inputs)} is used by ${users.join(", ")}, and would change (${changes.join("; ")}): give it a new ` +
        `version, such as ${nextVersion(inputs.version)}, which clusters are then moved to`
    );
}

/** `1.0.1` after 1.0.0. */
export function nextVersion(version: string): string {
    const [core = version] = version.split(/[-+]/, 1);
    const [major = "1", minor = "0", patch = "0"] = core.split(".");
    return `${major}.${minor}.${Number(patch) + 1}`;
}

interface Work {
    readonly desired: DesiredProfile;
    readonly observed: ObservedProfile | undefined;
    readonly scope: Scope;
    readonly claim: string;
}

/** Returns the uid, which the first step of a new version brings. */
async function take(
    step: ProfileStep,
    uid: string,
    work: Work,
    { client: { profiles }, signal }: PaletteContext,
): Promise<string> {
    const { desired, observed, scope } = work;
    switch (step.do) {
        case "create":
            return create(work, profiles, signal);
        case "setVariables":
            await profiles.setVariables(uid, step.variables, scope, { signal });
            return uid;
        case "writePacks": {
            const { labels = {}, annotations = {} } = observed ?? {};
            await profiles.update(uid, requestOf(desired, { labels, annotations }), scope, { signal });
            return uid;
        }
        case "describe": {
            const metadata = { name: desired.name, labels: step.labels, annotations: step.annotations };
            await profiles.describe(uid, metadata, desired.version, scope, { signal });
            return uid;
        }
        case "publish":
            await profiles.publish(uid, scope, { signal });
            return uid;
    }
}

/** With POST and not as a clone of another version: clones were seen to keep stale contents, or another type. */
function create(
    { desired, scope, claim }: Work,
    profiles: ProfileClient,
    signal: AbortSignal,
): Promise<string> {
    return profiles.create(requestOf(desired, newDescription(desired, claim)), scope, {
        signal,
        same: (record) => claimOf(record) === claim,
    });
}

function requestOf(
    { name, version, type, cloud, packs, variables }: DesiredProfile,
    metadata: Description,
): ProfileRequest {
    return {
        metadata: { name, ...metadata },
        spec: {
            version,
            template: { type, cloudType: cloud, packs },
            variables: variables.map(variableRecord),
        },
    };
}
