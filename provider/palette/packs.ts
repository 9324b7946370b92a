import type { Problem } from "../resource/problem";
import { closest } from "../resource/problem";
import type { ProfilePackInput } from "./clusterProfile.schema";
import type { PackClient } from "./packClient";
import { withOverrides } from "./packValues";
import { MANIFEST_PACK_UID, type PackRequest, type PackType, type RegistryRecord } from "./profileApi";
import { registryName } from "./systemUri";
import type { CallOptions, Scope } from "./transport";

/** What a registry's kind makes of its packs. */
const TYPES: Readonly<Record<string, PackType>> = { pack: "spectro", oci: "oci", helm: "helm" };

/** How messages show a list that can be long. */
const SHOWN = 6;

/** Packs as Palette takes them: names and versions have become uids, values are whole. */
export interface ResolvedPacks {
    readonly packs: readonly PackRequest[];
    readonly problems: readonly Problem[];
}

/** Finds every pack in its registry. What cannot be found is told together. */
export async function resolvePacks(
    declared: readonly ProfilePackInput[],
    client: PackClient,
    scope: Scope,
    options: CallOptions = {},
): Promise<ResolvedPacks> {
    const found = await Promise.all(
        declared.map(async (pack, i) => {
            const resolved = await resolve(pack, client, scope, options);
            return "name" in resolved
                ? resolved
                : { path: ["packs", i, ...resolved.path], message: resolved.message };
        }),
    );
    return {
        packs: found.filter((pack) => "name" in pack),
        problems: found.filter((problem) => "message" in problem),
    };
}

async function resolve(
    pack: ProfilePackInput,
    client: PackClient,
    scope: Scope,
    options: CallOptions,
): Promise<PackRequest | Problem> {
    const { name, tag, values, manifests } = pack;
    const own = { name, ...(tag === undefined ? {} : { tag }), ...(manifests ? { manifests } : {}) };
    if (pack.type === "manifest" && pack.registry === undefined) {
        return { ...own, type: "manifest", uid: MANIFEST_PACK_UID, values: whole(pack, "") };
    }
    if (tag === undefined) {
        return { path: ["tag"], message: `is missing: which version of ${name}?` };
    }
    const registry = registryOf(pack, await client.registries(scope, options));
    if ("message" in registry) return registry;
    const type = pack.type ?? TYPES[registry.kind ?? ""] ?? "spectro";
    const located = { ...own, type, registryUid: registry.uid };
    const versions = await client.versions(registryName(name), registry.uid, scope, options);
    const match = versions?.tags.find(({ version }) => version === tag);
    if (match?.packUid !== undefined) {
        const { packUid: uid } = match;
        const brought = versions?.packValues.find(({ packUid }) => packUid === uid)?.values ?? "";
        return { ...located, uid, values: whole(pack, brought) };
    }
    const known = versions?.tags ?? [];
    if (known.length === 0 && !(await client.isSynchronised(registry, scope, options))) {
        if (values !== undefined) return { ...located, uid: "", values: whole(pack, "") };
        return {
            path: ["values"],
            message: `are missing: Palette does not know what is in ${registry.name}, nor what values ${name} brings`,
        };
    }
    if (known.length === 0) {
        return { path: ["name"], message: `there is no pack ${name} in registry ${registry.name}` };
    }
    return { path: ["tag"], message: noSuchVersion(tag, name, registry, known) };
}

function whole({ values, overrides }: ProfilePackInput, brought: string): string {
    const text = values ?? brought;
    return overrides === undefined ? text : withOverrides(text, overrides);
}

function registryOf(
    { registry: given }: ProfilePackInput,
    registries: readonly RegistryRecord[],
): RegistryRecord | Problem {
    const path = ["registry"];
    const known = registries.map(({ name }) => name);
    if (given === undefined) {
        const [first, ...others] = registries.filter(({ isDefault }) => isDefault === true);
        if (first && others.length === 0) return first;
        const fault = first ? "several default registries" : "no default registry";
        return { path, message: `is missing: the tenant has ${fault}; known are ${shown(known)}` };
    }
    const byUid = registries.find(({ uid }) => uid === given);
    if (byUid) return byUid;
    const [found, ...others] = registries.filter(({ name }) => name === given);
    if (found && others.length === 0) return found;
    if (found) {
        const uids = [found, ...others].map(({ uid }) => uid).join(", ");
        return {
            path,
            message: `several registries are named ${JSON.stringify(given)}: give a uid (${uids})`,
        };
    }
    const meant = closest(given, known);
    const advice = meant === undefined ? `known are ${shown(known)}` : `did you mean ${meant}?`;
    return { path, message: `Palette has no registry ${JSON.stringify(given)}; ${advice}` };
}

function noSuchVersion(
    tag: string,
    name: string,
    registry: RegistryRecord,
    known: readonly { readonly version?: string; readonly parentTags?: readonly string[] | null }[],
): string {
    const under = known.filter(({ parentTags }) => parentTags?.includes(tag));
    const versions = (under.length > 0 ? under : known).flatMap(({ version }) => version ?? []);
    const exact = under.length > 0 ? "must be an exact version" : "is no version";
    return `${exact} of ${name} in registry ${registry.name}; there are ${shown(versions.reverse())}`;
}

function shown(names: readonly string[]): string {
    const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "";
    return names.length === 0 ? "none" : names.slice(0, SHOWN).join(", ") + more;
}
