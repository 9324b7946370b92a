import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type Lab } from "../../../lab";
import type { PaletteRecord } from "../../../lab/palette/store";
import type { PaletteClient } from "../../../provider/palette/client";
import type { PackRequest, ProfileRequest, VariableRecord } from "../../../provider/palette/profileApi";
import { typeFaults } from "../../support/guide";
import { bootMachine, paletteClient } from "../../support/palette";
import { stackUnderTest } from "../../support/stack";
import { edgeOs, type Outcome } from "./edgeOs";

const CLAIM = "pulumi-edge-os/claim";
const FOREIGN = { [CLAIM]: "0123456789ab-0123456789abcdef" };

describe("edge-os palette", function () {
    this.timeout(120_000);
    let lab: Lab;
    let parent: string;

    before(async () => {
        parent = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-palette-"));
        lab = await startLab({ emf: false, images: false, palette: true, paletteClusterPace: 20 });
        fill(lab);
        await build(lab);
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
        expect(written.out).to.include(
            "takes over from project stores: 2 edge hosts, 3 cluster profiles, 1 cluster, 1 registration token",
        );
        for (const left of [
            ...["edge host edge-3: a Pulumi stack", "others have its name", "it has expired"],
            ...[
                /cluster profile draft 1\.0\.0 .*not published/,
                /cluster profile lost .*there is no pack gone/,
            ],
        ]) {
            expect(written.out).to.match(typeof left === "string" ? new RegExp(left) : left);
        }
        for (const key of SECRETS) expect(written.out).to.include(`pulumi config set --secret ${key} `);
        const folder = path.join(parent, "stores");
        const source = fs.readFileSync(path.join(folder, "index.ts"), "utf8");
        for (const secret of [lab.palette.apiKey, "hunter2", PASSWORD, ...secretsOf(lab)])
            expect(source).to.not.include(secret);
        expect(source).to.include('profiles["edge 1.1.0"].uid').and.to.include('hosts: [hosts["edge-2"]]');
        // What packs bring is not repeated.
        expect(filesIn(path.join(folder, "profiles"))).to.deep.equal([
            ...["edge-1.0.0/edge-native-byoi.yaml", "edge-1.1.0/csi-longhorn.yaml"],
            ...["edge-1.1.0/edge-native-byoi.yaml", "tools/tools.config.yaml", "tools/tools.yaml"],
        ]);
        expect(typeFaults([{ line: 1, source, compiled: "" }])).to.deep.equal([]);

        const { endpoint, apiKey, caFile } = lab.palette;
        await using stack = stackUnderTest({
            program: { dir: folder },
            config: { "edge-os:palette": { endpoint, caFile } },
            secrets: Object.fromEntries(SECRETS.map((key) => [`stores:${key}`, PASSWORD])),
            env: { EDGE_OS_PALETTE_API_KEY: apiKey, PULUMI_NODEJS_TRANSPILE_ONLY: "true" },
        });
        const before = content(lab);
        const preview = await stack.preview();
        expect(preview.exitCode, preview.stdout).to.equal(0);
        expect(preview.diagnostics.filter(({ severity }) => severity !== "info")).to.deep.equal([]);
        const up = await stack.up();
        expect(up.exitCode, up.stdout).to.equal(0);
        expect(up.changes).to.deep.equal({ create: 8 });
        expect(content(lab)).to.deep.equal(before);
        const claimed = lab.palette.store.edgeHosts.list().filter(({ labels }) => CLAIM in labels);
        expect(claimed.map(({ uid }) => uid)).to.have.members(["edge-1", "edge-2", "edge-3"]);
        for (const step of [await stack.refresh(), await stack.up()]) {
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

const PASSWORD = "correct-horse-battery";
const SECRETS = ["edge-1.1.0-password", "shop-password"];

/** Profiles and a cluster as people make them, with what the console adds. */
async function build({ palette }: Lab): Promise<void> {
    const { client } = paletteClient(palette);
    const scope = await client.project("stores");
    const registries = await client.packs.registries(scope);
    const uidOf = (name: string): string => registries.find((registry) => registry.name === name)?.uid ?? "";
    const registryUid = uidOf("Palette Registry");
    const packs = await Promise.all(
        STACK.map(async ([name, tag, values]): Promise<PackRequest> => {
            const versions = await client.packs.versions(name, registryUid, scope);
            const uid = versions?.tags.find(({ version }) => version === tag)?.packUid ?? "";
            const brought = versions?.packValues.find(({ packUid }) => packUid === uid)?.values ?? "";
            return { name, tag, registryUid, uid, type: "spectro", values: values ?? brought };
        }),
    );
    const make = (
        name: string,
        version: string,
        spec: Partial<ProfileRequest["spec"]["template"]> = {},
        more = {},
    ) =>
        client.profiles.create(
            {
                metadata: {
                    name,
                    labels: { env: "edge", pinned: "spectro__tag" },
                    annotations: { description: "by hand" },
                },
                spec: {
                    version,
                    template: { type: "cluster", cloudType: "edge-native", packs, ...spec },
                    variables: [],
                    ...more,
                },
            },
            scope,
            { same: () => false },
        );
    await make("edge", "1.0.0", { packs: packs.slice(0, 2) });
    const edge = await make("edge", "1.1.0", {}, { variables: VARIABLES });
    const manifests = [{ name: "config", content: "kind: ConfigMap # {{ .spectro.var.site }}\n" }];
    const tool = {
        name: "tools",
        type: "manifest",
        uid: "spectro-manifest-pack",
        values: "pack:\n  a: 1",
    } as const;
    const tools = await make(
        ...(["tools", "1.0.0"] as const),
        { type: "add-on", cloudType: "all", packs: [{ ...tool, manifests }] },
        { variables: [{ name: "site", defaultValue: "none" }] },
    );
    const draft = await make("draft", "1.0.0", { packs: packs.slice(0, 2) });
    const { store } = palette;
    const drafted = store.profiles.get(draft);
    if (drafted?.published) store.profiles.put({ ...drafted, draft: drafted.published });
    const lost = store.profiles.get(await make("lost", "1.0.0", { packs: packs.slice(0, 2) }));
    if (lost?.published) {
        const [first, ...others] = lost.published;
        if (first) store.profiles.put({ ...lost, published: [{ ...first, name: "gone" }, ...others] });
    }
    await client.clusters.create(
        {
            metadata: {
                name: "shop",
                labels: { floor: "2" },
                annotations: { description: "by hand", other: "x" },
            },
            spec: {
                cloudConfig: {
                    ...{
                        controlPlaneEndpoint: { type: "VIP", host: "10.0.0.9" },
                        ntpServers: ["time.example.com"],
                    },
                    ...{ sshKeys: ["ssh-ed25519 AAAA ops"], staticIp: false },
                },
                machinepoolconfig: [
                    {
                        cloudConfig: { edgeHosts: [{ hostUid: "edge-2" }] },
                        poolConfig: {
                            ...{ name: "main", isControlPlane: true, size: 1, labels: ["control-plane"] },
                            ...{ useControlPlaneAsWorker: true, additionalLabels: { tier: "till" } },
                            taints: [{ key: "till", effect: "NoSchedule" }],
                            updateStrategy: { type: "RollingUpdateScaleIn" },
                            machinePoolProperties: { archType: "arm64" },
                        },
                    },
                ],
                profiles: [
                    {
                        uid: edge,
                        variables: [
                            { name: "password", value: PASSWORD },
                            { name: "zone", value: "b" },
                        ],
                    },
                    { uid: tools },
                ],
            },
        },
        scope,
        { same: () => false },
    );
    await eventually(() => store.clusters.list()[0]?.healthy === true, client, scope);
}

/** Name, version, and values where they are not those that the pack brings. */
const STACK = [
    [
        "edge-native-byoi",
        "2.1.0",
        'options:\n  # as pushed\n  system.uri: "r.example.com/ubuntu:kubeadm-1.34.2-v4.8.10"',
    ],
    ["edge-k8s", "1.34.2"],
    ["cni-cilium-oss", "1.18.4"],
    [
        "csi-longhorn",
        "1.10.1",
        "charts:\n  zone: {{ .spectro.var.zone }} # of the site\n  key: '`${x}` \\ {{.spectro.var.password}}'",
    ],
] as const;

const VARIABLES: readonly VariableRecord[] = [
    {
        name: "zone",
        displayName: "Zone",
        inputType: "dropdown",
        options: [{ value: "a" }, { value: "b", label: "B" }],
        defaultValue: "a",
    },
    { name: "password", isSensitive: true, defaultValue: PASSWORD, required: true },
];

/** The lab's clusters go on when they are looked at. */
async function eventually(
    isSo: () => boolean,
    client: PaletteClient,
    scope: { projectUid: string },
): Promise<void> {
    while (!isSo()) await client.clusters.listed(scope, { maxAge: 0 });
}

function filesIn(dir: string): string[] {
    const entries = fs.readdirSync(dir, { recursive: true, withFileTypes: true });
    return entries
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)))
        .sort();
}

function secretsOf({ palette }: Lab): string[] {
    return palette.store.tokens.list().map(({ token }) => token);
}

const TIMES = new Set(["changedAt", "changedProfilesAt", "appliedProfilesAt", "rollout", "healthy"]);

/** All there is, without claims and times of change. */
function content({ palette }: Lab): unknown {
    const { edgeHosts, tokens, profiles, clusters } = palette.store;
    const all = [edgeHosts, tokens, profiles, clusters].map((kind) => kind.list());
    const text = JSON.stringify(all, (key, value: unknown) =>
        TIMES.has(key) || key.startsWith("pulumi-edge-os/") ? undefined : value,
    );
    return JSON.parse(text);
}
