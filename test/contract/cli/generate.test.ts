import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as tls from "node:tls";
import { expect } from "chai";
import * as ts from "typescript";
import { startLab, type ApiObject, type Lab } from "../../../lab";
import { EMF_CLAIM_KEY } from "../../../provider/emf/claims";
import { stackUnderTest, type StackUnderTest } from "../../support/stack";
import { edgeOs, labEnvironment } from "./edgeOs";

const KINDS = [
    "regions",
    "sites",
    "compute/os",
    "compute/hosts",
    "compute/instances",
    "localAccounts",
    "customConfigs",
];

/** Everything in EMF, without claims and times of change. */
async function content(lab: Lab): Promise<Record<string, unknown>> {
    const lists = await Promise.all(KINDS.map(async (kind) => [kind, await lab.emf.list(kind)] as const));
    return Object.fromEntries(
        lists.map(([kind, objects]) => [
            kind,
            Object.fromEntries(objects.map((one) => [one.resourceId, bare(one)])),
        ]),
    );
}

function bare(value: unknown, key = ""): unknown {
    if (key === "updatedAt") return undefined;
    if (Array.isArray(value)) {
        return value
            .filter((item) => (item as { key?: string }).key !== EMF_CLAIM_KEY)
            .map((item) => bare(item));
    }
    if (typeof value === "string" && value.startsWith("{")) {
        const keys = Object.entries(JSON.parse(value) as object).filter(([name]) => name !== EMF_CLAIM_KEY);
        return keys.length === 0 ? "" : JSON.stringify(keys);
    }
    if (typeof value !== "object" || value === null) return value;
    // A list of hosts is not what is compared: an object inside another one may be older than its own.
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, bare(item, name)]));
}

function claims(objects: readonly ApiObject[]): (string | undefined)[] {
    return objects.map(({ metadata }) =>
        typeof metadata === "string"
            ? (JSON.parse(metadata || "{}") as Record<string, string>)[EMF_CLAIM_KEY]
            : (metadata as { key: string; value: string }[]).find(({ key }) => key === EMF_CLAIM_KEY)?.value,
    );
}

async function makeProfile(lab: Lab, name: string, more: object = {}): Promise<ApiObject> {
    return lab.emf.create("compute/os", {
        name,
        sha256: crypto.createHash("sha256").update(name).digest("hex"),
        imageUrl: `https://images.example.test/${name.replaceAll(" ", "-")}.raw.gz`,
        osType: "OS_TYPE_MUTABLE",
        osProvider: "OS_PROVIDER_KIND_INFRA",
        securityFeature: "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION",
        ...more,
    });
}

/** As orch-cli registers a host: register, instance, PATCH. */
async function makeHost(
    lab: Lab,
    host: object,
    instance: object | undefined,
    patch: object = {},
): Promise<ApiObject> {
    const made = await lab.emf.create("compute/hosts/register", { autoOnboard: true, ...host });
    const hostID = made.resourceId;
    if (instance) {
        await lab.emf.create("compute/instances", {
            hostID,
            kind: "INSTANCE_KIND_UNSPECIFIED",
            securityFeature: "SECURITY_FEATURE_NONE",
            ...instance,
        });
    }
    return lab.emf.patch("compute/hosts", hostID, { name: hostID, ...patch });
}

/** Some public authority's certificate: any does that lasts. */
function pemText(): string {
    const year = 365 * 86_400_000;
    const lasting = tls.rootCertificates.find(
        (pem) => Date.parse(new crypto.X509Certificate(pem).validTo) > Date.now() + year,
    );
    return `${lasting ?? ""}\n`;
}

