import { expect } from "chai";
import { DEFAULT_BEHAVIOUR } from "../../../lab/palette/behaviour";
import { RateLimits } from "../../../lab/palette/rateLimits";
import { createPaletteApi } from "../../../lab/palette/rest/api";
import { PaletteStore } from "../../../lab/palette/store";

interface Answer {
    status: number;
    value: Record<string, unknown>;
}

describe("the lab's Palette", () => {
    const KEY = "the-key";
    let call: (line: string, body?: unknown) => Promise<Answer>;

    beforeEach(() => {
        const store = new PaletteStore(() => 0);
        const service = {
            ...{ store, behaviour: DEFAULT_BEHAVIOUR, clusterPaceMs: 0 },
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
