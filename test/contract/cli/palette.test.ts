import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type Lab } from "../../../lab";
import type { EdgeCluster, PaletteRecord } from "../../../lab/palette/store";
import { typeFaults } from "../../support/guide";
import { bootMachine } from "../../support/palette";
import { stackUnderTest } from "../../support/stack";
import { edgeOs, type Outcome } from "./edgeOs";

const CLAIM = "pulumi-edge-os/claim";
const FOREIGN = { [CLAIM]: "0123456789ab-0123456789abcdef" };

describe("edge-os palette", function () {
    this.timeout(60_000);
    let lab: Lab;
    let parent: string;

    before(async () => {
        parent = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-palette-"));
        lab = await startLab({ emf: false, images: false, palette: true });
        fill(lab);
    });
    after(async () => {
        await lab.close();
        fs.rmSync(parent, { recursive: true, force: true });
    });

    function run(...words: string[]): Promise<Outcome> {
        const { endpoint, apiKey, caFile } = lab.palette;
        const env = {
            ...{ EDGE_OS_PALETTE_ENDPOINT: endpoint, EDGE_OS_PALETTE_API_KEY: apiKey },
            EDGE_OS_PALETTE_CA_FILE: caFile,
        };
        return edgeOs(["palette", ...words], { cwd: parent, env });
    }

    it("inventory lists hosts with state, health, agent, address, hardware and cluster", async () => {
        const { code, out } = await run("inventory", "--project", "stores");
        expect(code).to.equal(0);
        const lines = out.split("\n");
        expect(lines[0]).to.match(/^HOST +STATE +HEALTH +AGENT +ADDRESSES +HARDWARE +CLUSTER$/);
        const ip = lab.palette.store.edgeHosts.get("edge-2")?.hardware?.ip ?? "";
        expect(lines[1]).to.match(/^edge-1 +unpaired +- +- +- +- +-$/);
        expect(lines[2]).to.match(/^edge-2 \(till two\) +in-use +unhealthy +4\.8\.10 +10\./);
        expect(lines[2]).to.include(`${ip}  arm64, 8 cores, 32 GiB, ubuntu 24.04  shop`);
        expect(out).to.include("3 hosts in project stores: 2 unpaired, 1 in-use unhealthy");
        for (const secret of [lab.palette.apiKey, "hunter2"]) expect(out).to.not.include(secret);
    });

    it("inventory has labels and claims as JSON", async () => {
        const { out } = await run("inventory", "--project", "stores", "--json");
        const { hosts } = JSON.parse(out) as { hosts: Record<string, unknown>[] };
        expect(hosts[0]).to.deep.include({ uid: "edge-1", labels: { site: "1", spare: "" }, claim: "" });
        expect(hosts[2]).to.deep.include({ uid: "edge-3", labels: {}, claim: FOREIGN[CLAIM] });
    });

    it("says which projects there are, and what is missing in the settings", async () => {
        const unknown = await run("inventory", "--project", "shops");
        expect(unknown).to.deep.include({ code: 1, out: "" });
        expect(unknown.err).to.include("known are Default, stores");
        const bare = await edgeOs(["palette", "inventory"]);
        expect(bare.err).to.include("EDGE_OS_PALETTE_API_KEY");
    });

    it("generate writes a program that takes all over and changes nothing but claims", async () => {
        const written = await run("generate", "--project", "stores", "--dir", "stores");
        expect(written).to.include({ code: 0, err: "" });
        expect(written.out).to.include("takes over from project stores: 2 edge hosts, 1 registration token");
        for (const left of ["edge host edge-3: a Pulumi stack", "others have its name", "it has expired"]) {
            expect(written.out).to.include(left);
        }
        const folder = path.join(parent, "stores");
        const source = fs.readFileSync(path.join(folder, "index.ts"), "utf8");
        for (const secret of [lab.palette.apiKey, "hunter2", ...secretsOf(lab)])
            expect(source).to.not.include(secret);
        expect(typeFaults([{ line: 1, source, compiled: "" }])).to.deep.equal([]);

        const { endpoint, apiKey, caFile } = lab.palette;
        await using stack = stackUnderTest({
            program: { dir: folder },
            config: { "edge-os:palette": { endpoint, caFile } },
            env: { EDGE_OS_PALETTE_API_KEY: apiKey, PULUMI_NODEJS_TRANSPILE_ONLY: "true" },
        });
        const before = content(lab);
        const preview = await stack.preview();
        expect(preview.exitCode, preview.stdout).to.equal(0);
        expect(preview.diagnostics.filter(({ severity }) => severity !== "info")).to.deep.equal([]);
        const up = await stack.up();
        expect(up.exitCode, up.stdout).to.equal(0);
        expect(content(lab)).to.deep.equal(before);
        const claimed = lab.palette.store.edgeHosts.list().filter(({ labels }) => CLAIM in labels);
        expect(claimed.map(({ uid }) => uid)).to.have.members(["edge-1", "edge-2", "edge-3"]);
        for (const step of [await stack.preview(), await stack.refresh()]) {
            expect(step.exitCode, step.stdout).to.equal(0);
            expect(Object.keys(step.changes)).to.deep.equal(["same"]);
        }
        const refused = await stack.destroy();
        expect(refused.stdout).to.include("protect");
        expect(content(lab)).to.deep.equal(before);
    });

    it("generate overwrites nothing", async () => {
        fs.mkdirSync(path.join(parent, "mine"));
        fs.writeFileSync(path.join(parent, "mine", "index.ts"), "mine");
        const { code, err } = await run("generate", "--dir", "mine");
        expect(code).to.equal(1);
        expect(err).to.include("has index.ts already");
        expect(fs.readdirSync(path.join(parent, "mine"))).to.deep.equal(["index.ts"]);
    });
});

