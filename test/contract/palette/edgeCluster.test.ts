import { expect } from "chai";
import { newRecord } from "../../../lab/palette/rest/call";
import { edgeCluster } from "../../../provider/palette/edgeCluster.handler";
import { failure } from "../../support/failure";
import {
    cluster,
    context,
    edit,
    host,
    only,
    palette,
    poolsOf,
    projectUid,
    up,
    workers,
    useClusters,
} from "../../support/paletteClusters";
import { Row } from "../../support/row";

describe("palette.EdgeCluster", () => {
    useClusters();

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
        palette().resetCalls();
        await row.up(cluster(turned), run);
        const writes = Object.keys(palette().calls().routes).filter((route) =>
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
        palette().tap = (side, route) => {
            if (side === "before" && route.includes("machinePools")) order.push(route.split(" ", 1).join());
            return undefined;
        };
        await row.up(cluster(other), context());
        delete palette().tap;
        expect(order).to.deep.equal(["POST", "DELETE"]);
        expect(poolsOf(only())).to.deep.equal(["control-plane: edge-a", "gpu: edge-d"]);
        expect(palette().store.edgeHosts.get("edge-b")?.clusterUid).to.equal(undefined);
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
        const former = palette().store.edgeHosts.get("edge-b");
        if (former) {
            const freed = { ...former };
            delete freed.clusterUid;
            palette().store.edgeHosts.put(freed);
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

    it("names the hosts that are not ready", async () => {
        palette().store.edgeHosts.remove("edge-a");
        palette().store.edgeHosts.put({
            ...newRecord(palette().store, { name: "edge-b" }, projectUid()),
            ...{ uid: "edge-b", archType: "amd64", pairingKey: "", tunnelConfig: {} },
        });
        const told = await failure(new Row(edgeCluster).up(cluster(workers("edge-b")), context()));
        expect(told).to.include("edge-a (not in this project), edge-b (unpaired)").and.include("HostGate");
    });

    it("waits for a node that was registered anew, at which no gate looks again", async () => {
        const inputs = cluster(workers("edge-b", "edge-c"));
        const row = await up(inputs);
        const { store } = palette();
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
        palette().store.edgeHosts.remove("edge-b");
        const told = await failure(row.up(cluster(workers("edge-b")), context()));
        expect(told).to.include("Hosts that cannot join now: edge-b (not in this project). Wait");
    });

    it("has a pool once when the answer to its creation is lost", async () => {
        const row = await up();
        palette().fault({ on: "POST machinePools", do: "reset", after: "write", times: 1 });
        await row.up(cluster(workers("edge-b")), context());
        expect(poolsOf(only())).to.deep.equal(["control-plane: edge-a", "workers: edge-b"]);
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
});
