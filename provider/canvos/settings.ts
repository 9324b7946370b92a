import * as path from "node:path";
import { ResultCache } from "../image/cache";
import { readCaFile } from "../http/caFile";
import type { Host } from "../resource/context";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { settingsReport } from "../settings/block";
import { Sources } from "../settings/sources";
import type { GitAccess } from "./git";

/** How and where CanvOS images are built; all of it is optional. */
export interface CanvosSettings {
    /** Folder of checkouts and builds: some tens of gigabytes. */
    readonly workDirectory: string;
    /** Address of the Docker daemon that builds, where it is not the one that `docker` finds. */
    readonly dockerHost?: string;
    readonly git: GitAccess;
    /** Login to the registry that images are pushed to, where `docker login` has left none. */
    readonly registry?: { readonly username: string; readonly password: string };
    /** Login to a private repository of CanvOS's packages. */
    readonly luet?: { readonly username: string; readonly password: string };
    readonly ubuntuProKey?: string;
    /** Login to Red Hat's subscription management, for base images of RHEL. */
    readonly rhsm?: { readonly username: string; readonly password: string };
    /** For base images of SUSE Linux Enterprise Micro. */
    readonly suseRegistrationCode?: string;
    /** What must appear in no text. */
    readonly secrets: readonly string[];
}

const FIELDS = [
    "workDirectory",
    "dockerHost",
    "gitUsername",
    "gitToken",
    "gitCaFile",
    "gitProxy",
    "registryUsername",
    "registryPassword",
    "luetUsername",
    "luetPassword",
    "ubuntuProKey",
    "rhsmUsername",
    "rhsmPassword",
    "suseRegistrationCode",
] as const;

type Field = (typeof FIELDS)[number];

const SECRETS = [
    "gitToken",
    "registryPassword",
    "luetPassword",
    "ubuntuProKey",
    "rhsmPassword",
    "suseRegistrationCode",
] as const;
const CANVOS = { name: "canvos", fields: FIELDS, secrets: SECRETS } as const;

/** Reads `edge-os:canvos` (or the block `canvos` of the named connection) and the environment, which wins. */
export function readCanvosSettings(
    connection: string | undefined,
    host: Pick<Host, "config" | "env" | "projectDir" | "warn">,
): CanvosSettings {
    const sources = new Sources(CANVOS, connection, host);
    const problems = [...sources.problems];
    const pair = (username: Field, password: Field): { username: string; password: string } | undefined => {
        const [name, secret] = [sources.value(username), sources.value(password)];
        if (name !== undefined && secret !== undefined) return { username: name, password: secret };
        if (secret !== undefined) problems.push(`${username} is missing: ${sources.where(username)}`);
        else if (name !== undefined) problems.push(`${password} is missing: ${sources.where(password)}`);
        return undefined;
    };
    const login = pair("gitUsername", "gitToken");
    const registry = pair("registryUsername", "registryPassword");
    const luet = pair("luetUsername", "luetPassword");
    const rhsm = pair("rhsmUsername", "rhsmPassword");
    const suseRegistrationCode = sources.value("suseRegistrationCode");
    if (problems.length > 0) throw new EdgeError(settingsReport("CanvOS", sources.title, problems));
    sources.warnOfOpenSecrets();
    const [dockerHost, ubuntuProKey] = [sources.value("dockerHost"), sources.value("ubuntuProKey")];
    const work = sources.value("workDirectory");
    const caFile = caFileOf(sources, host.projectDir);
    return {
        workDirectory:
            work === undefined
                ? path.join(ResultCache.defaultFolder(host.env), "canvos")
                : path.resolve(host.projectDir, work),
        git: { caFile, proxy: sources.value("gitProxy"), login },
        ...(dockerHost === undefined ? {} : { dockerHost }),
        ...(registry === undefined ? {} : { registry }),
        ...(luet === undefined ? {} : { luet }),
        ...(rhsm === undefined ? {} : { rhsm }),
        ...(suseRegistrationCode === undefined ? {} : { suseRegistrationCode }),
        ...(ubuntuProKey === undefined ? {} : { ubuntuProKey }),
        secrets: SECRETS.flatMap((field) => sources.value(field) ?? []),
    };
}

function caFileOf(sources: Sources<Field>, projectDir: string): string | undefined {
    const given = sources.value("gitCaFile");
    if (given === undefined) return undefined;
    const file = path.resolve(projectDir, given);
    const read = readCaFile(file);
    if ("ca" in read) return file;
    throw new UnavailableHere(`gitCaFile ${given} ${read.fault}: ${sources.where("gitCaFile")}`);
}