function fill({ palette }: Lab): void {
    const { store } = palette;
    const projectUid = store.projects[1]?.uid ?? "";
    const common = (uid: string, name: string): PaletteRecord => ({
        ...{ uid, name, labels: {}, annotations: {} },
        ...{ createdAt: store.time(), changedAt: store.time() },
    });
    const host = { archType: "amd64", pairingKey: "hunter2", projectUid } as const;
    const tunnelConfig = { remoteSsh: "enabled" } as const;
    const labels = { site: "1", spare: "spectro__tag" };
    store.edgeHosts.put({ ...common("edge-1", "edge-1"), ...host, labels, tunnelConfig });
    store.edgeHosts.put({ ...common("edge-2", "till two"), ...host, pairingKey: "", tunnelConfig: {} });
    store.edgeHosts.put({ ...common("edge-3", "edge-3"), ...host, tunnelConfig: {}, labels: FOREIGN });
    bootMachine(palette, "edge-2", { archType: "arm64", health: "unhealthy" });
    store.tokens.clear();
    const member = store.edgeHosts.get("edge-2");
    if (member) store.edgeHosts.put({ ...member, clusterUid: "c1" });
    store.clusters.put({ ...common("c1", "shop"), projectUid } as unknown as EdgeCluster);
    const tokens = [
        ["stores", "2030-01-31T00:00:00.000Z"],
        ["old", "2020-01-01T00:00:00.000Z"],
        ["twice", "2030-01-31T00:00:00.000Z"],
        ["twice", "2030-01-31T00:00:00.000Z"],
    ] as const;
    for (const [name, expiry] of tokens) {
        const record = { ...common(store.newUid(), name), annotations: { description: "by hand" } };
        const own = {
            token: `secret-${store.newUid()}`,
            expiry,
            isActive: false,
            defaultProjectUid: projectUid,
        };
        store.tokens.put({ ...record, ...own });
    }
}

function secretsOf({ palette }: Lab): string[] {
    return palette.store.tokens.list().map(({ token }) => token);
}

/** All there is, without claims and times of change. */
function content({ palette }: Lab): unknown {
    const { edgeHosts, tokens } = palette.store;
    const text = JSON.stringify([edgeHosts.list(), tokens.list()], (key, value: unknown) =>
        key === "changedAt" || key.startsWith("pulumi-edge-os/") ? undefined : value,
    );
    return JSON.parse(text);
}
