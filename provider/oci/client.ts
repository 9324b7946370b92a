import type { Readable } from "node:stream";
import { backoff } from "../http/backoff";
import { isLoopback } from "../http/loopback";
import { EdgeError } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import { RegistryAuth, type Scope } from "./auth";
import { pushBlob, type BlobOptions, type Session } from "./blobUpload";
import { dockerLogin, type RegistryLogin } from "./dockerConfig";
import { refusal, type RegistryAdvice } from "./errors";
import { digestOf, type Manifest, MANIFEST_TYPES } from "./manifest";
import { type Answer, type Call, type RegistryHost, Transport } from "./transport";

/** How a registry is reached. */
export interface RegistryConnection {
    /** Host, with its port where it has one. */
    readonly registry: string;
    /** PEM certificates trusted beside the system's own. */
    readonly ca?: string;
    /** Undefined: what `docker login` has left. */
    readonly login?: RegistryLogin;
    readonly advice: RegistryAdvice;
}

export interface StoredManifest extends Manifest {
    readonly digest: string;
}

/** From `start` up to, and without, `end`. */
export interface BlobRange {
    readonly start: number;
    readonly end?: number;
}

interface Options {
    readonly signal?: AbortSignal | undefined;
}

type Access = "pull" | "pull,push" | "pull,push,delete";

/** A manifest is small; a registry that sends more sends something else. */
const MOST_MANIFEST = 4 * 1024 * 1024;
const HUB = "docker.io";
/** One lost answer must not make a registry on loopback count as one that speaks TLS. */
const ATTEMPTS_AT_PLAIN = 3;

/** One registry, by the distribution specification. */
export class RegistryClient {
    private readonly transport: Transport;
    private readonly auth: RegistryAuth;
    private base?: Promise<URL>;

    constructor(
        private readonly connection: RegistryConnection,
        private readonly host: RegistryHost,
    ) {
        const { registry, login, advice, ca } = connection;
        this.auth = new RegistryAuth({
            title: registry,
            find: async () => login ?? dockerLogin(registry, host.env),
            advice,
            now: () => host.now(),
        });
        const options = { advice, secrets: () => this.auth.secrets() };
        this.transport = new Transport({ ...options, ...(ca === undefined ? {} : { ca }) }, host);
    }

    /** Whether the registry answers and takes the login. */
    async ping(options: Options = {}): Promise<void> {
        const answer = await this.ask("GET", "/v2/", "", options);
        if (answer.status !== 200) throw await this.refused(`ping ${this.connection.registry}`, answer);
        answer.body.destroy();
    }

    /** A manifest's digest and kind without its bytes; undefined when it is not there. */
    async headManifest(
        repository: string,
        reference: string,
        options: Options = {},
    ): Promise<{ digest: string; mediaType: string } | undefined> {
        const answer = await this.askManifest("HEAD", repository, reference, options);
        if (!answer) return undefined;
        answer.body.destroy();
        const digest = answer.headers["docker-content-digest"];
        if (digest !== undefined) return { digest, mediaType: mediaTypeOf(answer) };
        // The specification lets a registry leave it out.
        const whole = await this.getManifest(repository, reference, options);
        return whole && { digest: whole.digest, mediaType: whole.mediaType };
    }

    async getManifest(
        repository: string,
        reference: string,
        options: Options = {},
    ): Promise<StoredManifest | undefined> {
        const answer = await this.askManifest("GET", repository, reference, options);
        if (!answer) return undefined;
        const bytes = await this.collect(answer, MOST_MANIFEST);
        const digest = digestOf(bytes);
        const promised = reference.startsWith("sha256:")
            ? reference
            : answer.headers["docker-content-digest"];
        if (promised !== undefined && promised !== digest) {
            throw new EdgeError(
                `${this.describe(repository, reference)}: the manifest's digest is ${digest}, and should be ${promised}: it was damaged on the way`,
            );
        }
        return { mediaType: mediaTypeOf(answer), bytes, digest };
    }

    /** Stores a manifest under a tag or its digest, and tells its digest. */
    async putManifest(
        repository: string,
        reference: string,
        { mediaType, bytes }: Manifest,
        options: Options = {},
    ): Promise<string> {
        const answer = await this.ask(
            "PUT",
            manifestPath(repository, reference),
            scopeOf(repository, "pull,push"),
            options,
            { headers: { "content-type": mediaType }, body: bytes },
        );
        if (answer.status !== 201) {
            throw await this.refused(`push ${this.describe(repository, reference)}`, answer);
        }
        answer.body.destroy();
        return digestOf(bytes);
    }