/** 40 stores with five tills each, and one of every oddity. */
async function install(lab: Lab): Promise<void> {
    const country = await lab.emf.create("regions", { name: "germany" });
    const north = await lab.emf.create("regions", {
        name: "north",
        parentId: country.resourceId,
        metadata: [{ key: "tier", value: "gold" }],
    });
    // Below another one, a region may have the same name.
    const south = await lab.emf.create("regions", { name: "south-1", parentId: country.resourceId });
    await lab.emf.create("regions", { name: "south.1", parentId: country.resourceId });
    const sites: ApiObject[] = [];
    for (let i = 0; i < 40; i++) {
        const regionId = i % 2 === 0 ? north.resourceId : south.resourceId;
        sites.push(
            await lab.emf.create("sites", {
                name: `store-${i}`,
                regionId,
                ...(i % 3 === 0 ? { siteLat: 535_000_000 + i, siteLng: 99_000_000 } : {}),
            }),
        );
    }
    const twins = [
        await lab.emf.create("sites", { name: "depot", regionId: north.resourceId }),
        await lab.emf.create("sites", { name: "depot", regionId: south.resourceId }),
    ];
    const ubuntu = await makeProfile(lab, "ubuntu edge 24.04", {
        architecture: "x86_64",
        metadata: '{"kernelversion":"linux-image-6.11.0-17-generic","skip_kernel_upgrade":"true"}',
        tlsCaCert: Buffer.from(pemText()).toString("base64"),
        profileName: "ubuntu-edge",
        imageId: "24.04",
    });
    const emt = await makeProfile(lab, "emt", { description: "hand-made", osType: "OS_TYPE_IMMUTABLE" });
    const account = await lab.emf.create("localAccounts", {
        username: "ops",
        sshKey: `ssh-ed25519 ${Buffer.concat([Buffer.from("0000000b7373682d6564323535313900000020", "hex"), Buffer.alloc(32, 7)]).toString("base64")} ops`,
    });
    const configs = [
        await lab.emf.create("customConfigs", { name: "ntp", config: "#cloud-config\n" }),
        await lab.emf.create("customConfigs", { name: "proxy", config: "#cloud-config\n# geheim" }),
    ];
    for (let i = 0; i < 190; i++) {
        await makeHost(
            lab,
            {
                serialNumber: `TILL${String(i).padStart(4, "0")}`,
                ...(i % 5 === 0 ? {} : { uuid: crypto.randomUUID() }),
            },
            {
                osID: (i % 10 === 0 ? emt : ubuntu).resourceId,
                ...(i % 4 === 0 ? { localAccountID: account.resourceId } : {}),
                ...(i % 7 === 0 ? { customConfigID: configs.map(({ resourceId }) => resourceId) } : {}),
                ...(i % 6 === 0
                    ? { securityFeature: "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION" }
                    : {}),
            },
            {
                siteId: (i % 50 === 0 ? twins[i % 2] : sites[i % 40])?.resourceId,
                metadata:
                    i % 3 === 0
                        ? [
                              { key: "line", value: String(i) },
                              { key: "app", value: "till" },
                          ]
                        : [],
            },
        );
    }
    await makeHost(
        lab,
        { serialNumber: "NAMED01" },
        { osID: emt.resourceId },
        { name: "the office: printer" },
    );
    await makeHost(lab, { serialNumber: "NOOS01" }, undefined, { siteId: sites[3]?.resourceId });
    await makeHost(lab, { serialNumber: "HELD01", autoOnboard: false }, { osID: emt.resourceId });
    await makeHost(lab, { serialNumber: "VPRO01", enableVpro: true }, { osID: emt.resourceId });
    await makeHost(lab, { serialNumber: "LVM001", userLvmSize: 40 }, { osID: emt.resourceId });
    // One machine twice, which EMF allows with two UUIDs.
    await makeHost(lab, { serialNumber: "TWIN01", uuid: crypto.randomUUID() }, { osID: emt.resourceId });
    await makeHost(lab, { serialNumber: "TWIN01", uuid: crypto.randomUUID() }, { osID: emt.resourceId });
    await makeHost(
        lab,
        { serialNumber: "ODDFEAT1" },
        { osID: emt.resourceId, securityFeature: "SECURITY_FEATURE_UNSPECIFIED" },
    );
    // What cannot be taken over: another stack's, a deauthorized one, a name that two have.
    const foreign = [{ key: EMF_CLAIM_KEY, value: "0123456789ab-0123456789abcdef" }];
    await makeHost(lab, { serialNumber: "OTHERS01" }, { osID: emt.resourceId }, { metadata: foreign });
    const lost = await makeHost(lab, { serialNumber: "LOST0001" }, undefined);
    await lab.emf.request("PUT", `compute/hosts/${lost.resourceId}/invalidate?note=gone`);
    await lab.emf.create("regions", { name: "twin" });
    await lab.emf.create("regions", { name: "twin" });
}

