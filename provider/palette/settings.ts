import type { Host } from "../resource/context";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { settingsReport } from "../settings/block";
import { addressIn, caIn, Sources } from "../settings/sources";

/** Where Palette is and how to be let in, complete and checked. */
export interface PaletteSettings {
    /** `https://api.spectrocloud.com`, or that of an own installation, without a slash at the end. */
    readonly endpoint: string;
    readonly apiKey: string;
    /** Name of the project that resources are in unless they say otherwise. */
    readonly project: string;
    /** PEM text of an own installation's CA. */
    readonly ca?: string;
    /** Where things are set, for messages. */
    readonly advice: {
        readonly endpoint: string;
        readonly caFile: string;
        readonly apiKey: string;
        readonly project: string;
    };
}

const FIELDS = ["endpoint", "apiKey", "project", "caFile"] as const;

const PALETTE = { name: "palette", fields: FIELDS, secrets: ["apiKey"] } as const;

const SAAS = "https://api.spectrocloud.com";
/** The project that every tenant begins with. */
const FIRST_PROJECT = "Default";

/** Reads `edge-os:palette` (or the block `palette` of the named connection) and the environment, which wins. */
export function readPaletteSettings(
    connection: string | undefined,
    host: Pick<Host, "config" | "env" | "projectDir" | "warn">,
): PaletteSettings {
    const sources = new Sources(PALETTE, connection, host);
    const problems = [...sources.problems];
    const missingHere: string[] = [];
    const endpoint =
        sources.value("endpoint") === undefined
            ? SAAS
            : addressIn("endpoint", sources, problems, SAAS)?.href.replace(/\/$/, "");
    const apiKey = sources.value("apiKey");
    if (apiKey === undefined) missingHere.push(`apiKey is missing: ${sources.where("apiKey")}`);
    const ca = caIn("caFile", sources, host.projectDir, missingHere);
    const { title } = sources;
    if (problems.length > 0) {
        throw new EdgeError(settingsReport("Palette", title, [...problems, ...missingHere]));
    }
    if (missingHere.length > 0 || endpoint === undefined || apiKey === undefined) {
        throw new UnavailableHere(settingsReport("Palette", title, missingHere));
    }
    sources.warnOfOpenSecrets();
    return {
        ...{ endpoint, apiKey, project: sources.value("project") ?? FIRST_PROJECT },
        ...(ca === undefined ? {} : { ca }),
        advice: {
            endpoint: sources.where("endpoint"),
            caFile: sources.where("caFile") + (ca === undefined ? "" : " (the one given is of another CA)"),
            apiKey: sources.where("apiKey"),
            project: sources.where("project"),
        },
    };
}
