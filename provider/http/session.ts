import { EdgeError, UnavailableHere } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import { abortable } from "./abortable";
import type { HttpAnswer, HttpClient } from "./client";

/** How a system lets somebody in, as OAuth 2 has it. */
export interface Login {
    /** The fields of the first grant: `grant_type` and what belongs to it. */
    readonly grant: Readonly<Record<string, string>>;
    /** The fields that go with every grant: `client_id`. */
    readonly client: Readonly<Record<string, string>>;
    /** Who logs in, for messages: `user "operator"`. */
    readonly who: string;
    /** The realm and the client, for messages. */
    readonly where: string;
    /** What to check when the login is refused: `username and password (edge-os:emf.username …)`. */
    readonly check: string;
}

export type Credentials = { readonly token: string } | Login;

interface Tokens {
    access: string;
    refresh?: string;
    /** Milliseconds since the epoch from which a new one is asked for. */
    renewAt: number;
}

/** Renewed this long before it expires, or at four fifths of a short life: requests take time to arrive. */
const MARGIN = 30_000;

/** The login to a system: one for all requests of a run, renewed before it expires. */
export class Session {
    private tokens?: Tokens;
    private renewal?: Promise<Tokens>;

    constructor(
        private readonly credentials: Credentials,
        /** The realm, below which the token endpoint is; a ready token needs none. */
        private readonly realm: HttpClient | undefined,
        private readonly now: () => number,
        /** Told of every new secret, so that none gets into a text. */
        private readonly keepSecret: (secret: string) => void,
    ) {}

    /** A token good for now; callers that come while one is being fetched share it. */
    async token(signal?: AbortSignal): Promise<string> {
        const { credentials } = this;
        if ("token" in credentials) return credentials.token;
        if (this.tokens && this.now() < this.tokens.renewAt) return this.tokens.access;
        return (await this.renewed(credentials, signal)).access;
    }

    /**
     * What to do after a 401: true when another token is at hand, since another caller has renewed it already
     * or a new login succeeded; false when a ready token was refused.
     */
    async renewAfterRefusal(refused: string, signal?: AbortSignal): Promise<boolean> {
        const { credentials } = this;
        if ("token" in credentials) return false;
        if (this.tokens?.access === refused) this.tokens = undefined;
        await this.token(signal);
        return true;
    }

    private async renewed(login: Login, signal?: AbortSignal): Promise<Tokens> {
        this.renewal ??= this.fetch(login).finally(() => (this.renewal = undefined));
        return abortable(this.renewal, signal);
    }

    private async fetch(login: Login): Promise<Tokens> {
        const refresh = this.tokens?.refresh;
        if (refresh !== undefined) {
            const answer = await this.ask(login, { grant_type: "refresh_token", refresh_token: refresh });
            if (answer.status === 200) return this.keep(answer);
        }
        const answer = await this.ask(login, login.grant);
        if (answer.status !== 200) {
            const error = refusal(login, answer);
            error.message = this.realm?.clean(error.message) ?? error.message;
            throw error;
        }
        return this.keep(answer);
    }

    private ask(login: Login, form: Readonly<Record<string, string>>): Promise<HttpAnswer> {
        if (!this.realm) throw new Error("no token endpoint");
        return this.realm.send({
            method: "POST",
            path: "/protocol/openid-connect/token",
            form: { ...form, ...login.client },
            idempotent: true, // a token that got lost hurts nobody
        });
    }

    private keep(answer: HttpAnswer): Tokens {
        const { json } = answer;
        if (!isRecord(json) || typeof json.access_token !== "string") {
            throw new EdgeError("Keycloak answered without an access token: is its address right?");
        }
        const life = typeof json.expires_in === "number" ? json.expires_in * 1000 : 60_000;
        const refresh = typeof json.refresh_token === "string" ? json.refresh_token : undefined;
        this.keepSecret(json.access_token);
        if (refresh !== undefined) this.keepSecret(refresh);
        this.tokens = {
            access: json.access_token,
            renewAt: this.now() + Math.max(life - MARGIN, life * 0.8),
            ...(refresh === undefined ? {} : { refresh }),
        };
        return this.tokens;
    }
}

function refusal({ who, where, check }: Login, { json, status }: HttpAnswer): EdgeError {
    const reason =
        isRecord(json) && typeof json.error_description === "string" ? `: ${json.error_description}` : "";
    if (status === 400 || status === 401) {
        return new EdgeError(`login of ${who} at ${where} was refused${reason}: check ${check}`);
    }
    if (status >= 500 || status === 429) {
        return new UnavailableHere(`login of ${who} at ${where} failed with HTTP ${status}${reason}`);
    }
    return new EdgeError(
        `login of ${who} at ${where} failed with HTTP ${status}${reason}: is this the address of the Keycloak realm?`,
    );
}
