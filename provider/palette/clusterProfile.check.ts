import type { CheckOutcome } from "../resource/definition";
import type { Problem } from "../resource/problem";
import { hasUnknown, isKnown, UNKNOWN, type Checked } from "../resource/unknown";
import type { ProfileInputs } from "./clusterProfile.schema";
import { contentChanges, profileRules } from "./clusterProfileContent";
import { describeProfile, nextVersion, presenceProblem, usedProblem } from "./clusterProfileConverge";
import { belongsTo, scopeOf, usersOf } from "./clusterProfileObserve";
import { resolvePacks } from "./packs";
import type { PackRequest } from "./profileApi";
import { isShortLived, kubernetesPackOf, missingOptions, systemUriFault, systemUriOf } from "./systemUri";
import { inCheck, type PaletteContext } from "./target";
import type { Scope } from "./transport";

type Inputs = Checked<ProfileInputs>;
type Values = Partial<Inputs>;

/** Rules, packs found in their registries, and whether this version's content may be what the program says. */
export async function checkClusterProfile(
    inputs: Inputs,
    context: PaletteContext,
    state?: Partial<ProfileInputs>,
): Promise<CheckOutcome<ProfileInputs>> {
    const { type, cloud, packs } = inputs;
    const content = { ...inputs, description: undefined, tags: undefined };
    const usual = isKnown(type) ? (type === "add-on" ? "all" : "edge-native") : UNKNOWN;
    const values: Values = { cloud: cloud ?? usual, edited: undefined };
    const problems = profileRules(inputs);
    if (problems.length > 0) return { problems, values };
    if (!isKnown(packs) || hasUnknown(content)) {
        return { values: { ...values, packUids: UNKNOWN, systemUri: UNKNOWN, kubernetesVersion: UNKNOWN } };
    }
    const declared = { ...inputs, ...values } as ProfileInputs;
    const outcome = await inCheck<CheckOutcome<ProfileInputs>>(
        context,
        (client, signal) => resolved(declared, { ...context, client, signal }, state),
        { values: unresolved(declared, state) },
    );
    return { ...outcome, values: { ...values, ...outcome.values } };
}

async function resolved(
    inputs: ProfileInputs,
    context: PaletteContext,
    state: Partial<ProfileInputs> | undefined,
): Promise<CheckOutcome<ProfileInputs>> {
    const { client, signal } = context;
    const scope = scopeOf(inputs, await client.project(inputs.project, { signal }));
    const { packs, problems } = await resolvePacks(inputs.packs, client.packs, scope, { signal });
    if (problems.length > 0) return { problems };
    const packUids = Object.fromEntries(packs.map(({ name, uid }) => [name, uid]));
    const values = { packUids, ...imageValues(packs) };
    const fault = imageProblem(packs, inputs, context);
    if (fault) return { values, problems: [fault] };
    const problem = await contentProblem({ ...inputs, packUids }, packs, scope, context, state);
    return { values, problems: problem ? [problem] : [] };
}

/** Without Palette nothing is known but what the program itself says; packs are still those of the last run. */
function unresolved(inputs: ProfileInputs, state: Partial<ProfileInputs> | undefined): Values {
    const sameTag = inputs.packs.every(({ name, tag, registry }) =>
        state?.packs?.some((pack) => pack.name === name && pack.tag === tag && pack.registry === registry),
    );
    const packUids = sameTag ? state?.packUids : undefined;
    return { packUids: packUids ?? UNKNOWN, ...imageValues(inputs.packs) };
}

function imageValues(packs: Parameters<typeof systemUriOf>[0]): Values {
    return { systemUri: systemUriOf(packs), kubernetesVersion: kubernetesPackOf(packs)?.tag };
}

function imageProblem(
    packs: readonly PackRequest[],
    { packs: declared }: ProfileInputs,
    { log }: PaletteContext,
): Problem | undefined {
    const at = packs.findIndex(({ name }) => name.endsWith("edge-native-byoi"));
    const missing = missingOptions(packs);
    if (missing.length > 0) {
        const given = declared[at]?.values === undefined ? "the values that the pack brings" : "these values";
        return {
            path: ["packs", at, "values"],
            message:
                `make system.uri of ${missing.join(", ")}, and ${given} have no such options: name the image itself, as ` +
                "palette.edgeNativeByoi({ image }) does",
        };
    }
    const uri = systemUriOf(packs);
    if (uri === undefined) return undefined;
    const fault = systemUriFault(uri, kubernetesPackOf(packs)?.tag);
    if (fault !== undefined) return { path: ["packs", at, "values"], message: fault };
    if (isShortLived(uri)) {
        log.warn(`${uri} is gone after a day: nodes that are repaved or added later will not find it`);
    }
    return undefined;
}

async function contentProblem(
    inputs: ProfileInputs,
    packs: readonly PackRequest[],
    scope: Scope,
    context: PaletteContext,
    state: Partial<ProfileInputs> | undefined,
): Promise<Problem | undefined> {
    const { name, version } = inputs;
    if (!state?.packs || state.name !== name || state.version !== version) {
        const { problem: message } = await presenceProblem(inputs, packs, scope, context);
        return message === undefined ? undefined : { path: ["version"], message };
    }
    const { packUids = {}, type = inputs.type } = state;
    const changes = contentChanges({ ...state, type, packs: state.packs, packUids }, inputs);
    if (changes.length === 0) return undefined;
    const isFixed = state.cloud !== undefined && state.cloud !== inputs.cloud;
    if (isFixed || inputs.onContentChange === "refuse") return refusal(inputs, changes, isFixed);
    const users = await usersNow(inputs, scope, context);
    if (users.length === 0) return undefined;
    return { path: ["version"], message: usedProblem(inputs, changes, users) };
}

function refusal(inputs: ProfileInputs, changes: readonly string[], isFixed: boolean): Problem {
    const reason = isFixed ? "the cloud of a version is fixed" : "clusters that have it would not follow";
    const otherwise = isFixed
        ? ""
        : '; or, while no cluster uses it, set onContentChange: "overwrite-when-unused"';
    return {
        path: ["version"],
        message:
            `${describeProfile(inputs)} is published, and would change (${changes.join("; ")}): ${reason}. ` +
            `Give it a new version, such as ${nextVersion(inputs.version)}${otherwise}`,
    };
}

async function usersNow(
    inputs: ProfileInputs,
    scope: Scope,
    { client, signal }: PaletteContext,
): Promise<string[]> {
    const uids = await client.profiles.named(inputs, scope, { signal });
    const records = await Promise.all(uids.map((uid) => client.profiles.get(uid, scope, { signal })));
    return records.flatMap((record) => (record && belongsTo(scope, record) ? usersOf(record) : []));
}