    /** Removes a manifest with all its tags. Not there is done. */
    async deleteManifest(repository: string, digest: string, options: Options = {}): Promise<void> {
        const scope = scopeOf(repository, "pull,push,delete");
        const answer = await this.ask("DELETE", manifestPath(repository, digest), scope, options);
        if (![200, 202, 204, 404].includes(answer.status)) {
            throw await this.refused(`delete ${this.describe(repository, digest)}`, answer);
        }
        answer.body.destroy();
    }

    async *tags(repository: string, options: Options & { pageSize?: number } = {}): AsyncGenerator<string> {
        const { pageSize = 1000 } = options;
        for (
            let path: string | undefined = `/v2/${repository}/tags/list?n=${pageSize}`;
            path !== undefined;
        ) {
            const answer: Answer = await this.ask("GET", path, scopeOf(repository, "pull"), options);
            if (answer.status === 404) {
                answer.body.destroy();
                return;
            }
            if (answer.status !== 200)
                throw await this.refused(`list tags of ${this.describe(repository)}`, answer);
            const bytes = await this.collect(answer, 8 * MOST_MANIFEST);
            yield* tagsIn(bytes);
            path = nextPage(answer);
        }
    }

    /** Size of a blob; undefined when it is not there. */
    async headBlob(repository: string, digest: string, options: Options = {}): Promise<number | undefined> {
        const answer = await this.ask(
            "HEAD",
            blobPath(repository, digest),
            scopeOf(repository, "pull"),
            options,
        );
        answer.body.destroy();
        if (answer.status === 404) return undefined;
        if (answer.status !== 200)
            throw await this.refused(`head ${this.describe(repository, digest)}`, answer);
        return Number(answer.headers["content-length"]);
    }

    /** A blob's bytes, or a range of them; `ranged` tells whether the registry took notice of it. */
    async getBlob(
        repository: string,
        digest: string,
        options: Options & { range?: BlobRange } = {},
    ): Promise<{ body: Readable; ranged: boolean; url: URL }> {
        const { range } = options;
        const last = range?.end === undefined ? "" : String(range.end - 1);
        const headers: Record<string, string> = range ? { range: `bytes=${range.start}-${last}` } : {};
        const scope = scopeOf(repository, "pull");
        const answer = await this.ask("GET", blobPath(repository, digest), scope, options, { headers });
        if (answer.status !== 200 && answer.status !== 206) {
            throw await this.refused(`get ${this.describe(repository, digest)}`, answer);
        }
        return { body: answer.body, ranged: answer.status === 206, url: answer.url };
    }

    /**
     * Stores a blob unless it is there. It is stored whole, with the digest it was announced with, or not at all. The
     * content is read anew where the registry cannot go on with an upload that was broken off.
     */
    async pushBlob(
        repository: string,
        blob: { digest: string; size: number },
        content: () => AsyncIterable<Buffer>,
        options: BlobOptions = {},
    ): Promise<"pushed" | "there" | "mounted"> {
        const size = await this.headBlob(repository, blob.digest, options);
        if (size === blob.size) return "there";
        const scope = [scopeOf(repository, "pull,push"), mountScope(options.mountFrom)]
            .filter(Boolean)
            .join(" ");
        const what = `push ${this.describe(repository, blob.digest)}`;
        const session: Session = {
            start: `/v2/${repository}/blobs/uploads/`,
            ask: (method, at, more) => this.ask(method, at, scope, more.options ?? options, more),
            refused: (answer) => this.refused(what, answer),
            isStored: async () => (await this.headBlob(repository, blob.digest, options)) === blob.size,
            wait: (attempt) => this.host.sleep(backoff(attempt, this.host), options.signal),
        };
        return pushBlob(session, blob, content, options);
    }

    /** What went wrong while a body was read, as for any other request. */
    explain(error: unknown, url: URL): Error {
        return this.transport.explained(error, "GET", url);
    }

    async close(): Promise<void> {
        await this.transport.close();
    }

    private async askManifest(
        method: "GET" | "HEAD",
        repository: string,
        reference: string,
        options: Options,
    ): Promise<Answer | undefined> {
        const path = manifestPath(repository, reference);
        const headers = { accept: MANIFEST_TYPES.join(", ") };
        const answer = await this.ask(method, path, scopeOf(repository, "pull"), options, { headers });
        if (answer.status === 404) {
            answer.body.destroy();
            return undefined;
        }
        const what = this.describe(repository, reference);
        if (answer.status !== 200) throw await this.refused(`${method.toLowerCase()} ${what}`, answer);
        // Its digest is not that of what was pushed.
        if (!(MANIFEST_TYPES as readonly string[]).includes(mediaTypeOf(answer))) {
            answer.body.destroy();
            throw new EdgeError(
                `${what}: the registry answers with ${mediaTypeOf(answer) || "no media type"}, which is no OCI or Docker v2 manifest`,
            );
        }
        return answer;
    }

