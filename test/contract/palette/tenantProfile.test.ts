import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import type { ClusterProfile } from "../../../lab/palette/store";
import type { AnyResource } from "../../../provider/resource/definition";
import { clusterProfile } from "../../../provider/palette/clusterProfile.handler";
import { edgeCluster } from "../../../provider/palette/edgeCluster.handler";
import type { PaletteClient } from "../../../provider/palette/client";
import { testContext, type TestContext } from "../../support/context";
import { bootMachine, paletteClient } from "../../support/palette";
import { Row } from "../../support/row";

const PACKS = [
    {
        ...{ name: "edge-native-byoi", tag: "2.1.0" },
        values: 'options: { system.uri: "r.example.com/ubuntu:kubeadm-1.34.2-v4.8.10" }',
    },
    { name: "edge-k8s", tag: "1.34.2" },
];
const OWN = { name: "edge", version: "1.0.0", packs: PACKS };
const SHARED = { ...OWN, scope: "tenant" };

describe("palette.ClusterProfile of the tenant", () => {
    let lab: Lab;
    const open: PaletteClient[] = [];

    before(async () => {
        lab = await startLab({ emf: false, images: false, palette: true, paletteClusterPace: 20 });
    });
    afterEach(async () => {
        const { store } = lab.palette;
        lab.palette.rest();
        for (const client of open.splice(0)) await client.close();
        for (const kind of [store.profiles, store.clusters, store.edgeHosts, store.tokens]) kind.clear();
    });
    after(() => lab.close());

    function context({ kind }: AnyResource = clusterProfile): TestContext<PaletteClient> {
        const { client } = paletteClient(lab.palette, { project: "stores" });
        open.push(client);
        return testContext({ client, kind, name: "edge" });
    }

    function stored(): ClusterProfile[] {
        return lab.palette.store.profiles.list();
    }

    function only(): ClusterProfile {
        const [found, ...others] = stored();
        if (!found || others.length > 0) throw new Error(`there are ${stored().length} profiles`);
        return found;
    }

    it("belongs to no project, and lives as another does", async () => {
        const row = new Row(clusterProfile);
        expect(await row.up(SHARED, context())).to.equal("created");
        expect(row.id).to.equal("tenant/edge/1.0.0");
        expect(only()).to.not.have.property("projectUid");
        expect(await row.refresh(context())).to.deep.equal([]);
        expect(await row.up({ ...SHARED, description: "all stores" }, context())).to.equal("updated");
        expect(only().annotations).to.deep.equal({ description: "all stores" });
        const published = only().published?.slice(0, 1) ?? [];
        lab.palette.store.profiles.put({ ...only(), published });
        expect(await row.refresh(context())).to.deep.equal(["edited"]);
        expect(await row.up({ ...SHARED, description: "all stores" }, context())).to.equal("updated");
        expect(only().published).to.have.lengthOf(2);
        await row.delete(context());
        expect(stored()).to.deep.equal([]);
    });

    it("is not taken for a project's of the same name and version, nor the other way round", async () => {
        await new Row(clusterProfile).up(SHARED, context());
        const row = new Row(clusterProfile);
        const own = { ...OWN, scope: "project", adopt: true };
        expect(await row.up(own, context())).to.equal("created");
        expect(stored().map(({ projectUid }) => projectUid)).to.deep.equal([
            undefined,
            lab.palette.store.projects[1]?.uid,
        ]);
        expect(await row.up({ ...OWN, adopt: true }, context()), "the default").to.equal("same");
    });

    it("is what a cluster of a project can be made of", async () => {
        await new Row(clusterProfile).up(SHARED, context());
        const { store } = lab.palette;
        const projectUid = store.projects[1]?.uid ?? "";
        const host = { archType: "amd64", pairingKey: "", tunnelConfig: {}, projectUid } as const;
        const now = store.time();
        store.edgeHosts.put({
            ...{ uid: "edge-a", name: "edge-a", labels: {}, annotations: {}, createdAt: now, changedAt: now },
            ...host,
        });
        bootMachine(lab.palette, "edge-a");
        const inputs = {
            name: "store-17",
            profiles: [{ uid: only().uid }],
            controlPlane: { hosts: [{ uid: "edge-a" }] },
        };
        const row = new Row(edgeCluster);
        expect(await row.up(inputs, context(edgeCluster))).to.equal("created");
        expect(row.state?.inputs.systemUri).to.equal("r.example.com/ubuntu:kubeadm-1.34.2-v4.8.10");
        expect(await row.refresh(context(edgeCluster))).to.deep.equal([]);
    });
});
