import { expect } from "chai";
import * as pulumi from "@pulumi/pulumi";
import * as fs from "node:fs";
import * as path from "node:path";
import { canvos, components, emf, image, ims, palette } from "../../index";
import { HOSTS_CSV_HEADER } from "../../components/hostsCsv";
import { loadAllDefinitions } from "../../provider/systems";

const FROZEN = path.join(__dirname, "frozenNames.json");
const ADVICE =
    "these names are in every user's state: a changed token or child name needs an alias, a changed property an " +
    "upgrade of the state; then write the new names to test/unit/frozenNames.json";

interface Registered {
    type: string;
    name: string;
    provider?: string;
}

describe("the names in every user's state", () => {
    it("are the ones they were", async function () {
        this.timeout(30_000);
        const kinds = Object.fromEntries(
            loadAllDefinitions().map(({ kind, version = 1, inputs, outputs }) => [
                kind,
                {
                    version,
                    inputs: Object.keys(inputs.shape).sort(),
                    outputs: Object.keys(outputs.shape).sort(),
                },
            ]),
        );
        const { exports } = JSON.parse(
            fs.readFileSync(path.join(__dirname, "../../package.json"), "utf8"),
        ) as { exports: object };
        const now = { kinds, registered: await registered(), exports: Object.keys(exports) };
        // Compared as text, so that the difference reads like one of the file.
        const text = `${JSON.stringify(now, undefined, 2)}\n`;
        expect(text, ADVICE).to.equal(fs.readFileSync(FROZEN, "utf8"));
    });
});

/** What a program with every resource and component registers. */
async function registered(): Promise<Registered[]> {
    const seen: Registered[] = [];
    await pulumi.runtime.setMocks(
        {
            call: ({ inputs }) => inputs as Record<string, unknown>,
            newResource: ({ type, name, inputs }) => {
                const values = inputs as Record<string, unknown>;
                const provider = typeof values.__provider === "string" ? { provider: values.__provider } : {};
                seen.push({ type, name, ...provider });
                return { id: `${name}-id`, state: values };
            },
        },
        "project",
        "stack",
    );
    await pulumi.runtime.runInPulumiStack(async () => program());
    await pulumi.runtime.disconnect();
    return seen.sort((a, b) => (a.type + a.name < b.type + b.name ? -1 : 1));
}

function program(): void {
    const region = new emf.Region("region", { name: "north" });
    new emf.Site("site", { name: "store", regionId: region.resourceId });
    new emf.LocalAccount("account", { username: "admin", sshKey: "ssh-ed25519 AAAA" });
    new emf.CustomConfig("config", { name: "base", config: "#cloud-config\n" });
    const disk = new image.DiskImage("image", {
        source: "a.img",
        publish: { directory: "b", baseUrl: "https://c" },
    });
    const profile = new emf.OsProfile("profile", {
        name: "p",
        image: disk,
        type: "MUTABLE",
        securityFeature: "NONE",
    });
    new ims.CustomizedImage("customized", { baseImage: "base", name: "layer", steps: [{ run: "true" }] });
    new ims.ImportedImage("imported", { name: "base", rootfs: "r", kernel: "k", initrd: "i" });
    new ims.RecipeImage("built", { recipe: "recipe", name: "base" });
    new ims.PublicKey("key", { name: "ops", publicKey: "ssh-ed25519 AAAA" });
    new palette.EdgeCluster("store", {
        name: "store-17",
        profiles: [{ uid: "p" }],
        controlPlane: { hosts: ["edge-1"] },
    });
    new palette.ClusterGate("store-up", { clusters: [{ label: "store-17", uid: "c" }] });
    new palette.ClusterProfile("stack", { name: "edge", packs: [{ name: "edge-k8s", tag: "1.34.2" }] });
    new palette.EdgeHost("appliance", { uid: "edge-1" });
    new palette.HostGate("up", { hosts: ["edge-1"] });
    new palette.RegistrationToken("token", { name: "stores", validFor: "90d" });
    new palette.SiteIso("site", { file: "site.iso", userData: "#cloud-config\n" });
    new canvos.ApplianceImage("built-image", {
        source: { path: "CanvOS" },
        arguments: { imageRegistry: "registry.example.com/edge" },
    });
    new components.HostFleet("fleet", {
        csvText: `${HOSTS_CSV_HEADER.join(",")}\nSN0001\n,8f0c2e4a-3b1d-4c6e-9a57-1d2e3f405161\n`,
        osProfile: profile,
        waves: [{ count: 1 }, { rest: true }],
    });
}
