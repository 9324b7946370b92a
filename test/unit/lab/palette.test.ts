import { expect } from "chai";
import { Agents } from "../../../lab/palette/agent";
import { DEFAULT_BEHAVIOUR, type PaletteBehaviour } from "../../../lab/palette/behaviour";
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
    let behaviour: PaletteBehaviour;
    let now: number;
    let call: (line: string, body?: unknown) => Promise<Answer>;

    beforeEach(() => {
        now = 0;
        store = new PaletteStore(() => now);
        behaviour = { ...DEFAULT_BEHAVIOUR };
        const service = {
            ...{ store, behaviour, clusterPaceMs: 1000 },
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

    async function readyHost(uid: string): Promise<void> {
        await call("POST edgehosts", { metadata: { uid }, spec: {} });
        const token = { token: "t", expiry: "2030-01-01T00:00:00Z", isActive: true };
        store.tokens.put({ ...newRecord(store, { name: "t" }), ...token });
        new Agents(store, behaviour).boot({ token: "t", name: uid });
    }

    function pool(name: string, ...hosts: string[]): object {
        return {
            cloudConfig: { edgeHosts: hosts.map((hostUid) => ({ hostUid })) },
            poolConfig: { name, size: hosts.length, labels: [name], isControlPlane: name === "cp" },
        };
    }

    /** A cluster of one host; its address in the API. */
    async function cluster(profileUid: unknown, host = "edge-a"): Promise<string> {
        await readyHost(host);
        const spec = { machinepoolconfig: [pool("cp", host)], profiles: [{ uid: profileUid }] };
        const { value } = await call("POST spectroclusters/edge-native", {
            metadata: { name: `of ${host}` },
            spec,
        });
        return `spectroclusters/${String(value.uid)}`;
    }

    async function stateOf(path: string): Promise<unknown> {
        return ((await call(`GET ${path}`)).value.status as { state?: string } | undefined)?.state;
    }

    it("builds a cluster of ready hosts, step by step, and gives the hosts back", async () => {
        const { value } = await profile("1.0.0", "a: 1");
        await call("POST edgehosts", { metadata: { uid: "edge-z" }, spec: {} });
        const body = {
            metadata: { name: "edge1" },
            spec: { machinepoolconfig: [pool("cp", "edge-z")], profiles: [{ uid: value.uid }] },
        };
        expect((await call("POST spectroclusters/edge-native", body)).value.message).to.include("not ready");
        const path = await cluster(value.uid);
        expect(await stateOf(path), "without a status at first").to.equal(undefined);
        now += 250;
        expect(await stateOf(path)).to.equal("Provisioning");
        expect((await call("GET edgehosts/edge-a")).value).to.have.nested.property("status.state", "in-use");
        expect((await call("DELETE edgehosts/edge-a")).value.code).to.equal("EdgeHostDeviceInUse");
        const healthAfter = async (milliseconds: number): Promise<unknown> => {
            now += milliseconds;
            return (await call(`GET dashboard/${path}/overview`)).value.status;
        };
        expect(await healthAfter(500)).to.deep.equal({ state: "Running", health: { state: "UnHealthy" } });
        expect(await healthAfter(250)).to.deep.equal({ state: "Running", health: { state: "Healthy" } });
        expect((await call(`DELETE clusterprofiles/${String(value.uid)}`)).value.code).to.equal(
            "ClusterProfileInUse",
        );
        await call(`DELETE ${path}`);
        expect(await stateOf(path)).to.equal("Deleting");
        now += 1000;
        expect(await stateOf(path)).to.equal("Deleted");
        expect((await call("GET edgehosts/edge-a")).value).to.have.nested.property("status.state", "ready");
        expect((await call(`DELETE clusterprofiles/${String(value.uid)}`)).status).to.equal(204);
    });

    for (const approval of ["given", "needed"] as const) {
        it(`rolls another profile out, with approval ${approval}`, async () => {
            behaviour.repaveApproval = approval;
            const byoi = { name: "edge-native-byoi", uid: await packUid("edge-native-byoi", "2.1.0") };
            const version = async (tag: string): Promise<unknown> => {
                const packs = [{ ...byoi, values: `options: { system.uri: "r/ubuntu:${tag}" }` }];
                const spec = { version: tag, template: { type: "cluster", packs } };
                const made = await call("POST clusterprofiles?publish=true", {
                    metadata: { name: "infra" },
                    spec,
                });
                return made.value.uid;
            };
            const [old, next] = [await version("1.0.0"), await version("1.1.0")];
            const path = await cluster(old);
            now += 1000;
            await call(`GET ${path}`);
            const profiles = [{ uid: next, replaceWithProfile: old }];
            expect((await call(`PATCH ${path}/profiles`, { profiles })).status).to.equal(204);
            if (approval === "needed") {
                now += 5000;
                expect((await call(`GET ${path}`)).value).to.have.nested.property(
                    "status.repave.state",
                    "Pending",
                );
                expect((await call(`PATCH ${path}/repave/approve`)).status).to.equal(204);
            }
            const details = async (): Promise<unknown> =>
                ((await call(`GET ${path}`)).value.status as { spcApply: object }).spcApply;
            expect(await details()).to.have.property("canBeApplied", false);
            now += 1000;
            expect(await details()).to.have.property("canBeApplied", true);
            const { value } = await call(`GET dashboard/${path}/overview`);
            expect(value).to.have.nested.property("status.health.state", "UnHealthy");
            now += 1000;
            expect(await details()).to.have.property("patchAppliedTime");
            expect((await call(`GET ${path}/profiles`)).value).to.have.nested.property(
                "profiles[0].metadata.uid",
                next,
            );
        });
    }

    it("lists clusters page by page, also those that are deleted", async () => {
        const path = await cluster((await profile("1.0.0", "a: 1")).value.uid);
        now += 1000;
        await call(`DELETE ${path}`);
        now += 1000;
        const { value } = await call("POST dashboard/spectroclusters/search?limit=50", { filter: {} });
        expect(value).to.have.nested.property("items[0].status.state", "Deleted");
        expect(value).to.have.nested.property("listmeta.continue", "");
    });

    it("forces only a deletion that has taken a quarter of an hour", async () => {
        behaviour.deletion = "sticks";
        const path = await cluster((await profile("1.0.0", "a: 1")).value.uid);
        await call(`DELETE ${path}`);
        now += 14 * 60_000;
        const refused = await call(`DELETE ${path}?forceDelete=true`);
        expect(refused.value.code).to.equal("ClusterForceDeleteNotAllowed");
        now += 60_000;
        expect((await call(`DELETE ${path}?forceDelete=true`)).status).to.equal(204);
        expect(await stateOf(path)).to.equal("Deleted");
    });

    it("changes the machine pools of a cluster", async () => {
        const path = await cluster((await profile("1.0.0", "a: 1")).value.uid);
        await readyHost("edge-b");
        const { value } = await call(`GET ${path}`);
        const { uid } = (value.spec as { cloudConfigRef: { uid: string } }).cloudConfigRef;
        const config = `cloudconfigs/edge-native/${uid}`;
        expect((await call(`POST ${config}/machinePools`, pool("workers", "edge-b"))).status).to.equal(201);
        const pools = async (): Promise<unknown> => {
            const { machinePoolConfig } = (await call(`GET ${config}`)).value.spec as {
                machinePoolConfig: { name: string; size: number }[];
            };
            return machinePoolConfig.map(({ name, size }) => `${name} ${size}`);
        };
        expect(await pools()).to.deep.equal(["cp 1", "workers 1"]);
        await readyHost("edge-c");
        const larger = pool("workers", "edge-b", "edge-c");
        expect((await call(`PUT ${config}/machinePools/workers`, larger)).status).to.equal(204);
        expect(await pools()).to.deep.equal(["cp 1", "workers 2"]);
        expect((await call(`DELETE ${config}/machinePools/workers`)).status).to.equal(204);
        expect((await call("GET edgehosts/edge-c")).value).to.have.nested.property("status.state", "ready");
        expect((await call(`DELETE ${config}/machinePools/cp`)).status).to.equal(400);
        const keys = { clusterConfig: { sshKeys: ["ssh-ed25519 AAAA"] } };
        expect((await call(`PUT ${config}/clusterConfig`, keys)).status).to.equal(204);
        expect((await call(`GET ${config}`)).value).to.have.nested.property(
            "spec.clusterConfig.controlPlaneEndpoint.host",
            "10.0.0.100",
        );
    });

    it("masks the values of a cluster's sensitive variables", async () => {
        const variables = [{ name: "pin", isSensitive: true }, { name: "site" }];
        const { value } = await profile("1.0.0", "pin: '{{.spectro.var.pin}}'", variables);
        const path = await cluster(value.uid);
        const set = [
            { name: "pin", value: "1234" },
            { name: "site", value: "lab1" },
        ];
        await call(`PATCH ${path}/variables`, [{ profileUid: value.uid, variables: set }]);
        const shown = (await call(`GET ${path}/variables`)).value as unknown as { variables: object[] }[];
        expect(shown[0]?.variables).to.deep.equal([
            { name: "pin", isSensitive: true, value: "********" },
            { name: "site", value: "lab1" },
        ]);
    });

    for (const [cloneType, type] of [
        ["keep", "add-on"],
        ["cluster", "cluster"],
    ] as const) {
        it(`clones an add-on profile as one of type ${type}`, async () => {
            behaviour.cloneType = cloneType;
            const template = { type: "add-on", cloudType: "all", packs: [] };
            const { value } = await call("POST clusterprofiles?publish=true", {
                metadata: { name: "addon" },
                spec: { version: "1.0.0", template },
            });
            const target = { scope: "project", projectUid: store.projects[0]?.uid };
            const copy = await call(`POST clusterprofiles/${String(value.uid)}/clone`, {
                metadata: { name: "addon", version: "1.1.0", target },
            });
            const { value: cloned } = await call(`GET clusterprofiles/${String(copy.value.uid)}`);
            expect(cloned).to.have.nested.property("spec.published.type", type);
            expect(cloned).to.have.nested.property("spec.version", "1.1.0");
        });
    }

    it("takes packs that it does not know from a registry it cannot look into, and shows manifests", async () => {
        const registryUid = "3ab000000000000000000004";
        const status = await call(`GET registries/oci/${registryUid}/basic/sync/status`);
        expect(status.value).to.deep.equal({ isSyncSupported: false });
        const manifests = [{ name: "nodeprep", content: "kind: DaemonSet" }];
        const packs = [
            { name: "own", tag: "1.0.0", registryUid, values: "" },
            { name: "nodeprep", type: "manifest", uid: "spectro-manifest-pack", manifests },
        ];
        const { value } = await call("POST clusterprofiles", {
            metadata: { name: "a" },
            spec: { template: { packs } },
        });
        const shown = await call(`GET clusterprofiles/${String(value.uid)}/packs/manifests`);
        expect(shown.value).to.have.nested.property(
            "spec.packs[1].spec.manifests[0].content",
            "kind: DaemonSet",
        );
        const unknown = [{ name: "own", uid: "", registryUid: "3ab000000000000000000001" }];
        const refused = await call("POST clusterprofiles", {
            metadata: { name: "b" },
            spec: { template: { packs: unknown } },
        });
        expect(refused.status).to.equal(404);
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
