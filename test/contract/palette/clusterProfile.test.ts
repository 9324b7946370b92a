import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import { DEFAULT_BEHAVIOUR } from "../../../lab/palette/behaviour";
import type { ClusterProfile } from "../../../lab/palette/store";
import type { PaletteClient } from "../../../provider/palette/client";
import { PALETTE_CLAIM_KEY } from "../../../provider/palette/claims";
import { clusterProfile } from "../../../provider/palette/clusterProfile.handler";
import { testContext, type TestContext, type TestContextOptions } from "../../support/context";
import { failure } from "../../support/failure";
import { paletteClient } from "../../support/palette";
import { Row } from "../../support/row";

const IMAGE = "registry.example.com/ubuntu:kubeadm-1.34.2-v4.8.10-demo";
const OS_VALUES = `options:\n  system.uri: "${IMAGE}"\n`;
const PASSWORD = "correct horse battery staple";

const OS = { name: "edge-native-byoi", tag: "2.1.0", values: OS_VALUES };
const KUBERNETES = { name: "edge-k8s", tag: "1.34.2" };

/** The stack of the edge appliance. */
const PACKS = [
    OS,
    KUBERNETES,
    { name: "cni-cilium-oss", tag: "1.18.4" },
    { name: "csi-longhorn", tag: "1.10.1" },
    {
        name: "nodeprep",
        type: "manifest",
        values: 'pack:\n  spectrocloud.com/install-priority: "0"',
        manifests: [{ name: "nodeprep-controller", content: "kind: Deployment\n" }],
    },
    { name: "network-operator", tag: "25.10.0", registry: "Palette Community Registry" },
];

