import { randomUUID } from "node:crypto";
import * as jose from "jose";
import { GatewayError } from "./errors";
import type { Project } from "./store";

/** The signature algorithm of EMF's Keycloak realm. */
const ALGORITHM = "PS512";

/** What a token says about its bearer. */
export interface TokenClaims extends jose.JWTPayload {
    readonly realm_access?: { readonly roles?: readonly string[] };
}

/** What a token is to say. */
export interface MintOptions {
    /** Realm roles, such as `<project uid>_im-rw`. */
    readonly roles: readonly string[];
    /** Seconds until it expires; negative for one that already has. */
    readonly expiresIn?: number;
    readonly subject?: string;
    /** Further claims (`preferred_username`, `azp`, …). */
    readonly claims?: Readonly<Record<string, unknown>>;
}

/** An issuer's key as it is kept in a file: it signs every token, so the file belongs to its owner alone. */
export interface IssuerSnapshot {
    readonly privateKey: jose.JWK;
}

/** Signs and checks access tokens as EMF's Keycloak realm does. */
export class TokenIssuer {
    private constructor(
        private readonly privateKey: jose.KeyLike | Uint8Array,
        private readonly publicKey: jose.KeyLike | Uint8Array,
        private readonly keyId: string,
        private readonly issuer: string,
        private readonly clock: () => Date,
    ) {}

    /** An issuer with the key of `snapshot`, or with a new one. `issuer` is the realm's URL. */
    static async create(
        options: { snapshot?: IssuerSnapshot; issuer?: string; clock?: () => Date } = {},
    ): Promise<TokenIssuer> {
        const { issuer = "https://keycloak.lab/realms/master", clock = () => new Date() } = options;
        const jwk = options.snapshot?.privateKey ?? (await newPrivateKey());
        const publicJwk: jose.JWK = { kty: jwk.kty, n: jwk.n, e: jwk.e, alg: ALGORITHM };
        return new TokenIssuer(
            await jose.importJWK(jwk, ALGORITHM),
            await jose.importJWK(publicJwk, ALGORITHM),
            await jose.calculateJwkThumbprint(publicJwk),
            issuer,
            clock,
        );
    }

    /** The key, to be kept in a file only its owner can read. */
    async snapshot(): Promise<IssuerSnapshot> {
        return { privateKey: await jose.exportJWK(this.privateKey) };
    }

    /** The public keys, as served below the realm. */
    async jwks(): Promise<jose.JSONWebKeySet> {
        const key = await jose.exportJWK(this.publicKey);
        return { keys: [{ ...key, kid: this.keyId, alg: ALGORITHM, use: "sig" }] };
    }

    /** A signed access token. */
    async mint({
        roles,
        expiresIn = 3600,
        subject = randomUUID(),
        claims = {},
    }: MintOptions): Promise<string> {
        const now = Math.floor(this.clock().getTime() / 1000);
        return new jose.SignJWT({ ...claims, typ: "Bearer", realm_access: { roles: [...roles] } })
            .setProtectedHeader({ alg: ALGORITHM, typ: "JWT", kid: this.keyId })
            .setIssuer(this.issuer)
            .setSubject(subject)
            .setJti(randomUUID())
            .setIssuedAt(now)
            .setExpirationTime(now + expiresIn)
            .sign(this.privateKey);
    }

    /** The claims of a token that this issuer signed and that has not expired; anything else is an error. */
    async verify(token: string): Promise<TokenClaims> {
        const { payload } = await jose.jwtVerify<TokenClaims>(token, this.publicKey, {
            algorithms: [ALGORITHM],
            currentDate: this.clock(),
        });
        return payload;
    }
}

async function newPrivateKey(): Promise<jose.JWK> {
    const { privateKey } = await jose.generateKeyPair(ALGORITHM, { extractable: true });
    return jose.exportJWK(privateKey);
}

/** Checks tokens; a {@link TokenIssuer} does. */
export interface TokenVerifier {
    verify(token: string): Promise<TokenClaims>;
}

/** What a request says about who sends it. */
export interface Credentials {
    readonly authorization?: string;
    /** The header by which EMF's own services name the project. */
    readonly activeProjectId?: string;
}

/** The refusal of the layer that looks up the project; unlike all others it is plain text. */
export class ProjectDenied extends Error {
    constructor() {
        super("Access denied or project not found\n");
        this.name = "ProjectDenied";
    }
}

/**
 * Lets a request pass, or refuses it as EMF's proxy does in two layers: the first looks up the project and believes
 * the token unchecked, the second checks the token and the role. Returns the uid of the project to act on.
 */
export async function authorize(
    credentials: Credentials,
    project: Project | undefined,
    method: string,
    verifier: TokenVerifier,
): Promise<string> {
    const { authorization } = credentials;
    if (authorization === undefined || authorization === "") throw unauthorized();
    const token = bearerToken(authorization);
    const roles = rolesOf(token === undefined ? undefined : decode(token));
    const uid = project?.uid ?? soleProject(roles);
    if (project && !roles.some((role) => role.startsWith(`${project.uid}_`))) throw new ProjectDenied();
    const claims = token === undefined ? undefined : await verifier.verify(token).catch(() => undefined);
    if (!claims || uid === undefined) throw unauthorized();
    const allowed = method === "GET" ? ["im-r", "im-rw"] : ["im-rw"];
    // The role is looked up for the project of the header, the data are those of the path.
    const checked = credentials.activeProjectId ?? uid;
    const verified = rolesOf(claims);
    if (!allowed.some((role) => verified.includes(`${checked}_${role}`)))
        throw new GatewayError(403, "Forbidden");
    return uid;
}

/** The caller of a request that concerns no single project; refused without a valid token. */
export async function authenticate(
    credentials: Credentials,
    verifier: TokenVerifier,
): Promise<readonly string[]> {
    const token = bearerToken(credentials.authorization ?? "");
    const claims = token === undefined ? undefined : await verifier.verify(token).catch(() => undefined);
    if (!claims) throw unauthorized();
    return rolesOf(claims);
}

function unauthorized(): GatewayError {
    return new GatewayError(401, "Unauthorized");
}

function bearerToken(authorization: string): string | undefined {
    const [scheme, token, ...rest] = authorization.split(" ");
    return scheme?.toLowerCase() === "bearer" && rest.length === 0 ? token : undefined;
}

function decode(token: string): TokenClaims | undefined {
    try {
        return jose.decodeJwt<TokenClaims>(token);
    } catch {
        return undefined;
    }
}

function rolesOf(claims: TokenClaims | undefined): readonly string[] {
    return claims?.realm_access?.roles ?? [];
}

/** The project of a request whose path names none: that of the first role. */
function soleProject(roles: readonly string[]): string | undefined {
    return roles.find((role) => role.includes("_"))?.split("_")[0];
}
