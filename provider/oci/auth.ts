import { EdgeError } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import type { RegistryLogin } from "./dockerConfig";
import { refusal, type RegistryAdvice } from "./errors";
import { type Answer, assertSecure, type Transport } from "./transport";

/** What a registry asks for, in its `WWW-Authenticate`. */
export interface Challenge {
    readonly scheme: string;
    readonly parameters: Readonly<Record<string, string>>;
}

/** The first challenge of a kind that is known here. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
    const match = /(?:^|,\s*)(bearer|basic)\b(.*)$/is.exec(header ?? "");
    if (!match) return undefined;
    const [, scheme = "", rest = ""] = match;
    const pairs = rest.matchAll(/([a-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi);
    const parameters = Object.fromEntries(
        [...pairs].map(([, name = "", quoted, plain = ""]) => [
            name.toLowerCase(),
            quoted?.replace(/\\(.)/g, "$1") ?? plain,
        ]),
    );
    return { scheme: scheme.toLowerCase(), parameters };
}

/** What may be done, as token services have it: `repository:edge/ubuntu:pull,push`. */
export type Scope = string;

/** Tokens are asked for anew before they run out. */
const MARGIN = 10_000;
const DEFAULT_LIFETIME = 60_000;

/** Logs in to one registry: Basic, or tokens of the service that the registry names. */
export class RegistryAuth {
    private readonly headers = new Map<Scope, { value: string; until: number }>();
    private readonly used = new Set<string>();
    private login?: Promise<RegistryLogin | undefined>;

    constructor(
        private readonly options: {
            readonly title: string;
            readonly find: () => Promise<RegistryLogin | undefined>;
            readonly advice: RegistryAdvice;
            readonly now: () => number;
        },
    ) {}

    secrets(): Iterable<string> {
        return this.used;
    }

    /** The header for a request of this scope, as far as it is known what is wanted. */
    header(scope: Scope): string | undefined {
        const kept = this.headers.get(scope);
        return kept && kept.until > this.options.now() ? kept.value : undefined;
    }

    /** Answers a challenge; false when there is nothing to answer it with. */
    async answer(
        refused: Answer,
        scope: Scope,
        transport: Transport,
        signal: AbortSignal | undefined,
    ): Promise<boolean> {
        const challenge = parseChallenge(refused.headers["www-authenticate"]);
        const login = await this.findLogin();
        if (!challenge) return false;
        if (challenge.scheme === "basic" || (login && "token" in login)) {
            const value = login && directHeader(login);
            if (value === undefined) return false;
            this.keep(scope, value, Infinity);
            return true;
        }
        const { token, lifetime } = await this.fetchToken(
            challenge,
            refused.url,
            scope,
            login,
            transport,
            signal,
        );
        this.used.add(token);
        this.keep(scope, `Bearer ${token}`, this.options.now() + lifetime - MARGIN);
        return true;
    }

    private keep(scope: Scope, value: string, until: number): void {
        this.headers.set(scope, { value, until });
    }

    private async findLogin(): Promise<RegistryLogin | undefined> {
        this.login ??= this.options.find();
        const login = await this.login;
        if (login) for (const secret of secretsOf(login)) this.used.add(secret);
        return login;
    }

    private async fetchToken(
        { parameters }: Challenge,
        registry: URL,
        scope: Scope,
        login: RegistryLogin | undefined,
        transport: Transport,
        signal: AbortSignal | undefined,
    ): Promise<{ token: string; lifetime: number }> {
        const { title, advice } = this.options;
        const { realm = "", service } = parameters;
        if (!URL.canParse(realm)) throw new EdgeError(`${title}: names no address to get a token at`);
        const url = new URL(realm);
        assertSecure(url, registry);
        const wanted = { scope, ...(service === undefined ? {} : { service }) };
        const what = `${title}: token of ${url.host} for ${scope}`;
        const answer = await transport.send(tokenCall(url, wanted, login, signal));
        const text = await answer.text();
        if (answer.status !== 200)
            throw refusal(transport.clean(what), { status: answer.status, text }, advice);
        const found = readToken(text);
        if (!found) throw new EdgeError(`${what}: the answer holds no token`);
        return found;
    }
}

function tokenCall(
    url: URL,
    wanted: { scope: string; service?: string },
    login: RegistryLogin | undefined,
    signal: AbortSignal | undefined,
): Parameters<Transport["send"]>[0] {
    if (login && "identityToken" in login) {
        const form = { grant_type: "refresh_token", client_id: "pulumi-edge-os", ...wanted };
        return {
            ...{ method: "POST" as const, url, signal, redirects: 0 },
            headers: { "content-type": "application/x-www-form-urlencoded" },
            body: new URLSearchParams({ ...form, refresh_token: login.identityToken }).toString(),
        };
    }
    for (const [name, value] of Object.entries(wanted)) url.searchParams.set(name, value);
    const authorization = login && directHeader(login);
    return {
        ...{ method: "GET" as const, url, signal, redirects: 0 },
        ...(authorization === undefined ? {} : { headers: { authorization } }),
    };
}

function readToken(text: string): { token: string; lifetime: number } | undefined {
    let body: unknown;
    try {
        body = JSON.parse(text);
    } catch {
        return undefined;
    }
    if (!isRecord(body)) return undefined;
    const token = [body.token, body.access_token].find((value) => typeof value === "string" && value !== "");
    if (typeof token !== "string") return undefined;
    const seconds = body.expires_in;
    return {
        token,
        lifetime: typeof seconds === "number" && seconds > 0 ? seconds * 1000 : DEFAULT_LIFETIME,
    };
}

function directHeader(login: RegistryLogin): string | undefined {
    if ("token" in login) return `Bearer ${login.token}`;
    if (!("username" in login)) return undefined;
    return `Basic ${Buffer.from(`${login.username}:${login.password}`, "utf8").toString("base64")}`;
}

function secretsOf(login: RegistryLogin): string[] {
    if ("token" in login) return [login.token];
    if ("identityToken" in login) return [login.identityToken];
    return [login.password, directHeader(login)?.slice("Basic ".length) ?? ""];
}