describe("palette.ClusterProfile", () => {
    let lab: Lab;
    const open: PaletteClient[] = [];

    before(async () => {
        lab = await startLab({ emf: false, images: false, palette: true });
    });
    afterEach(async () => {
        const { store, behaviour } = lab.palette;
        lab.palette.clearFaults();
        lab.palette.rest();
        lab.palette.resetCalls();
        Object.assign(behaviour, DEFAULT_BEHAVIOUR);
        for (const client of open.splice(0)) await client.close();
        store.profiles.clear();
        store.clusters.clear();
        store.registries.splice(4);
    });
    after(() => lab.close());

    type Options = Partial<TestContextOptions<PaletteClient>>;

    function context(more: Options = {}): TestContext<PaletteClient> {
        const { client } = paletteClient(lab.palette, { project: "stores" });
        open.push(client);
        return testContext({ client, kind: "palette.ClusterProfile", ...more });
    }

    function profile(more: object = {}): Record<string, unknown> {
        return { name: "edge", version: "1.0.0", packs: PACKS, ...more };
    }

    function stored(): ClusterProfile[] {
        return lab.palette.store.profiles.list();
    }

    function only(): ClusterProfile {
        const [found, ...others] = stored();
        expect(others).to.deep.equal([]);
        if (!found) throw new Error("there is no profile");
        return found;
    }

    /** As somebody does in the console. */
    function edit(change: (found: ClusterProfile) => Partial<ClusterProfile>): void {
        const found = only();
        lab.palette.store.profiles.put({ ...found, ...change(found) });
    }

    function usedBy(name: string): void {
        const { store } = lab.palette;
        const now = store.time();
        store.clusters.put({
            ...{ uid: store.newUid(), name, labels: {}, annotations: {}, createdAt: now, changedAt: now },
            ...{ configUid: store.newUid(), state: "Running", healthy: true, config: {}, pools: [] },
            projectUid: store.projects[1]?.uid ?? "",
            profiles: [{ uid: only().uid, variables: [], packs: [] }],
        });
    }

    it("publishes a version with all its packs, from several registries and from manifests", async () => {
        const row = new Row(clusterProfile);
        expect(
            await row.up(profile({ description: "till", tags: { env: "edge", canary: "" } }), context()),
        ).to.equal("created");
        const made = only();
        expect(row.id).to.equal(`${lab.palette.store.projects[1]?.uid ?? ""}/edge/1.0.0`);
        expect(made.published?.map(({ name, tag, layer }) => `${layer} ${name} ${tag}`)).to.deep.equal([
            "os edge-native-byoi 2.1.0",
            "k8s edge-k8s 1.34.2",
            "cni cni-cilium-oss 1.18.4",
            "csi csi-longhorn 1.10.1",
            "addon nodeprep ",
            "addon network-operator 25.10.0",
        ]);
        expect(made).to.include({ type: "cluster", cloudType: "edge-native" }).and.not.have.property("draft");
        expect(made.annotations).to.deep.equal({ description: "till" });
        expect(made.labels).to.include({ env: "edge", canary: "spectro__tag" });
        expect(row.state?.inputs).to.include({ systemUri: IMAGE, kubernetesVersion: "1.34.2" });
        expect(row.state?.outputs.uid).to.equal(made.uid);
        expect(await row.refresh(context())).to.deep.equal([]);
        expect(
            await row.up(profile({ description: "till", tags: { env: "edge", canary: "" } }), context()),
        ).to.equal("same");
    });

    it("keeps order and comments of the values that a pack brings", async () => {
        const longhorn = {
            ...{ name: "csi-longhorn", tag: "1.10.1" },
            overrides: "charts: { longhorn: { persistence: { defaultClassReplicaCount: 2 } } }",
        };
        await new Row(clusterProfile).up(profile({ packs: [OS, KUBERNETES, longhorn] }), context());
        const values = only().published?.[2]?.values ?? "";
        expect(values).to.include("# Where the disks of the nodes are.");
        expect(values).to.include("defaultClassReplicaCount: 2");
        expect(values.indexOf("persistence")).to.be.lessThan(values.indexOf("defaultSettings"));
    });

    it("#951: sees no drift in blanks, in types and in registries that are named otherwise", async () => {
        const row = new Row(clusterProfile);
        const inputs = (values: string, registry: string, type: string): Record<string, unknown> =>
            profile({ packs: [{ ...OS, values, registry, type }, KUBERNETES] });
        await row.up(inputs(OS_VALUES, "Palette Registry", "spectro"), context());
        expect(await row.refresh(context())).to.deep.equal([]);
        const spelled = inputs(`\n${OS_VALUES}\n\n`, "3ab000000000000000000001", "oci");
        expect(await row.up(spelled, context())).to.equal("same");
    });

    it("#921: sees no drift in sensitive variables, and writes them when the program changes them", async () => {
        const row = new Row(clusterProfile);
        const variables = (value: string): object => ({
            variables: [
                { name: "pin", default: value, sensitive: true },
                { name: "site", default: "lab1", format: "string" },
            ],
        });
        await row.up(profile(variables(PASSWORD)), context());
        expect(await row.refresh(context())).to.deep.equal([]);
        expect(await row.up(profile(variables(PASSWORD)), context())).to.equal("same");
        expect(await row.up(profile(variables("another")), context()), "without another version").to.equal(
            "updated",
        );
        expect(only().variables[0]?.defaultValue).to.equal("another");
    });

    it("#973: declares variables before packs use them, and takes them away after", async () => {
        const row = new Row(clusterProfile);
        const uses = (name: string): object => ({
            packs: [OS, KUBERNETES, { ...PACKS[4], values: `site: "{{ .spectro.var.${name} }}"` }],
            variables: [{ name, default: "x" }],
            onContentChange: "overwrite-when-unused",
        });
        await row.up(profile(uses("site")), context());
        expect(await row.up(profile(uses("store")), context())).to.equal("updated");
        const { variables, published, draft } = only();
        expect(variables.map(({ name }) => name)).to.deep.equal(["store"]);
        expect(published?.[2]?.values).to.include("spectro.var.store");
        expect(draft, "published").to.equal(undefined);
    });

    it("#973: refuses variables that are not declared, in a preview", async () => {
        const packs = [OS, KUBERNETES, { ...PACKS[4], values: 'site: "{{.spectro.var.site}}"' }];
        const attempt = new Row(clusterProfile).check(profile({ packs }), context({ preview: true }));
        expect(await failure(attempt)).to.equal(
            "packs[2]: uses the variables site: declare them in variables",
        );
    });

    it("#856, #876: a new version is a new profile, made with POST, and the old one stays as it was", async () => {
        const old = new Row(clusterProfile);
        await old.up(profile(), context());
        const [first] = stored();
        expect(await failure(old.up(profile({ version: "1.1.0" }), context()))).to.include(
            "would be replaced for version",
        );
        lab.palette.resetCalls();
        const next = new Row(clusterProfile);
        await next.up(profile({ version: "1.1.0", packs: PACKS.slice(0, 4) }), context());
        expect(stored().map(({ version }) => version)).to.deep.equal(["1.0.0", "1.1.0"]);
        expect(stored()[0]).to.deep.equal(first);
        expect(Object.keys(lab.palette.calls().routes).join()).to.not.include("clone");
        await old.delete(context());
        expect(stored().map(({ version }) => version)).to.deep.equal(["1.1.0"]);
    });

    it("#846: another content under the same version is refused in a preview, with the way out", async () => {
        const row = new Row(clusterProfile);
        await row.up(profile(), context());
        const packs = PACKS.map((pack) =>
            pack.name === "csi-longhorn" ? { ...pack, values: "a: 1" } : pack,
        );
        const attempt = row.check(profile({ packs }), context({ preview: true }));
        const told = await failure(attempt);
        expect(told).to.include("would change (pack csi-longhorn: values)");
        expect(told).to.include("such as 1.0.1").and.include("overwrite-when-unused");
    });

    for (const isUsed of [false, true]) {
        it(`overwrites a version that is ${isUsed ? "" : "not "}used ${isUsed ? "never" : "where it is allowed to"}`, async () => {
            const row = new Row(clusterProfile);
            const inputs = profile({ onContentChange: "overwrite-when-unused" });
            await row.up(inputs, context());
            if (isUsed) usedBy("store-17");
            const packs = [...PACKS.slice(0, 3), { ...PACKS[3], overrides: "pack: { namespace: longhorn }" }];
            const attempt = row.up({ ...inputs, packs }, context());
            if (isUsed) expect(await failure(attempt)).to.include("is used by store-17");
            else {
                expect(await attempt).to.equal("updated");
                expect(only().published).to.have.lengthOf(4);
            }
        });
    }

    it("overwrites the type of an unused version, and never its cloud", async () => {
        const row = new Row(clusterProfile);
        const inputs = profile({ onContentChange: "overwrite-when-unused" });
        await row.up(inputs, context());
        await row.up({ ...inputs, type: "infra" }, context());
        expect(only().type).to.equal("infra");
        expect(await row.refresh(context())).to.deep.equal([]);
        const told = await failure(
            row.check({ ...inputs, type: "infra", cloud: "all" }, context({ preview: true })),
        );
        expect(told).to.include("the cloud of a version is fixed. Give it a new version, such as 1.0.1");
        expect(told).to.not.include("overwrite-when-unused");
    });

    it("writes secrets again that the run that took it over may not have written", async () => {
        const variables = [{ name: "pin", sensitive: true, default: "4711" }];
        await new Row(clusterProfile).up(profile({ variables }), context({ stack: "other" }));
        edit(({ labels }) => {
            const kept = { ...labels };
            delete kept[PALETTE_CLAIM_KEY];
            return { labels: kept };
        });
        const inputs = profile({
            adopt: true,
            variables: [{ name: "pin", sensitive: true, default: PASSWORD }],
        });
        const row = new Row(clusterProfile);
        lab.palette.fault({ on: "PUT variables", do: "status", status: 400, times: 1 });
        await failure(row.up(inputs, context()));
        expect(await row.up(inputs, context())).to.equal("updated");
        expect(only().variables[0]?.defaultValue).to.equal(PASSWORD);
    });

    it("is left while a cluster uses it, with a warning, and no failure", async () => {
        const row = new Row(clusterProfile);
        await row.up(profile(), context());
        usedBy("store-17");
        const run = context();
        await row.delete(run);
        expect(stored()).to.have.lengthOf(1);
        expect(run.messages.warn).to.deep.equal([
            "cluster profile edge 1.0.0 is left in Palette: store-17 use it",
        ]);
    });

    it("shows what was edited in the console, and takes it back", async () => {
        const row = new Row(clusterProfile);
        const inputs = profile({ tags: { env: "edge" }, variables: [{ name: "site", default: "lab1" }] });
        await row.up(inputs, context());
        edit(({ published = [], labels, variables }) => ({
            published: published.map((pack) =>
                pack.name === "edge-k8s" ? { ...pack, values: "a: 1" } : pack,
            ),
            labels: { ...labels, env: "lab", other: "theirs" },
            variables: variables.map((variable) => ({ ...variable, defaultValue: "lab2" })),
        }));
        expect(await row.refresh(context())).to.deep.equal(["tags", "edited"]);
        expect(row.state?.inputs.edited).to.deep.equal(["pack edge-k8s: values", "variable site"]);
        expect(await row.up(inputs, context())).to.equal("updated");
        expect(only().published?.[1]?.values).to.include("podSubnet");
        expect(only().labels).to.include({ env: "edge", other: "theirs" });
        expect(await row.refresh(context())).to.deep.equal([]);
    });

    it("publishes a draft that somebody has left", async () => {
        const row = new Row(clusterProfile);
        await row.up(profile(), context());
        edit(({ published = [] }) => ({ draft: published }));
        expect(await row.refresh(context())).to.deep.equal(["edited"]);
        await row.up(profile(), context());
        expect(only().draft).to.equal(undefined);
        edit(({ published = [] }) => ({ draft: published, published: undefined }));
        expect(await row.refresh(context()), "never published").to.deep.equal(["edited"]);
    });

    it("is made anew when somebody has deleted it", async () => {
        const row = new Row(clusterProfile);
        await row.up(profile(), context());
        lab.palette.store.profiles.clear();
        expect(await row.refresh(context())).to.equal("gone");
        expect(await row.up(profile(), context())).to.equal("created");
        only();
    });

    it("is there once when a run that made it anew in an update was cut off", async () => {
        const row = new Row(clusterProfile);
        await row.up(profile(), context());
        lab.palette.store.profiles.clear();
        const { state } = row;
        await row.up(profile({ description: "till" }), context());
        const { uid } = only();
        row.state = state;
        await row.up(profile({ description: "till" }), context());
        expect(only().uid).to.equal(uid);
        expect(row.state?.outputs.uid).to.equal(uid);
    });

    for (const duplicateProfile of ["refuse", "accept"] as const) {
        it(`is there once when the answer is lost, where Palette would ${duplicateProfile} another`, async () => {
            lab.palette.behaviour.duplicateProfile = duplicateProfile;
            lab.palette.fault({ on: "POST v1/clusterprofiles", do: "reset", after: "write", times: 1 });
            const row = new Row(clusterProfile);
            await row.up(profile(), context());
            expect(row.state?.outputs.uid).to.equal(only().uid);
        });

        it(`takes over only what is the same and only when it is told to, where Palette would ${duplicateProfile} another`, async () => {
            lab.palette.behaviour.duplicateProfile = duplicateProfile;
            await new Row(clusterProfile).up(profile(), context({ stack: "other" }));
            const foreign = new Row(clusterProfile).up(profile({ adopt: true }), context());
            expect(await failure(foreign)).to.include("another Pulumi stack");
            edit(({ labels }) => {
                const kept = { ...labels };
                delete kept[PALETTE_CLAIM_KEY];
                return { labels: kept };
            });
            expect(await failure(new Row(clusterProfile).up(profile(), context()))).to.include(
                "set adopt: true",
            );
            const others = profile({ adopt: true, packs: PACKS.slice(0, 4) });
            expect(await failure(new Row(clusterProfile).up(others, context()))).to.include(
                "pack nodeprep was added; pack network-operator was added",
            );
            const row = new Row(clusterProfile);
            expect(await row.up(profile({ adopt: true }), context())).to.equal("created");
            expect(row.state?.outputs.uid).to.equal(only().uid);
            expect(only().labels[PALETTE_CLAIM_KEY]).to.equal(row.state?.outputs.claim);
        });
    }

    it("leaves a profile that another row has taken over", async () => {
        const row = new Row(clusterProfile);
        await row.up(profile(), context());
        edit(({ labels }) => ({ labels: { ...labels, [PALETTE_CLAIM_KEY]: "0123456789ab-theirs" } }));
        expect(await failure(row.up(profile({ description: "mine" }), context()))).to.include("taken over");
        await row.delete(context());
        only();
    });

    describe("refuses in a preview", () => {
        const cases: [title: string, change: object, told: string][] = [
            [
                "a registry that is not there",
                { packs: [{ ...OS, registry: "Palete Registry" }] },
                "did you mean Palette Registry?",
            ],
            [
                "a pack that is not in the registry",
                { packs: [OS, { ...KUBERNETES, name: "edge-k9s" }] },
                "there is no pack edge-k9s in registry Palette Registry",
            ],
            [
                "a version that is not there",
                { packs: [OS, { ...KUBERNETES, tag: "1.30.0" }] },
                "is no version of edge-k8s in registry Palette Registry; there are 1.34.2, 1.33.6",
            ],
            [
                "a version that is no exact one",
                { packs: [OS, { ...KUBERNETES, tag: "1.34.x" }] },
                "must be an exact version of edge-k8s in registry Palette Registry; there are 1.34.2",
            ],
            [
                "a pack without a version",
                { packs: [{ name: "edge-k8s" }] },
                "is missing: which version of edge-k8s?",
            ],
            ["a pack twice", { packs: [OS, KUBERNETES, KUBERNETES] }, "packs[2].name: is there twice"],
            ["values that are no YAML", { packs: [{ ...OS, values: "a: [1" }] }, "is no YAML"],
            [
                "a Kubernetes pack that is not inside the image",
                { packs: [{ ...OS, kubernetesVersions: ["1.33.6"] }, KUBERNETES] },
                "is 1.34.2, which is not inside the image: it has Kubernetes 1.33.6",
            ],
            [
                "an image of another version of Kubernetes",
                { packs: [OS, { ...KUBERNETES, tag: "1.33.6" }] },
                "is an image with Kubernetes 1.34.2, but the Kubernetes pack is 1.33.6",
            ],
            [
                "an image made of options that are not there",
                { packs: [{ name: "edge-native-byoi", tag: "2.1.0" }, KUBERNETES] },
                "make system.uri of system.registry, system.repo",
            ],
            [
                "a pack of unknown values from a registry that Palette cannot look into",
                { packs: [{ name: "own", tag: "1.0.0", registry: "Site Archive" }] },
                "Palette does not know what is in Site Archive",
            ],
            ["a version that is none", { version: "next" }, "must be a version such as 1.2.0"],
        ];
        for (const [title, change, told] of cases) {
            it(title, async () => {
                const attempt = new Row(clusterProfile).check(profile(change), context({ preview: true }));
                expect(await failure(attempt)).to.include(told);
                expect(stored()).to.deep.equal([]);
            });
        }

        it("registries of the same name, unless a uid says which", async () => {
            const [first] = lab.palette.store.registries;
            if (!first) throw new Error("no registry");
            lab.palette.store.registries.push({
                ...first,
                uid: "3ab0000000000000000000ff",
                isDefault: false,
            });
            const packs = [{ ...OS, registry: "Palette Registry" }, KUBERNETES];
            const attempt = new Row(clusterProfile).check(profile({ packs }), context({ preview: true }));
            expect(await failure(attempt))
                .to.include("several registries are named")
                .and.include("give a uid");
            const named = [{ ...OS, registry: "3ab000000000000000000001" }, KUBERNETES];
            await new Row(clusterProfile).up(profile({ packs: named }), context());
        });
    });

    it("#801: takes a pack of a registry that Palette cannot look into, with the values that are given", async () => {
        const own = { name: "own", tag: "1.0.0", registry: "Site Archive", values: "a: 1" };
        const row = new Row(clusterProfile);
        await row.up(profile({ packs: [OS, KUBERNETES, own] }), context());
        expect(only().published?.[2]).to.include({ name: "own", tag: "1.0.0", packUid: "" });
        expect(await row.refresh(context())).to.deep.equal([]);
    });

    it("warns of an image that is gone after a day", async () => {
        const values = "options: { system.uri: 'ttl.sh/ubuntu:kubeadm-1.34.2-v4.8.10-demo' }";
        const run = context({ preview: true });
        await new Row(clusterProfile).check(profile({ packs: [{ ...OS, values }, KUBERNETES] }), run);
        expect(run.messages.warn[0]).to.include("is gone after a day");
    });

    it("shows a preview without Palette", async () => {
        const row = new Row(clusterProfile);
        await row.up(profile(), context());
        lab.palette.fault({ on: "*", do: "status", status: 503 });
        const run = context({ preview: true });
        const checked = await row.check(profile(), run);
        expect(checked).to.include({ systemUri: IMAGE, kubernetesVersion: "1.34.2" });
        expect(checked.packUids).to.deep.equal(row.state?.inputs.packUids);
        expect(run.messages.warn).to.not.deep.equal([]);
    });

    it("asks for registries and packs once, for any number of profiles of a run", async () => {
        const run = context();
        for (const name of ["a", "b", "c"]) {
            const one = testContext({ client: run.client, kind: "palette.ClusterProfile", name });
            await new Row(clusterProfile).up(profile({ name }), one);
        }
        const { routes } = lab.palette.calls();
        const reads = Object.entries(routes).filter(([route]) => /packs|registries/.test(route));
        expect(reads.reduce((sum, [, count]) => sum + count, 0)).to.equal(6);
        expect(routes["POST v1/clusterprofiles"]).to.equal(3);
    });

    it("lets no secret out", async () => {
        const variables = [{ name: "pin", default: PASSWORD, sensitive: true }];
        lab.palette.fault({
            on: "POST v1/clusterprofiles",
            ...{ do: "status", status: 400, times: 1 },
            body: { code: "InvalidRequest", message: `pin ${PASSWORD}` },
        });
        const run = context();
        const told = await failure(new Row(clusterProfile).up(profile({ variables }), run));
        expect(told).to.include("pin [secret]");
        const row = new Row(clusterProfile);
        await row.up(profile({ variables }), run);
        const { variables: kept, ...rest } = row.state?.inputs ?? {};
        expect(JSON.stringify(kept)).to.include(PASSWORD);
        const shown = JSON.stringify([rest, row.state?.outputs, run.messages]);
        expect(shown).to.not.include(PASSWORD).and.not.include(lab.palette.apiKey);
    });
});
