import * as crypto from "node:crypto";

import * as jose from "jose";

import type { TokenIssuer } from "./auth";
import { json, type ApiRequest, type ApiResponse } from "../http";

const REALM = "/realms/master";
const TOKEN_PATH = `${REALM}/protocol/openid-connect/token`;
const CERTS_PATH = `${REALM}/protocol/openid-connect/certs`;
const CLIENT_ID = "system-client";
/** Session times of EMF's realm. */
const IDLE_SECONDS = 5400;
const SESSION_SECONDS = 43200;

/** A user of the lab's realm. */
export interface RealmUser {
    readonly username: string;
    readonly password: string;
    /** Realm roles, such as `<project uid>_im-rw`. */
    readonly roles: readonly string[];
}

/** What the token endpoint works with. */
export interface KeycloakOptions {
    readonly issuer: TokenIssuer;
    /** `https://127.0.0.1:<port>`: the lab's Keycloak has the API's origin. */
    readonly origin: string;
    readonly users: readonly RealmUser[];
    /** Signs refresh tokens, so that sessions outlive a restart of the lab. */
    readonly sessionSecret: string;
    /** Seconds an access token is valid (`accessTokenLifespan`; 3600 in EMF's realm). */
    readonly tokenLifetime: number;
    readonly clock?: () => Date;
}

/** Answers requests to the realm; undefined for every other path. */
export type Keycloak = (request: ApiRequest) => Promise<ApiResponse | undefined>;

interface Session {
    username: string;
    id: string;
    /** Seconds since the epoch. */
    startedAt: number;
}

/** A refusal in the form of OAuth 2. */
class Refusal extends Error {
    constructor(
        readonly status: number,
        readonly error: string,
        readonly description: string,
    ) {
        super(description);
    }
}