describe("edge-os emf generate", function () {
    this.timeout(240_000);
    let lab: Lab;
    let parent: string;
    before(async () => {
        parent = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-generate-"));
        lab = await startLab({ images: false });
        await install(lab);
    });
    after(async () => {
        await lab.close();
        fs.rmSync(parent, { recursive: true, force: true });
    });

    function stackOf(folder: string, of = lab): StackUnderTest {
        const { endpoint, keycloak, project, username, password, caFile } = of.emf;
        return stackUnderTest({
            program: { dir: folder },
            config: { "edge-os:emf": { endpoint, keycloak, project, username, caFile } },
            env: { EDGE_OS_EMF_PASSWORD: password, PULUMI_NODEJS_TRANSPILE_ONLY: "true" },
        });
    }

    it("writes a program that takes 200 hosts over and changes nothing but claims", async () => {
        const written = await edgeOs(["emf", "generate", "--dir", "stores"], {
            cwd: parent,
            env: labEnvironment(lab),
        });
        expect(written).to.include({ code: 0, err: "" });
        const folder = path.join(parent, "stores");
        const files = fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
        expect(files).to.deep.equal([
            "Pulumi.yaml",
            "certificates",
            "certificates/ubuntu-edge-24.04.pem",
            "hosts.csv",
            "index.ts",
            "package.json",
        ]);
        for (const text of [
            written.out,
            ...files
                .filter((file) => file.includes("."))
                .map((file) => fs.readFileSync(path.join(folder, file), "utf8")),
        ]) {
            expect(text).to.not.include(lab.emf.password).and.to.not.include("geheim");
        }
        expect(written.out).to.include("198 hosts (191 of them in hosts.csv)").and.to.include("left out: 4");
        expect(written.out).to.match(/OTHERS01.*a Pulumi stack manages it already/);
        expect(written.out).to.match(/LOST0001.*deauthorized/);
        expect(written.out).to.match(/region "twin".*2 regions have its name/);
        const checked = await edgeOs(["emf", "csv", "check", path.join(folder, "hosts.csv")]);
        expect(checked).to.include({ code: 0 });
        expect(typeErrors(path.join(folder, "index.ts"))).to.deep.equal([]);

        await using stack = stackOf(folder);
        const before = await content(lab);
        const preview = await stack.preview();
        expect(preview.exitCode, preview.stdout).to.equal(0);
        // Profiles are told of what cannot be reached from here; hosts have nothing to be warned of.
        const warned = preview.diagnostics.filter(
            ({ severity, urn }) => severity !== "info" && !urn?.includes("OsProfile"),
        );
        expect(warned).to.deep.equal([]);
        expect(await content(lab)).to.deep.equal(before);

        lab.emf.resetCalls();
        const up = await stack.up();
        expect(up.exitCode, up.stdout).to.equal(0);
        expect(await content(lab)).to.deep.equal(before);
        const { routes, writes } = lab.emf.calls();
        const foreign = Object.keys(routes).filter((route) => !/^(GET|PATCH) |^POST token$/.test(route));
        expect(foreign).to.deep.equal([]);
        // One for each object.
        expect(writes).to.equal(4 + 42 + 2 + 198);

        const hosts = claims(await lab.emf.list("compute/hosts")).filter((claim) => claim !== undefined);
        expect(new Set(hosts).size).to.equal(199);
        expect(claims(await lab.emf.list("sites"))).to.not.include(undefined);
        expect(claims(await lab.emf.list("compute/os"))).to.not.include(undefined);
        expect(claims(await lab.emf.list("regions")).filter((claim) => claim === undefined)).to.have.lengthOf(
            2,
        );

        lab.emf.resetCalls();
        const again = await stack.up();
        expect(again.exitCode, again.stdout).to.equal(0);
        expect(Object.keys(again.changes)).to.deep.equal(["same"]);
        const refreshed = await stack.refresh();
        expect(refreshed.exitCode, refreshed.stdout).to.equal(0);
        expect(Object.keys(refreshed.changes)).to.deep.equal(["same"]);

        // Hosts depend on their own site and profile and on the roster, and on no other.
        const till = again.resources.find(({ urn }) => urn.endsWith("::hosts-TILL0001"));
        const dependencies = (till?.dependencies as string[]).map((urn) => urn.split("::").pop()).sort();
        expect(dependencies).to.deep.equal(["hosts-roster", "store-1", "ubuntu-edge-24.04"]);

        const refused = await stack.destroy();
        expect(refused.exitCode).to.not.equal(0);
        expect(refused.stdout).to.include("protect");
        expect(await content(lab)).to.deep.equal(before);
    });

    it("writes a program that deletes hosts before what they refer to, once that is allowed", async () => {
        await using small = await startLab({ images: false });
        const region = await small.emf.create("regions", { name: "north" });
        const site = await small.emf.create("sites", { name: "store", regionId: region.resourceId });
        const profile = await makeProfile(small, "emt");
        for (const serialNumber of ["TILL01", "TILL02"]) {
            const at = { siteId: site.resourceId };
            await makeHost(small, { serialNumber }, { osID: profile.resourceId }, at);
        }
        await edgeOs(["emf", "generate", "--dir", "small"], { cwd: parent, env: labEnvironment(small) });
        await using stack = stackOf(path.join(parent, "small"), small);
        const program = path.join(stack.dir, "index.ts");
        fs.writeFileSync(
            program,
            fs.readFileSync(program, "utf8").replace("protect: true", "protect: false"),
        );
        expect((await stack.up()).exitCode).to.equal(0);

        const gone = await stack.destroy();
        expect(gone.exitCode, gone.stdout).to.equal(0);
        expect(gone.diagnostics.filter(({ severity }) => severity === "warning")).to.deep.equal([]);
        for (const kind of KINDS) expect(await small.emf.list(kind), kind).to.deep.equal([]);
    });

    it("overwrites nothing", async () => {
        const folder = path.join(parent, "mine");
        fs.mkdirSync(folder);
        fs.writeFileSync(path.join(folder, "index.ts"), "mine");
        const { code, err } = await edgeOs(["emf", "generate", "--dir", "mine"], {
            cwd: parent,
            env: labEnvironment(lab),
        });
        expect(code).to.equal(1);
        expect(err).to.include("mine has index.ts already, and nothing was written");
        expect(fs.readdirSync(folder)).to.deep.equal(["index.ts"]);
    });
});

/** As a strict compiler sees the program, with this package's own declarations. */
function typeErrors(file: string): string[] {
    const copy = path.resolve(__dirname, "../../../.test", `generated-${process.pid}.ts`);
    fs.mkdirSync(path.dirname(copy), { recursive: true });
    fs.copyFileSync(file, copy);
    try {
        const program = ts.createProgram([copy], {
            strict: true,
            noUncheckedIndexedAccess: true,
            noUnusedLocals: true,
            noEmit: true,
            skipLibCheck: true,
            target: ts.ScriptTarget.ES2022,
            module: ts.ModuleKind.Node16,
            moduleResolution: ts.ModuleResolutionKind.Node16,
            types: ["node"],
        });
        return ts
            .getPreEmitDiagnostics(program)
            .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
    } finally {
        fs.rmSync(copy);
    }
}
