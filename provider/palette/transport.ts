import { abortable } from "../http/abortable";
import { HttpClient, type HttpAnswer, type HttpRequest } from "../http/client";
import { NoAnswer } from "../http/failure";
import type { Rate } from "../http/pace";
import type { Host } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import { Busy, PaletteError, saysNotFound, translate } from "./answers";
import type { Project } from "./api";
import { secretsIn } from "./secrets";
import type { PaletteSettings } from "./settings";

export interface CallOptions {
    readonly signal?: AbortSignal | undefined;
}

/** Whose objects a call is about. It goes with each call: one client serves all projects at once. */
export type Scope = "tenant" | { readonly projectUid: string };

export interface PaletteCall extends CallOptions {
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
/** Of a write between whose attempts it is looked whether it was done. */
const UNREPEATED_ATTEMPTS = 4;
/** So long an answered call proves that the key is good; gates outlive keys. */
const PROOF_AGE = 30_000;
const PAGE = 50;
/** A list that is longer has no end. */
const MOST_PAGES = 2_000;

/** The way to one tenant of Palette: scope, pace, paging, what an error means, and what must not be shown. */
export class PaletteTransport {
    private readonly secrets = new Set<string>();
    /** One for each first segment of the path, since Palette counts requests by it. */
    private readonly clients = new Map<string, HttpClient>();
    private knownProjects: { readonly at: number; readonly answer: Promise<Project[]> } | undefined;

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

    /** What the user of the key may see, asked for once, or again where that is older than `maxAge` milliseconds. */
    projects({ signal, maxAge = Infinity }: CallOptions & { maxAge?: number } = {}): Promise<Project[]> {
        const { knownProjects: former } = this;
        const isFresh = former !== undefined && this.host.now() - former.at < maxAge;
        const known = isFresh ? former : { at: this.host.now(), answer: this.fetchProjects() };
        this.knownProjects = known;
        // What could not be read is asked for again by whoever comes next.
        known.answer.catch(() => {
            if (this.knownProjects === known) this.knownProjects = undefined;
        });
        return abortable(known.answer, signal);
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
    async find(call: PaletteCall): Promise<Record<string, unknown> | undefined> {
        const answer = await this.send(call);
        if (await this.isMissing(call, answer)) return undefined;
        return this.object(call, answer);
    }

    /**
     * Makes an object and returns its uid. POST is not repeated: when the answer gets lost, `recover` looks for what
     * was made.
     */
    async created(call: PaletteCall, recover: () => Promise<string | undefined>): Promise<string> {
        try {
            const answer = await this.successful(call);
            if (isRecord(answer) && typeof answer.uid === "string") return answer.uid;
        } catch (error) {
            if (!mayHaveHappened(error)) throw error;
            const found = await recover();
            if (found === undefined) throw error;
            return found;
        }
        throw this.unexpected(call);
    }

    /**
     * A write that fails when it is sent again after it was done: where its answer gets lost, `isDone` looks first, and it
     * is sent again only where nothing has happened.
     */
    async once(call: PaletteCall, isDone: () => Promise<boolean>): Promise<void> {
        for (let attempt = 1; ; attempt++) {
            try {
                await this.successful({ ...call, idempotent: false });
                return;
            } catch (error) {
                if (!mayHaveHappened(error)) throw error;
                if (await isDone()) return;
                if (attempt >= UNREPEATED_ATTEMPTS) throw error;
            }
        }
    }

    /** Not there is done. */
    async removed(call: PaletteCall): Promise<void> {
        const answer = await this.send(call);
        if (!(await this.isMissing(call, answer))) this.expectSuccess(call, answer);
    }

    /**
     * *Not found* is also what a wrong key and a project that is gone look like, so both must be known to be right
     * before anything is taken for deleted.
     */
    private async isMissing({ scope, signal }: PaletteCall, answer: HttpAnswer): Promise<boolean> {
        if (!saysNotFound(answer, this.settings)) return false;
        const projects = await this.projects({ signal, maxAge: PROOF_AGE });
        return scope === "tenant" || projects.some(({ uid }) => uid === scope.projectUid);
    }

    /** All items of a list, page by page. */
    async pages(call: PaletteCall): Promise<unknown[]> {
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

    /** The answer's body; an error is thrown. */
    async successful(call: PaletteCall): Promise<unknown> {
        const answer = await this.send(call);
        this.expectSuccess(call, answer);
        return answer.json;
    }

    private object(call: PaletteCall, answer: HttpAnswer): Record<string, unknown> {
        this.expectSuccess(call, answer);
        if (!isRecord(answer.json)) throw this.unexpected(call);
        return answer.json;
    }

    /** The items of a list's answer. */
    items(call: PaletteCall, answer: unknown): unknown[] {
        const items = isRecord(answer) ? answer.items : undefined;
        // The Go server writes an empty list as null.
        if (items === null) return [];
        if (!Array.isArray(items)) throw this.unexpected(call);
        return items as unknown[];
    }

    private expectSuccess(call: PaletteCall, answer: HttpAnswer): void {
        if (answer.status >= 200 && answer.status < 300) return;
        const http = this.http(call.path);
        // Before a long text is cut: a part of a secret would not be recognised.
        const shown = { ...answer, text: http.clean(answer.text) };
        const error = translate(http.describe(call), shown, this.settings);
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

    /** Keeps these texts out of all messages. */
    protect(values: Iterable<string>): void {
        for (const value of values) if (value !== "") this.secrets.add(value);
    }

    private keepSecrets(value: unknown): void {
        this.protect(secretsIn(value));
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

/** Whether a write that failed may have been done all the same. */
export function mayHaveHappened(error: unknown): boolean {
    if (error instanceof NoAnswer) return !error.neverSent;
    if (error instanceof Busy) return error.status !== 429;
    return error instanceof PaletteError && error.status >= 500;
}
