import { PACKS, REGISTRIES } from "../registries";
import type { Call } from "./call";
import { notFound } from "./errors";

export function listRegistries(): object {
    return { items: REGISTRIES.map((registry) => ({ ...registry, scope: "tenant", isPrivate: false })) };
}

/** All versions of a pack in a registry, with the values each brings. */
export function versionsOf({ params: { packName = "", registryUid = "" } }: Call): object {
    const found = PACKS.filter((pack) => pack.name === packName && pack.registryUid === registryUid);
    const [first] = found;
    if (!first) throw notFound("Pack", packName);
    return {
        ...{ name: packName, layer: first.layer, registryUid },
        tags: found.map(({ uid, version }) => ({ packUid: uid, version, tag: version, parentTags: [] })),
        packValues: found.map(({ uid, values }) => ({ packUid: uid, values })),
    };
}
