import { parse } from "yaml";
import type { AppliedProfile } from "./store";

const OS_PACK = "edge-native-byoi";

/** The image that the nodes of a cluster run, its parts filled in. */
export function systemUriOf(profiles: readonly AppliedProfile[]): string | undefined {
    const packs = profiles.flatMap((profile) => profile.packs);
    const os = packs.find(({ name }) => name === OS_PACK);
    if (!os) return undefined;
    const content = parse(os.values, { schema: "failsafe" }) as { options?: Record<string, string> } | null;
    const options = content?.options ?? {};
    const version = packs.find(({ layer }) => layer === "k8s")?.tag ?? "";
    return options["system.uri"]?.replace(/\{\{\s*\.([\w.-]+)\s*\}\}/g, (macro, name: string) => {
        if (name === "spectro.system.kubernetes.version") return version;
        return options[name.replace(`spectro.pack.${OS_PACK}.options.`, "")] ?? macro;
    });
}
