import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import * as os from "node:os";
import * as path from "node:path";
import { importPKCS8, SignJWT } from "jose";
import { RegistryServer } from "../../lab/canvos/registryServer";
import { bodyOf, forward, forwardBroken, give, listen, shut } from "./front";
import { tlsIdentity } from "./tls";

export const REGISTRY_LOGIN = { username: "edge", password: "registry-secret" } as const;
/** As `htpasswd -Bbn edge registry-secret` writes it. */
const HTPASSWD = "edge:$2y$05$sAVJiOef5WpVaIFFw1BxI.1FlkTEFqM5s0sAtMUToT3ENCqDJdwka";

/** What a test may do to a request; `cut` lets half of its body through. */
export type RegistryInterference = "drop" | "cut" | { status: number; code: string } | undefined;

export interface RegistryRequest {
    readonly method: string;
    readonly path: string;
    readonly headers: http.IncomingHttpHeaders;
}

export interface RegistryOptions {
    /** `basic`: a password file; `bearer`: tokens of a service beside it. Default: open to all. */
    auth?: "basic" | "bearer";
    tls?: boolean;
    /** As newer registries: they know by an upload's id how much of it has arrived, and list tags in pages. */
    modern?: boolean;
    /** What its service grants a token for; default: all that is asked. */
    grants?: (scope: string) => string[];
}

/** Debian's docker-registry with an empty folder, behind a front that tests can interfere at. */
export class Registry {
    readonly requests: RegistryRequest[] = [];
    /** Scopes that tokens were asked for. */
    scopes: readonly string[] = [];
    tap?: (side: "before" | "after", request: RegistryRequest) => RegistryInterference;

    /** The last state of each upload, by its path. */
    private readonly states = new Map<string, string>();

    private constructor(
        private readonly options: RegistryOptions,
        private readonly folder: string,
        private readonly server: RegistryServer,
        private readonly servers: http.Server[],
        /** Host and port, as references name it. */
        readonly name: string,
        /** Of the server's certificate, where it speaks TLS. */
        readonly ca: string | undefined,
    ) {}

    static async start(options: RegistryOptions = {}): Promise<Registry> {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-registry-"));
        const tls = await tlsIdentity();
        for (const [name, text] of Object.entries({
            "tls.crt": tls.cert,
            "tls.key": tls.key,
            htpasswd: HTPASSWD,
        })) {
            fs.writeFileSync(path.join(folder, name), `${text}\n`);
        }
        const scopes: string[] = [];
        const tokens = http.createServer((request, response) => {
            void serveToken(request, response, options, tls, scopes);
        });
        const tokenPort = await listen(tokens);
        const file = (name: string): string => path.join(folder, name);
        const logins = {
            basic: `auth: { htpasswd: { realm: test, path: ${JSON.stringify(file("htpasswd"))} } }`,
            bearer: `auth: { token: { realm: "http://127.0.0.1:${tokenPort}/token", service: registry, issuer: test, rootcertbundle: ${JSON.stringify(file("tls.crt"))} } }`,
        };
        const server = await RegistryServer.start({
            folder,
            ...(options.auth === undefined ? {} : { auth: logins[options.auth] }),
            ...(options.tls ? { tls: { certificate: file("tls.crt"), key: file("tls.key") } } : {}),
        });
        const front = http.createServer();
        const frontPort = await listen(front);
        const name = `127.0.0.1:${options.tls ? server.port : frontPort}`;
        const servers = [front, tokens];
        const registry = new Registry(
            options,
            folder,
            server,
            servers,
            name,
            options.tls ? tls.ca : undefined,
        );
        registry.scopes = scopes;
        front.on("request", (request, response) => {
            void registry.serve(request, response).catch(() => response.destroy());
        });
        return registry;
    }

    /** Uploads that have begun and not ended. */
    uploads(repository: string): string[] {
        const root = path.join(this.folder, "data/docker/registry/v2/repositories", repository, "_uploads");
        const ids = fs.existsSync(root) ? fs.readdirSync(root) : [];
        return ids.filter((id) => fs.existsSync(path.join(root, id, "data")));
    }

    async close(): Promise<void> {
        for (const server of this.servers) await shut(server);
        await this.server.close();
        fs.rmSync(this.folder, { recursive: true, force: true });
    }

