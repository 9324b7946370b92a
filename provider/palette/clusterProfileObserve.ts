import type { ObservedProfile } from "./clusterProfilePlan";
import type { ProfileInputs } from "./clusterProfile.schema";
import { PALETTE_CLAIM_KEY } from "./claims";
import type { PaletteClient } from "./client";
import type { PackManifests, ProfileRecord, ProfileTemplate } from "./profileApi";
import type { CallOptions, Scope } from "./transport";

/** A version as it is in Palette, with what takes calls of its own: manifests and variables. */
export async function observeProfile(
    uid: string,
    scope: Scope,
    { profiles }: PaletteClient,
    options: CallOptions = {},
): Promise<ObservedProfile | undefined> {
    const record = await profiles.get(uid, scope, options);
    if (!record) return undefined;
    const template = contentOf(record);
    const hasManifests = template.packs?.some(({ manifests }) => (manifests ?? []).length > 0) ?? false;
    const [variables, manifests] = await Promise.all([
        profiles.variables(uid, scope, options),
        hasManifests ? profiles.manifests(uid, scope, options) : [],
    ]);
    const { metadata, spec, status } = record;
    return {
        name: metadata.name ?? "",
        version: spec?.version ?? "",
        type: template.type ?? "",
        cloud: template.cloudType ?? "",
        isPublished: status?.isPublished === true,
        labels: metadata.labels ?? {},
        annotations: metadata.annotations ?? {},
        packs: (template.packs ?? []).map((pack) => ({
            name: pack.name,
            tag: pack.tag ?? pack.version ?? "",
            registryUid: pack.registryUid ?? "",
            uid: pack.packUid ?? "",
            values: pack.values ?? "",
            manifests: manifestsOf(pack.name, manifests),
        })),
        variables,
        users: usersOf(record),
    };
}

/** Clusters and cluster templates that have this version. */
export function usersOf({ status }: ProfileRecord): string[] {
    const named = [...(status?.inUseClusters ?? []), ...(status?.inUseClusterTemplates ?? [])];
    if (named.length > 0) return named.map(({ name, uid }) => name ?? uid ?? "a cluster");
    return [...(status?.inUseClusterUids ?? [])];
}

/** Whose profiles a program means: those of a project, or those that all projects of the tenant share. */
export function scopeOf(
    given: Partial<Pick<ProfileInputs, "scope" | "projectUid">>,
    { projectUid } = { projectUid: given.projectUid ?? "" },
): Scope {
    return given.scope === "tenant" ? given.scope : { projectUid };
}

/** Whether a profile is of this scope itself. Palette says so in an annotation: `project`, `tenant` or `system`. */
export function belongsTo(
    scope: Scope,
    { metadata }: { readonly metadata: Pick<ProfileRecord["metadata"], "annotations"> },
): boolean {
    const own = scope === "tenant" ? scope : "project";
    return (metadata.annotations?.scope ?? own) === own;
}

export function claimOf({ metadata }: ProfileRecord): string | undefined {
    return metadata.labels?.[PALETTE_CLAIM_KEY];
}

/** A draft is what was written last. One that was never published has nothing else. */
function contentOf({ spec }: ProfileRecord): ProfileTemplate {
    return spec?.draft ?? spec?.published ?? {};
}

function manifestsOf(
    pack: string,
    all: readonly PackManifests[],
): { readonly name: string; readonly content: string }[] {
    const found = all.find(({ metadata, spec }) => (spec?.name ?? metadata?.name) === pack);
    return (found?.spec?.manifests ?? []).map(({ name = "", content = "" }) => ({ name, content }));
}