/** The token endpoint of EMF's realm: password and refresh_token grants for the public client `system-client`. */
export function createKeycloak(options: KeycloakOptions): Keycloak {
    const { issuer, origin, users, tokenLifetime, clock = () => new Date() } = options;
    const secret = new TextEncoder().encode(options.sessionSecret);
    const realmUrl = `${origin}${REALM}`;

    return async ({ method, url, body }) => {
        const [path = ""] = url.split("?", 1);
        if (!path.startsWith("/realms/")) {
            return undefined;
        }
        if (path === `${REALM}/.well-known/openid-configuration` && method === "GET") {
            return json(200, discovery(origin, realmUrl));
        }
        if (path === CERTS_PATH && method === "GET") {
            return json(200, await issuer.jwks());
        }
        if (path === TOKEN_PATH && method === "POST") {
            return answer(() => grant(new URLSearchParams(body?.toString("utf8") ?? "")));
        }
        if (!path.startsWith(`${REALM}/`)) {
            return json(404, { error: "Realm does not exist" });
        }
        return json(404, { error: "HTTP 404 Not Found" });
    };

    async function grant(form: URLSearchParams): Promise<Session> {
        const grantType = form.get("grant_type");
        if (grantType === null) {
            throw new Refusal(400, "invalid_request", "Missing form parameter: grant_type");
        }
        if (form.get("client_id") !== CLIENT_ID) {
            throw new Refusal(401, "invalid_client", "Invalid client or Invalid client credentials");
        }
        switch (grantType) {
            case "password":
                return startSession(form);
            case "refresh_token":
                return resumeSession(form.get("refresh_token"));
            default:
                throw new Refusal(400, "unsupported_grant_type", "Unsupported grant_type");
        }
    }

    function startSession(form: URLSearchParams): Session {
        const username = form.get("username");
        if (username === null) {
            throw new Refusal(401, "invalid_request", "Missing parameter: username");
        }
        const user = users.find((candidate) => candidate.username === username);
        if (!user || !sameText(user.password, form.get("password") ?? "")) {
            throw new Refusal(401, "invalid_grant", "Invalid user credentials");
        }
        return { username, id: crypto.randomUUID(), startedAt: now() };
    }

    async function resumeSession(token: string | null): Promise<Session> {
        if (token === null) {
            throw new Refusal(400, "invalid_request", "No refresh token");
        }
        const claims = await verified(token);
        const username = claims.preferred_username as string;
        if (!users.some((user) => user.username === username)) {
            throw new Refusal(400, "invalid_grant", "Session not active");
        }
        return { username, id: String(claims.sid), startedAt: Number(claims.auth_time) };
    }

    async function verified(token: string): Promise<jose.JWTPayload> {
        try {
            return (await jose.jwtVerify(token, secret, { currentDate: clock(), issuer: realmUrl })).payload;
        } catch (error) {
            const expired = error instanceof jose.errors.JWTExpired;
            throw new Refusal(
                400,
                "invalid_grant",
                expired ? "Token is not active" : "Invalid refresh token",
            );
        }
    }

    async function answer(open: () => Promise<Session>): Promise<ApiResponse> {
        try {
            return uncached(json(200, await tokens(await open())));
        } catch (error) {
            if (!(error instanceof Refusal)) {
                throw error;
            }
            return uncached(json(error.status, { error: error.error, error_description: error.description }));
        }
    }

    async function tokens(session: Session): Promise<Record<string, unknown>> {
        const left = session.startedAt + SESSION_SECONDS - now();
        if (left <= 0) {
            throw new Refusal(400, "invalid_grant", "Session not active");
        }
        const { roles = [] } = users.find(({ username }) => username === session.username) ?? {};
        const expiresIn = Math.min(tokenLifetime, left);
        const refreshExpiresIn = Math.min(IDLE_SECONDS, left);
        const common = { preferred_username: session.username, azp: CLIENT_ID, sid: session.id };
        return {
            access_token: await issuer.mint({
                roles,
                expiresIn,
                subject: subjectOf(session.username),
                claims: { ...common, scope: "profile email" },
            }),
            expires_in: expiresIn,
            refresh_expires_in: refreshExpiresIn,
            refresh_token: await refreshToken({ ...common, auth_time: session.startedAt }, refreshExpiresIn),
            token_type: "Bearer",
            "not-before-policy": 0,
            session_state: session.id,
            scope: "profile email",
        };
    }

    function refreshToken(claims: jose.JWTPayload, expiresIn: number): Promise<string> {
        return new jose.SignJWT({ ...claims, typ: "Refresh" })
            .setProtectedHeader({ alg: "HS512", typ: "JWT" })
            .setIssuer(realmUrl)
            .setJti(crypto.randomUUID())
            .setIssuedAt(now())
            .setExpirationTime(now() + expiresIn)
            .sign(secret);
    }

    function now(): number {
        return Math.floor(clock().getTime() / 1000);
    }
}

function discovery(origin: string, realmUrl: string): Record<string, unknown> {
    const endpoint = (name: string): string => `${realmUrl}/protocol/openid-connect/${name}`;
    return {
        issuer: realmUrl,
        authorization_endpoint: endpoint("auth"),
        token_endpoint: `${origin}${TOKEN_PATH}`,
        userinfo_endpoint: endpoint("userinfo"),
        end_session_endpoint: endpoint("logout"),
        jwks_uri: `${origin}${CERTS_PATH}`,
        grant_types_supported: ["password", "refresh_token"],
        response_types_supported: ["code", "none", "id_token", "token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["PS512"],
        token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
        scopes_supported: ["openid", "profile", "email", "roles"],
        claims_supported: ["sub", "iss", "aud", "preferred_username"],
    };
}

function uncached(response: ApiResponse): ApiResponse {
    return { ...response, headers: { ...response.headers, "cache-control": "no-store", pragma: "no-cache" } };
}

/** The same user has the same subject in every token. */
function subjectOf(username: string): string {
    const hex = crypto.createHash("sha256").update(username).digest("hex");
    return [
        hex.slice(0, 8),
        hex.slice(8, 12),
        `4${hex.slice(13, 16)}`,
        `a${hex.slice(17, 20)}`,
        hex.slice(20, 32),
    ].join("-");
}

function sameText(a: string, b: string): boolean {
    const digest = (text: string): Buffer => crypto.createHash("sha256").update(text).digest();
    return crypto.timingSafeEqual(digest(a), digest(b));
}
