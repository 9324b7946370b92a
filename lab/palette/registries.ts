import * as crypto from "node:crypto";
import type { ProfilePack } from "./store";

/** A registry of packs, as every tenant has them; the uids are the lab's own. */
export const REGISTRIES = [
    { uid: "3ab000000000000000000001", name: "Palette Registry", kind: "oci", isDefault: true },
    { uid: "3ab000000000000000000002", name: "Palette Community Registry", kind: "oci", isDefault: false },
] as const;

/** A pack in a registry, with the values it brings. */
export interface RegistryPack {
    readonly uid: string;
    readonly registryUid: string;
    readonly name: string;
    readonly version: string;
    readonly layer: ProfilePack["layer"];
    readonly values: string;
}

/** Marked, so that nobody takes them for those of the real packs. */
const OWN = "# Values of the lab's own making, not those of the real pack.\n";

const BYOI = `pack:
  content:
    images:
      - image: "{{.spectro.pack.edge-native-byoi.options.system.uri}}"
options:
  system.uri: "{{ .spectro.pack.edge-native-byoi.options.system.registry }}/{{ .spectro.pack.edge-native-byoi.options.system.repo }}:{{ .spectro.pack.edge-native-byoi.options.system.k8sDistribution }}-{{ .spectro.system.kubernetes.version }}-{{ .spectro.pack.edge-native-byoi.options.system.peVersion }}-{{ .spectro.pack.edge-native-byoi.options.system.customTag }}"
`;

function pack(
    registry: 0 | 1,
    layer: ProfilePack["layer"],
    name: string,
    version: string,
    values = "pack: {}\n",
): RegistryPack {
    const registryUid = REGISTRIES[registry].uid;
    const uid = crypto
        .createHash("sha256")
        .update(`${registryUid}/${name}/${version}`)
        .digest("hex")
        .slice(0, 24);
    return { uid, registryUid, name, version, layer, values: OWN + values };
}

/** The packs of the edge appliance's profile. */
export const PACKS: readonly RegistryPack[] = [
    pack(0, "os", "edge-native-byoi", "2.1.0", BYOI),
    pack(0, "k8s", "edge-k8s", "1.33.6"),
    pack(0, "k8s", "edge-k8s", "1.34.2"),
    pack(0, "cni", "cni-cilium-oss", "1.18.4"),
    pack(0, "csi", "csi-longhorn", "1.10.1"),
    pack(1, "addon", "network-operator", "25.10.0"),
];
