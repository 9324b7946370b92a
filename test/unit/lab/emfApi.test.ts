import { expect } from "chai";
import { createEmfApi, type EmfApi } from "../../../lab/emf/api";
import { TokenIssuer } from "../../../lab/emf/auth";
import type { ApiRequest } from "../../../lab/http";
import { EmfStore } from "../../../lab/emf/store";

const PROJECT = { name: "lab", uid: "11111111-0000-4000-8000-000000000001", description: "the lab" };
const BASE = `/v1/projects/${PROJECT.name}`;
const SHA256 = "0".repeat(64);

interface Reply {
    status: number;
    body: Record<string, unknown>;
}

describe("the lab's EMF API", () => {
    let issuer: TokenIssuer;
    let token: string;
    let store: EmfStore;
    let api: EmfApi;
    let now: number;

    before(async () => {
        issuer = await TokenIssuer.create();
        token = await issuer.mint({ roles: [`${PROJECT.uid}_im-rw`] });
    });

    beforeEach(() => {
        now = Date.now();
        store = new EmfStore();
        store.addProject(PROJECT);
        api = createEmfApi({ store, auth: issuer, clock: () => new Date(now) });
    });

    async function send(
        method: string,
        url: string,
        body?: unknown,
        more: Partial<ApiRequest> = {},
    ): Promise<Reply> {
        const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
        const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
        const answer = await api({ method, url, headers, body: sent, ...more });
        const text = answer.body.toString("utf8");
        return {
            status: answer.status,
            body: (text.startsWith("{") ? JSON.parse(text) : {}) as Reply["body"],
        };
    }

    async function register(): Promise<string> {
        const { body } = await send("POST", `${BASE}/compute/hosts/register`, {
            name: "h",
            serialNumber: "SN00001",
        });
        return String(body.resourceId);
    }

    describe("project look-up", () => {
        it("tells the uid of a project the caller has a role in", async () => {
            const { status, body } = await send("GET", BASE);
            expect(status).to.equal(200);
            expect(body).to.nested.include({
                "spec.description": "the lab",
                "status.projectStatus.uID": PROJECT.uid,
            });
        });

        it("does not know other projects", async () => {
            expect(await send("GET", "/v1/projects/nosuch")).to.have.property("status", 404);
        });

        it("wants a token, and a role in the project", async () => {
            expect(await send("GET", BASE, undefined, { headers: {} })).to.have.property("status", 401);
            const stranger = await issuer.mint({ roles: ["22222222-0000-4000-8000-000000000002_im-rw"] });
            const headers = { authorization: `Bearer ${stranger}` };
            expect(await send("GET", BASE, undefined, { headers })).to.have.property("status", 403);
        });
    });

    describe("tokens", () => {
        it("are refused once they have expired", async () => {
            const short = await issuer.mint({ roles: [`${PROJECT.uid}_im-rw`], expiresIn: -1 });
            const headers = { authorization: `Bearer ${short}` };
            const { status, body } = await send("GET", `${BASE}/regions`, undefined, { headers });
            expect({ status, body }).to.deep.equal({ status: 401, body: { message: "Unauthorized" } });
        });

        it("outlive a restart of the issuer", async () => {
            const restarted = await TokenIssuer.create({ snapshot: await issuer.snapshot() });
            const claims = await restarted.verify(token);
            expect(claims.realm_access?.roles).to.deep.equal([`${PROJECT.uid}_im-rw`]);
        });

        it("can be checked with the published keys, which hold nothing private", async () => {
            const { keys } = await issuer.jwks();
            expect(keys).to.have.lengthOf(1);
            expect(keys[0]).to.include({ alg: "PS512", use: "sig" }).and.not.have.any.keys("d", "p", "q");
        });
    });

    describe("rate limit", () => {
        it("admits 200 requests at once and 200 more each second, for each address", async () => {
            const statuses = async (count: number, address: string): Promise<number[]> => {
                const replies: number[] = [];
                for (let n = 0; n < count; n++) {
                    replies.push((await send("GET", `${BASE}/regions`, undefined, { address })).status);
                }
                return replies;
            };
            const first = await statuses(203, "10.0.0.1");
            expect(first.filter((status) => status === 200)).to.have.lengthOf(200);
            expect(first.slice(200)).to.deep.equal([429, 429, 429]);
            expect(await statuses(1, "10.0.0.2")).to.deep.equal([200]);
            now += 10;
            expect(await statuses(3, "10.0.0.1")).to.deep.equal([200, 200, 429]);
        });
    });

    describe("field masks", () => {
        it("of a query stand in for the keys of the body", async () => {
            const { body } = await send("POST", `${BASE}/regions`, {
                name: "r",
                metadata: [{ key: "a", value: "b" }],
            });
            const url = `${BASE}/regions/${String(body.resourceId)}?fieldMask=metadata`;
            const patched = await send("PATCH", url, { name: "other" });
            expect(patched.body).to.deep.include({ name: "r", metadata: [] });
        });

        it("that are empty revive an invalidated instance, but not without a body", async () => {
            const os = await send("POST", `${BASE}/compute/os`, {
                sha256: SHA256,
                osType: "OS_TYPE_MUTABLE",
                osProvider: "OS_PROVIDER_KIND_INFRA",
            });
            const created = await send("POST", `${BASE}/compute/instances`, { osID: os.body.resourceId });
            const url = `${BASE}/compute/instances/${String(created.body.resourceId)}`;
            await send("PUT", `${url}/invalidate`);
            expect((await send("PATCH", url)).body.desiredState).to.equal("INSTANCE_STATE_UNTRUSTED");
            expect((await send("PATCH", url, {})).body.desiredState).to.equal("INSTANCE_STATE_RUNNING");
        });
    });

    describe("power", () => {
        it("turns a reset during a reset into another value", async () => {
            const url = `${BASE}/compute/hosts/${await register()}`;
            const reset = { name: "h", desiredPowerState: "POWER_STATE_RESET" };
            expect((await send("PATCH", url, reset)).body.desiredPowerState).to.equal("POWER_STATE_RESET");
            expect((await send("PATCH", url, reset)).body.desiredPowerState).to.equal(
                "POWER_STATE_RESET_REPEAT",
            );
            expect((await send("PATCH", url, reset)).body.desiredPowerState).to.equal("POWER_STATE_RESET");
        });
    });

    describe("locations", () => {
        it("finds a site with the regions above it", async () => {
            const root = await send("POST", `${BASE}/regions`, { name: "emea" });
            const region = await send("POST", `${BASE}/regions`, {
                name: "de",
                parentId: root.body.resourceId,
            });
            const site = await send("POST", `${BASE}/sites`, {
                name: "plant",
                regionId: region.body.resourceId,
            });
            const { body } = await send(
                "GET",
                `${BASE}/locations?name=plant&showSites=true&showRegions=false`,
            );
            expect(body).to.include({ totalElements: 1, outputElements: 1 });
            expect(
                (body.nodes as Reply["body"][]).map(({ name, parentId }) => [name, parentId]),
            ).to.deep.equal([
                ["plant", region.body.resourceId],
                ["de", root.body.resourceId],
                ["emea", ""],
            ]);
            expect(site.status).to.equal(200);
        });

        it("wants a name and something to show", async () => {
            const { status, body } = await send("GET", `${BASE}/locations?name=plant`);
            expect(status).to.equal(400);
            expect(body.code).to.equal("InvalidArgument");
        });
    });

    describe("rules behind the API description", () => {
        const profile = { sha256: SHA256, osType: "OS_TYPE_MUTABLE", osProvider: "OS_PROVIDER_KIND_INFRA" };
        for (const [url, valid] of [
            ["https://h.test/a?x=1&y=%20#f", true],
            ["https://[::1]:8443/a", true],
            ["relative/path.json", true],
            ["urn:example:cves", true],
            ["", true],
            ["https://h.test/a b", false],
            ["https://h.test/%zz", false],
            ["1a:b", false],
            ["/a[1]", false],
        ] as const) {
            it(`${valid ? "take" : "refuse"} ${JSON.stringify(url)} as a URI reference`, async () => {
                const { status, body } = await send("POST", `${BASE}/compute/os`, {
                    ...profile,
                    existingCvesUrl: url,
                });
                expect(status).to.equal(valid ? 200 : 400);
                expect(body.code).to.equal(valid ? undefined : "InvalidArgument");
            });
        }

        it("refuse a provider whose endpoint is none", async () => {
            const provider = { providerKind: "PROVIDER_KIND_BAREMETAL", name: "p", apiEndpoint: "a:b c" };
            expect(await send("POST", `${BASE}/providers`, provider)).to.have.property("status", 400);
        });

        it("refuse packages in an update policy that only the description allows", async () => {
            const policy = { name: "p", updatePolicy: "UPDATE_POLICY_TARGET", updatePackages: "libc++" };
            expect((await send("POST", `${BASE}/os-update-policies`, policy)).body.code).to.equal(
                "InvalidArgument",
            );
            const plain = { ...policy, updatePackages: "tree curl" };
            expect((await send("POST", `${BASE}/os-update-policies`, plain)).status).to.equal(200);
        });
    });

    it("takes a broken escape in a path for nothing it knows", async () => {
        expect(await send("GET", "/v1/projects/%ZZ/regions")).to.have.property("status", 403);
        expect(await send("GET", "/v1/projects/%ZZ")).to.have.property("status", 404);
        expect(await send("GET", `${BASE}/regions/%ZZ`)).to.have.property("status", 404);
    });

    it("says so where it does not serve an operation of EMF", async () => {
        const { status, body } = await send("GET", `${BASE}/schedules`);
        expect(status).to.equal(501);
        expect(body.code).to.equal("Unimplemented");
    });

    it("counts sites of a region with those of the regions below", async () => {
        const root = await send("POST", `${BASE}/regions`, { name: "emea" });
        const region = await send("POST", `${BASE}/regions`, { name: "de", parentId: root.body.resourceId });
        for (const { body } of [root, region])
            await send("POST", `${BASE}/sites`, { name: "s", regionId: body.resourceId });
        const { body } = await send("GET", `${BASE}/regions?orderBy=name&showTotalSites=true`);
        expect((body.regions as Reply["body"][]).map(({ totalSites }) => totalSites)).to.deep.equal([1, 2]);
    });

    it("counts hosts for the summary", async () => {
        const id = await register();
        store.manager({
            op: "update",
            kind: "host",
            resourceId: id,
            fields: { hostStatus: "No Connection", hostStatusIndicator: "STATUS_INDICATION_ERROR" },
            mask: ["host_status", "host_status_indicator"],
        });
        const all = await send("GET", `${BASE}/compute/hosts/summary`);
        expect(all.body).to.deep.equal({ total: 1, error: 1, running: 0, unallocated: 1 });
        const none = await send(
            "GET",
            `${BASE}/compute/hosts/summary?filter=${encodeURIComponent('name="nosuch"')}`,
        );
        expect(none.body).to.deep.equal({ total: 0, error: 0, running: 0, unallocated: 0 });
    });
});
