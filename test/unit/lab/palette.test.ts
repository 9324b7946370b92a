import { expect } from "chai";
import { Agents } from "../../../lab/palette/agent";
import { DEFAULT_BEHAVIOUR } from "../../../lab/palette/behaviour";
import { RateLimits } from "../../../lab/palette/rateLimits";
import { createPaletteApi } from "../../../lab/palette/rest/api";
import { newRecord } from "../../../lab/palette/rest/call";
import { PaletteStore } from "../../../lab/palette/store";

interface Answer {
    status: number;
    value: Record<string, unknown>;
}

describe("the lab's Palette", () => {
    const KEY = "the-key";
    let store: PaletteStore;
    let now: number;
    let call: (line: string, body?: unknown) => Promise<Answer>;

    beforeEach(() => {
        now = 0;
        store = new PaletteStore(() => now);
        const service = {
            ...{ store, behaviour: DEFAULT_BEHAVIOUR, clusterPaceMs: 1000 },
            deletedHost: () => undefined,
        };
        const api = createPaletteApi({ service, apiKey: KEY, limits: new RateLimits(() => 0) });
        const projectuid = store.projects[0]?.uid;
        call = async (line, body) => {
            const [method = "", url = ""] = line.split(" ");
            const headers = { apikey: KEY, projectuid };
            const sent = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) };
            const { status, body: text } = await api({ method, url: `/v1/${url}`, headers, ...sent });
            const value = (text.length > 0 ? JSON.parse(text.toString()) : {}) as Answer["value"];
            return { status, value };
        };
    });

    async function packUid(name: string, version: string): Promise<string> {
        const { value } = await call(`GET packs/${name}/registries/3ab000000000000000000001`);
        const tags = value.tags as { version: string; packUid: string }[];
        return tags.find((tag) => tag.version === version)?.packUid ?? "";
    }

    async function profile(version: string, values: string, variables: object[] = []): Promise<Answer> {
        const uid = await packUid("edge-k8s", "1.34.2");
        const packs = [{ name: "edge-k8s", uid, values }];
        return call("POST clusterprofiles?publish=true", {
            metadata: { name: "infra" },
            spec: { version, template: { type: "cluster", cloudType: "edge-native", packs }, variables },
        });
    }

    it("keeps each version of a profile as an object of its own", async () => {
        const [first, second] = [await profile("1.0.0", "a: 1"), await profile("1.1.0", "a: 2")];
        expect([first.status, second.status]).to.deep.equal([201, 201]);
        expect((await profile("1.1.0", "a: 3")).value.code).to.equal("ClusterProfileAlreadyExists");
        const { value } = await call(`GET clusterprofiles/${String(first.value.uid)}`);
        expect(value.spec).to.have.property("versions").with.lengthOf(2);
        expect(value).to.have.nested.property("spec.published.packs[0].values", "a: 1");
        expect((await call(`DELETE clusterprofiles/${String(first.value.uid)}`)).status).to.equal(204);
        expect((await call(`GET clusterprofiles/${String(first.value.uid)}`)).status).to.equal(404);
    });

    it("refuses packs with variables that are not declared, and masks sensitive ones", async () => {
        const values = "host: '{{ .spectro.var.ntp }}'";
        expect((await profile("1.0.0", values)).value.code).to.equal("PackVariablesUndefined");
        const declared = [{ name: "ntp", defaultValue: "secret", isSensitive: true }];
        const { value } = await profile("1.0.0", values, declared);
        const path = `clusterprofiles/${String(value.uid)}/variables`;
        expect((await call(`GET ${path}`)).value).to.deep.equal({
            variables: [{ name: "ntp", defaultValue: "********", isSensitive: true }],
        });
        const removal = await call(`DELETE ${path}`, { variables: ["ntp"] });
        expect(removal.value.code).to.equal("PackVariablesUndefined");
    });

    it("publishes what was changed only when it is told to", async () => {
        const { value } = await profile("1.0.0", "a: 1");
        const path = `clusterprofiles/${String(value.uid)}`;
        const uid = await packUid("edge-k8s", "1.33.6");
        const packs = [{ name: "edge-k8s", uid, values: "a: 2" }];
        await call(`PUT ${path}`, { spec: { template: { packs } } });
        expect((await call(`GET ${path}`)).value).to.have.nested.property(
            "spec.published.packs[0].tag",
            "1.34.2",
        );
        expect((await call(`PATCH ${path}/publish`)).status).to.equal(204);
        expect((await call(`GET ${path}`)).value).to.have.nested.property(
            "spec.published.packs[0].tag",
            "1.33.6",
        );
    });

    it("builds a cluster of ready hosts, changes its profile, and gives the hosts back", async () => {
        const [old, next] = [await profile("1.0.0", "a: 1"), await profile("1.1.0", "a: 2")];
        await call("POST edgehosts", { metadata: { uid: "edge-a" }, spec: {} });
        const pool = {
            cloudConfig: { edgeHosts: [{ hostUid: "edge-a" }] },
            poolConfig: { name: "cp", size: 1, labels: ["control-plane"], isControlPlane: true },
        };
        const body = {
            metadata: { name: "edge1" },
            spec: { machinepoolconfig: [pool], profiles: [{ uid: old.value.uid }] },
        };
        expect((await call("POST spectroclusters/edge-native", body)).value.message).to.include("not ready");
        const token = { token: "t", expiry: "2030-01-01T00:00:00Z", isActive: true };
        store.tokens.put({ ...newRecord(store, { name: "t" }), ...token });
        new Agents(store, DEFAULT_BEHAVIOUR).boot({ token: "t", name: "edge-a" });
        const { value } = await call("POST spectroclusters/edge-native", body);
        const path = `spectroclusters/${String(value.uid)}`;
        expect((await call(`GET ${path}`)).value).to.have.nested.property("status.state", "Provisioning");
        expect((await call("GET edgehosts/edge-a")).value).to.have.nested.property("status.state", "in-use");
        expect((await call("DELETE edgehosts/edge-a")).value.code).to.equal("EdgeHostDeviceInUse");
        now += 1000;
        expect((await call(`GET dashboard/${path}/overview`)).value)
            .to.have.property("status")
            .that.deep.equals({ state: "Running", health: { state: "Healthy" } });
        const profiles = [{ uid: next.value.uid, replaceWithProfile: old.value.uid }];
        expect((await call(`PATCH ${path}/profiles`, { profiles })).status).to.equal(204);
        expect((await call(`GET ${path}/profiles`)).value).to.have.nested.property(
            "profiles[0].metadata.uid",
            next.value.uid,
        );
        expect((await call(`DELETE clusterprofiles/${String(next.value.uid)}`)).status).to.equal(400);
        await call(`DELETE ${path}`);
        expect((await call(`GET ${path}`)).value).to.have.nested.property("status.state", "Deleting");
        now += 1000;
        expect((await call(`GET ${path}`)).value).to.have.nested.property("status.state", "Deleted");
        expect((await call("GET edgehosts/edge-a")).value).to.have.nested.property("status.state", "ready");
    });

    it("counts requests by the first segment of the path", async () => {
        const statuses: number[] = [];
        for (let i = 0; i < 51; i++) statuses.push((await call("GET edgehosts/tags")).status);
        expect(statuses.indexOf(429)).to.equal(50);
        expect((await call("GET edgehosts/metadata")).status).to.equal(429);
        expect((await call("GET registries/metadata")).status).to.equal(200);
    });

    it("refuses what the API's description does not allow", async () => {
        const { status, value } = await call("POST edgehosts", { metadata: { uid: 7 } });
        expect([status, value.code]).to.deep.equal([400, "InvalidRequest"]);
    });
});
