import * as path from "node:path";
import { readCaFile } from "../http/caFile";
import type { Host } from "../resource/context";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { closest } from "../resource/problem";
import { isRecord } from "../resource/unknown";
import { UBUNTU_KERNELS } from "./kernelIndex";

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

type Field = (typeof FIELDS)[number];

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
    const sources = new Sources(target.connection, host);
    const problems = [...sources.problems];

    const endpoint = checkedUrl("endpoint", sources, problems);
    const project = target.project ?? sources.value("project");
    if (project === undefined) problems.push(`project is missing: ${sources.where("project")}`);

    const missingHere: string[] = [];
    const credentials = readCredentials(sources, endpoint, problems, missingHere);
    const ca = readCa(sources, host.projectDir, missingHere);
    const kernelIndexUrl = readKernelIndex(sources, problems);

    if (problems.length > 0) throw new EdgeError(report(sources.title, [...problems, ...missingHere]));
    if (missingHere.length > 0 || !endpoint || project === undefined || !credentials) {
        throw new UnavailableHere(report(sources.title, missingHere));
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

/** One block of configuration and the variables above it. */
class Sources {
    readonly problems: string[] = [];
    private readonly key: string;
    private readonly block: Readonly<Record<string, unknown>>;
    private readonly prefix: string;
    private readonly path: string;

    constructor(
        connection: string | undefined,
        private readonly host: Pick<Host, "config" | "env" | "warn">,
    ) {
        this.key = connection === undefined ? "edge-os:emf" : "edge-os:connections";
        this.path = connection === undefined ? "edge-os:emf" : `edge-os:connections["${connection}"].emf`;
        const named =
            connection === undefined ? "" : `${connection.toUpperCase().replace(/[^A-Z0-9]/g, "_")}_`;
        this.prefix = `EDGE_OS_${named}EMF_`;
        this.block = this.readBlock(connection);
        for (const name of Object.keys(this.block)) this.checkKey(name);
    }

    get title(): string {
        return this.path;
    }

    value(field: Field): string | undefined {
        return this.fromEnv(field) ?? this.fromConfig(field);
    }

    fromEnv(field: Field): string | undefined {
        const value = this.host.env[this.variable(field)];
        return value === "" ? undefined : value;
    }

    fromConfig(field: Field): string | undefined {
        const value = this.block[field];
        return typeof value === "string" && value !== "" ? value : undefined;
    }

    /** `edge-os:emf.endpoint or EDGE_OS_EMF_ENDPOINT`. */
    where(field: Field): string {
        return `${this.path}.${field} or ${this.variable(field)}`;
    }

    /** Only the program's own process can see which configuration is secret. */
    warnOfOpenSecrets(): void {
        const secretKeys = this.host.env.PULUMI_CONFIG_SECRET_KEYS;
        if (secretKeys === undefined || secretKeys.includes(`"${this.key}"`)) return;
        for (const field of ["password", "token"] as const) {
            if (this.fromConfig(field) === undefined) continue;
            this.host.warn(
                `${this.path}.${field} stands in clear text in the stack's configuration: ` +
                    `set it again with pulumi config set --secret --path, or use ${this.variable(field)}`,
            );
        }
    }

    private variable(field: Field): string {
        return this.prefix + field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
    }

    private readBlock(connection: string | undefined): Readonly<Record<string, unknown>> {
        const text = this.host.config(this.key);
        if (text === undefined || text === "") return {};
        let whole: unknown;
        try {
            whole = JSON.parse(text);
        } catch {
            whole = undefined;
        }
        const block = connection === undefined ? whole : this.connectionBlock(whole, connection);
        if (isRecord(block)) return block;
        if (block !== undefined || connection === undefined) {
            this.problems.push(
                `${this.path} must be an object: set its fields with pulumi config set --path '${this.path}.endpoint' …`,
            );
        }
        return {};
    }

    private connectionBlock(connections: unknown, name: string): unknown {
        if (!isRecord(connections)) return connections ?? null;
        if (!(name in connections)) {
            const known = Object.keys(connections);
            const meant = closest(name, known);
            this.problems.push(
                `there is no connection ${JSON.stringify(name)} in edge-os:connections; ` +
                    (meant ? `did you mean ${meant}?` : `known are ${known.join(", ") || "none"}`),
            );
            return undefined;
        }
        const connection = connections[name];
        return isRecord(connection) ? connection.emf : connection;
    }

    private checkKey(name: string): void {
        if (!(FIELDS as readonly string[]).includes(name)) {
            const meant = closest(name, FIELDS);
            this.problems.push(
                `there is no setting ${JSON.stringify(name)}; ` +
                    (meant ? `did you mean ${meant}?` : `allowed are ${FIELDS.join(", ")}`),
            );
        } else if (typeof this.block[name] !== "string") {
            this.problems.push(`${name} must be text`);
        }
    }
}

function readCredentials(
    sources: Sources,
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
function readKeycloak(sources: Sources, endpoint: URL | undefined, problems: string[]): string | undefined {
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

function checkedUrl(field: "endpoint" | "keycloak", sources: Sources, problems: string[]): URL | undefined {
    const text = sources.value(field);
    const where = sources.where(field);
    if (text === undefined) {
        problems.push(`${field} is missing: ${where}, for example https://api.example.com`);
        return undefined;
    }
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.username || url?.password) {
        problems.push(`${field} must not hold a user or password: use the settings of that name`);
    } else if (url?.protocol !== "https:") {
        problems.push(`${field} ${JSON.stringify(text)} must be an https:// address: ${where}`);
    } else if (url.search || url.hash) {
        problems.push(`${field} must not have a query or fragment: ${where}`);
    } else {
        return url;
    }
    return undefined;
}

/** Plain http is usual for package mirrors, and nothing depends on the answer but a warning. */
function readKernelIndex(sources: Sources, problems: string[]): string {
    const text = sources.value("kernelIndexUrl");
    if (text === undefined) return UBUNTU_KERNELS;
    if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
        problems.push(
            `kernelIndexUrl ${JSON.stringify(text)} must be an http or https address: ${sources.where("kernelIndexUrl")}`,
        );
    }
    return text;
}

function readCa(sources: Sources, projectDir: string, missingHere: string[]): string | undefined {
    const file = sources.value("caFile");
    if (file === undefined) return undefined;
    const read = readCaFile(path.resolve(projectDir, file));
    if ("ca" in read) return read.ca;
    missingHere.push(`caFile ${file} ${read.fault}: ${sources.where("caFile")}`);
    return undefined;
}

function report(title: string, problems: readonly string[]): string {
    return [`EMF settings (${title}):`, ...problems.map((problem) => `  - ${problem}`)].join("\n");
}
