import * as crypto from "node:crypto";
import { PACK_VALUES } from "./packValues";

/** A registry of packs; the uids are the lab's own. */
export interface Registry {
    readonly uid: string;
    readonly name: string;
    readonly kind: "pack" | "oci" | "helm";
    readonly isDefault: boolean;
    readonly isPrivate: boolean;
    /** Whether Palette knows what is in it. */
    readonly isSyncSupported: boolean;
}

const PALETTE: Registry = {
    ...{ uid: "3ab000000000000000000001", name: "Palette Registry", kind: "oci" },
    ...{ isDefault: true, isPrivate: false, isSyncSupported: true },
};
const COMMUNITY: Registry = {
    ...{ uid: "3ab000000000000000000002", name: "Palette Community Registry", kind: "oci" },
    ...{ isDefault: false, isPrivate: false, isSyncSupported: true },
};
const SITE: Registry = {
    ...{ uid: "3ab000000000000000000003", name: "Site Packs", kind: "pack" },
    ...{ isDefault: false, isPrivate: true, isSyncSupported: true },
};
const ARCHIVE: Registry = {
    ...{ uid: "3ab000000000000000000004", name: "Site Archive", kind: "oci" },
    ...{ isDefault: false, isPrivate: true, isSyncSupported: false },
};

/** The public registries that every tenant has, and two of the site's own. */
export const REGISTRIES: readonly Registry[] = [PALETTE, COMMUNITY, SITE, ARCHIVE];

/** What a pack is in a profile. */
export type Layer = "kernel" | "os" | "k8s" | "cni" | "csi" | "addon";

/** A pack in a registry, with the values it brings. */
export interface RegistryPack {
    readonly uid: string;
    readonly registryUid: string;
    readonly name: string;
    readonly version: string;
    readonly layer: Layer;
    readonly values: string;
}

function pack(registry: Registry, layer: Layer, name: string, version: string): RegistryPack {
    const uid = crypto
        .createHash("sha256")
        .update(`${registry.uid}/${name}/${version}`)
        .digest("hex")
        .slice(0, 24);
    return { uid, registryUid: registry.uid, name, version, layer, values: PACK_VALUES[name] ?? "" };
}

/** The packs of the edge appliance's profile. */
export const PACKS: readonly RegistryPack[] = [
    pack(PALETTE, "os", "edge-native-byoi", "2.1.0"),
    pack(PALETTE, "k8s", "edge-k8s", "1.33.6"),
    pack(PALETTE, "k8s", "edge-k8s", "1.34.2"),
    pack(PALETTE, "cni", "cni-cilium-oss", "1.18.4"),
    pack(PALETTE, "csi", "csi-longhorn", "1.10.1"),
    pack(COMMUNITY, "addon", "network-operator", "25.10.0"),
    pack(SITE, "addon", "nodeprep-controller", "1.0.0"),
];
