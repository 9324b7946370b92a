import { systemUriOf } from "../systemUri";
import type { AppliedProfile, EdgeCluster } from "../store";
import { visible, type Call, type PaletteService } from "./call";
import { MASK } from "./clusterProfiles";
import { notFound } from "./errors";

const KIND = "SpectroCluster";

export interface ProfileInput {
    uid?: string;
    replaceWithProfile?: string;
    variables?: { name: string; value?: string }[];
}

interface VariableInput {
    profileUid: string;
    variables?: { name: string; value?: string }[];
}

export function listProfiles(call: Call): object {
    const { service } = call;
    const { profiles } = visible(call, KIND, service.store.clusters);
    return {
        profiles: profiles.map(({ uid }) => {
            const { name = "", type = "", cloudType = "" } = service.store.profiles.get(uid) ?? {};
            return { metadata: { uid, name }, spec: { type, cloudType } };
        }),
    };
}

/** A profile takes the place of the one it names, of the one it is, or comes to the others. */
export function patchProfiles(call: Call): void {
    const { service } = call;
    const cluster = visible(call, KIND, service.store.clusters);
    const profiles = [...cluster.profiles];
    for (const input of (call.body as { profiles: ProfileInput[] }).profiles) {
        const former = input.replaceWithProfile ?? input.uid;
        const at = profiles.findIndex(({ uid }) => uid === former);
        if (at < 0 && input.replaceWithProfile !== undefined) throw notFound("ClusterProfile", former ?? "");
        profiles.splice(at < 0 ? profiles.length : at, 1, profileOf(service, input));
    }
    changeProfiles(service, cluster, profiles);
}

export function removeProfiles(call: Call): void {
    const { service } = call;
    const cluster = visible(call, KIND, service.store.clusters);
    const { profileUids = [] } = call.body as { profileUids?: string[] };
    const missing = profileUids.find((uid) => !cluster.profiles.some((profile) => profile.uid === uid));
    if (missing !== undefined) throw notFound("ClusterProfile", missing);
    const kept = cluster.profiles.filter(({ uid }) => !profileUids.includes(uid));
    changeProfiles(service, cluster, kept);
}

/** Sensitive values come back masked. */
export function getVariables(call: Call): object[] {
    const { service } = call;
    const { profiles } = visible(call, KIND, service.store.clusters);
    return profiles.map(({ uid, variables }) => ({
        profileUid: uid,
        variables: (service.store.profiles.get(uid)?.variables ?? []).map((declared) => {
            const { isSensitive = false } = declared;
            const hidden = (text: string): string => (isSensitive ? MASK : text);
            const value = variables.find(({ name }) => name === declared.name)?.value;
            const { defaultValue } = declared;
            return {
                ...declared,
                ...(defaultValue === undefined ? {} : { defaultValue: hidden(defaultValue) }),
                ...(value === undefined ? {} : { value: hidden(value) }),
            };
        }),
    }));
}

export function patchVariables(call: Call): void {
    const { service } = call;
    const cluster = visible(call, KIND, service.store.clusters);
    const profiles = cluster.profiles.map((profile) => {
        const input = (call.body as VariableInput[]).find(({ profileUid }) => profileUid === profile.uid);
        const values = [...profile.variables, ...(input?.variables ?? [])];
        return { ...profile, variables: [...new Map(values.map((value) => [value.name, value])).values()] };
    });
    changeProfiles(service, cluster, profiles);
}

export function approveRepave(call: Call): void {
    const { store, clusterPaceMs } = call.service;
    const cluster = visible(call, KIND, store.clusters);
    if (cluster.repave !== "Pending") throw notFound("SpectroClusterRepave", cluster.uid);
    const rollout = { applicableAt: store.now() + clusterPaceMs };
    store.clusters.put({ ...cluster, repave: "Approved", rollout, changedAt: store.time() });
}

/** The cluster has a copy of its own: what is changed in the profile later does not reach it. */
export function profileOf(
    { store }: PaletteService,
    { uid = "", variables = [] }: ProfileInput,
): AppliedProfile {
    const packs = store.profiles.get(uid)?.published;
    if (!packs) throw notFound("ClusterProfile", uid);
    return { uid, variables, packs };
}

function changeProfiles(
    { store, behaviour, clusterPaceMs }: PaletteService,
    cluster: EdgeCluster,
    profiles: AppliedProfile[],
): void {
    const isRepaved = systemUriOf(cluster.profiles) !== systemUriOf(profiles);
    const isHeld = isRepaved && behaviour.repaveApproval === "needed";
    const changed = { ...cluster, profiles, changedAt: store.time(), changedProfilesAt: store.time() };
    delete changed.repave;
    store.clusters.put({
        ...changed,
        rollout: isHeld ? {} : { applicableAt: store.now() + clusterPaceMs },
        ...(isHeld ? { repave: "Pending" as const } : {}),
    });
}
