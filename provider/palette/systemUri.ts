import { optionsIn } from "./packValues";

const OS_PACK = "edge-native-byoi";
const KUBERNETES_PACK = /^edge-(?:k8s|k3s|rke2|microk8s|nodeadm|canonical)\b/;
const MACRO = /\{\{\s*\.([\w.-]+)\s*\}\}/g;
const OPTION = `spectro.pack.${OS_PACK}.options.`;
const KUBERNETES_VERSION = "spectro.system.kubernetes.version";
/** As CanvOS names images: distribution, version of Kubernetes, and the rest. */
const CANVOS_TAG = /^[a-z0-9]+(?:-fips)?-(\d+\.\d+\.\d+)-/;
/** Options refer to options; more than this is a circle. */
const DEEPEST = 8;

/** What tells a pack's place in a profile: its name may have a prefix, where a profile has it twice. */
export interface NamedPack {
    readonly name: string;
    readonly tag?: string | undefined;
    readonly values?: string | undefined;
}

/** The name that registries know: `two--edge-k8s` is a second `edge-k8s`. */
export function registryName(name: string): string {
    return name.replace(/^.*--/, "");
}

export function osPackOf<Pack extends NamedPack>(packs: readonly Pack[]): Pack | undefined {
    return packs.find(({ name }) => registryName(name) === OS_PACK);
}

export function kubernetesPackOf<Pack extends NamedPack>(packs: readonly Pack[]): Pack | undefined {
    return packs.find(({ name }) => KUBERNETES_PACK.test(registryName(name)));
}

/**
 * The image that nodes of the profile run, with its parts filled in: every change of it repaves all nodes. Undefined
 * without an OS pack of one's own image, or where it depends on variables.
 */
export function systemUriOf(packs: readonly NamedPack[]): string | undefined {
    const options = optionsIn(osPackOf(packs)?.values ?? "");
    const version = kubernetesPackOf(packs)?.tag;
    const valueOf = (name: string): string | undefined => {
        if (name === KUBERNETES_VERSION) return version;
        return name.startsWith(OPTION) ? options[name.slice(OPTION.length)] : undefined;
    };
    let uri = options["system.uri"] ?? "";
    for (let depth = 0; depth < DEEPEST && uri.includes("{{"); depth++) {
        uri = uri.replace(MACRO, (macro, name: string) => valueOf(name) ?? macro);
    }
    return uri === "" || uri.includes("{{") ? undefined : uri;
}

/** Options that `system.uri` is made of and that are not there: with the values that the pack brings, most are missing. */
export function missingOptions(packs: readonly NamedPack[]): string[] {
    const options = optionsIn(osPackOf(packs)?.values ?? "");
    const used = [...(options["system.uri"] ?? "").matchAll(MACRO)].map(([, name = ""]) => name);
    return used
        .filter((name) => name.startsWith(OPTION))
        .map((name) => name.slice(OPTION.length))
        .filter((name) => !Object.hasOwn(options, name));
}

/** Why nodes could not run this image with the profile's version of Kubernetes, in words. */
export function systemUriFault(uri: string, kubernetesVersion: string | undefined): string | undefined {
    const tag = /:([^/:@]+)$/.exec(uri)?.[1];
    if (tag === undefined) {
        return uri.includes("@")
            ? undefined
            : `system.uri ${uri} has no tag: nodes would run whatever is latest`;
    }
    if (/_linux_(?:amd64|arm64)$/.test(tag)) {
        return `system.uri ${uri} ends in the platform that Earthly appends: push the image without it, and name it so`;
    }
    if (tag.endsWith("-")) {
        return `system.uri ${uri} ends in a dash: that is what CanvOS prints for an empty CUSTOM_TAG, and no image has it`;
    }
    const inside = CANVOS_TAG.exec(tag)?.[1];
    if (inside === undefined || kubernetesVersion === undefined || inside === kubernetesVersion)
        return undefined;
    return (
        `system.uri ${uri} is an image with Kubernetes ${inside}, but the Kubernetes pack is ${kubernetesVersion}: both ` +
        "must be the same version"
    );
}

/** Whether the image is gone a day after it was pushed. */
export function isShortLived(uri: string): boolean {
    return uri.startsWith("ttl.sh/");
}