    private async cut(incoming: http.IncomingMessage, body: Buffer): Promise<void> {
        if (!this.options.modern) return forwardBroken(incoming, body, this.server.port);
        const half = body.subarray(0, Math.floor(body.length / 2));
        incoming.headers["content-length"] = String(half.length);
        delete incoming.headers["content-range"];
        await this.onward(incoming, half);
    }

    private async onward(incoming: http.IncomingMessage, body: Buffer): ReturnType<typeof forward> {
        const [at = ""] = (incoming.url ?? "").split("?", 1);
        const state = this.options.modern ? this.states.get(at) : undefined;
        if (state !== undefined) incoming.url = incoming.url?.replace(STATE, `$1${state}`);
        const answer = await forward(incoming, body, this.server.port);
        const { location } = answer.headers;
        const [, , next] = STATE.exec(String(location)) ?? [];
        if (next !== undefined) this.states.set(new URL(String(location)).pathname, next);
        return this.options.modern === true && at.endsWith("/tags/list") ? paged(incoming, answer) : answer;
    }

    private async serve(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
        const { method = "", url = "/", headers } = incoming;
        const request = { method, path: url.split("?", 1)[0] ?? "", headers };
        this.requests.push(request);
        const before = this.tap?.("before", request);
        if (before === "drop") return void response.destroy();
        const body = await bodyOf(incoming);
        if (before === "cut") {
            await this.cut(incoming, body);
            return void response.destroy();
        }
        const own = before === undefined ? undefined : refusal(before);
        const answer = own ?? (await this.onward(incoming, body));
        const after = this.tap?.("after", request);
        if (after === "drop" || after === "cut") return void response.destroy();
        give(after === undefined ? answer : refusal(after), response, method);
    }
}

/** The front's `_state`: what a client had last been told of an upload. */
const STATE = /([?&]_state=)([^&]*)/;

function paged(
    { url = "" }: http.IncomingMessage,
    answer: Awaited<ReturnType<typeof forward>>,
): Awaited<ReturnType<typeof forward>> {
    const { pathname, searchParams } = new URL(url, "http://registry");
    const { name, tags } = JSON.parse(answer.body.toString()) as { name?: string; tags?: string[] | null };
    const size = Number(searchParams.get("n"));
    const left = [...(tags ?? [])].sort().filter((tag) => tag > (searchParams.get("last") ?? ""));
    const page = left.slice(0, size);
    const headers = { ...answer.headers };
    delete headers["content-length"];
    if (left.length > size) headers.link = `<${pathname}?n=${size}&last=${page.at(-1) ?? ""}>; rel="next"`;
    return { ...answer, headers, body: JSON.stringify({ name, tags: page }) };
}

function refusal({ status, code }: { status: number; code: string }): Parameters<typeof give>[0] {
    const body = JSON.stringify({ errors: [{ code, message: "as the test wants it" }] });
    return { status, headers: { "content-type": "application/json" }, body };
}

async function serveToken(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    { grants = (scope) => scope.split(":").pop()?.split(",") ?? [] }: RegistryOptions,
    { cert, key }: { cert: string; key: string },
    scopes: string[],
): Promise<void> {
    const url = new URL(request.url ?? "/", "http://tokens");
    const form = new URLSearchParams((await bodyOf(request)).toString());
    const { username, password } = REGISTRY_LOGIN;
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    const isKnown = request.headers.authorization === basic || form.get("refresh_token") === password;
    if (!isKnown) {
        give(refusal({ status: 401, code: "UNAUTHORIZED" }), response, request.method);
        return;
    }
    const wanted = (form.get("scope") ?? url.searchParams.get("scope") ?? "").split(" ").filter(Boolean);
    scopes.push(...wanted);
    const access = wanted.map((scope) => {
        const [type = "", ...rest] = scope.split(":");
        return { type, name: rest.slice(0, -1).join(":"), actions: grants(scope) };
    });
    const chain = [new crypto.X509Certificate(cert).raw.toString("base64")];
    const token = await new SignJWT({ access })
        .setProtectedHeader({ alg: "ES256", typ: "JWT", x5c: chain })
        .setIssuer("test")
        .setAudience("registry")
        .setSubject(username)
        .setIssuedAt()
        .setNotBefore("-10s")
        .setExpirationTime("5m")
        .setJti(crypto.randomUUID())
        .sign(await importPKCS8(key, "ES256"));
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ token, expires_in: 300 }));
}
