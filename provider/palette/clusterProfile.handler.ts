import { hasUnknown } from "../resource/unknown";
import { checkClusterProfile } from "./clusterProfile.check";
import { mayDelete } from "./claims";
import { clusterProfileInputs, clusterProfileOutputs, type ProfileInputs } from "./clusterProfile.schema";
import { packChanges } from "./clusterProfileContent";
import { convergeProfile, describeProfile, desiredProfile } from "./clusterProfileConverge";
import { claimOf, observeProfile, scopeOf, usersOf } from "./clusterProfileObserve";
import { editsOf, type ObservedProfile } from "./clusterProfilePlan";
import { PaletteError } from "./answers";
import { declaredDescription } from "./description";
import { resolvePacks } from "./packs";
import { palette } from "./system";
import { inPaletteProject, type PaletteContext } from "./target";
import type { Scope } from "./transport";

/** One version of a cluster profile. */
export const clusterProfile = inPaletteProject({
    kind: "palette.ClusterProfile",
    system: palette,
    inputs: clusterProfileInputs,
    outputs: clusterProfileOutputs,

    check: checkClusterProfile,

    /** Packs are what they are in the registry, however a program spells them, and a default is a default. */
    same(olds, news) {
        const equal: (keyof ProfileInputs)[] = [];
        if ((olds.scope ?? "project") === (news.scope ?? "project")) equal.push("scope");
        if (hasUnknown([news.packs, news.packUids])) return equal;
        return packChanges(olds, news as ProfileInputs).length === 0 ? [...equal, "packs"] : equal;
    },

    async create(inputs, context) {
        const { client, signal } = context;
        const scope = scopeOf(inputs, await client.project(inputs.project, { signal }));
        const owner = scope === "tenant" ? scope : scope.projectUid;
        const id = `${owner}/${inputs.name}/${inputs.version}`;
        const claim = context.newClaim();
        return { id, outputs: { uid: await convergeProfile({ id, scope, inputs, claim }, context), claim } };
    },

    async read(_id, { inputs: declared, outputs: { uid } }, context) {
        const { client, signal, log } = context;
        const scope = scopeOf(declared);
        const observed = await observeProfile(uid, scope, client, { signal });
        if (!observed) {
            log.warn(`${describeProfile(declared)} is gone from Palette: the next up makes it anew`);
            return undefined;
        }
        const edited = await editsSince(observed, declared, scope, context);
        const { name, version } = observed;
        return {
            inputs: {
                ...{ name, version, ...declaredDescription(observed, declared) },
                edited: edited.length > 0 ? edited : undefined,
            },
        };
    },

    async update(id, state, inputs, context) {
        const { claim, uid } = state.outputs;
        const goal = { id, scope: scopeOf(state.inputs), inputs, claim, uid, previous: state.inputs };
        return { outputs: { uid: await convergeProfile(goal, context) } };
    },

    async delete(_id, { inputs, outputs: { uid, claim } }, context) {
        const { client, signal, log } = context;
        const scope = scopeOf(inputs);
        const what = describeProfile(inputs);
        const record = await client.profiles.get(uid, scope, { signal });
        if (!record || !mayDelete(claimOf(record), claim, what, context)) return;
        const users = usersOf(record);
        if (users.length > 0) {
            log.warn(`${what} is left in Palette: ${users.join(", ")} use it`);
            return;
        }
        try {
            await client.profiles.remove(uid, scope, { signal });
        } catch (error) {
            if (!(error instanceof PaletteError) || !/inuse/i.test(error.code)) throw error;
            log.warn(`${what} is left in Palette, which says that it is in use`);
        }
    },
});

/** What is not as the program declares it, with what packs bring where it declares nothing. */
async function editsSince(
    observed: ObservedProfile,
    declared: ProfileInputs,
    scope: Scope,
    { client, signal, log }: PaletteContext,
): Promise<string[]> {
    const { packs, problems } = await resolvePacks(declared.packs, client.packs, scope, { signal });
    const [problem] = problems;
    if (problem) {
        log.warn(
            `${describeProfile(declared)} cannot be compared: ${problem.path.join(".")} ${problem.message}`,
        );
        return [...(declared.edited ?? [])];
    }
    const unpublished = observed.isPublished ? [] : ["it is not published"];
    return [...editsOf(observed, desiredProfile(declared, packs)), ...unpublished];
}
