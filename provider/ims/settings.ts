import type { Credentials } from "../http/session";
import type { Host } from "../resource/context";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { settingsReport } from "../settings/block";
import { addressIn, caIn, Sources } from "../settings/sources";

/** Where a Cray system's gateway is and how to log in, complete and checked. */
export interface ImsSettings {
    /** The API gateway, `https://api.cmn.<domain>`, without a slash at the end. */
    readonly endpoint: string;
    /** Realm of the token endpoint. */
    readonly keycloak: string;
    readonly credentials: Credentials;
    /** PEM text of the platform's CA. */
    readonly ca?: string;
    /** Sent as `Cray-Tenant-Name` where it is set. */
    readonly tenant?: string;
    /** File, relative to the program's folder, that shows why a job's pod has failed; the service itself does not tell. */
    readonly kubeconfig?: string;
    /** Where things are set, for messages. */
    readonly advice: {
        readonly endpoint: string;
        readonly caFile: string;
        readonly login: string;
        readonly kubeconfig: string;
    };
}

const FIELDS = [
    "endpoint",
    "keycloak",
    "clientId",
    "clientSecret",
    "username",
    "password",
    "token",
    "caFile",
    "tenant",
    "kubeconfig",
] as const;

const IMS = { name: "ims", fields: FIELDS, secrets: ["clientSecret", "password", "token"] } as const;

type ImsSources = Sources<(typeof FIELDS)[number]>;

const EXAMPLE = "https://api.cmn.example.com";
/** The client of administrators' service accounts, and the public one that the `cray` command uses. */
const SERVICE_CLIENT = "admin-client";
const USER_CLIENT = "shasta";

/** Reads `edge-os:ims` (or the block `ims` of the named connection) and the environment, which wins. */
export function readImsSettings(
    connection: string | undefined,
    host: Pick<Host, "config" | "env" | "projectDir" | "warn">,
): ImsSettings {
    const sources = new Sources(IMS, connection, host);
    const problems = [...sources.problems];
    const missingHere: string[] = [];
    const endpoint = addressIn("endpoint", sources, problems, EXAMPLE)?.href.replace(/\/$/, "");
    const keycloak =
        sources.value("keycloak") === undefined
            ? `${endpoint ?? ""}/keycloak/realms/shasta`
            : addressIn("keycloak", sources, problems, EXAMPLE)?.href.replace(/\/$/, "");
    const credentials = readCredentials(sources, keycloak ?? "", missingHere);
    const ca = caIn("caFile", sources, host.projectDir, missingHere);
    const { title } = sources;
    if (problems.length > 0) throw new EdgeError(settingsReport("IMS", title, [...problems, ...missingHere]));
    if (missingHere.length > 0 || endpoint === undefined || keycloak === undefined || !credentials) {
        throw new UnavailableHere(settingsReport("IMS", title, missingHere));
    }
    sources.warnOfOpenSecrets();
    const [tenant, kubeconfig] = [sources.value("tenant"), sources.value("kubeconfig")];
    return {
        ...{ endpoint, keycloak, credentials },
        ...(ca === undefined ? {} : { ca }),
        ...(tenant === undefined ? {} : { tenant }),
        ...(kubeconfig === undefined ? {} : { kubeconfig }),
        advice: {
            endpoint: sources.where("endpoint"),
            caFile: sources.where("caFile") + (ca === undefined ? "" : " (the one given is of another CA)"),
            kubeconfig: sources.where("kubeconfig"),
            login: "token" in credentials ? sources.where("token") : credentials.check,
        },
    };
}

/** A credential from the environment must not lose to one of another kind in the configuration. */
function readCredentials(
    sources: ImsSources,
    keycloak: string,
    missingHere: string[],
): Credentials | undefined {
    for (const value of [
        (field: Parameters<ImsSources["value"]>[0]) => sources.fromEnv(field),
        (field: Parameters<ImsSources["value"]>[0]) => sources.fromConfig(field),
    ]) {
        const [token, secret, password] = [value("token"), value("clientSecret"), value("password")];
        if (token !== undefined) return { token };
        if (secret !== undefined) return serviceLogin(sources, keycloak, secret);
        if (password !== undefined) return userLogin(sources, keycloak, password, missingHere);
    }
    missingHere.push(
        `there is nothing to log in with: ${sources.where("clientSecret")} (of a service account), ` +
            `${sources.where("password")} (with a username), or a ready token, ${sources.where("token")}`,
    );
    return undefined;
}

function serviceLogin(sources: ImsSources, keycloak: string, secret: string): Credentials {
    const id = sources.value("clientId") ?? SERVICE_CLIENT;
    return {
        grant: { grant_type: "client_credentials", client_secret: secret },
        client: { client_id: id },
        who: `service account ${JSON.stringify(id)}`,
        where: keycloak,
        check: `its name and secret (${sources.where("clientId")}, and ${sources.where("clientSecret")})`,
    };
}

function userLogin(
    sources: ImsSources,
    keycloak: string,
    password: string,
    missingHere: string[],
): Credentials | undefined {
    const username = sources.value("username");
    if (username === undefined) {
        missingHere.push(`username is missing: ${sources.where("username")}`);
        return undefined;
    }
    const client = sources.value("clientId") ?? USER_CLIENT;
    return {
        grant: { grant_type: "password", username, password },
        client: { client_id: client },
        who: `user ${JSON.stringify(username)}`,
        where: `${keycloak} (client ${client})`,
        check: `username and password (${sources.where("username")}, and ${sources.where("password")})`,
    };
}
