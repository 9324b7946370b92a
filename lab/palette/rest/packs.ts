import { PACKS } from "../registries";
import type { Call } from "./call";
import { notFound } from "./errors";

export function listRegistries({ service }: Call): object {
    const items = service.store.registries.map(({ uid, name, kind, isDefault, isPrivate }) => ({
        ...{ uid, name, kind, isDefault, isPrivate, scope: "tenant" },
    }));
    return { items };
}

export function syncStatus({ service, params: { uid = "" } }: Call): object {
    const registry = service.store.registries.find((candidate) => candidate.uid === uid);
    if (!registry) throw notFound("Registry", uid);
    const { isSyncSupported } = registry;
    return isSyncSupported ? { isSyncSupported, status: "Success" } : { isSyncSupported };
}

/** All versions of a pack in a registry, with the values each brings. */
export function versionsOf({ params: { packName = "", registryUid = "" } }: Call): object {
    const found = PACKS.filter((pack) => pack.name === packName && pack.registryUid === registryUid);
    const [first] = found;
    if (!first) throw notFound("Pack", packName);
    return {
        ...{ name: packName, layer: first.layer, registryUid },
        tags: found.map(({ uid, version }) => ({
            ...{ packUid: uid, version, tag: version, parentTags: parentTags(version) },
        })),
        packValues: found.map(({ uid, values }) => ({ packUid: uid, values })),
    };
}

/** `1.34.x` and `1.x` of 1.34.2. */
function parentTags(version: string): string[] {
    const parts = version.split(".");
    return [`${parts.slice(0, 2).join(".")}.x`, `${parts[0] ?? ""}.x`];
}
