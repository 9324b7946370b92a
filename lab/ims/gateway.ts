import * as crypto from "node:crypto";
import * as jose from "jose";
import { json, plainText, type ApiRequest, type ApiResponse } from "../http";
import type { ImsApi } from "./rest/api";

const TOKEN_PATH = "/keycloak/realms/shasta/protocol/openid-connect/token";
const STS_PATH = "/apis/sts/token";
const IMS_PREFIX = "/apis/ims";

/** How the system lets somebody in. */
export interface Accounts {
    /** The service account, by client credentials. */
    readonly clientId: string;
    readonly clientSecret: string;
    /** An administrator, by password and the public client `shasta`. */
    readonly username: string;
    readonly password: string;
}

/** What the storage's gateway hands out for a while. */
export interface StorageAccess {
    readonly endpoint: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
}

export interface GatewayOptions {
    readonly api: ImsApi;
    readonly accounts: Accounts;
    readonly storage: StorageAccess;
    /** Signs tokens; kept, so that sessions outlive a restart of the lab. */
    readonly secret: string;
    /** Seconds a token is valid. */
    readonly tokenLifetime: number;
}

/** The system's API gateway: Keycloak's realm, the storage's tokens, and the Image Management Service behind it. */
export function createGateway(options: GatewayOptions): (request: ApiRequest) => Promise<ApiResponse> {
    const { api, storage, tokenLifetime } = options;
    const key = new TextEncoder().encode(options.secret);
    return async (request) => {
        const [path = ""] = request.url.split("?", 1);
        if (path === TOKEN_PATH && request.method === "POST") return grant(request, options, key);
        if (!path.startsWith("/apis/")) return plainText(404, "");
        const refused = await refusal(request, key);
        if (refused) return refused;
        if (path === STS_PATH && request.method === "PUT")
            return json(201, credentials(storage, tokenLifetime));
        const isIms = path === IMS_PREFIX || path.startsWith(`${IMS_PREFIX}/`);
        if (!isIms) return plainText(404, "");
        return api({ ...request, url: request.url.slice(IMS_PREFIX.length) || "/" });
    };
}

async function grant(
    { body }: ApiRequest,
    { accounts, tokenLifetime }: GatewayOptions,
    key: Uint8Array,
): Promise<ApiResponse> {
    const form = new URLSearchParams(body?.toString("utf8") ?? "");
    const isService =
        form.get("grant_type") === "client_credentials" &&
        isSame(form.get("client_id"), accounts.clientId) &&
        isSame(form.get("client_secret"), accounts.clientSecret);
    const isUser =
        form.get("grant_type") === "password" &&
        form.get("client_id") === "shasta" &&
        isSame(form.get("username"), accounts.username) &&
        isSame(form.get("password"), accounts.password);
    if (!isService && !isUser) {
        return form.get("grant_type") === "password"
            ? json(401, { error: "invalid_grant", error_description: "Invalid user credentials" })
            : json(401, {
                  error: "unauthorized_client",
                  error_description: "Invalid client or Invalid client credentials",
              });
    }
    const token = await new jose.SignJWT({ realm_access: { roles: ["admin"] } })
        .setProtectedHeader({ alg: "HS256" })
        .setIssuedAt()
        .setExpirationTime(`${tokenLifetime}s`)
        .sign(key);
    return json(200, { access_token: token, expires_in: tokenLifetime, token_type: "Bearer" });
}

/** The gateway's own answers, which are no JSON. */
async function refusal({ headers }: ApiRequest, key: Uint8Array): Promise<ApiResponse | undefined> {
    const token = /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];
    if (token === undefined) return plainText(403, "");
    const isValid = await jose.jwtVerify(token, key).then(
        () => true,
        () => false,
    );
    return isValid ? undefined : plainText(401, "Jwt is expired or not valid");
}

function credentials({ endpoint, accessKeyId, secretAccessKey }: StorageAccess, lifetime: number): object {
    return {
        Credentials: {
            EndpointURL: endpoint,
            AccessKeyId: accessKeyId,
            SecretAccessKey: secretAccessKey,
            SessionToken: crypto.randomBytes(24).toString("base64url"),
            Expiration: new Date(Date.now() + lifetime * 1000).toISOString(),
        },
    };
}

function isSame(given: string | null, expected: string): boolean {
    const digest = (text: string): Buffer => crypto.createHash("sha256").update(text).digest();
    return given !== null && crypto.timingSafeEqual(digest(given), digest(expected));
}