    private async ask(
        method: Call["method"],
        at: string | URL,
        scope: Scope,
        { signal }: Options,
        more: Pick<Call, "headers" | "body" | "attempts"> = {},
    ): Promise<Answer> {
        this.base ??= this.findBase(signal);
        const base = await this.base.catch((error: unknown) => {
            delete this.base;
            throw error;
        });
        const url = new URL(at, base);
        const send = (): Promise<Answer> => {
            const authorization = url.origin === base.origin ? this.auth.header(scope) : undefined;
            const headers = { ...more.headers, ...(authorization === undefined ? {} : { authorization }) };
            return this.transport.send({ ...more, method, url, headers, signal });
        };
        const first = await send();
        if (first.status !== 401 || url.origin !== base.origin) return first;
        const hadLogin = this.auth.header(scope) !== undefined;
        if (!(await this.auth.answer(first, scope, this.transport, signal)) || hadLogin) return first;
        first.body.destroy();
        return send();
    }

    /** Registries on loopback mostly speak plain http; all others must not. */
    private async findBase(signal: AbortSignal | undefined): Promise<URL> {
        const { registry } = this.connection;
        const secure = new URL(`https://${registry === HUB ? "registry-1.docker.io" : registry}/`);
        if (!isLoopback(secure.hostname)) return secure;
        const plain = new URL(`http://${registry}/`);
        const url = new URL("/v2/", plain);
        const answer = await this.transport
            .send({ method: "GET", url, signal, attempts: ATTEMPTS_AT_PLAIN, redirects: 0 })
            .catch(() => undefined);
        answer?.body.destroy();
        signal?.throwIfAborted();
        // A server that expects TLS answers with status 400, or not at all.
        return answer && answer.status !== 400 ? plain : secure;
    }

    private async refused(what: string, answer: Answer): Promise<Error> {
        const text = await answer.text().catch(() => "");
        const found = { status: answer.status, text };
        return refusal(
            this.transport.clean(what),
            { ...found, text: this.transport.clean(text) },
            this.connection.advice,
        );
    }

    private async collect(answer: Answer, most: number): Promise<Buffer> {
        const chunks: Buffer[] = [];
        let size = 0;
        try {
            for await (const chunk of answer.body) {
                chunks.push(chunk as Buffer);
                size += (chunk as Buffer).length;
                if (size > most) break;
            }
        } catch (error) {
            throw this.explain(error, answer.url);
        }
        if (size > most)
            throw new EdgeError(
                `${answer.url.host} sends more than ${most} bytes where a small text is expected`,
            );
        return Buffer.concat(chunks);
    }

    private describe(repository: string, reference?: string): string {
        const { registry } = this.connection;
        if (reference === undefined) return `${registry}/${repository}`;
        return `${registry}/${repository}${reference.startsWith("sha256:") ? "@" : ":"}${reference}`;
    }
}

function manifestPath(repository: string, reference: string): string {
    return `/v2/${repository}/manifests/${reference}`;
}

function blobPath(repository: string, digest: string): string {
    return `/v2/${repository}/blobs/${digest}`;
}

function scopeOf(repository: string, access: Access): Scope {
    return `repository:${repository}:${access}`;
}

function mountScope(repository: string | undefined): Scope | undefined {
    return repository === undefined ? undefined : scopeOf(repository, "pull");
}

function mediaTypeOf({ headers }: Answer): string {
    return (headers["content-type"] ?? "").split(";", 1)[0]?.trim() ?? "";
}

function tagsIn(bytes: Buffer): string[] {
    let body: unknown;
    try {
        body = JSON.parse(bytes.toString("utf8"));
    } catch {
        return [];
    }
    const tags = isRecord(body) && Array.isArray(body.tags) ? (body.tags as unknown[]) : [];
    return tags.filter((tag): tag is string => typeof tag === "string");
}

/** `Link: </v2/…>; rel="next"`. */
function nextPage({ headers, url }: Answer): string | undefined {
    const [, to] = /<([^>]+)>\s*;\s*rel="?next"?/.exec(headers.link ?? "") ?? [];
    if (to === undefined) return undefined;
    const next = new URL(to, url);
    return `${next.pathname}${next.search}`;
}
