import { expect } from "chai";
import { PALETTE_CLAIM_KEY } from "../../../provider/palette/claims";
import { edgeCluster } from "../../../provider/palette/edgeCluster.handler";
import { failure } from "../../support/failure";
import {
    PACE,
    cluster,
    context,
    edit,
    live,
    only,
    palette,
    profile,
    projectUid,
    up,
    useClusters,
} from "../../support/paletteClusters";
import { Row } from "../../support/row";

const MINUTE = 60_000;
const PIN = "4711-very-secret";

describe("palette.EdgeCluster: its beginning and its end", () => {
    useClusters();

    it("is there once when the answer to its creation is lost", async () => {
        palette().fault({ on: "POST spectroclusters/edge-native", do: "reset", after: "write", times: 1 });
        const row = new Row(edgeCluster);
        await row.up(cluster(), context());
        expect(row.state?.outputs.uid).to.equal(only().uid);
    });

    it("is in the state as soon as it is there, also when what comes after it fails", async () => {
        const row = new Row(edgeCluster);
        palette().fault({ on: "GET cloudconfigs/edge-native/{id}", do: "status", status: 400, times: 1 });
        await failure(row.up(cluster(), context()));
        expect(row.state?.outputs.uid).to.equal(only().uid);
        expect(await row.up(cluster(), context())).to.equal("updated");
        expect(row.state?.outputs.endpointHost).to.equal("10.0.0.100");
    });

    it("writes secrets again that the run that took it over may not have written", async () => {
        const variables = [{ name: "pin", isSensitive: true }];
        palette().store.profiles.put(profile("infra", "1.0.0", { variables }));
        await up();
        edit(() => ({ labels: {} }));
        const inputs = cluster({ profiles: [{ uid: "infra-1.0.0", variables: { pin: PIN } }], adopt: true });
        const row = new Row(edgeCluster);
        palette().fault({
            on: "PATCH spectroclusters/{id}/variables",
            do: "status",
            status: 400,
            times: 1,
        });
        await failure(row.up(inputs, context()));
        expect(await row.up(inputs, context())).to.equal("updated");
        expect(only().profiles[0]?.variables).to.deep.equal([{ name: "pin", value: PIN }]);
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
        palette().advance(2 * PACE);
        expect(await row.up(cluster(), context())).to.equal("created");
        expect(row.state?.outputs.uid).to.equal(only().uid).and.not.equal(uid);
        expect(palette().store.clusters.list()).to.have.lengthOf(2);
        palette().store.clusters.put({ ...only(), state: "Deleted" });
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
        expect(palette().store.edgeHosts.get("edge-a")?.clusterUid).to.equal(undefined);
    });

    it("forces a deletion that is stuck, after a quarter of an hour and only where it is told to", async () => {
        palette().behaviour.deletion = "sticks";
        const row = await up(cluster({ forceDelete: true }));
        const began = palette().store.now();
        const run = context();
        await row.delete(run);
        expect(live()).to.deep.equal([]);
        expect(palette().store.now() - began).to.be.within(15 * MINUTE, 17 * MINUTE);
        expect(run.messages.warn[0]).to.include("has been forced");

        const careful = await up();
        const stop = new AbortController();
        const limited = context({
            signal: stop.signal,
            sleep: async (milliseconds) => {
                palette().advance(milliseconds);
                if (palette().store.now() - began > 60 * MINUTE) stop.abort(new Error("the time is over"));
            },
        });
        const told = await failure(careful.delete(limited));
        expect(told).to.include("the time is over").and.include("forceDelete: true");
        expect(only().state).to.equal("Deleting");
    });
});
