import { PACKS } from "../registries";
import type { PaletteStore, ProfilePack, ProfileVariable } from "../store";
import type { PaletteService } from "./call";
import { invalid, notFound, PaletteError } from "./errors";

const MANIFEST_PACK = "spectro-manifest-pack";

export interface PackInput extends Partial<Omit<ProfilePack, "manifests">> {
    name: string;
    uid?: string;
    manifests?: { name?: string; content?: string }[];
}

/** What a profile's packs become; what cannot be is refused. */
export function packsOf(
    { store }: PaletteService,
    inputs: readonly PackInput[] = [],
    variables: readonly ProfileVariable[],
): ProfilePack[] {
    const packs = inputs.map((input): ProfilePack => {
        const { name, uid = "", tag = "", registryUid = "", values = "", manifests = [] } = input;
        const known = PACKS.find((pack) => pack.uid === uid);
        const isManifest = input.type === "manifest" && uid === MANIFEST_PACK;
        const isUnlisted = uid === "" && isWithoutSync(store, registryUid);
        if (!known && !isManifest && !isUnlisted) throw notFound("Pack", uid === "" ? name : uid);
        return {
            // The console cuts blanks off, and types become those of the registry.
            ...{ name, values: values.trim(), packUid: uid },
            type: typeOf(store, registryUid) ?? input.type ?? "spectro",
            layer: known?.layer ?? input.layer ?? "addon",
            tag: known?.version ?? tag,
            registryUid: known?.registryUid ?? registryUid,
            manifests: manifests.map((manifest) => ({
                ...{ uid: store.newUid(), name: manifest.name ?? "", content: manifest.content ?? "" },
            })),
        };
    });
    const names = packs.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw invalid(`the pack '${twice}' is there twice`);
    refuseUndefined(packs, variables);
    return packs;
}

export function refuseUndefined(packs: readonly ProfilePack[], variables: readonly ProfileVariable[]): void {
    const declared = new Set(variables.map(({ name }) => name));
    const used = packs.flatMap(({ values, manifests }) =>
        [values, ...manifests.map(({ content }) => content)].flatMap((text) =>
            [...text.matchAll(/\{\{\s*\.spectro\.var\.([\w-]+)\s*\}\}/g)].map(([, name = ""]) => name),
        ),
    );
    const missing = [...new Set(used)].filter((name) => !declared.has(name));
    if (missing.length === 0) return;
    throw new PaletteError(
        400,
        "PackVariablesUndefined",
        `the variables ${missing.join(", ")} are used by packs, but not defined`,
    );
}

function typeOf({ registries }: PaletteStore, uid: string): ProfilePack["type"] | undefined {
    return registries.find((registry) => registry.uid === uid)?.kind === "oci" ? "oci" : undefined;
}

/** Palette does not know what such a registry holds, and takes every pack of it. */
function isWithoutSync({ registries }: PaletteStore, uid: string): boolean {
    return registries.some((registry) => registry.uid === uid && !registry.isSyncSupported);
}
