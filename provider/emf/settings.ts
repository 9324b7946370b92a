import type { Credentials } from "../http/session";
import type { Host } from "../resource/context";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { settingsReport } from "../settings/block";
import { addressIn, caIn, Sources } from "../settings/sources";

/** Where EMF is and how to log in, complete and checked. */
export interface EmfSettings {
    /** `https://api.<domain>`, without a slash at the end. */
    readonly endpoint: string;
    readonly project: string;
    readonly credentials: { readonly token: string } | PasswordCredentials;
    /** PEM text of the own CA. */
    readonly ca?: string;
    /** Where kernel packages are looked up; `{package}` stands for the name. */
    readonly kernelIndexUrl: string;
    /** Where things are set, for messages. */
    readonly advice: {
        readonly endpoint: string;
        readonly project: string;
        readonly caFile: string;
        readonly login: string;
        readonly kernelIndexUrl: string;
    };
}

export interface PasswordCredentials {
    readonly username: string;
    readonly password: string;
    /** Realm of the token endpoint: `https://keycloak.<domain>/realms/master`. */
    readonly keycloak: string;
    readonly clientId: string;
}

const FIELDS = [
    "endpoint",
    "project",
    "username",
    "password",
    "token",
    "keycloak",
    "clientId",
    "caFile",
    "kernelIndexUrl",
] as const;

const EMF = { name: "emf", fields: FIELDS, secrets: ["password", "token"] } as const;

type EmfSources = Sources<(typeof FIELDS)[number]>;

/** Launchpad's list of what Ubuntu's archive publishes, in all of its series. */
const UBUNTU_KERNELS =
    "https://api.launchpad.net/1.0/ubuntu/+archive/primary?ws.op=getPublishedBinaries&exact_match=true" +
    "&status=Published&ws.size=1&binary_name={package}";

/** The public client of EMF's realm that allows password grants; orch-cli's default too. */
const DEFAULT_CLIENT_ID = "system-client";

/**
 * Reads `edge-os:emf` (or the block `emf` of the named connection in `edge-os:connections`) and the environment,
 * which wins: refresh and destroy run with the configuration frozen in the state. All problems come in one error.
 */
export function readEmfSettings(
    target: { connection?: string | undefined; project?: string | undefined },
    host: Pick<Host, "config" | "env" | "projectDir" | "warn">,
): EmfSettings {
    const sources = new Sources(EMF, target.connection, host);
    const problems = [...sources.problems];

    const endpoint = checkedUrl("endpoint", sources, problems);
    const project = target.project ?? sources.value("project");
    if (project === undefined) problems.push(`project is missing: ${sources.where("project")}`);

    const missingHere: string[] = [];
    const credentials = readCredentials(sources, endpoint, problems, missingHere);
    const ca = caIn("caFile", sources, host.projectDir, missingHere);
    const kernelIndexUrl = readKernelIndex(sources, problems);

    if (problems.length > 0)
        throw new EdgeError(settingsReport("EMF", sources.title, [...problems, ...missingHere]));
    if (missingHere.length > 0 || !endpoint || project === undefined || !credentials) {
        throw new UnavailableHere(settingsReport("EMF", sources.title, missingHere));
    }
    sources.warnOfOpenSecrets();
    return {
        endpoint: endpoint.href.replace(/\/$/, ""),
        project,
        credentials,
        ...(ca === undefined ? {} : { ca }),
        kernelIndexUrl,
        advice: {
            endpoint: sources.where("endpoint"),
            project: sources.where("project"),
            caFile: sources.where("caFile") + (ca === undefined ? "" : " (the one given is of another CA)"),
            login:
                "token" in credentials
                    ? sources.where("token")
                    : `${sources.where("username")}, and ${sources.where("password")}`,
            kernelIndexUrl: sources.where("kernelIndexUrl"),
        },
    };
}

/** The grant that EMF's realm takes. */
export function loginOf({ credentials, advice }: EmfSettings): Credentials {
    if ("token" in credentials) return credentials;
    const { username, password, keycloak, clientId } = credentials;
    return {
        grant: { grant_type: "password", scope: "openid", username, password },
        client: { client_id: clientId },
        who: `user ${JSON.stringify(username)}`,
        where: `${keycloak} (client ${clientId})`,
        check: `username and password (${advice.login})`,
    };
}

function readCredentials(
    sources: EmfSources,
    endpoint: URL | undefined,
    problems: string[],
    missingHere: string[],
): EmfSettings["credentials"] | undefined {
    const envToken = sources.fromEnv("token");
    const envPassword = sources.fromEnv("password");
    // A credential from the environment must not lose to an older one of the other kind in the configuration.
    const token = envToken ?? (envPassword === undefined ? sources.fromConfig("token") : undefined);
    if (token !== undefined) return { token };

    const username = sources.value("username");
    const password = sources.value("password");
    if (username === undefined) missingHere.push(`username is missing: ${sources.where("username")}`);
    if (password === undefined) {
        missingHere.push(
            `password is missing: ${sources.where("password")} (or a ready token: ${sources.where("token")})`,
        );
    }
    const keycloak = readKeycloak(sources, endpoint, problems);
    if (username === undefined || password === undefined || keycloak === undefined) return undefined;
    return { username, password, keycloak, clientId: sources.value("clientId") ?? DEFAULT_CLIENT_ID };
}

/** As orch-cli derives it: `api.` of the endpoint becomes `keycloak.`. */
function readKeycloak(
    sources: EmfSources,
    endpoint: URL | undefined,
    problems: string[],
): string | undefined {
    if (sources.value("keycloak") !== undefined) {
        return checkedUrl("keycloak", sources, problems)?.href.replace(/\/$/, "");
    }
    if (!endpoint) return undefined;
    if (!endpoint.hostname.startsWith("api.")) {
        problems.push(
            `keycloak cannot be derived from ${endpoint.host}, which does not start with "api.": ${sources.where("keycloak")}`,
        );
        return undefined;
    }
    return `https://keycloak.${endpoint.host.slice("api.".length)}/realms/master`;
}

function checkedUrl(
    field: "endpoint" | "keycloak",
    sources: EmfSources,
    problems: string[],
): URL | undefined {
    return addressIn(field, sources, problems, "https://api.example.com");
}

/** Plain http is usual for package mirrors, and nothing depends on the answer but a warning. */
function readKernelIndex(sources: EmfSources, problems: string[]): string {
    const text = sources.value("kernelIndexUrl");
    if (text === undefined) return UBUNTU_KERNELS;
    if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
        problems.push(
            `kernelIndexUrl ${JSON.stringify(text)} must be an http or https address: ${sources.where("kernelIndexUrl")}`,
        );
    }
    return text;
}
