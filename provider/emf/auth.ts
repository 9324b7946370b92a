import { abortable } from "../http/abortable";
import type { HttpAnswer, HttpClient } from "../http/client";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import type { EmfSettings, PasswordCredentials } from "./settings";

interface Tokens {
    access: string;
    refresh?: string;
    /** Milliseconds since the epoch from which a new one is asked for. */
    renewAt: number;
}

/** Renewed this long before it expires, or at four fifths of a short life: requests take time to arrive. */
const MARGIN = 30_000;

/** The login to EMF: one for all requests of a run, renewed before it expires. */
export class Session {
    private tokens?: Tokens;
    private renewal?: Promise<Tokens>;

    constructor(
        private readonly settings: EmfSettings,
        private readonly keycloak: HttpClient | undefined,
        private readonly now: () => number,
        /** Told of every new secret, so that none gets into a text. */
        private readonly keepSecret: (secret: string) => void,
    ) {}

    /** A token good for now; callers that come while one is being fetched share it. */
    async token(signal?: AbortSignal): Promise<string> {
        const { credentials } = this.settings;
        if ("token" in credentials) return credentials.token;
        if (this.tokens && this.now() < this.tokens.renewAt) return this.tokens.access;
        return (await this.renewed(credentials, signal)).access;
    }

    /**
     * What to do after a 401: true when another token is at hand, since another caller has renewed it already
     * or a new login succeeded; false when a ready token was refused.
     */
    async renewAfterRefusal(refused: string, signal?: AbortSignal): Promise<boolean> {
        const { credentials } = this.settings;
        if ("token" in credentials) return false;
        if (this.tokens?.access === refused) this.tokens = undefined;
        await this.token(signal);
        return true;
    }

    private async renewed(credentials: PasswordCredentials, signal?: AbortSignal): Promise<Tokens> {
        this.renewal ??= this.fetch(credentials).finally(() => (this.renewal = undefined));
        return abortable(this.renewal, signal);
    }

    private async fetch(credentials: PasswordCredentials): Promise<Tokens> {
        const refresh = this.tokens?.refresh;
        if (refresh !== undefined) {
            const answer = await this.ask(credentials, {
                grant_type: "refresh_token",
                refresh_token: refresh,
            });
            if (answer.status === 200) return this.keep(answer);
        }
        const answer = await this.ask(credentials, {
            grant_type: "password",
            scope: "openid",
            username: credentials.username,
            password: credentials.password,
        });
        if (answer.status !== 200) {
            const error = refusal(credentials, answer, this.settings.advice.login);
            error.message = this.keycloak?.clean(error.message) ?? error.message;
            throw error;
        }
        return this.keep(answer);
    }

    private ask(credentials: PasswordCredentials, form: Record<string, string>): Promise<HttpAnswer> {
        if (!this.keycloak) throw new Error("no token endpoint");
        return this.keycloak.send({
            method: "POST",
            path: "/protocol/openid-connect/token",
            form: { ...form, client_id: credentials.clientId },
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

function refusal(credentials: PasswordCredentials, answer: HttpAnswer, settings: string): EdgeError {
    const { json, status } = answer;
    const reason =
        isRecord(json) && typeof json.error_description === "string" ? `: ${json.error_description}` : "";
    const who = `user ${JSON.stringify(credentials.username)}`;
    const where = `${credentials.keycloak} (client ${credentials.clientId})`;
    if (status === 400 || status === 401) {
        return new EdgeError(
            `login of ${who} at ${where} was refused${reason}: check username and password (${settings})`,
        );
    }
    if (status >= 500 || status === 429) {
        return new UnavailableHere(`login of ${who} at ${where} failed with HTTP ${status}${reason}`);
    }
    return new EdgeError(
        `login of ${who} at ${where} failed with HTTP ${status}${reason}: is this the address of the Keycloak realm?`,
    );
}
