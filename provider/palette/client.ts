import { abortable } from "../http/abortable";
import { HttpClient, type HttpAnswer, type HttpRequest } from "../http/client";
import { NoAnswer } from "../http/failure";
import type { Rate } from "../http/pace";
import type { Host } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import { Busy, PaletteError, saysNotFound, translate } from "./answers";
import type {
    EdgeHostRecord,
    EdgeHostRegistration,
    EdgeHostSummary,
    Project,
    RegistrationTokenRecord,
    RegistrationTokenRequest,
    TunnelConfig,
} from "./api";
import { secretsIn } from "./secrets";
import type { PaletteSettings } from "./settings";

export interface CallOptions {
    readonly signal?: AbortSignal | undefined;
}

/** Whose objects a call is about. It goes with each call: one client serves all projects at once. */
export type Scope = "tenant" | { readonly projectUid: string };

interface PaletteCall extends CallOptions {
    readonly method: HttpRequest["method"];
    readonly path: string;
    readonly scope: Scope;
    readonly query?: Readonly<Record<string, string | number>>;
    readonly body?: unknown;
    /** The request can be repeated without harm. Default: every method but POST. */
    readonly idempotent?: boolean;
}

/** Below what Palette documents, for an address that other tools may share: 10 a second and 50 at once. */
const SLOW: Rate = { perSecond: 9, burst: 40 };
/** Below 50 a second and 250 at once. */
const FAST: Rate = { perSecond: 45, burst: 200 };
const FAST_SEGMENTS: ReadonlySet<string> = new Set(["clusterprofiles", "spectroclusters", "cloudconfigs"]);
/** As patient as the Terraform provider: a tenant's limits are shared by all that come from one address. */
const ATTEMPTS = 10;
const PAGE = 50;
/** A list that is longer has no end. */
const MOST_PAGES = 2_000;

/** One tenant of Palette. All resources of a run share it, with its pace and what it knows of the tenant. */
export class PaletteClient {
    private readonly secrets = new Set<string>();
    /** One for each first segment of the path, since Palette counts requests by it. */
    private readonly clients = new Map<string, HttpClient>();
    private knownProjects: Promise<Project[]> | undefined;

    constructor(
        readonly settings: PaletteSettings,
        private readonly host: Host,
    ) {
        this.secrets.add(settings.apiKey);
    }

    get endpoint(): string {
        return this.settings.endpoint;
    }

    /** The scope of a project, by its name; without one that of the settings. */
    async project(
        name = this.settings.project,
        { signal }: CallOptions = {},
    ): Promise<{ projectUid: string }> {
        const projects = await this.projects({ signal });
        const found = projects.find((project) => project.name === name);
        if (found) return { projectUid: found.uid };
        const known = projects.map((project) => project.name).join(", ") || "none";
        throw new EdgeError(
            `Palette has no project ${JSON.stringify(name)} (${this.settings.advice.project}), or the user of the ` +
                `API key may not see it; known are ${known}`,
        );
    }

    /** What the user of the key may see, asked for once. */
    projects({ signal }: CallOptions = {}): Promise<Project[]> {
        this.knownProjects ??= this.fetchProjects();
        // What could not be read is asked for again by whoever comes next.
        this.knownProjects.catch(() => (this.knownProjects = undefined));
        return abortable(this.knownProjects, signal);
    }

    /** The host as it is now; undefined only when Palette itself says that there is none. */
    async edgeHost(
        uid: string,
        scope: Scope,
        { signal }: CallOptions = {},
    ): Promise<EdgeHostRecord | undefined> {
        const host = await this.find({ method: "GET", path: edgeHostPath(uid), scope, signal });
        return host && (withoutServiceToken(host) as unknown as EdgeHostRecord);
    }

    /**
     * Registers a host before its machine has booted. A host with this uid anywhere in the tenant is an error with
     * the code `AlreadyRegisteredEdgeHostDevice`. When the answer gets lost, `same` recognises what was made.
     */
    async registerEdgeHost(
        registration: EdgeHostRegistration,
        scope: Scope,
        { signal, same }: CallOptions & { same: (host: EdgeHostRecord) => boolean },
    ): Promise<void> {
        const call = { method: "POST", path: "/v1/edgehosts", scope, signal, body: registration } as const;
        try {
            await this.successful(call);
        } catch (error) {
            if (!mayHaveHappened(error)) throw error;
            const found = await this.edgeHost(registration.metadata.uid, scope, { signal });
            if (!found || !same(found)) throw error;
        }
    }

