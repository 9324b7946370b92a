import { expect } from "chai";
import type { PaletteClient } from "../../../provider/palette/client";
import { clusterGate } from "../../../provider/palette/clusterGate.handler";
import { edgeCluster } from "../../../provider/palette/edgeCluster.handler";
import type { TestContext } from "../../support/context";
import { failure } from "../../support/failure";
import {
    cluster,
    context,
    edit,
    only,
    palette,
    profile,
    up,
    useClusters,
} from "../../support/paletteClusters";
import { Row } from "../../support/row";

const MINUTE = 60_000;

describe("palette.ClusterGate", () => {
    useClusters();

    function gate(row: Row, more: object = {}): Record<string, unknown> {
        const { uid } = row.state?.outputs ?? {};
        const { revision } = row.state?.inputs ?? {};
        return { clusters: [{ label: "store-17", uid, revision }], ...more };
    }

    function gateContext(more: Parameters<typeof context>[0] = {}): TestContext<PaletteClient> {
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
        expect(lines).to.include("0/1 healthy, 1 running ControlPlaneNodeAdditionDone: waiting for nodes");
        expect(lines.at(-1)).to.equal("1/1 healthy");
        expect(await wait.up(gate(row), gateContext())).to.equal("same");
    });

    it("follows a change of its profile until the nodes have it", async () => {
        palette().store.profiles.put(profile("infra", "1.1.0"));
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
