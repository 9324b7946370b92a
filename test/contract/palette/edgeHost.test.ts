import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import { DEFAULT_BEHAVIOUR } from "../../../lab/palette/behaviour";
import { newRecord } from "../../../lab/palette/rest/call";
import type { EdgeCluster, EdgeHost } from "../../../lab/palette/store";
import type { PaletteClient } from "../../../provider/palette/client";
import { edgeHost } from "../../../provider/palette/edgeHost.handler";
import { testContext, type TestContext, type TestContextOptions } from "../../support/context";
import { failure } from "../../support/failure";
import { bootMachine, paletteClient } from "../../support/palette";
import { Row } from "../../support/row";

const UID = "edge-lab1-01";
const CLAIM = "pulumi-edge-os/claim";

describe("palette.EdgeHost", () => {
    let lab: Lab;
    const open: PaletteClient[] = [];

    before(async () => {
        lab = await startLab({ emf: false, images: false, palette: true, paletteClusterPace: 20_000 });
    });
    afterEach(async () => {
        const { store, behaviour } = lab.palette;
        lab.palette.clearFaults();
        lab.palette.rest();
        Object.assign(behaviour, DEFAULT_BEHAVIOUR);
        for (const client of open.splice(0)) await client.close();
        for (const records of [store.edgeHosts, store.tokens, store.clusters]) records.clear();
        lab.palette.resetCalls();
    });
    after(() => lab.close());

    function context(options: Partial<TestContextOptions<PaletteClient>> = {}): TestContext<PaletteClient> {
        const { client } = paletteClient(lab.palette, { project: "stores" });
        open.push(client);
        return testContext({ client, kind: "palette.EdgeHost", ...options });
    }

    function host(uid = UID): EdgeHost {
        const found = lab.palette.store.edgeHosts.get(uid);
        if (!found) throw new Error(`${uid} is not there`);
        return found;
    }

    function edit(changes: Partial<EdgeHost>): void {
        lab.palette.store.edgeHosts.put({ ...host(), ...changes });
    }

    /** Without the claim. */
    function labels(): Record<string, string> {
        return Object.fromEntries(Object.entries(host().labels).filter(([key]) => key !== CLAIM));
    }

    async function up(inputs: Record<string, unknown>): Promise<Row> {
        const row = new Row(edgeHost);
        await row.up({ uid: UID, ...inputs }, context());
        return row;
    }

    /** Registered by somebody else. */
    async function registered(project = "stores", more: Record<string, string> = {}): Promise<void> {
        const { client } = context();
        const body = {
            metadata: { uid: UID, name: "till four", labels: more },
            spec: { archType: "amd64" as const },
        };
        await client.registerEdgeHost(body, await client.project(project), { same: () => false });
    }

    /** A member of a running cluster. */
    function joined(): EdgeCluster {
        const { store } = lab.palette;
        const cluster = store.clusters.put({
            ...newRecord(store, { name: "shop" }, store.projects[1]?.uid),
            ...{ configUid: store.newUid(), state: "Running", healthy: true, config: {}, profiles: [] },
            pools: [{ name: "workers", isControlPlane: false, hosts: [{ hostUid: UID }], config: {} }],
        });
        edit({ clusterUid: cluster.uid });
        return cluster;
    }

    it("is registered with one call, everything given, and deleted", async () => {
        const row = new Row(edgeHost);
        const run = context();
        const inputs = {
            ...{ uid: UID, name: "till 4", labels: { site: "store-17", spare: "" }, architecture: "arm64" },
            ...{ pairingKey: "hunter2", remoteShell: true, temporaryShellUser: true },
        };
        const checked = await row.check(inputs, run);
        lab.palette.resetCalls();
        await edgeHost.create(checked as never, run);
        expect(lab.palette.calls().total).to.equal(1);
        expect(host()).to.deep.include({
            ...{ name: "till 4", archType: "arm64", pairingKey: "hunter2" },
            tunnelConfig: { remoteSsh: "enabled", remoteSshTempUser: "enabled" },
        });
        expect(labels()).to.deep.equal({ site: "store-17", spare: "spectro__tag" });
        const resumed = await up(inputs);
        expect(resumed.id).to.equal(UID);
        expect(await resumed.refresh(context())).to.deep.equal([]);
        expect(await resumed.up(inputs, context())).to.equal("same");
        await resumed.delete(context());
        expect(lab.palette.store.edgeHosts.list()).to.deep.equal([]);
    });

    it("is registered once when the answer is lost", async () => {
        lab.palette.fault({ on: "POST v1/edgehosts", do: "reset", after: "write", times: 1 });
        const row = await up({});
        expect(host().labels[CLAIM]).to.equal(row.state?.outputs.claim);
    });

    it("#928: adopts a registered host only when it is told to, and keeps its name and other labels", async () => {
        await registered("stores", { rack: "7" });
        const inputs = { uid: UID, labels: { site: "store-17" } };
        expect(await failure(new Row(edgeHost).check(inputs, context({ preview: true })))).to.include(
            "adopt: true",
        );
        expect(await failure(edgeHost.create(inputs, context()))).to.include("adopt: true");
        const row = await up({ ...inputs, adopt: true });
        expect(host().name).to.equal("till four");
        expect(labels()).to.deep.equal({ rack: "7", site: "store-17" });
        expect(await row.refresh(context())).to.deep.equal([]);
        const foreign = new Row(edgeHost).check(
            { ...inputs, adopt: true },
            context({ stack: "b", preview: true }),
        );
        expect(await failure(foreign)).to.include("another Pulumi stack");
    });

    for (const status of [400, 409] as const) {
        it(`is refused when the uid is taken in another project of the tenant (HTTP ${status})`, async () => {
            lab.palette.behaviour.alreadyRegisteredStatus = status;
            await registered("Default");
            const said = await failure(up({ adopt: true }));
            expect(said).to.include("unique in the whole tenant");
        });
    }

    it("#107: changes labels and name on day 2, of the declared keys only", async () => {
        const row = await up({ name: "a", labels: { site: "1", zone: "x" } });
        edit({ labels: { ...host().labels, rack: "7" } });
        await row.up({ uid: UID, name: "b", labels: { site: "2", spare: "" } }, context());
        expect(host().name).to.equal("b");
        expect(labels()).to.deep.equal({ rack: "7", site: "2", spare: "spectro__tag" });
    });

    it("#384: keeps the console's name when labels change", async () => {
        const row = await up({ labels: { site: "1" } });
        edit({ name: "till four" });
        expect(await row.refresh(context())).to.deep.equal([]);
        await row.up({ uid: UID, labels: { site: "2" } }, context());
        expect(host().name).to.equal("till four");
    });

    it("#176: takes a tag without a value as the key with an empty text, and shows no drift", async () => {
        const row = await up({ labels: { spare: "" } });
        expect(host().labels.spare).to.equal("spectro__tag");
        expect(await row.refresh(context())).to.deep.equal([]);
        const marker = new Row(edgeHost).check({ uid: UID, labels: { a: "spectro__tag" } }, context());
        expect(await failure(marker)).to.include('write ""');
    });

    for (const emptyLabels of ["clear", "keep"] as const) {
        it(`removes its last label, where Palette would ${emptyLabels} labels on an empty map`, async () => {
            lab.palette.behaviour.emptyLabels = emptyLabels;
            const row = await up({ labels: { site: "1" } });
            await row.up({ uid: UID }, context());
            expect(labels()).to.deep.equal({});
        });
    }

    it("#615: switches the remote shell on and off, and shows when somebody else has", async () => {
        const inputs = { uid: UID, remoteShell: true };
        const row = await up(inputs);
        edit({ tunnelConfig: { remoteSsh: "disabled", remoteSshTempUser: "enabled" } });
        expect(await row.refresh(context())).to.deep.equal(["remoteShell"]);
        await row.up(inputs, context());
        expect(host().tunnelConfig).to.deep.equal({ remoteSsh: "enabled", remoteSshTempUser: "disabled" });
        await row.up({ uid: UID }, context());
        expect(host().tunnelConfig.remoteSsh).to.equal("disabled");
        const wrong = new Row(edgeHost).check({ uid: UID, temporaryShellUser: true }, context());
        expect(await failure(wrong)).to.include("needs remoteShell");
    });

    it("changes and clears the pairing key", async () => {
        const row = await up({ pairingKey: "one" });
        await row.up({ uid: UID, pairingKey: "two" }, context());
        expect(host().pairingKey).to.equal("two");
        await row.up({ uid: UID }, context());
        expect(host().pairingKey).to.equal("");
    });

    for (const architectureBeforePairing of [true, false]) {
        const told = architectureBeforePairing ? "told" : "not told";
        it(`keeps an arm64 host whose architecture is ${told} before it pairs`, async () => {
            lab.palette.behaviour.architectureBeforePairing = architectureBeforePairing;
            const inputs = { uid: UID, architecture: "arm64" };
            const row = await up(inputs);
            expect(await row.refresh(context())).to.deep.equal([]);
            expect(await row.up(inputs, context())).to.equal("same");
        });

        it(`registers a host anew for another architecture, which is ${told} before it pairs`, async () => {
            lab.palette.behaviour.architectureBeforePairing = architectureBeforePairing;
            const row = await up({ name: "a", architecture: "arm64", labels: { site: "1" } });
            edit({ labels: { ...host().labels, rack: "7" } });
            await row.up({ uid: UID, architecture: "amd64", labels: { site: "2" } }, context());
            expect(host()).to.include({ archType: "amd64", name: "a" });
            expect(labels()).to.deep.equal({ rack: "7", site: "2" });
        });
    }

    it("says so when the machine is of another architecture, and leaves it", async () => {
        const inputs = { uid: UID, architecture: "amd64" };
        const row = await up(inputs);
        bootMachine(lab.palette, UID, { archType: "arm64" });
        expect(await row.refresh(context())).to.deep.equal(["architecture"]);
        expect(await failure(row.up(inputs, context()))).to.include("the machine is arm64");
        expect(host().hardware?.archType).to.equal("arm64");
    });

    for (const agentLabels of ["keep", "overwrite"] as const) {
        it(`has its labels and claim again after an agent that would ${agentLabels} them`, async () => {
            lab.palette.behaviour.agentLabels = agentLabels;
            const inputs = { uid: UID, labels: { site: "1" } };
            const row = await up(inputs);
            bootMachine(lab.palette, UID, { tags: { zone: "x" } });
            const drift = await row.refresh(context());
            expect(drift).to.deep.equal(agentLabels === "keep" ? [] : ["labels"]);
            await row.up(inputs, context());
            expect(host().labels).to.include({ site: "1", [CLAIM]: row.state?.outputs.claim });
        });
    }

    it("is registered again when somebody deleted it, by an up with or without a refresh", async () => {
        const row = await up({ labels: { site: "1" } });
        lab.palette.store.edgeHosts.remove(UID);
        await row.up({ uid: UID, labels: { site: "2" } }, context());
        expect(labels()).to.deep.equal({ site: "2" });
        lab.palette.store.edgeHosts.remove(UID);
        expect(await row.refresh(context())).to.equal("gone");
        expect(await row.up({ uid: UID }, context())).to.equal("created");
    });

    it("#72: refuses to delete a host in use, naming the cluster, unless it is forced", async () => {
        const row = await up({});
        bootMachine(lab.palette, UID);
        joined();
        expect(await failure(row.delete(context()))).to.include("is a member of shop");
        lab.palette.behaviour.deleteInUse = "remove";
        expect(await row.up({ uid: UID, force: true }, context())).to.equal("updated");
        await row.delete(context());
        expect(lab.palette.store.edgeHosts.get(UID)).to.equal(undefined);
    });

    it("#776: waits until a cluster has let the host go that was taken out of it, and deletes it then", async () => {
        lab.palette.behaviour.leaving = "drains";
        const row = await up({});
        bootMachine(lab.palette, UID);
        const cluster = joined();
        const { client } = context();
        await client.clusters.removePool(cluster.configUid, "workers", await client.project("stores"));
        expect(host()).to.include({ clusterUid: cluster.uid });
        const run = context({ sleep: async (milliseconds) => lab.palette.advance(milliseconds) });
        await row.delete(run);
        expect(run.messages.progress[0]).to.equal("waiting until shop has let it go");
        expect(run.slept).to.be.within(15_000, 40_000);
        expect(lab.palette.store.edgeHosts.list()).to.deep.equal([]);
    });

    it("says at the time limit that a host is still in use", async () => {
        const row = await up({});
        bootMachine(lab.palette, UID);
        lab.palette.store.clusters.put({ ...joined(), pools: [] });
        const stop = new AbortController();
        const sleep = async (): Promise<void> => stop.abort(new Error("the time is over"));
        const told = await failure(row.delete(context({ sleep, signal: stop.signal })));
        expect(told).to.include("the time is over, and edge host edge-lab1-01 is still in use");
        expect(host().uid).to.equal(UID);
    });

    it("returns when a deleted host is shown no more", async () => {
        const row = await up({});
        const former = host();
        lab.palette.tap = (side, route) => {
            if (side === "after" && route.startsWith("DELETE")) lab.palette.store.edgeHosts.put(former);
            return undefined;
        };
        const run = context({ sleep: async () => lab.palette.store.edgeHosts.clear() });
        await row.delete(run);
        delete lab.palette.tap;
        expect(run.slept).to.be.greaterThan(0);
        expect(run.messages.warn).to.deep.equal([]);
    });

    it("is not registered again, with the reason, when another project has its uid by now", async () => {
        const row = await up({});
        lab.palette.store.edgeHosts.remove(UID);
        await registered("Default");
        const said = await failure(row.up({ uid: UID, labels: { site: "2" } }, context()));
        expect(said).to.include("unique in the whole tenant");
    });

    it("says so when the agent of a deleted host registers it again", async () => {
        lab.palette.behaviour.agentReturns = true;
        const row = await up({});
        bootMachine(lab.palette, UID);
        const run = context();
        await row.delete(run);
        expect(run.messages.warn[0]).to.include("switch the machine off");
    });

    it("is left alone when another stack has taken it over since, and a wiped claim is written anew", async () => {
        const row = await up({ labels: { site: "1" } });
        edit({ labels: { site: "1", [CLAIM]: "abc-def" } });
        expect(await failure(row.up({ uid: UID, labels: { site: "2" } }, context()))).to.include(
            "was taken over",
        );
        edit({ labels: { site: "1" } });
        await row.up({ uid: UID, labels: { site: "2" } }, context());
        expect(host().labels[CLAIM]).to.equal(row.state?.outputs.claim);
        edit({ labels: { [CLAIM]: "abc-def" } });
        const run = context();
        await row.delete(run);
        expect(run.messages.warn[0]).to.include("is left in Palette");
        expect(host().uid).to.equal(UID);
    });

    it("proves nothing gone when the settings lead to another project", async () => {
        const row = await up({});
        if (row.state) row.state.inputs.projectUid = "2ab0000000000000000000ff";
        expect(await failure(row.refresh(context()))).to.include("Nothing was changed");
        expect(await failure(row.delete(context()))).to.include("Nothing was changed");
    });

    it("#370: reads hosts that have never paired, without device, health and clusters", async () => {
        await up({});
        const { client } = context();
        const { projectUid } = await client.project("stores");
        const [listed] = (await client.listedEdgeHosts(projectUid)).values();
        expect(listed?.status).to.deep.include({ state: "unpaired" });
        expect(listed?.status?.health).to.equal(undefined);
    });

    for (const [title, inputs, told] of [
        ["a uid with a character that agents drop", { uid: "edge-a.b" }, 'must not hold "."'],
        ["a uid that is too long", { uid: "x".repeat(129) }, "at most 128"],
        ["this package's own label", { uid: UID, labels: { [CLAIM]: "x" } }, "this package's own"],
        ["an architecture there is not", { uid: UID, architecture: "riscv" }, '"amd64" or "arm64"'],
    ] as const) {
        it(`refuses ${title}`, async () => {
            expect(await failure(new Row(edgeHost).check(inputs, context({ preview: true })))).to.include(
                told,
            );
        });
    }
});
