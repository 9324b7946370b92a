import { PALETTE_CLAIM_KEY } from "../../provider/palette/claims";
import type { PaletteClient } from "../../provider/palette/client";
import { clusterProfile } from "../../provider/palette/clusterProfile.handler";
import { observeProfile } from "../../provider/palette/clusterProfileObserve";
import {
    FILLED_IN,
    type ObservedPack,
    type ObservedProfile,
} from "../../provider/palette/clusterProfilePlan";
import { trimmed } from "../../provider/palette/packValues";
import {
    MANIFEST_PACK_UID,
    type RegistryRecord,
    type VariableRecord,
} from "../../provider/palette/profileApi";
import { registryName } from "../../provider/palette/systemUri";
import type { Args } from "./judge";
import { Names } from "./names";
import { ANY, faultOf, MANAGED, shownDescription, type PaletteScope, type Secrets } from "./paletteJudge";
import type { LeftOut, NamedPlan } from "./plan";

/** The versions of cluster profiles that a program can take over. */
export async function planProfiles(
    scope: PaletteScope,
    secrets: Secrets,
    left: LeftOut[],
): Promise<NamedPlan[]> {
    const { client, project } = scope;
    const listed = [...(await client.profiles.listed(project)).values()];
    const names = new Names();
    const planned: NamedPlan[] = [];
    for (const { metadata, spec } of listed) {
        const { uid, name } = metadata;
        const version = spec?.version ?? "";
        const observed = await observeProfile(uid, project, client);
        if (!observed) continue;
        const fault = standingFault(observed);
        const why = fault ?? (await faultOf(clusterProfile, await profileArgs(observed, scope, ANY), scope));
        if (why !== undefined) {
            left.push({ what: `cluster profile ${name} ${version} (${uid})`, why });
            continue;
        }
        const isOnly = listed.filter((other) => other.metadata.name === name).length === 1;
        const wish = isOnly ? name : `${name}-${version}`;
        const args = await profileArgs(observed, scope, secrets);
        planned.push({ id: uid, key: `${name} ${version}`, name: names.take(wish, uid), args });
    }
    return planned;
}

function standingFault({ labels, annotations, isPublished }: ObservedProfile): string | undefined {
    if (annotations.scope === "system") return "it is one of Palette's own";
    if (labels[PALETTE_CLAIM_KEY] !== undefined) return MANAGED;
    return isPublished
        ? undefined
        : "what was last changed in it is not published, and an up would publish it";
}

async function profileArgs(
    observed: ObservedProfile,
    { client, project, target }: PaletteScope,
    secrets: Secrets,
): Promise<Args> {
    const { name, version, type, cloud, annotations, packs, variables } = observed;
    const usual = type === "add-on" ? "all" : "edge-native";
    const registries = await client.packs.registries(project);
    const brought = await Promise.all(packs.map((pack) => valuesBrought(pack, client, project)));
    return {
        ...target,
        ...{ name, version },
        ...shownDescription(observed),
        ...(annotations.scope === "tenant" ? { scope: "tenant" } : {}),
        ...(type === "cluster" ? {} : { type }),
        ...(cloud === usual ? {} : { cloud }),
        packs: packs.map((pack, i) => packArgs(pack, registries, brought[i])),
        ...(variables.length === 0
            ? {}
            : { variables: variables.map((variable) => variableArgs(variable, observed, secrets)) }),
        adopt: true,
    };
}

/** What a pack has where a profile gives it nothing; undefined where nobody knows. */
async function valuesBrought(
    { name, registryUid, uid }: ObservedPack,
    client: PaletteClient,
    project: PaletteScope["project"],
): Promise<string | undefined> {
    if (uid === MANIFEST_PACK_UID) return "";
    if (uid === "" || registryUid === "") return undefined;
    const versions = await client.packs.versions(registryName(name), registryUid, project);
    return versions?.packValues.find(({ packUid }) => packUid === uid)?.values;
}

function packArgs(
    { name, tag, registryUid, uid, values, manifests }: ObservedPack,
    registries: readonly RegistryRecord[],
    brought: string | undefined,
): object {
    const isOfManifests = uid === MANIFEST_PACK_UID;
    const registry = registries.find((candidate) => candidate.uid === registryUid);
    const isClear = registries.filter((other) => other.name === registry?.name).length === 1;
    const text = trimmed(values);
    return {
        name,
        ...(tag === "" ? {} : { tag }),
        ...(isOfManifests
            ? { type: "manifest" }
            : { registry: registry && isClear ? registry.name : registryUid }),
        ...(brought !== undefined && text === trimmed(brought) ? {} : { values: text }),
        ...(manifests.length === 0
            ? {}
            : {
                  manifests: manifests.map((manifest) => ({
                      ...manifest,
                      content: trimmed(manifest.content),
                  })),
              }),
    };
}

/** Without what Palette fills in where a program says nothing. */
function variableArgs(
    variable: VariableRecord,
    { name, version }: ObservedProfile,
    secrets: Secrets,
): object {
    const { defaultValue = "", isSensitive, options = [], ...rest } = variable;
    const given = Object.entries<unknown>(rest).filter(([field, value]) => {
        return value !== undefined && value !== "" && value !== FILLED_IN[field];
    });
    const sensitive = isSensitive === true;
    const hasDefault = defaultValue !== "";
    return {
        ...Object.fromEntries(given),
        ...(hasDefault && !sensitive ? { default: defaultValue } : {}),
        ...(hasDefault && sensitive ? { default: secrets.take(name, version, variable.name) } : {}),
        ...(options.length > 0 ? { options: options.map(({ value, label }) => ({ value, label })) } : {}),
        ...(sensitive ? { sensitive } : {}),
    };
}
