import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { startLab, type ApiObject, type Lab } from "../../../lab";
import { EMF_CLAIM_KEY } from "../../../provider/emf/claims";
import { newClaim, ownerOf } from "../../../provider/resource/claim";
import { stackUnderTest } from "../../support/stack";
import { edgeOs, labEnvironment, type Outcome } from "./edgeOs";

const PROFILES = path.resolve(__dirname, "../data/emf/os-profiles");
const SHA = "1e".repeat(32);

/** As the guides have it, which orch-cli refuses. */
const GUIDE = `
spec:
  name: "ubuntu-custom"
  type: MUTABLE
  provider: OS_PROVIDER_KIND_INFRA
  architecture: x86_64
  profileName: ubuntu-custom
  image_url: "https://127.0.0.1:1/ubuntu.raw.gz"
  osImageVersion: "24.04"
  osImageSha256: ${SHA.toUpperCase()}
  securityFeature: SECURITY_FEATURE_NONE
  metadata: |
    kernelVersion: linux-image-6.11.0-17-generic
    skip_kernel_upgrade: "true"
`;

describe("edge-os, built and run as a process", function () {
    this.timeout(60_000);
    let folder: string;
    let lab: Lab;
    before(async () => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-command-"));
        lab = await startLab({ images: false, speed: 50 });
    });
    after(async () => {
        await lab.close();
        fs.rmSync(folder, { recursive: true, force: true });
    });

    function file(name: string, text: string): string {
        fs.writeFileSync(path.join(folder, name), text);
        return name;
    }

    /** With the lab's settings; nothing that it says may hold the password. */
    async function run(
        words: string[],
        options: { input?: string; env?: Record<string, string> } = {},
    ): Promise<Outcome> {
        const outcome = await edgeOs(words, { cwd: folder, env: labEnvironment(lab), ...options });
        expect(outcome.out + outcome.err).to.not.include(lab.emf.password);
        return outcome;
    }

    async function profile(name: string, claim?: string): Promise<ApiObject> {
        return lab.emf.create("compute/os", {
            name,
            sha256: crypto.createHash("sha256").update(name).digest("hex"),
            imageUrl: `https://images.example.test/${name}.raw.gz`,
            osType: "OS_TYPE_MUTABLE",
            osProvider: "OS_PROVIDER_KIND_INFRA",
            securityFeature: "SECURITY_FEATURE_NONE",
            ...(claim === undefined ? {} : { metadata: JSON.stringify({ [EMF_CLAIM_KEY]: claim }) }),
        });
    }

    async function host(serialNumber: string, osProfile?: ApiObject, siteId?: string): Promise<string> {
        const { resourceId } = await lab.emf.create("compute/hosts/register", {
            serialNumber,
            autoOnboard: true,
        });
        if (siteId !== undefined)
            await lab.emf.patch("compute/hosts", resourceId, { name: resourceId, siteId });
        if (osProfile) {
            await lab.emf.create("compute/instances", {
                hostID: resourceId,
                osID: osProfile.resourceId,
                kind: "INSTANCE_KIND_UNSPECIFIED",
                securityFeature: "SECURITY_FEATURE_NONE",
            });
        }
        return resourceId;
    }

    it("answers --help without loading what it does not need", async () => {
        const loaded = await edgeOs(["--help"], { env: { NODE_DEBUG: "module" } });
        expect(loaded.code).to.equal(0);
        expect(loaded.err).to.include("dist/cli/main.js");
        expect(loaded.err).to.not.match(/undici|zod|@pulumi|csv-parse/);
        expect(fs.readFileSync(path.resolve(__dirname, "../../../dist/cli/main.js"), "utf8")).to.match(
            /^#!\/usr\/bin\/env node\n/,
        );
    });

    it("tells everything that is wrong with a CSV, and what a good one names", async () => {
        const header = "Serial,UUID,OSProfile,Site,Secure,RemoteUser,Metadata,LVMSize";
        const bad = file("bad.csv", `${header}\nAB,,,,,,,\nSN0001,,,,maybe,,Line=4,x\nSN0001,,,,,,,\n`);
        const refused = await run(["emf", "csv", "check", bad]);
        expect(refused).to.include({ code: 1, out: "" });
        expect(refused.err.split("\n")).to.include.members([
            "bad.csv has 5 problems:",
            '  line 2, Serial: "AB" must be 5 to 20 letters and digits',
            '  line 3, Secure: "maybe" must be true or false',
            '  line 3, LVMSize: "x" must be a whole number of GB',
            '  line 4, Serial: "SN0001" stands on line 3 too; each device has one row',
        ]);
        expect(refused.err).to.match(/line 3, Metadata: metadata key "Line"/);
        const json = JSON.parse((await run(["emf", "csv", "check", "--json", bad])).out) as {
            problems: unknown[];
        };
        expect(json.problems).to.have.lengthOf(5);

        const good = file(
            "good.csv",
            `${header}\nSN0001,,ubuntu,store-1,,ops,,\nSN0002,,ubuntu,store-2,,ops,,\n`,
        );
        const fine = await run(["emf", "csv", "check", good]);
        expect(fine).to.deep.equal({
            code: 0,
            err: "",
            out: [
                "good.csv: 2 hosts (SN0001 to SN0002), nothing is wrong",
                "  OS profiles: ubuntu × 2",
                "  sites: store-1 × 1, store-2 × 1",
                "  local accounts: ops × 2",
                "  without UUID: 2",
                "",
            ].join("\n"),
        });
    });

    it("shows what EMF would get of the guide's YAML, with keys and values as EMF reads them", async () => {
        const outcome = await edgeOs(["emf", "profile", "check", file("guide.yaml", GUIDE)], { cwd: folder });
        expect(outcome.code).to.equal(0);
        expect(outcome.out)
            .to.match(/osType +OS_TYPE_MUTABLE/)
            .and.to.include(SHA);
        expect(outcome.out).to.include('"kernelversion":"linux-image-6.11.0-17-generic"');
        expect(outcome.out).to.include("without EMF");
    });

    for (const name of fs.readdirSync(PROFILES).filter((entry) => /^microvisor.*\.yaml$/.test(entry))) {
        it(`finds nothing wrong with EMF's own ${name}`, async () => {
            const outcome = await edgeOs(["emf", "profile", "check", "--json", path.join(PROFILES, name)]);
            expect(outcome.code, outcome.err).to.equal(0);
            const { request } = JSON.parse(outcome.out) as { request: Record<string, string> };
            expect(request).to.include({ osType: "OS_TYPE_IMMUTABLE", osProvider: "OS_PROVIDER_KIND_INFRA" });
        });
    }

    it("tells all faults of a profile at once, and a name that is taken in EMF", async () => {
        const text = GUIDE.replace("https://127.0.0.1:1/ubuntu.raw.gz", "http://files.local/u.qcow2").replace(
            "NONE",
            "NON",
        );
        const bad = await run(["emf", "profile", "check", file("bad.yaml", text)]);
        expect(bad).to.include({ code: 1, out: "" });
        expect(bad.err)
            .to.include("bad.yaml has 2 problems:")
            .and.to.include("must use https")
            .and.to.include(".qcow2");
        expect(bad.err).to.include('securityFeature: must be "NONE"');

        await profile("taken");
        const taken = await run([
            "emf",
            "profile",
            "check",
            file("taken.yaml", GUIDE.replace('"ubuntu-custom"', "taken")),
        ]);
        expect(taken.code).to.equal(1);
        expect(taken.err).to.match(/name: OS profile "taken" .* is already there with other content/);
    });

    it("lists the hosts of a project, by environment, stack's file and connection", async () => {
        const region = await lab.emf.create("regions", { name: "north" });
        const site = await lab.emf.create("sites", { name: "store-17", regionId: region.resourceId });
        const ubuntu = await profile("ubuntu");
        await host("LIST0002", ubuntu, site.resourceId);
        const bare = await host("LIST0001");

        const listed = await run(["emf", "inventory"]);
        expect(listed).to.include({ code: 0, err: "" });
        const lines = listed.out.split("\n").map((line) => line.split(/ {2,}/));
        expect(lines[0]).to.deep.equal(["HOST", "SERIAL", "UUID", "SITE", "OS PROFILE", "SHA256", "STATE"]);
        expect(lines.find(([, serial]) => serial === "LIST0001")).to.deep.equal([
            bare,
            "LIST0001",
            "-",
            "-",
            "-",
            "-",
            "never booted, no OS profile",
        ]);
        expect(lines.find(([, serial]) => serial === "LIST0002")?.slice(3)).to.deep.equal([
            "store-17",
            "ubuntu",
            String(ubuntu.sha256).slice(0, 12),
            "never booted",
        ]);
        expect(listed.out).to.match(/\n2 hosts in project edge-lab: 1 pending, 1 without OS\n$/);

        const { endpoint, keycloak, project, username, password, caFile } = lab.emf;
        const open = { endpoint, keycloak, project, username, caFile };
        file(
            "Pulumi.dev.yaml",
            JSON.stringify({ config: { "edge-os:connections": { east: { emf: open } } } }),
        );
        const env = { EDGE_OS_EAST_EMF_PASSWORD: password };
        const named = await run(
            ["emf", "inventory", "--json", "--config", "Pulumi.dev.yaml", "--connection", "east"],
            { env },
        );
        expect(named.code, named.err).to.equal(0);
        const { hosts } = JSON.parse(named.out) as { hosts: object[] };
        expect(hosts).to.have.lengthOf(2);
        expect(hosts[1]).to.deep.include({
            serial: "LIST0002",
            sha256: ubuntu.sha256,
            site: { id: site.resourceId, name: "store-17" },
            phase: "pending",
            claim: "",
        });
        const wrong = await run(["emf", "inventory"], {
            env: { ...labEnvironment(lab), EDGE_OS_EMF_PASSWORD: "no" },
        });
        expect(wrong.code).to.equal(1);
        expect(wrong.err)
            .to.match(/^edge-os emf inventory: /)
            .and.to.not.match(/\n\s+at /);
    });

    it("reads the statuses of a host and explains the one that counts", async () => {
        const ubuntu = await profile("ubuntu-fail");
        lab.emf.addDevice({ serial: "FAIL0001" }).fail({ at: "onboarding", do: "fail" });
        const id = await host("FAIL0001", ubuntu);
        lab.emf.device("FAIL0001").boot();
        await lab.emf.until(
            () => lab.emf.store.find("host", id)?.onboardingStatus === "Onboarding Failed",
            "the host has failed",
        );
        const explained = await run(["explain", "FAIL0001"]);
        expect(explained).to.include({ code: 0, err: "" });
        expect(explained.out).to.match(/FAIL0001.*: Onboarding Failed\n/);
        expect(explained.out).to.match(/ {2}onboarding +Onboarding Failed {2}\(error, 20\d\d-/);
        expect(explained.out).to.include("what to do:").and.to.include("60 minutes");

        expect((await run(["explain", id, "--json"])).out).to.include('"phase": "failed"');
        const nobody = await run(["explain", "NOBODY01"]);
        expect(nobody).to.include({ code: 1, out: "" });
        expect(nobody.err).to.include('there is no host "NOBODY01"');
    });

    it("deletes the old profiles of a stack that nothing uses, and no other", async () => {
        const owner = ownerOf({ project: "test", stack: "dev" });
        const claim = (of = owner): string =>
            newClaim(of, crypto.randomUUID(), (bytes) => crypto.randomBytes(bytes));
        await profile("old-used", claim()).then((used) => host("PRUNE001", used));
        const kept = claim();
        await profile("in-state", kept);
        await profile("old-1", claim());
        const foreign = ownerOf({ project: "test", stack: "prod" });
        await profile("others", claim(foreign));
        await profile("by-hand");
        await lab.emf.create("customConfigs", { name: "ntp-0a1b2c", config: "#cloud-config\n" });
        const names = async (): Promise<unknown[]> =>
            (await lab.emf.list("compute/os")).map(({ name }) => name);
        const before = await names();
        const state = file(
            "state.json",
            JSON.stringify({
                version: 3,
                deployment: {
                    resources: [
                        {
                            urn: "urn:pulumi:dev::test::pulumi:pulumi:Stack::test-dev",
                            type: "pulumi:pulumi:Stack",
                        },
                        { urn: "urn:pulumi:dev::test::t::p", type: "t", outputs: { claim: kept } },
                    ],
                },
            }),
        );

        const unknown = await run(["prune"]);
        expect(unknown.out).to.include("of some stack").and.to.include("4 objects that nothing uses");
        const unsure = await run(["prune", "--project", "test", "--stack", "dev"]);
        expect(unsure.out)
            .to.match(/in-state .*of this stack; --state tells/)
            .and.to.match(/others .*of another stack/);
        const shown = await run(["prune", "--state", state]);
        expect(shown.out)
            .to.not.include("in-state")
            .and.to.not.include("old-used")
            .and.to.not.include("by-hand");
        expect(shown.out)
            .to.match(/old-1 .*which has it no more/)
            .and.to.match(/ntp-0a1b2c .*not known whose/);
        expect(shown.out).to.include("--yes would delete 1 object\n");
        expect(await names()).to.deep.equal(before);

        const elsewhere = await run(["prune", "--yes", "--state", state, "--owner", "somebody"]);
        expect(elsewhere.out).to.include("0 objects deleted");
        const mistaken = await run([
            "prune",
            "--yes",
            "--state",
            state,
            "--project",
            "test",
            "--stack",
            "prod",
        ]);
        expect(mistaken.err).to.include("the state is of stack dev of project test, and not of prod of test");
        expect(await names()).to.deep.equal(before);

        const input = fs.readFileSync(path.join(folder, state), "utf8");
        const done = await run(["prune", "--yes", "--state", "-"], { input });
        expect(done.code, done.err).to.equal(0);
        expect(done.out)
            .to.match(/old-1 .*deleted/)
            .and.to.include("1 object deleted\n");
        expect(await names()).to.deep.equal(before.filter((name) => name !== "old-1"));
        expect(await lab.emf.list("customConfigs")).to.have.lengthOf(1);
    });

    it("deletes old custom configs whose row proves that it made them", async () => {
        await using alone = await startLab({ images: false });
        const program = (config: string): string => `
            const { emf } = require("pulumi-edge-os");
            new emf.CustomConfig("ntp", { name: "ntp", config: ${JSON.stringify(config)} });`;
        await using stack = stackUnderTest({
            program: { source: program("#cloud-config\nntp: {}\n") },
            config: {
                "edge-os:emf": {
                    endpoint: alone.emf.endpoint,
                    keycloak: alone.emf.keycloak,
                    project: alone.emf.project,
                    username: alone.emf.username,
                    caFile: alone.emf.caFile,
                },
            },
            env: { EDGE_OS_EMF_PASSWORD: alone.emf.password },
        });
        expect((await stack.up()).exitCode).to.equal(0);
        const [first] = await alone.emf.list("customConfigs");
        const os = await alone.emf.create("compute/os", {
            name: "os",
            sha256: SHA,
            osType: "OS_TYPE_MUTABLE",
            osProvider: "OS_PROVIDER_KIND_INFRA",
        });
        const { resourceId: hostID } = await alone.emf.create("compute/hosts/register", {
            serialNumber: "SN0001",
        });
        const instance = await alone.emf.create("compute/instances", {
            hostID,
            osID: os.resourceId,
            customConfigID: [first?.resourceId],
        });
        stack.setProgram(program("#cloud-config\nntp: { enabled: true }\n"));
        expect((await stack.up()).exitCode).to.equal(0);
        expect(await alone.emf.list("customConfigs")).to.have.lengthOf(2);

        const state = JSON.stringify({ version: 3, deployment: await stack.export() });
        const prune = (): Promise<Outcome> =>
            edgeOs(["prune", "--state", "-", "--yes"], { env: labEnvironment(alone), input: state });
        expect((await prune()).out).to.equal("nothing of this package is unused in project edge-lab\n");

        await alone.emf.remove("compute/instances", instance.resourceId);
        await alone.emf.until(
            () => alone.emf.store.find("instance", instance.resourceId) === undefined,
            "it is gone",
        );
        const pruned = await prune();
        expect(pruned.out, pruned.err).to.include("1 object deleted");
        const left = (await alone.emf.list("customConfigs")).map(({ resourceId }) => resourceId);
        expect(left).to.have.lengthOf(1);
        expect(left).to.not.include(first?.resourceId);
    });
});
