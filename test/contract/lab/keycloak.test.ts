import { expect } from "chai";
import * as jose from "jose";
import { createKeycloak, type Keycloak } from "../../../lab/emf/keycloak";
import { TokenIssuer } from "../../../lab/emf/auth";
import { startLab, type Lab } from "../../../lab";
import { call, grant, login } from "./client";

const CLIENT = { client_id: "system-client" };

describe("lab Keycloak", () => {
    let lab: Lab;
    before(async () => (lab = await startLab({ images: false, tokenLifetime: 120 })));
    after(() => lab.close());

    const project = (token: unknown): Promise<number> =>
        call(`${lab.emf.endpoint}/v1/projects/${lab.emf.project}`, lab.ca, {
            headers: { authorization: `Bearer ${String(token)}` },
        }).then(({ status }) => status);

    it("is found by its discovery document, whose token endpoint is below the realm", async () => {
        const { status, body } = await call(`${lab.emf.keycloak}/.well-known/openid-configuration`, lab.ca);
        expect(status).to.equal(200);
        expect(body.issuer).to.equal(lab.emf.keycloak);
        expect(body.token_endpoint).to.equal(`${lab.emf.keycloak}/protocol/openid-connect/token`);
    });

    it("grants a token that the API takes, signed PS512 with its published key, with the project's roles", async () => {
        const granted = await login(lab.emf);
        expect(granted).to.include({ expires_in: 120, refresh_expires_in: 5400, token_type: "Bearer" });
        const keys = await call(`${lab.emf.keycloak}/protocol/openid-connect/certs`, lab.ca);
        const keySet = jose.createLocalJWKSet(keys.body as unknown as jose.JSONWebKeySet);
        const { payload, protectedHeader } = await jose.jwtVerify(String(granted.access_token), keySet);
        expect(protectedHeader.alg).to.equal("PS512");
        expect(payload.preferred_username).to.equal(lab.emf.username);
        const { roles } = payload.realm_access as { roles: string[] };
        expect(roles).to.include.members([`${lab.emf.projectUid}_im-rw`, `${lab.emf.projectUid}_im-r`]);
        expect(await project(granted.access_token)).to.equal(200);
    });

    it("grants anew for a refresh token, in the same session", async () => {
        const first = await login(lab.emf);
        const { status, body } = await grant(lab.emf, {
            ...CLIENT,
            grant_type: "refresh_token",
            refresh_token: String(first.refresh_token),
        });
        expect(status).to.equal(200);
        expect(body.session_state).to.equal(first.session_state);
        expect(body.access_token).to.not.equal(first.access_token);
        expect(await project(body.access_token)).to.equal(200);
    });

    for (const [what, form, status, error, description] of [
        [
            "a wrong password",
            { ...CLIENT, grant_type: "password", username: "edge-operator", password: "no" },
            401,
            "invalid_grant",
            "Invalid user credentials",
        ],
        [
            "an unknown user",
            { ...CLIENT, grant_type: "password", username: "nobody", password: "no" },
            401,
            "invalid_grant",
            "Invalid user credentials",
        ],
        [
            "an unknown client",
            { client_id: "other", grant_type: "password" },
            401,
            "invalid_client",
            "Invalid client or Invalid client credentials",
        ],
        ["no grant type", CLIENT, 400, "invalid_request", "Missing form parameter: grant_type"],
        [
            "another grant",
            { ...CLIENT, grant_type: "client_credentials" },
            400,
            "unsupported_grant_type",
            "Unsupported grant_type",
        ],
        [
            "no refresh token",
            { ...CLIENT, grant_type: "refresh_token" },
            400,
            "invalid_request",
            "No refresh token",
        ],
        [
            "a made-up refresh token",
            { ...CLIENT, grant_type: "refresh_token", refresh_token: "x" },
            400,
            "invalid_grant",
            "Invalid refresh token",
        ],
    ] as const) {
        it(`refuses ${what} as Keycloak does`, async () => {
            const answer = await grant(lab.emf, { ...form });
            expect(answer.status).to.equal(status);
            expect(answer.body).to.deep.equal({ error, error_description: description });
        });
    }

    describe("as time goes by", () => {
        let now: Date;
        let keycloak: Keycloak;
        let issuer: TokenIssuer;
        beforeEach(async () => {
            now = new Date("2026-06-01T00:00:00Z");
            issuer = await TokenIssuer.create({ clock: () => now });
            keycloak = createKeycloak({
                issuer,
                origin: "https://127.0.0.1:1",
                users: [{ username: "u", password: "p", roles: [] }],
                sessionSecret: "s".repeat(64),
                tokenLifetime: 300,
                clock: () => now,
            });
        });

        async function ask(form: Record<string, string>): Promise<Record<string, string>> {
            const answer = await keycloak({
                method: "POST",
                url: "/realms/master/protocol/openid-connect/token",
                headers: {},
                body: Buffer.from(new URLSearchParams({ ...CLIENT, ...form }).toString()),
            });
            return JSON.parse(answer?.body.toString() ?? "{}") as Record<string, string>;
        }
        const refresh = (token: string | undefined): Promise<Record<string, string>> =>
            ask({ grant_type: "refresh_token", refresh_token: token ?? "" });
        const later = (seconds: number): void => {
            now = new Date(now.getTime() + seconds * 1000);
        };

        it("an access token expires", async () => {
            const { access_token: token = "" } = await ask({
                grant_type: "password",
                username: "u",
                password: "p",
            });
            later(299);
            await issuer.verify(token);
            later(2);
            const failure = await issuer.verify(token).then(
                () => undefined,
                (error: unknown) => error,
            );
            expect(failure).to.be.instanceOf(jose.errors.JWTExpired);
        });

        it("an idle session ends, one in use goes on until its own end", async () => {
            let granted = await ask({ grant_type: "password", username: "u", password: "p" });
            const idle = granted.refresh_token;
            for (let hour = 1; hour < 12; hour++) {
                later(3600);
                granted = await refresh(granted.refresh_token);
                expect(granted.access_token, `hour ${hour}`).to.be.a("string");
            }
            expect(await refresh(idle)).to.include({ error_description: "Token is not active" });
            later(3600);
            expect(await refresh(granted.refresh_token)).to.include({ error: "invalid_grant" });
        });
    });
});
