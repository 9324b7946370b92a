import { expect } from "chai";
import { startLab, type Lab, type PaletteLab } from "../../lab";
import { DEFAULT_BEHAVIOUR } from "../../lab/palette/behaviour";
import { newRecord } from "../../lab/palette/rest/call";
import type { ClusterProfile, EdgeCluster } from "../../lab/palette/store";
import type { PaletteClient } from "../../provider/palette/client";
import { edgeCluster } from "../../provider/palette/edgeCluster.handler";
import { testContext, type TestContext, type TestContextOptions } from "./context";
import { paletteClient } from "./palette";
import { Row } from "./row";

/** How long a step of a cluster's life takes in the lab, in milliseconds. */
export const PACE = 20_000;

type Options = Partial<TestContextOptions<PaletteClient>>;

let lab: Lab;
const open: PaletteClient[] = [];

/** A lab for the tests of a suite; each begins with four ready hosts and the profile `infra`, and ends with nothing. */
export function useClusters(): void {
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
}

export function palette(): PaletteLab {
    return lab.palette;
}

/** Whoever sleeps moves the lab's clock too. */
export function context(more: Options = {}): TestContext<PaletteClient> {
    const { client, host: clock } = paletteClient(lab.palette, { project: "stores" });
    open.push(client);
    const sleep = async (milliseconds: number): Promise<void> => {
        lab.palette.advance(milliseconds);
        clock.advance(milliseconds);
    };
    const kind = "palette.EdgeCluster";
    return testContext({ client, kind, now: () => lab.palette.store.now(), sleep, ...more });
}

export function projectUid(): string {
    return lab.palette.store.projects[1]?.uid ?? "";
}

/** A machine that pairs by itself. */
export function host(uid: string): void {
    lab.palette.boot({ token: "t", name: uid, projectUid: projectUid() });
}

export function profile(name: string, version: string, more: Partial<ClusterProfile> = {}): ClusterProfile {
    const values = `options: { system.uri: "r.example.com/ubuntu:${version}" }`;
    const pack = { name: "edge-native-byoi", type: "oci", layer: "os", tag: "2.1.0" } as const;
    return {
        ...newRecord(lab.palette.store, { name }, projectUid()),
        ...{ uid: `${name}-${version}`, version, type: "cluster", cloudType: "edge-native" },
        published: [{ ...pack, registryUid: "r", packUid: "p", manifests: [], values }],
        ...{ variables: [], ...more },
    };
}

/** Inputs of a cluster of one host. */
export function cluster(more: object = {}): Record<string, unknown> {
    return {
        name: "store-17",
        profiles: [{ uid: "infra-1.0.0" }],
        controlPlane: { hosts: [{ uid: "edge-a" }], alsoWorker: true },
        ...more,
    };
}

export function workers(...uids: string[]): object {
    return { workers: [{ name: "workers", hosts: uids.map((uid) => ({ uid })) }] };
}

export function live(): EdgeCluster[] {
    return lab.palette.store.clusters.list().filter(({ state }) => state !== "Deleted");
}

export function only(): EdgeCluster {
    const [found, ...others] = live();
    expect(others).to.deep.equal([]);
    if (!found) throw new Error("there is no cluster");
    return found;
}

export function poolsOf({ pools }: EdgeCluster): string[] {
    return pools.map(({ name, hosts }) => `${name}: ${hosts.map(({ hostUid }) => hostUid).join(" ")}`);
}

/** What somebody does in the console. */
export function edit(change: (found: EdgeCluster) => Partial<EdgeCluster>): void {
    const found = only();
    lab.palette.store.clusters.put({ ...found, ...change(found) });
}

/** A cluster that has come up. */
export async function up(inputs = cluster()): Promise<Row> {
    const row = new Row(edgeCluster);
    await row.up(inputs, context());
    lab.palette.advance(2 * PACE);
    return row;
}
