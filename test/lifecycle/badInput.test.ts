import { expect } from "chai";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as zlib from "node:zlib";
import { HOSTS_CSV_HEADER } from "../../components/hostsCsv";
import { buildQuickstartImage } from "../../examples/quickstart/image";
import { startLab, type Lab } from "../../lab";
import { emfConfig } from "../support/quickstart";
import { stackUnderTest, type CommandResult, type StackUnderTest } from "../support/stack";
import { needsTool } from "../support/tools";
import { blankDisk, LINUX, MIB } from "../unit/image/fixtures";

const DIGEST = "a".repeat(64);
const SECURE = "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION";

/** Mistakes of users: one message to act on, nothing lost, nothing made twice, no secret, no stack trace. */
describe("a mistake", function () {
    this.timeout(120_000);
    let dir: string;
    let lab: Lab;
    let stack: StackUnderTest | undefined;

    before(async () => {
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "bad-input-lab-"));
        lab = await startLab({ dir });
    });
    afterEach(async () => {
        stack?.remove();
        stack = undefined;
        for (const collection of ["compute/instances", "compute/hosts", "compute/os", "sites", "regions"]) {
            for (const { resourceId } of await lab.emf.list(collection)) {
                await lab.emf.remove(collection, resourceId);
            }
        }
    });
    after(async () => {
        await lab.close();
        fs.rmSync(dir, { recursive: true });
    });

    function program(body: string, settings: Record<string, unknown> = {}): StackUnderTest {
        const emf = { ...(emfConfig(lab)["edge-os:emf"] as object), ...settings };
        stack = stackUnderTest({
            program: { source: source(body) },
            config: { "edge-os:emf": emf },
            env: { EDGE_OS_EMF_PASSWORD: lab.emf.password },
        });
        return stack;
    }

    describe("in the settings is said at preview, and the update makes nothing", () => {
        const region = `new emf.Region("north", { name: "north" });`;
        const strangeCa = path.join(os.tmpdir(), `bad-input-${process.pid}.pem`);

        it("a wrong password", async () => {
            const wrong = program(region);
            wrong.env = { EDGE_OS_EMF_PASSWORD: "not-the-password" };
            for (const result of [await wrong.preview(), await wrong.up()]) {
                expect(onlyError(result, wrong, ["not-the-password"]))
                    .to.contain('login of user "edge-operator"')
                    .and.contain("was refused")
                    .and.contain("edge-os:emf.password or EDGE_OS_EMF_PASSWORD");
            }
            expect(await lab.emf.list("regions")).to.deep.equal([]);
        });

        it("a wrong project", async () => {
            expect(onlyError(await program(region, { project: "edge-lap" }).preview()))
                .to.contain('there is no project "edge-lap"')
                .and.contain("edge-os:emf.project or EDGE_OS_EMF_PROJECT");
        });

        it("another system's CA: a warning, since a runner may lack it, then a failure", async () => {
            const other = await startLab({ emf: false });
            fs.copyFileSync(other.caFile, strangeCa);
            await other.close();
            try {
                const wrong = program(`${region} new emf.Region("south", { name: "south" });`, {
                    caFile: strangeCa,
                });
                const told = "not from a CA this machine trusts";
                const advice = "edge-os:emf.caFile or EDGE_OS_EMF_CA_FILE (the one given is of another CA)";
                const preview = await wrong.preview();
                expect(preview.exitCode, preview.stdout).to.equal(0);
                const warnings = preview.diagnostics.filter(({ severity }) => severity === "warning");
                expect(warnings.map(({ message }) => message)).to.have.lengthOf(1);
                expect(warnings[0]?.message).to.contain(told).and.contain(advice);

                const [first, ...others] = errors(await wrong.up(), wrong);
                expect(first).to.contain(told).and.contain(advice);
                for (const other of others)
                    expect(other).to.contain("stopped by the same error as emf.Region");
            } finally {
                fs.rmSync(strangeCa);
            }
        });
    });

    describe("in the program", () => {
        it("is told with all the others of its resource, each with what is allowed", async () => {
            const found = errors(
                await program(`
                    new emf.OsProfile("ubuntu", {
                        name: "ubuntu", imageUrl: "http://files.local/u.qcow2", sha256: "xyz", type: "MUTABEL",
                        foo: 1,
                    });`).preview(),
            ).join("\n");
            for (const part of [
                "must use https: hosts refuse other schemes",
                "ends in .qcow2: the platform detects qcow2 only behind names that contain",
                "64 hexadecimal digits",
                'must be "MUTABLE", "IMMUTABLE"',
                'is required: must be "NONE"',
                'there is no input "foo"',
            ]) {
                expect(found).to.contain(part);
            }
        });

        it("gives two spellings of one input: one line, no stack", async () => {
            const wrong = program(
                `new emf.OsProfile("ubuntu", { name: "ubuntu", imageUrl: "https://a/x.img", osImageUrl: "https://b/x.img" });`,
            );
            expect(onlyError(await wrong.preview())).to.equal(
                'emf.OsProfile "ubuntu": imageUrl and osImageUrl are the same input: give one of them',
            );
        });

        it("promises of an image what was not seen in it: refused in the preview that has seen it", async function () {
            needsTool(this, "qemu-img");
            const raw = await buildQuickstartImage(path.join(dir, "edge.img"));
            const qcow2 = path.join(dir, "edge.qcow2");
            execFileSync("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, qcow2]);
            fs.writeFileSync(`${qcow2}.gz`, zlib.gzipSync(fs.readFileSync(qcow2)));
            const bare = path.join(dir, "bare.raw");
            fs.writeFileSync(
                bare,
                blankDisk(8 * MIB, [{ index: 1, type: LINUX, name: "data", firstLba: 2048, sectors: 4096 }]),
            );
            const stack = program("");
            const preview = (profile: object, from: string, publish: object): Promise<CommandResult> => {
                const expected = { severity: { "esp.*": "off", "root.*": "off" } };
                const rest = { name: "edge", type: "MUTABLE", securityFeature: "NONE" };
                stack.setProgram(
                    source(`
                    const disk = new image.DiskImage("edge", ${JSON.stringify({ source: from, publish, expect: expected })});
                    new emf.OsProfile("edge", { ...${JSON.stringify({ ...rest, ...profile })}, image: disk });`),
                );
                return stack.preview();
            };
            const { directory, baseUrl } = lab.images;
            const folder = { directory, baseUrl };
            for (const [promised, from, publish, ...said] of [
                [
                    { type: "IMMUTABLE", securityFeature: SECURE },
                    raw,
                    { oci: { repository: "oci://127.0.0.1:9/edge" } },
                    "which EMF installs as Edge Microvisor Toolkit",
                    "the image's way to boot is not signed",
                    "hosts do not stream from registries",
                ],
                [{}, `${qcow2}.gz`, folder, "is a compressed qcow2"],
                [{}, bare, folder, "without an EFI system partition"],
            ] as const) {
                const found = errors(await preview(promised, from, publish), stack);
                expect(found, found.join("\n")).to.have.lengthOf(said.length);
                for (const part of said) expect(found.join("\n")).to.contain(part);
            }
            expect(await lab.emf.list("compute/os")).to.deep.equal([]);
        });

        it("names an image that is not there: a warning in a preview, a failure in the update", async () => {
            const wrong = program(`
                new image.DiskImage("ubuntu", {
                    source: "gone.img",
                    publish: { directory: ${JSON.stringify(lab.images.directory)}, baseUrl: ${JSON.stringify(lab.images.baseUrl)} },
                });`);
            const told = 'source "gone.img": there is no file';
            const preview = await wrong.preview();
            expect(preview.exitCode, preview.stdout).to.equal(0);
            expect(preview.diagnostics.map(({ message }) => message).join("\n")).to.contain(told);
            expect(onlyError(await wrong.up(), wrong))
                .to.contain(told)
                .and.contain("Build the image first");
            expect(fs.readdirSync(lab.images.directory)).to.deep.equal([]);
        });

        it("stands in several cells of the CSV: one message names them all", async () => {
            const lines = [HOSTS_CSV_HEADER.join(","), "SN1,bad,,,maybe", ",,p", "SN0002,,p", "SN0002,,p"];
            const wrong = program(
                `new components.HostFleet("stores", { csv: "hosts.csv", waves: [{ count: 1 }] });`,
            );
            fs.writeFileSync(path.join(wrong.dir, "hosts.csv"), lines.join("\n"));
            const message = onlyError(await wrong.preview());
            for (const part of [
                "hosts.csv has 6 problems",
                'line 2, Serial: "SN1" must be 5 to 20 letters and digits',
                "line 2, UUID",
                "line 2, Secure",
                "line 2, OSProfile: is empty, and the fleet has no osProfile",
                "line 3: needs a Serial, a UUID or both",
                'line 5, Serial: "SN0002" stands on line 4 too',
            ]) {
                expect(message).to.contain(part);
            }
        });
    });

    it("in an OS profile's content is refused under the same name, with the way out", async () => {
        const profile = (sha256: string): string =>
            `new emf.OsProfile("ubuntu", { name: "ubuntu-1", imageUrl: "https://images.example/u.raw.gz", tlsCaCert: "",
                sha256: "${sha256}", type: "MUTABLE", securityFeature: "NONE" });`;
        const changed = program(profile(DIGEST));
        succeeded(await changed.up());
        const before = await lab.emf.list("compute/os");
        changed.setProgram(source(profile("b".repeat(64))));
        expect(onlyError(await changed.up(), changed))
            .to.contain('the content of OS profile "ubuntu-1" cannot change')
            .and.contain("sha256")
            .and.contain("Give the new version a new name; or, while no host uses it, onContentChange");
        expect(await lab.emf.list("compute/os")).to.deep.equal(before);
    });

    it("that would take over somebody else's host needs adopt", async () => {
        const { resourceId } = (await lab.emf.request("POST", "compute/hosts/register", {
            serialNumber: "SN0001",
            name: "theirs",
        })) as { resourceId: string };
        const host = (more: string): string => `new emf.EdgeHost("till", { serial: "SN0001"${more} });`;
        const taking = program(host(""));
        expect(onlyError(await taking.preview(), taking))
            .to.contain(resourceId)
            .and.contain("adopt: true");
        taking.setProgram(source(host(", adopt: true")));
        succeeded(await taking.up());
        expect(await lab.emf.list("compute/hosts")).to.have.lengthOf(1);
    });

    it("or a server that is down, at any command, loses nothing", async () => {
        const rows = program(`
            const north = new emf.Region("north", { name: "north" });
            new emf.Site("store", { name: "store", regionId: north.resourceId });`);
        const { resources } = succeeded(await rows.up());
        await lab.close();
        try {
            for (const command of ["refresh", "destroy"] as const) {
                const result = await rows[command]();
                const [first, ...others] = errors(result, rows);
                expect(first, result.stdout).to.contain("nothing answers at 127.0.0.1");
                for (const other of others) expect(other).to.contain("stopped by the same error as emf.");
                expect(result.resources.map(({ id }) => id)).to.deep.equal(resources.map(({ id }) => id));
            }
        } finally {
            lab = await startLab({ dir });
        }
        expect(succeeded(await rows.up({ args: ["--refresh"] })).changes).to.deep.equal({ same: 3 });
        succeeded(await rows.destroy());
        expect(await lab.emf.list("regions")).to.deep.equal([]);
    });

    it("that the configuration of the last up holds is mended by the environment", async () => {
        const rows = program(`new emf.Region("north", { name: "north" });`);
        succeeded(await rows.up());
        const config = path.join(rows.dir, "Pulumi.dev.yaml");
        const right = fs.readFileSync(config, "utf8");
        fs.writeFileSync(config, right.replace('"edge-lab"', '"edge-lab-2"'));
        expect(onlyError(await rows.up(), rows)).to.contain("Nothing was changed");
        fs.writeFileSync(config, right);
        expect(onlyError(await rows.refresh(), rows))
            .to.contain("Nothing was changed")
            .and.contain("set the right values in the environment");
        succeeded(await rows.destroy({ env: { EDGE_OS_EMF_PROJECT: "edge-lab" } }));
        expect(await lab.emf.list("regions")).to.deep.equal([]);
    });

    it("in the passphrase leaves no lock behind", async () => {
        const locked = program(`new emf.Region("north", { name: "north" });`);
        succeeded(await locked.up());
        const wrong = { env: { PULUMI_CONFIG_PASSPHRASE: "not-this" } };
        expect((await locked.up(wrong)).stdout).to.contain(
            "the passphrase is not the one this stack was made with",
        );
        succeeded(await locked.destroy());
    });

    /** The errors of a run that failed, after a look at what no run may show. */
    function errors(result: CommandResult, of?: StackUnderTest, secrets: string[] = []): string[] {
        expect(result.exitCode, result.stdout).not.to.equal(0);
        expect(result.stdout).not.to.match(/\n\s+at .*:\d+:\d+/);
        const seen = [
            result.stdout,
            JSON.stringify(result.events),
            ...(of ? filesBelow(of.stateDir) : []),
        ].join("\n");
        for (const secret of [lab.emf.password, ...secrets]) expect(seen).not.to.contain(secret);
        return result.diagnostics
            .filter(({ severity }) => severity === "error")
            .map(({ message }) => message);
    }

    function onlyError(result: CommandResult, of?: StackUnderTest, secrets: string[] = []): string {
        const found = errors(result, of, secrets);
        expect(found, result.stdout).to.have.lengthOf(1);
        return found[0] ?? "";
    }
});

function source(body: string): string {
    return `const { components, emf, image } = require("pulumi-edge-os");\n${body}`;
}

function succeeded(result: CommandResult): CommandResult {
    expect(result.exitCode, result.stdout).to.equal(0);
    return result;
}

function filesBelow(folder: string): string[] {
    return fs
        .readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name), "utf8"));
}