    /** Replaces name and all labels. The name goes along: Palette takes a missing one for another. */
    async setEdgeHostMeta(
        uid: string,
        metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
        scope: Scope,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const body = { metadata: { ...metadata, uid } };
        await this.successful({ method: "PUT", path: `${edgeHostPath(uid)}/meta`, scope, signal, body });
    }

    async setTunnel(
        uid: string,
        body: TunnelConfig,
        scope: Scope,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const path = `${edgeHostPath(uid)}/tunnelConfig`;
        await this.successful({ method: "PATCH", path, scope, signal, body });
    }

    async setPairingKey(
        uid: string,
        hostPairingKey: string,
        scope: Scope,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const path = `${edgeHostPath(uid)}/hostPairingKey`;
        await this.successful({ method: "PATCH", path, scope, signal, body: { hostPairingKey } });
    }

    /** Not there is done. */
    async removeEdgeHost(uid: string, scope: Scope, { signal }: CallOptions = {}): Promise<void> {
        await this.removed({ method: "DELETE", path: edgeHostPath(uid), scope, signal });
    }

    /** All hosts that the scope can see, page by page. */
    async edgeHosts(scope: Scope, { signal }: CallOptions = {}): Promise<EdgeHostSummary[]> {
        const filter = { conjunction: "and", filterGroups: [] };
        const body = { filter, sort: [] };
        const path = "/v1/dashboard/edgehosts/search";
        const items = await this.pages({ method: "POST", path, scope, signal, body, idempotent: true });
        return items as EdgeHostSummary[];
    }

    /** Returns the uid; the token itself is read afterwards. Names need not be unique, so nothing is made twice. */
    async createRegistrationToken(
        body: RegistrationTokenRequest,
        { signal, same }: CallOptions & { same: (token: RegistrationTokenRecord) => boolean },
    ): Promise<string> {
        const call = {
            method: "POST",
            path: "/v1/edgehosts/tokens",
            scope: "tenant",
            signal,
            body,
        } as const;
        try {
            return uidIn(await this.successful(call), () => this.unexpected(call));
        } catch (error) {
            if (!mayHaveHappened(error)) throw error;
            const found = (await this.registrationTokens({ signal })).find(same)?.metadata.uid;
            if (found === undefined) throw error;
            return found;
        }
    }

    async registrationToken(
        uid: string,
        { signal }: CallOptions = {},
    ): Promise<RegistrationTokenRecord | undefined> {
        const found = await this.find({ method: "GET", path: tokenPath(uid), scope: "tenant", signal });
        return found as RegistrationTokenRecord | undefined;
    }

    async registrationTokens({ signal }: CallOptions = {}): Promise<RegistrationTokenRecord[]> {
        const call = { method: "GET", path: "/v1/edgehosts/tokens", scope: "tenant", signal } as const;
        return this.items(call, await this.successful(call)) as RegistrationTokenRecord[];
    }

    async updateRegistrationToken(
        uid: string,
        body: RegistrationTokenRequest,
        { signal }: CallOptions = {},
    ): Promise<void> {
        await this.successful({ method: "PUT", path: tokenPath(uid), scope: "tenant", signal, body });
    }

    async setRegistrationTokenState(
        uid: string,
        isActive: boolean,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const path = `${tokenPath(uid)}/state`;
        await this.successful({ method: "PUT", path, scope: "tenant", signal, body: { isActive } });
    }

    /** Not there is done. */
    async removeRegistrationToken(uid: string, { signal }: CallOptions = {}): Promise<void> {
        await this.removed({ method: "DELETE", path: tokenPath(uid), scope: "tenant", signal });
    }

    /** A text without anything secret in it. */
    clean(text: string): string {
        return this.http("/v1/edgehosts").clean(text);
    }

    async close(): Promise<void> {
        await Promise.all([...this.clients.values()].map((client) => client.close()));
    }

    private async fetchProjects(): Promise<Project[]> {
        const call = { method: "GET", path: "/v1/dashboard/projects/metadata", scope: "tenant" } as const;
        const items = this.items(call, await this.successful(call)) as { metadata: Project }[];
        return items.map(({ metadata: { uid, name } }) => ({ uid, name }));
    }

    /** The answer, or undefined when there is no such object. */
    private async find(call: PaletteCall): Promise<Record<string, unknown> | undefined> {
        const answer = await this.send(call);
        if (await this.isMissing(call, answer)) return undefined;
        return this.object(call, answer);
    }

    private async removed(call: PaletteCall): Promise<void> {
        const answer = await this.send(call);
        if (!(await this.isMissing(call, answer))) this.expectSuccess(call, answer);
    }

