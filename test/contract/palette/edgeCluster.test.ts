import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import { DEFAULT_BEHAVIOUR } from "../../../lab/palette/behaviour";
import { newRecord } from "../../../lab/palette/rest/call";
import type { ClusterProfile, EdgeCluster } from "../../../lab/palette/store";
import { PALETTE_CLAIM_KEY } from "../../../provider/palette/claims";
import type { PaletteClient } from "../../../provider/palette/client";
import { clusterGate } from "../../../provider/palette/clusterGate.handler";
import { edgeCluster } from "../../../provider/palette/edgeCluster.handler";
import { checkInputs } from "../../../provider/resource/check";
import { UNKNOWN } from "../../../provider/resource/unknown";
import { testContext, type TestContext, type TestContextOptions } from "../../support/context";
import { failure } from "../../support/failure";
import { paletteClient } from "../../support/palette";
import { Row } from "../../support/row";

const PACE = 20_000;
const MINUTE = 60_000;
const PIN = "4711-very-secret";

describe("palette.EdgeCluster", () => {
    let lab: Lab;
    const open: PaletteClient[] = [];

    before(async () => {
        lab = await startLab({ emf: false, images: false, palette: true, paletteClusterPace: PACE });
    });
    beforeEach(() => {
        const { store } = lab.palette;
        const token = { token: "t", expiry: "2099-01-01T00:00:00Z", isActive: true };
        store.tokens.put({ ...newRecord(store, { name: "t" }), ...token });
        for (const uid of ["edge-a", "edge-b", "edge-c", "edge-d"]) host(uid);
        store.profiles.put(profile("infra", "1.0.0"));
    });
    afterEach(async () => {
        const { store, behaviour } = lab.palette;
        lab.palette.clearFaults();
        lab.palette.rest();
        lab.palette.resetCalls();
        Object.assign(behaviour, DEFAULT_BEHAVIOUR);
        for (const client of open.splice(0)) await client.close();
        for (const records of [store.profiles, store.clusters, store.edgeHosts, store.tokens])
            records.clear();
    });
    after(() => lab.close());

    type Options = Partial<TestContextOptions<PaletteClient>>;

    /** Whoever sleeps moves the lab's clock too. */
    function context(more: Options = {}): TestContext<PaletteClient> {
        const { client, host: clock } = paletteClient(lab.palette, { project: "stores" });
        open.push(client);
        const sleep = async (milliseconds: number): Promise<void> => {
            lab.palette.advance(milliseconds);
            clock.advance(milliseconds);
        };
        const kind = "palette.EdgeCluster";
        return testContext({ client, kind, now: () => lab.palette.store.now(), sleep, ...more });
    }

    function projectUid(): string {
        return lab.palette.store.projects[1]?.uid ?? "";
    }

    function host(uid: string): void {
        lab.palette.boot({ token: "t", name: uid, projectUid: projectUid() });
    }

    function profile(name: string, version: string, more: Partial<ClusterProfile> = {}): ClusterProfile {
        const values = `options: { system.uri: "r.example.com/ubuntu:${version}" }`;
        const pack = { name: "edge-native-byoi", type: "oci", layer: "os", tag: "2.1.0" } as const;
        return {
            ...newRecord(lab.palette.store, { name }, projectUid()),
            ...{ uid: `${name}-${version}`, version, type: "cluster", cloudType: "edge-native" },
            published: [{ ...pack, registryUid: "r", packUid: "p", manifests: [], values }],
            ...{ variables: [], ...more },
        };
    }

    function cluster(more: object = {}): Record<string, unknown> {
        return {
            name: "store-17",
            profiles: [{ uid: "infra-1.0.0" }],
            controlPlane: { hosts: [{ uid: "edge-a" }], alsoWorker: true },
            ...more,
        };
    }

    function workers(...uids: string[]): object {
        return { workers: [{ name: "workers", hosts: uids.map((uid) => ({ uid })) }] };
    }

    function live(): EdgeCluster[] {
        return lab.palette.store.clusters.list().filter(({ state }) => state !== "Deleted");
    }

    function only(): EdgeCluster {
        const [found, ...others] = live();
        expect(others).to.deep.equal([]);
        if (!found) throw new Error("there is no cluster");
        return found;
    }

    function poolsOf({ pools }: EdgeCluster): string[] {
        return pools.map(({ name, hosts }) => `${name}: ${hosts.map(({ hostUid }) => hostUid).join(" ")}`);
    }

    function edit(change: (found: EdgeCluster) => Partial<EdgeCluster>): void {
        const found = only();
        lab.palette.store.clusters.put({ ...found, ...change(found) });
    }

    /** A cluster that has come up. */
    async function up(inputs = cluster()): Promise<Row> {
        const row = new Row(edgeCluster);
        await row.up(inputs, context());
        lab.palette.advance(2 * PACE);
        return row;
    }

    it("is made of hosts and profiles, and told to be the same", async () => {
        const inputs = cluster({
            ...workers("edge-b", "edge-c"),
            ...{ description: "tills", tags: { canary: "" }, ntpServers: ["ntp.example.com"] },
            sshKeys: ["ssh-ed25519 AAAA ops\n"],
            controlPlaneEndpoint: { type: "VIP", host: "10.17.0.10" },
        });
        const row = new Row(edgeCluster);
        expect(await row.up(inputs, context())).to.equal("created");
        const made = only();
        expect(row.id).to.equal(`${projectUid()}/store-17`);
        expect(poolsOf(made)).to.deep.equal(["control-plane: edge-a", "workers: edge-b edge-c"]);
        expect(made.config).to.deep.include({
            ...{ ntpServers: ["ntp.example.com"], sshKeys: ["ssh-ed25519 AAAA ops"], staticIp: false },
            controlPlaneEndpoint: { host: "10.17.0.10", type: "VIP" },
        });
        expect(made.pools[0]?.config).to.include({ useControlPlaneAsWorker: true });
        expect(row.state?.outputs).to.include({ uid: made.uid, endpointHost: "10.17.0.10" });
        expect(row.state?.inputs.systemUri).to.equal("r.example.com/ubuntu:1.0.0");
        expect(await row.refresh(context()), "while it comes up").to.deep.equal([]);
        expect(await row.up(inputs, context())).to.equal("same");
    });

    it("#915: sees no drift in a virtual address that Palette has assigned", async () => {
        const row = await up();
        expect(row.state?.outputs.endpointHost).to.equal("10.0.0.100");
        expect(await row.refresh(context())).to.deep.equal([]);
        expect(await row.up(cluster(), context())).to.equal("same");
    });

    it("gives hosts static addresses, all of them or none", async () => {
        const network = {
            ip: "10.17.0.11",
            gateway: "10.17.0.1",
            subnet: "255.255.255.0",
            dns: ["10.17.0.1"],
        };
        const inputs = cluster({ controlPlane: { hosts: [{ uid: "edge-a", name: "till-1", network }] } });
        const row = await up(inputs);
        expect(only().config.staticIp).to.equal(true);
        expect(only().pools[0]?.hosts[0]).to.deep.include({ hostUid: "edge-a", hostName: "till-1" });
        expect(await row.refresh(context())).to.deep.equal([]);
        const attempt = row.check({ ...inputs, ...workers("edge-b") }, context({ preview: true }));
        expect(await failure(attempt)).to.include("edge-b have no network.ip");
    });

    it("#747, #672: sees no drift in the order of hosts, keys and pools, nor in what Palette fills in", async () => {
        const more = { sshKeys: ["a", "b"], ...workers("edge-b", "edge-c") };
        const row = await up(cluster(more));
        edit(({ pools }) => ({
            pools: pools.map((pool) => ({
                ...pool,
                hosts: [...pool.hosts]
                    .reverse()
                    .map((one) => ({ ...one, hostName: "n", nic: { ip: "10.1.1.1" } })),
            })),
        }));
        expect(await row.refresh(context())).to.deep.equal([]);
        const turned = { sshKeys: ["b", "a"], ...workers("edge-c", "edge-b") };
        const run = context();
        lab.palette.resetCalls();
        await row.up(cluster(turned), run);
        const writes = Object.keys(lab.palette.calls().routes).filter((route) =>
            /^(PUT|PATCH|DELETE)/.test(route),
        );
        expect(writes).to.deep.equal([]);
    });

    it("#367: adds and removes hosts and pools, growing before it shrinks", async () => {
        const row = await up(cluster(workers("edge-b")));
        await row.up(cluster(workers("edge-b", "edge-c")), context());
        expect(poolsOf(only())).to.deep.equal(["control-plane: edge-a", "workers: edge-b edge-c"]);
        const other = { workers: [{ name: "gpu", hosts: [{ uid: "edge-d" }] }] };
        const order: string[] = [];
        lab.palette.tap = (side, route) => {
            if (side === "before" && route.includes("machinePools")) order.push(route.split(" ", 1).join());
            return undefined;
        };
        await row.up(cluster(other), context());
        delete lab.palette.tap;
        expect(order).to.deep.equal(["POST", "DELETE"]);
        expect(poolsOf(only())).to.deep.equal(["control-plane: edge-a", "gpu: edge-d"]);
        expect(lab.palette.store.edgeHosts.get("edge-b")?.clusterUid).to.equal(undefined);
        await row.up(cluster(), context());
        expect(poolsOf(only())).to.deep.equal(["control-plane: edge-a"]);
    });

    it("puts a node back that somebody has taken out, and takes out what somebody has added", async () => {
        const inputs = cluster(workers("edge-b", "edge-c"));
        const row = await up(inputs);
        edit(({ pools }) => ({
            pools: pools.map((pool) =>
                pool.isControlPlane ? pool : { ...pool, hosts: pool.hosts.slice(1) },
            ),
        }));
        const former = lab.palette.store.edgeHosts.get("edge-b");
        if (former) {
            const freed = { ...former };
            delete freed.clusterUid;
            lab.palette.store.edgeHosts.put(freed);
        }
        expect(await row.refresh(context())).to.deep.equal(["workers"]);
        expect(await row.up(inputs, context())).to.equal("updated");
        expect(poolsOf(only())).to.deep.equal(["control-plane: edge-a", "workers: edge-b edge-c"]);
        expect(await row.refresh(context())).to.deep.equal([]);
    });

    it("takes keys, servers, tags and description back to what is declared, and leaves the tags of others", async () => {
        const inputs = cluster({
            tags: { env: "edge" },
            sshKeys: ["a"],
            ntpServers: ["n"],
            description: "x",
        });
        const row = await up(inputs);
        edit(({ labels, config }) => ({
            labels: { ...labels, env: "lab", other: "theirs" },
            ...{
                annotations: { description: "y" },
                config: { ...config, sshKeys: ["a", "mallory"], ntpServers: [] },
            },
        }));
        expect(await row.refresh(context())).to.deep.equal(["description", "tags", "ntpServers", "sshKeys"]);
        await row.up(inputs, context());
        expect(only().labels).to.include({ env: "edge", other: "theirs" });
        expect(only().config).to.deep.include({ sshKeys: ["a"], ntpServers: ["n"] });
        expect(only().config.controlPlaneEndpoint?.host).to.equal("10.0.0.100");
        expect(await row.refresh(context())).to.deep.equal([]);
    });

    it("takes away what the program declares no more: who was let in is let in no longer", async () => {
        const declared = { labels: { zone: "a" }, taints: [{ key: "k", effect: "NoSchedule" }] };
        const hosts = { hosts: [{ uid: "edge-a" }] };
        const row = await up(
            cluster({ sshKeys: ["mallory"], ntpServers: ["n"], controlPlane: { ...hosts, ...declared } }),
        );
        await row.up(cluster({ controlPlane: hosts }), context());
        expect(only().config).to.deep.include({ sshKeys: [], ntpServers: [] });
        expect(only().pools[0]?.config).to.deep.include({ additionalLabels: {}, taints: [] });
        expect(await row.refresh(context())).to.deep.equal([]);
    });

    for (const repaveApproval of ["given", "needed"] as const) {
        it(`#946, #955: moves to a new version of its profile in one call, with approval ${repaveApproval}`, async () => {
            lab.palette.behaviour.repaveApproval = repaveApproval;
            lab.palette.store.profiles.put(profile("infra", "1.1.0"));
            const row = await up();
            lab.palette.resetCalls();
            const run = context();
            expect(await row.up(cluster({ profiles: [{ uid: "infra-1.1.0" }] }), run)).to.equal("updated");
            expect(only().profiles.map(({ uid }) => uid)).to.deep.equal(["infra-1.1.0"]);
            const { routes } = lab.palette.calls();
            expect(routes["PATCH v1/spectroclusters/{id}/profiles"]).to.equal(1);
            expect(routes).to.not.have.property("DELETE v1/spectroclusters/{id}/profiles");
            expect(run.messages.warn).to.deep.equal([
                "all nodes are repaved, one after another: system.uri r.example.com/ubuntu:1.0.0 becomes " +
                    "r.example.com/ubuntu:1.1.0",
            ]);
            expect(only().rollout?.applicableAt, "handed to the nodes").to.be.at.most(
                lab.palette.store.now(),
            );
        });
    }

    it("refuses to repave in a preview where it is told to", async () => {
        lab.palette.store.profiles.put(profile("infra", "1.1.0"));
        const row = await up();
        const inputs = cluster({ profiles: [{ uid: "infra-1.1.0" }], repave: "refuse" });
        const told = await failure(row.check(inputs, context({ preview: true })));
        expect(told).to.include("would repave all nodes").and.include("r.example.com/ubuntu:1.1.0");
    });

    it("approves no repave where it is told to refuse one, also when no preview could see it", async () => {
        lab.palette.behaviour.repaveApproval = "needed";
        const values = `options: { system.uri: "r.example.com/ubuntu:{{ .spectro.var.release }}" }`;
        const published = (profile("infra", "1.1.0").published ?? []).map((pack) => ({ ...pack, values }));
        lab.palette.store.profiles.put(profile("infra", "1.1.0", { published }));
        const row = await up();
        const inputs = cluster({ profiles: [{ uid: "infra-1.1.0" }], repave: "refuse" });
        const told = await failure(row.up(inputs, context()));
        expect(told).to.include('repave is "refuse"').and.include("approve it in the console");
        expect(only().repave).to.equal("Pending");
        await row.up({ ...inputs, repave: "allow" }, context());
        expect(only().repave).to.equal("Approved");
    });

    it("#846: replaces the profile that is meant, and leaves the add-ons beside it", async () => {
        const { profiles } = lab.palette.store;
        for (const name of ["monitoring", "backup"]) {
            for (const version of ["1.0.0", "2.0.0"]) {
                profiles.put(profile(name, version, { type: "add-on", cloudType: "all", published: [] }));
            }
        }
        profiles.put(profile("other-base", "1.0.0"));
        const uses = (...uids: string[]): object => ({ profiles: uids.map((uid) => ({ uid })) });
        const row = await up(cluster(uses("infra-1.0.0", "monitoring-1.0.0", "backup-1.0.0")));
        await row.up(cluster(uses("infra-1.0.0", "monitoring-1.0.0", "backup-2.0.0")), context());
        expect(only().profiles.map(({ uid }) => uid)).to.deep.equal([
            ...["infra-1.0.0", "monitoring-1.0.0", "backup-2.0.0"],
        ]);
        // One of another name takes the place of the only one with an operating system.
        await row.up(cluster(uses("other-base-1.0.0", "backup-2.0.0")), context());
        expect(only().profiles.map(({ uid }) => uid)).to.deep.equal(["other-base-1.0.0", "backup-2.0.0"]);
    });

    it("#846: keeps the old state when profiles cannot be applied, and goes on with the next run", async () => {
        lab.palette.store.profiles.put(profile("infra", "1.1.0"));
        const row = await up();
        const inputs = cluster({ profiles: [{ uid: "infra-1.1.0" }] });
        lab.palette.fault({ on: "PATCH spectroclusters/{id}/profiles", do: "status", status: 400, times: 1 });
        await failure(row.up(inputs, context()));
        expect(row.state?.inputs.profiles).to.deep.equal([{ uid: "infra-1.0.0" }]);
        expect(await row.up(inputs, context())).to.equal("updated");
        expect(only().profiles[0]?.uid).to.equal("infra-1.1.0");
    });

    it("#846: goes on with profiles that an interrupted run has changed, also where a repave waits for approval", async () => {
        lab.palette.behaviour.repaveApproval = "needed";
        lab.palette.store.profiles.put(profile("infra", "1.1.0"));
        const row = await up();
        const inputs = cluster({ profiles: [{ uid: "infra-1.1.0" }] });
        const interrupted = lab.palette.fault({
            on: "PATCH repave/approve",
            do: "status",
            status: 400,
            times: 1,
        });
        await failure(row.up(inputs, context()));
        expect(interrupted.hits).to.equal(1);
        expect(only().repave).to.equal("Pending");
        await row.up(inputs, context());
        expect(only().repave).to.not.equal("Pending");
    });

    it("takes a profile back that somebody has swapped", async () => {
        lab.palette.store.profiles.put(profile("infra", "0.9.0"));
        const row = await up();
        edit(({ profiles }) => ({ profiles: profiles.map((use) => ({ ...use, uid: "infra-0.9.0" })) }));
        expect(await row.refresh(context())).to.deep.equal(["profiles"]);
        await row.up(cluster(), context());
        expect(only().profiles.map(({ uid }) => uid)).to.deep.equal(["infra-1.0.0"]);
    });

    it("#921: sets variables, sees those that were changed, and none that are sensitive", async () => {
        const variables = [{ name: "site" }, { name: "pin", isSensitive: true }];
        lab.palette.store.profiles.put(profile("infra", "1.0.0", { variables }));
        const uses = (site: string, pin: string): object => ({
            profiles: [{ uid: "infra-1.0.0", variables: { site, pin } }],
        });
        const row = await up(cluster(uses("17", PIN)));
        expect(await row.refresh(context())).to.deep.equal([]);
        edit(({ profiles }) => ({
            profiles: profiles.map((use) => ({ ...use, variables: [{ name: "site", value: "18" }] })),
        }));
        expect(await row.refresh(context())).to.deep.equal(["profiles"]);
        const run = context();
        await row.up(cluster(uses("17", "another")), run);
        expect(
            Object.fromEntries(only().profiles[0]?.variables.map(({ name, value }) => [name, value]) ?? []),
        ).to.deep.equal({ site: "17", pin: "another" });
        expect(run.client.clean(`pin another`)).to.equal("pin [secret]");
    });

    it("lets no secret variable out", async () => {
        lab.palette.store.profiles.put(
            profile("infra", "1.0.0", { variables: [{ name: "pin", isSensitive: true }] }),
        );
        const inputs = cluster({ profiles: [{ uid: "infra-1.0.0", variables: { pin: PIN } }] });
        lab.palette.fault({
            on: "POST spectroclusters/edge-native",
            ...{
                do: "status",
                status: 400,
                times: 1,
                body: { code: "InvalidRequest", message: `pin ${PIN}` },
            },
        });
        const run = context();
        const row = new Row(edgeCluster);
        expect(await failure(row.up(inputs, run))).to.include("pin [secret]");
        await row.up(inputs, run);
        const { profiles, ...rest } = row.state?.inputs ?? {};
        expect(JSON.stringify(profiles)).to.include(PIN);
        expect(JSON.stringify([rest, row.state?.outputs, run.messages])).to.not.include(PIN);
    });

    it("names the hosts that are not ready", async () => {
        lab.palette.store.edgeHosts.remove("edge-a");
        lab.palette.store.edgeHosts.put({
            ...newRecord(lab.palette.store, { name: "edge-b" }, projectUid()),
            ...{ uid: "edge-b", archType: "amd64", pairingKey: "", tunnelConfig: {} },
        });
        const told = await failure(new Row(edgeCluster).up(cluster(workers("edge-b")), context()));
        expect(told).to.include("edge-a (not in this project), edge-b (unpaired)").and.include("HostGate");
    });

    it("waits for a node that was registered anew, at which no gate looks again", async () => {
        const inputs = cluster(workers("edge-b", "edge-c"));
        const row = await up(inputs);
        const { store } = lab.palette;
        const former = store.edgeHosts.get("edge-b");
        if (!former) throw new Error("edge-b is not there");
        const { hardware, health, clusterUid, ...unpaired } = former;
        expect([hardware, health, clusterUid]).to.not.include(undefined);
        store.edgeHosts.put(unpaired);
        edit(({ pools }) => ({
            pools: pools.map((pool) =>
                pool.isControlPlane ? pool : { ...pool, hosts: pool.hosts.slice(1) },
            ),
        }));
        await row.refresh(context());
        const run = context({ sleep: async () => host("edge-b") });
        expect(await row.up(inputs, run)).to.equal("updated");
        expect(run.messages.progress).to.include("waiting for edge-b to pair");
        expect(poolsOf(only())[1]).to.equal("workers: edge-b edge-c");

        store.edgeHosts.put(unpaired);
        edit(({ pools }) => ({ pools: pools.filter(({ isControlPlane }) => isControlPlane) }));
        await row.refresh(context());
        const stop = new AbortController();
        const sleep = async (): Promise<never> => {
            stop.abort(new Error("the time is over"));
            throw stop.signal.reason;
        };
        const told = await failure(row.up(inputs, context({ signal: stop.signal, sleep })));
        expect(told).to.include("the time is over, and these hosts have not paired: edge-b");
    });

    it("names only hosts that are to join, and not those that are members already", async () => {
        const row = await up();
        lab.palette.store.edgeHosts.remove("edge-b");
        const told = await failure(row.up(cluster(workers("edge-b")), context()));
        expect(told).to.include("Hosts that cannot join now: edge-b (not in this project). Wait");
    });

    it("is there once when the answer to its creation is lost", async () => {
        lab.palette.fault({ on: "POST spectroclusters/edge-native", do: "reset", after: "write", times: 1 });
        const row = new Row(edgeCluster);
        await row.up(cluster(), context());
        expect(row.state?.outputs.uid).to.equal(only().uid);
    });

    it("has a pool once when the answer to its creation is lost", async () => {
        const row = await up();
        lab.palette.fault({ on: "POST machinePools", do: "reset", after: "write", times: 1 });
        await row.up(cluster(workers("edge-b")), context());
        expect(poolsOf(only())).to.deep.equal(["control-plane: edge-a", "workers: edge-b"]);
    });

    it("approves a repave and takes a profile out once, when the answers are lost", async () => {
        lab.palette.behaviour.repaveApproval = "needed";
        const { profiles } = lab.palette.store;
        profiles.put(profile("infra", "1.1.0"));
        profiles.put(profile("monitoring", "1.0.0", { type: "add-on", cloudType: "all", published: [] }));
        const row = await up(cluster({ profiles: [{ uid: "infra-1.0.0" }, { uid: "monitoring-1.0.0" }] }));
        const lost = [
            "PATCH spectroclusters/{id}/profiles",
            "DELETE spectroclusters/{id}/profiles",
            "PATCH repave/approve",
        ].map((on) => lab.palette.fault({ on, do: "reset", after: "write", times: 1 }));
        expect(await row.up(cluster({ profiles: [{ uid: "infra-1.1.0" }] }), context())).to.equal("updated");
        expect(lost.map(({ hits }) => hits)).to.deep.equal([1, 1, 1]);
        expect(only().profiles.map(({ uid }) => uid)).to.deep.equal(["infra-1.1.0"]);
    });

    it("is in the state as soon as it is there, also when what comes after it fails", async () => {
        const row = new Row(edgeCluster);
        lab.palette.fault({ on: "GET cloudconfigs/edge-native/{id}", do: "status", status: 400, times: 1 });
        await failure(row.up(cluster(), context()));
        expect(row.state?.outputs.uid).to.equal(only().uid);
        expect(await row.up(cluster(), context())).to.equal("updated");
        expect(row.state?.outputs.endpointHost).to.equal("10.0.0.100");
    });

    it("writes secrets again that the run that took it over may not have written", async () => {
        const variables = [{ name: "pin", isSensitive: true }];
        lab.palette.store.profiles.put(profile("infra", "1.0.0", { variables }));
        await up();
        edit(() => ({ labels: {} }));
        const inputs = cluster({ profiles: [{ uid: "infra-1.0.0", variables: { pin: PIN } }], adopt: true });
        const row = new Row(edgeCluster);
        lab.palette.fault({
            on: "PATCH spectroclusters/{id}/variables",
            do: "status",
            status: 400,
            times: 1,
        });
        await failure(row.up(inputs, context()));
        expect(await row.up(inputs, context())).to.equal("updated");
        expect(only().profiles[0]?.variables).to.deep.equal([{ name: "pin", value: PIN }]);
    });

    it("warns of a repave in a preview where the new version of its profile is not there yet", async () => {
        const row = await up();
        const run = context({ preview: true });
        const { inputs } = await checkInputs(
            edgeCluster,
            cluster({ profiles: [{ uid: UNKNOWN, variables: { site: "17" } }] }),
            row.state?.inputs,
            run,
        );
        expect(inputs.systemUri).to.equal(UNKNOWN);
        expect(run.messages.warn).to.deep.equal([
            "if the nodes' image is another than r.example.com/ubuntu:1.0.0, all of them are repaved",
        ]);
    });

    it("#877: sees no drift in variables that the program leaves to the profile", async () => {
        const variables = [{ name: "site", defaultValue: "0" }, { name: "zone" }];
        lab.palette.store.profiles.put(profile("infra", "1.0.0", { variables }));
        const inputs = cluster({ profiles: [{ uid: "infra-1.0.0", variables: { site: "17" } }] });
        const row = await up(inputs);
        edit(({ profiles }) => ({
            profiles: profiles.map((use) => ({
                ...use,
                variables: [...use.variables, { name: "zone", value: "filled in" }],
            })),
        }));
        expect(await row.refresh(context())).to.deep.equal([]);
        expect(await row.up(inputs, context())).to.equal("same");
    });

    it("takes over a cluster only when it is told to, and none of another stack", async () => {
        await new Row(edgeCluster).up(cluster(), context({ stack: "other" }));
        const foreign = new Row(edgeCluster).check(cluster({ adopt: true }), context({ preview: true }));
        expect(await failure(foreign)).to.include("another Pulumi stack");
        edit(({ labels }) => {
            const kept = { ...labels };
            delete kept[PALETTE_CLAIM_KEY];
            return { labels: kept };
        });
        expect(await failure(new Row(edgeCluster).up(cluster(), context()))).to.include("set adopt: true");
        const row = new Row(edgeCluster);
        const elsewhere = {
            controlPlaneEndpoint: { type: "VIP", host: "10.17.0.99" },
            overlayCidr: "10.8.0.0/16",
        };
        const refused = await failure(row.up(cluster({ ...elsewhere, adopt: true }), context()));
        expect(refused).to.include("another controlPlaneEndpoint.host and overlayCidr, which cannot change");
        expect(only().labels).to.not.have.property(PALETTE_CLAIM_KEY);
        expect(await row.up(cluster({ adopt: true }), context())).to.equal("created");
        expect(row.state?.outputs.uid).to.equal(only().uid);
        expect(only().labels[PALETTE_CLAIM_KEY]).to.equal(row.state?.outputs.claim);
    });

    it("leaves a cluster that another row has taken over", async () => {
        const row = await up();
        edit(({ labels }) => ({ labels: { ...labels, [PALETTE_CLAIM_KEY]: "0123456789ab-theirs" } }));
        expect(await failure(row.up(cluster({ description: "mine" }), context()))).to.include("taken over");
        await row.delete(context());
        only();
    });

    it("takes a deleted one, which Palette shows for days, for gone, and makes another of its name", async () => {
        const row = await up();
        const { uid } = only();
        await context().client.clusters.remove(uid, { projectUid: projectUid() });
        const run = context();
        expect(await row.refresh(run)).to.equal("gone");
        expect(run.messages.warn[0]).to.include("is being deleted");
        lab.palette.advance(2 * PACE);
        expect(await row.up(cluster(), context())).to.equal("created");
        expect(row.state?.outputs.uid).to.equal(only().uid).and.not.equal(uid);
        expect(lab.palette.store.clusters.list()).to.have.lengthOf(2);
        lab.palette.store.clusters.put({ ...only(), state: "Deleted" });
        const later = context();
        expect(await row.refresh(later)).to.equal("gone");
        expect(later.messages.warn[0]).to.include("is gone from Palette");
    });

    it("waits until a cluster of its name, which is being deleted, is gone", async () => {
        await up();
        await context().client.clusters.remove(only().uid, { projectUid: projectUid() });
        const run = context();
        const row = new Row(edgeCluster);
        expect(await row.up(cluster(), run)).to.equal("created");
        expect(run.messages.progress[0]).to.include("which is being deleted, is gone");
        expect(row.state?.outputs.uid).to.equal(only().uid);
    });

    it("is deleted, and its hosts are free again", async () => {
        const row = await up();
        await row.delete(context());
        expect(live()).to.deep.equal([]);
        expect(lab.palette.store.edgeHosts.get("edge-a")?.clusterUid).to.equal(undefined);
    });

    it("forces a deletion that is stuck, after a quarter of an hour and only where it is told to", async () => {
        lab.palette.behaviour.deletion = "sticks";
        const row = await up(cluster({ forceDelete: true }));
        const began = lab.palette.store.now();
        const run = context();
        await row.delete(run);
        expect(live()).to.deep.equal([]);
        expect(lab.palette.store.now() - began).to.be.within(15 * MINUTE, 17 * MINUTE);
        expect(run.messages.warn[0]).to.include("has been forced");

        const careful = await up();
        const stop = new AbortController();
        const limited = context({
            signal: stop.signal,
            sleep: async (milliseconds) => {
                lab.palette.advance(milliseconds);
                if (lab.palette.store.now() - began > 60 * MINUTE) stop.abort(new Error("the time is over"));
            },
        });
        const told = await failure(careful.delete(limited));
        expect(told).to.include("the time is over").and.include("forceDelete: true");
        expect(only().state).to.equal("Deleting");
    });

    describe("refuses in a preview", () => {
        const cases: [title: string, change: object, told: string][] = [
            ["a control plane without hosts", { controlPlane: { hosts: [] } }, "must have at least one host"],
            ["a host twice", workers("edge-a"), "host edge-a is in the cluster twice"],
            ["two nodes of another number", { twoNode: true }, "a two-node cluster has two"],
            [
                "a load balancer without an address",
                { controlPlaneEndpoint: { type: "External" } },
                "Palette assigns an address for a VIP only",
            ],
            [
                "pools of the same name",
                { workers: [{ name: "control-plane", hosts: [] }] },
                "two pools named",
            ],
            ["a name that is none", { name: "Store 17" }, "lower-case letters"],
        ];
        for (const [title, change, told] of cases) {
            it(title, async () => {
                const attempt = new Row(edgeCluster).check(cluster(change), context({ preview: true }));
                expect(await failure(attempt)).to.include(told);
            });
        }

        const fixed: [title: string, change: object, told: string][] = [
            ["another name", { name: "store-18" }, "name: cannot change while the cluster is there"],
            [
                "another address",
                { controlPlaneEndpoint: { type: "VIP", host: "10.17.0.11" } },
                "controlPlaneEndpoint: cannot change",
            ],
            [
                "a host that goes to another pool",
                { controlPlane: { hosts: [{ uid: "edge-c" }] }, ...workers("edge-a") },
                "host edge-a would go from pool control-plane to workers",
            ],
        ];
        for (const [title, change, told] of fixed) {
            it(`${title} of a cluster that is there`, async () => {
                const row = await up();
                expect(await failure(row.check(cluster(change), context({ preview: true })))).to.include(
                    told,
                );
            });
        }
    });

    describe("waited for by palette.ClusterGate", () => {
        function gate(row: Row, more: object = {}): Record<string, unknown> {
            const { uid } = row.state?.outputs ?? {};
            const { revision } = row.state?.inputs ?? {};
            return { clusters: [{ label: "store-17", uid, revision }], ...more };
        }

        function gateContext(more: Options = {}): TestContext<PaletteClient> {
            return context({ kind: "palette.ClusterGate", timeLimit: 60 * MINUTE, ...more });
        }

        it("comes up, with its state and conditions in one line", async () => {
            const row = new Row(edgeCluster);
            await row.up(cluster(), context());
            const run = gateContext();
            const wait = new Row(clusterGate);
            expect(await wait.up(gate(row), run)).to.equal("created");
            const lines = run.messages.progress;
            expect(lines[0]).to.equal("0/1 healthy, 1 pending");
            expect(lines).to.include(
                "0/1 healthy, 1 provisioning ControlPlaneNodeAdditionDone: waiting for nodes",
            );
            expect(lines).to.include(
                "0/1 healthy, 1 running ControlPlaneNodeAdditionDone: waiting for nodes",
            );
            expect(lines.at(-1)).to.equal("1/1 healthy");
            expect(await wait.up(gate(row), gateContext())).to.equal("same");
        });

        it("follows a change of its profile until the nodes have it", async () => {
            lab.palette.store.profiles.put(profile("infra", "1.1.0"));
            const row = await up();
            const wait = new Row(clusterGate);
            await wait.up(gate(row), gateContext());
            await row.up(cluster({ profiles: [{ uid: "infra-1.1.0" }] }), context());
            const run = gateContext();
            expect(await wait.up(gate(row), run)).to.equal("updated");
            expect(only().appliedProfilesAt).to.not.equal(undefined);
        });

        it("fails at the time limit with the state of each cluster, or goes on", async () => {
            const row = new Row(edgeCluster);
            await row.up(cluster(), context());
            edit(() => ({ until: Number.MAX_SAFE_INTEGER }));
            const told = await failure(new Row(clusterGate).up(gate(row), gateContext()));
            expect(told).to.include("1 of 1 clusters were not healthy within the time limit of 60 min");
            const run = gateContext();
            await new Row(clusterGate).up(gate(row, { onTimeout: "warn" }), run);
            expect(run.messages.warn[0]).to.include("going on without them");
        });

        it("fails at once when a cluster is gone", async () => {
            const row = await up();
            const inputs = gate(row);
            await row.delete(context());
            const told = await failure(new Row(clusterGate).up(inputs, gateContext()));
            expect(told).to.include("1 of 1 clusters failed before healthy").and.include("it is deleted");
        });
    });
});
