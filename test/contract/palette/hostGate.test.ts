import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import type { PaletteClient } from "../../../provider/palette/client";
import { hostGate } from "../../../provider/palette/hostGate.handler";
import { testContext, type TestContext } from "../../support/context";
import { failure } from "../../support/failure";
import { bootMachine, paletteClient } from "../../support/palette";
import { Row } from "../../support/row";

describe("palette.HostGate", () => {
    let lab: Lab;
    const open: PaletteClient[] = [];

    before(async () => {
        lab = await startLab({ emf: false, images: false, palette: true });
    });
    afterEach(async () => {
        lab.palette.clearFaults();
        lab.palette.rest();
        for (const client of open.splice(0)) await client.close();
        for (const records of [lab.palette.store.edgeHosts, lab.palette.store.tokens]) records.clear();
        lab.palette.resetCalls();
    });
    after(() => lab.close());

    /** What happens in the lab while the gate waits, one thing a pause. */
    function context(
        happenings: (() => void)[] = [],
        more: { timeLimit?: number } = {},
    ): TestContext<PaletteClient> {
        const { client, host } = paletteClient(lab.palette, { project: "stores" });
        open.push(client);
        const sleep = async (milliseconds: number): Promise<void> => {
            host.advance(milliseconds);
            happenings.shift()?.();
        };
        return testContext({ client, kind: "palette.HostGate", sleep, ...more });
    }

    async function registered(...uids: string[]): Promise<void> {
        const { client } = context();
        const scope = await client.project("stores");
        for (const uid of uids) {
            const body = { metadata: { uid, name: uid }, spec: { archType: "amd64" as const } };
            await client.registerEdgeHost(body, scope, { same: () => false });
        }
    }

    const boot =
        (uid: string, health: "healthy" | "unhealthy" = "healthy") =>
        (): void =>
            bootMachine(lab.palette, uid, { health });

    function feel(uid: string, health: "healthy" | "unhealthy"): void {
        const host = lab.palette.store.edgeHosts.get(uid);
        if (host) lab.palette.store.edgeHosts.put({ ...host, health });
    }

    it("#614: waits until hosts are healthy, with one line of progress, and then not again", async () => {
        await registered("edge-1", "edge-2");
        const inputs = { hosts: ["edge-1", "edge-2"], pending: "wait" };
        const run = context([boot("edge-1"), boot("edge-2", "unhealthy"), () => feel("edge-2", "healthy")]);
        const row = new Row(hostGate);
        expect(await row.up(inputs, run)).to.equal("created");
        expect(run.messages.progress).to.deep.equal([
            "0/2 healthy, 2 pending",
            "1/2 healthy, 1 pending",
            "1/2 healthy, 1 unhealthy",
            "2/2 healthy",
        ]);
        lab.palette.resetCalls();
        expect(await row.up(inputs, context())).to.equal("same");
        expect(await row.refresh(context())).to.deep.equal([]);
        expect(lab.palette.calls().routes).to.not.have.property("POST v1/dashboard/edgehosts/search");
    });

    it("#617: takes an unhealthy host for one that may get well, and not for an unexpected state", async () => {
        await registered("edge-1");
        boot("edge-1", "unhealthy")();
        await new Row(hostGate).up({ hosts: ["edge-1"], until: "ready" }, context());
        const run = context([() => feel("edge-1", "healthy")]);
        await new Row(hostGate).up({ hosts: ["edge-1"] }, run);
        expect(run.messages.progress.at(-1)).to.equal("1/1 healthy");
    });

    it("does not wait for machines that have never paired unless asked to", async () => {
        await registered("edge-1", "edge-2");
        boot("edge-1")();
        const run = context();
        await new Row(hostGate).up({ hosts: ["edge-1", "edge-2"] }, run);
        expect(run.slept).to.equal(0);
        expect(run.messages.info.join()).to.include(
            "1/2 healthy, 1 pending: pending hosts are not waited for",
        );
    });

    it("#654, #686: keeps the hosts when the time is over, tells their states, and waits again in the next run", async () => {
        await registered("edge-1", "edge-2");
        boot("edge-1")();
        const inputs = { hosts: ["edge-1", "edge-2"], pending: "wait" };
        const row = new Row(hostGate);
        const said = await failure(row.up(inputs, context([], { timeLimit: 60_000 })));
        expect(said).to.include("1 of 2 hosts were not healthy within the time limit of 60 s");
        expect(said).to.match(/edge-2: +pending: has never paired\n +healthy: edge-1/);
        expect(lab.palette.store.edgeHosts.list()).to.have.lengthOf(2);
        boot("edge-2")();
        expect(await row.up(inputs, context())).to.equal("updated");
    });

    it("#695: goes on with a warning where that is asked for", async () => {
        await registered("edge-1");
        const run = context([], { timeLimit: 60_000 });
        await new Row(hostGate).up({ hosts: ["edge-1"], pending: "wait", onTimeout: "warn" }, run);
        expect(run.messages.warn.join()).to.include("going on without them");
    });

    it("fails at once when more hosts are gone than may fail", async () => {
        await registered("edge-1");
        boot("edge-1")();
        const inputs = { hosts: ["edge-1", "edge-2"] };
        const said = await failure(new Row(hostGate).up(inputs, context()));
        expect(said).to.match(
            /^1 of 2 hosts failed before healthy\n {2}edge-2: failed: it is not in Palette/,
        );
        const run = context();
        await new Row(hostGate).up({ ...inputs, maxFailed: 1 }, run);
        expect(run.messages.warn.join()).to.include("1 failed (edge-2");
    });

    it("outlives a Palette that is away for a while", async () => {
        await registered("edge-1");
        boot("edge-1")();
        lab.palette.fault({ on: "POST v1/dashboard/edgehosts/search", do: "status", status: 500, times: 1 });
        const run = context();
        await new Row(hostGate).up({ hosts: ["edge-1"] }, run);
        expect(run.messages.progress[0]).to.include("asking again");
    });

    it("refuses a host that is given twice", async () => {
        const attempt = new Row(hostGate).check({ hosts: ["edge-1", "edge-1"] }, context());
        expect(await failure(attempt)).to.include('has "edge-1" twice');
    });
});