    /**
     * *Not found* is also what a wrong key and a project that is gone look like, so both must be known to be right
     * before anything is taken for deleted.
     */
    private async isMissing({ scope, signal }: PaletteCall, answer: HttpAnswer): Promise<boolean> {
        if (!saysNotFound(answer, this.settings)) return false;
        const projects = await this.projects({ signal });
        return scope === "tenant" || projects.some(({ uid }) => uid === scope.projectUid);
    }

    private async pages(call: PaletteCall): Promise<unknown[]> {
        const all: unknown[] = [];
        let next = "";
        for (let page = 0; page < MOST_PAGES; page++) {
            const query = { limit: PAGE, ...(next === "" ? {} : { continue: next }) };
            const answer = this.object(call, await this.send({ ...call, query }));
            all.push(...this.items(call, answer));
            const { listmeta } = answer;
            const token = isRecord(listmeta) ? listmeta.continue : undefined;
            if (typeof token !== "string" || token === "") return all;
            if (token === next) break;
            next = token;
        }
        throw new EdgeError(`${this.http(call.path).describe(call)}: the list does not end`);
    }

    private async successful(call: PaletteCall): Promise<unknown> {
        const answer = await this.send(call);
        this.expectSuccess(call, answer);
        return answer.json;
    }

    private object(call: PaletteCall, answer: HttpAnswer): Record<string, unknown> {
        this.expectSuccess(call, answer);
        if (!isRecord(answer.json)) throw this.unexpected(call);
        return answer.json;
    }

    private items(call: PaletteCall, answer: unknown): unknown[] {
        const items = isRecord(answer) ? answer.items : undefined;
        // The Go server writes an empty list as null.
        if (items === null) return [];
        if (!Array.isArray(items)) throw this.unexpected(call);
        return items as unknown[];
    }

    private expectSuccess(call: PaletteCall, answer: HttpAnswer): void {
        if (answer.status >= 200 && answer.status < 300) return;
        const http = this.http(call.path);
        const error = translate(http.describe(call), answer, this.settings);
        error.message = http.clean(error.message);
        throw error;
    }

    private unexpected(call: PaletteCall): EdgeError {
        const what = this.http(call.path).describe(call);
        return new EdgeError(
            `${what} was answered, but not by Palette: is ${this.settings.advice.endpoint} right?`,
        );
    }

    private async send({ scope, signal, ...call }: PaletteCall): Promise<HttpAnswer> {
        this.keepSecrets(call.body);
        const answer = await this.http(call.path).send({
            ...call,
            ...(signal ? { signal } : {}),
            attempts: ATTEMPTS,
            headers: {
                ApiKey: this.settings.apiKey,
                ...(scope === "tenant" ? {} : { ProjectUid: scope.projectUid }),
            },
        });
        this.keepSecrets(answer.json);
        return answer;
    }

    private keepSecrets(value: unknown): void {
        for (const secret of secretsIn(value)) this.secrets.add(secret);
    }

    private http(path: string): HttpClient {
        const segment = path.split("/")[2] ?? "";
        const known = this.clients.get(segment);
        if (known) return known;
        const { endpoint, ca, advice } = this.settings;
        const client = new HttpClient({
            ...{ system: "Palette", baseUrl: endpoint, env: this.host.env, clock: this.host, advice },
            ...(ca === undefined ? {} : { ca }),
            secrets: () => this.secrets,
            rate: FAST_SEGMENTS.has(segment) ? FAST : SLOW,
        });
        this.clients.set(segment, client);
        return client;
    }
}

/** Whether a host with this uid is registered already, somewhere in the tenant. */
export function isAlreadyRegistered(error: unknown): error is PaletteError {
    return error instanceof PaletteError && error.code === "AlreadyRegisteredEdgeHostDevice";
}

function edgeHostPath(uid: string): string {
    return `/v1/edgehosts/${encodeURIComponent(uid)}`;
}

function tokenPath(uid: string): string {
    return `/v1/edgehosts/tokens/${encodeURIComponent(uid)}`;
}

/** The agent's own secret, which is nobody's business. */
function withoutServiceToken(host: Record<string, unknown>): Record<string, unknown> {
    if (!isRecord(host.status)) return host;
    const status = { ...host.status };
    delete status.serviceAuthToken;
    return { ...host, status };
}

function uidIn(answer: unknown, unexpected: () => Error): string {
    if (isRecord(answer) && typeof answer.uid === "string") return answer.uid;
    throw unexpected();
}

function mayHaveHappened(error: unknown): boolean {
    return (error instanceof NoAnswer && !error.neverSent) || (error instanceof Busy && error.status !== 429);
}
