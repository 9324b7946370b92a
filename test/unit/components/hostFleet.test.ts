import * as pulumi from "@pulumi/pulumi";
import type * as resource from "@pulumi/pulumi/proto/resource_pb";
import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { HostFleet, type HostFleetArgs } from "../../../components/hostFleet";
import { HOSTS_CSV_HEADER } from "../../../components/hostsCsv";
import { OsProfile, type OsProfileArgs } from "../../../provider/emf/osProfile";
import { Site } from "../../../provider/emf/site";

const UUID_A = "4c4c4544-0051-3010-8034-b6c04f4e3233";
const UUID_B = "4c4c4544-0051-3010-8034-b6c04f4e3244";
const HOST = "pulumi-nodejs:dynamic/edge-os/emf:EdgeHost";
const ROSTER = "pulumi-nodejs:dynamic/edge-os/emf:FleetRoster";
const GATE = "pulumi-nodejs:dynamic/edge-os/emf:ProvisioningGate";

interface Registered {
    type: string;
    name: string;
    inputs: Record<string, unknown>;
    aliases: string[];
    dependencies: string[];
    parent: string;
    timeouts: Record<string, unknown> | undefined;
}

function csv(...rows: string[]): string {
    return [HOSTS_CSV_HEADER.join(","), ...rows].join("\n");
}

/** The registrations of a program, as the engine gets them. */
async function registrations(preview: boolean, program: () => void): Promise<Registered[]> {
    const found: Registered[] = [];
    await pulumi.runtime.setMocks(
        {
            call: (args) => args.inputs as Record<string, unknown>,
            newResource({ type, name, inputs }) {
                const made: Record<string, unknown> = { ...(inputs as Record<string, unknown>) };
                if (type === HOST && !preview) Object.assign(made, ids(name));
                return { id: preview ? "" : `uid/${name}`, state: made };
            },
        },
        "project",
        "stack",
        preview,
    );
    const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
    const register = monitor.registerResource.bind(monitor);
    monitor.registerResource = (request, callback) => {
        found.push(registered(request));
        register(request, callback);
    };
    await pulumi.runtime.runInPulumiStack(async () => {
        program();
    });
    await pulumi.runtime.disconnect();
    return found;
}

interface Monitor {
    registerResource(request: resource.RegisterResourceRequest, callback: unknown): void;
}

function registered(request: resource.RegisterResourceRequest): Registered {
    const timeouts = request.getCustomtimeouts();
    return {
        type: request.getType(),
        name: request.getName(),
        inputs: request.getObject()?.toJavaScript() ?? {},
        aliases: request.getAliasesList().map((alias) => alias.getSpec()?.getName() ?? ""),
        dependencies: request.getDependenciesList().map(nameOf).sort(),
        parent: nameOf(request.getParent()),
        timeouts: timeouts && { create: timeouts.getCreate(), update: timeouts.getUpdate() },
    };
}

/** EMF's ids of a host, made up from its name. */
function ids(name: string): { hostId: string; instanceId: string } {
    return { hostId: `host-of-${name}`, instanceId: `inst-of-${name}` };
}

function nameOf(urn: string): string {
    return urn.split("::").pop() ?? "";
}

/** What a resource is given, without what the package sends along. */
function visible(found: Registered[], name: string): Record<string, unknown> {
    const row = found.find((candidate) => candidate.name === name);
    return Object.fromEntries(Object.entries(row?.inputs ?? {}).filter(([key]) => !key.startsWith("__")));
}

function profileArgs(): OsProfileArgs {
    return {
        name: "ubuntu",
        imageUrl: "https://files.example.com/u.raw.gz",
        sha256: "a".repeat(64),
        type: "MUTABLE",
        securityFeature: "NONE",
    };
}

function namesOf(found: Registered[], type: string): string[] {
    return found.filter((row) => row.type === type).map(({ name }) => name);
}

describe("HostFleet", () => {
    let folder: string;
    before(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "fleet-"));
    });
    after(() => fs.rmSync(folder, { recursive: true }));

    function writeCsv(...rows: string[]): string {
        const file = path.join(folder, "hosts.csv");
        fs.writeFileSync(file, csv(...rows));
        return file;
    }

    const args: HostFleetArgs = {
        csvText: csv(
            `SN00001,${UUID_A},,store 1,true,admin,tier=gold,20,base&extra`,
            "SN00002,,os-12345678",
            `,${UUID_B},,,false`,
        ),
        osProfile: "ubuntu",
        metadata: { tier: "lead", country: "de" },
        waves: [{ count: 1 }, { rest: true }],
    };

    for (const preview of [true, false]) {
        it(`registers a host a row and a gate a wave, ${preview ? "in a preview" : "in an update"}`, async () => {
            const found = await registrations(preview, () => new HostFleet("stores", args));
            expect(namesOf(found, HOST)).to.deep.equal([
                "stores-SN00001",
                "stores-SN00002",
                `stores-${UUID_B}`,
            ]);
            expect(namesOf(found, GATE)).to.deep.equal(["stores-wave-1", "stores-wave-2"]);
            const children = found.filter(({ type }) => type === HOST || type === GATE);
            expect(new Set(children.map(({ parent }) => parent))).to.deep.equal(new Set(["stores"]));
        });

        it(`makes the first wave depend on the roster, each other on the gate before it alone, ${preview ? "in a preview" : "in an update"}`, async () => {
            const found = await registrations(preview, () => new HostFleet("stores", args));
            const of = (name: string): string[] | undefined =>
                found.find((row) => row.name === name)?.dependencies;
            expect(of("stores-roster")).to.deep.equal([]);
            expect(of("stores-SN00001")).to.deep.equal(["stores-roster"]);
            expect(of("stores-wave-1")).to.deep.equal(["stores-SN00001"]);
            expect(of("stores-SN00002")).to.deep.equal(["stores-wave-1"]);
            expect(of(`stores-${UUID_B}`)).to.deep.equal(["stores-wave-1"]);
        });
    }

    it("hands on every cell, and the fleet's values where cells are empty", async () => {
        const found = await registrations(false, () => new HostFleet("stores", args));
        const inputs = (name: string): Record<string, unknown> => visible(found, name);
        expect(inputs("stores-SN00001")).to.deep.equal({
            serial: "SN00001",
            uuid: UUID_A,
            site: "store 1",
            osProfile: "ubuntu",
            securityFeature: "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION",
            localAccount: "admin",
            metadata: { tier: "gold", country: "de" },
            lvmSizeGb: 20,
            customConfigs: ["base", "extra"],
        });
        expect(inputs("stores-SN00002")).to.deep.equal({
            serial: "SN00002",
            osProfile: "os-12345678",
            metadata: { tier: "lead", country: "de" },
        });
        expect(inputs(`stores-${UUID_B}`)).to.include({ securityFeature: "NONE" });
        expect(inputs("stores-wave-1").hosts).to.deep.equal([{ label: "SN00001", ...ids("stores-SN00001") }]);
    });

    it("gives a row the name it had before its serial number was known as an alias", async () => {
        const found = await registrations(false, () => new HostFleet("stores", args));
        const aliases = (name: string): string[] | undefined =>
            found.find((row) => row.name === name)?.aliases;
        expect(aliases("stores-SN00001")).to.deep.equal([`stores-${UUID_A}`]);
        expect(aliases("stores-SN00002")).to.deep.equal([]);
    });

    it("lets the program's own profile win where the names match", async () => {
        const found = await registrations(false, () => {
            const osProfile = new OsProfile("profile", profileArgs());
            new HostFleet("stores", {
                csvText: csv("SN00001,,ubuntu", "SN00002,,other", "SN00003"),
                osProfile,
            });
        });
        const profiles = found.filter(({ type }) => type === HOST).map(({ inputs }) => inputs.osProfile);
        expect(profiles).to.have.members(["uid/profile", "other", "uid/profile"]);
    });

    it("keeps a roster of its devices, whatever their serial numbers are spelled like", async () => {
        const found = await registrations(
            false,
            () =>
                new HostFleet("stores", {
                    csvText: csv("sn00001", `SN00002,${UUID_A}`, `,${UUID_B}`),
                    osProfile: "p",
                    maxRemovals: 7,
                }),
        );
        const roster = found.find(({ type }) => type === ROSTER);
        expect(roster?.inputs).to.deep.include({
            devices: { SN00001: "", SN00002: UUID_A, [UUID_B]: "" },
            maxRemovals: 7,
        });
        const spelled = found.find(({ name }) => name === "stores-SN00001");
        expect(spelled?.inputs.serial).to.equal("sn00001");
        expect(spelled?.aliases).to.deep.equal(["stores-sn00001"]);
    });

    it("takes hosts as a list, and overrides for single ones", async () => {
        const found = await registrations(false, () => {
            new HostFleet("stores", {
                hosts: [
                    { serial: "SN00001", name: "till 1", metadata: { tier: "gold" } },
                    { uuid: UUID_A.toUpperCase(), lvmSizeGb: 5 },
                ],
                osProfile: "ubuntu",
                reimage: "allow",
                metadata: { country: "de" },
                overrides: {
                    sn00001: { osProfile: "special", metadata: { tier: "iron" }, enableVpro: true },
                    [UUID_A]: { reimage: "refuse", customConfigs: ["base"] },
                },
            });
        });
        expect(visible(found, "stores-SN00001")).to.deep.equal({
            serial: "SN00001",
            name: "till 1",
            osProfile: "special",
            metadata: { tier: "iron", country: "de" },
            enableVpro: true,
            reimage: "allow",
        });
        expect(visible(found, `stores-${UUID_A}`)).to.deep.equal({
            uuid: UUID_A,
            osProfile: "ubuntu",
            lvmSizeGb: 5,
            metadata: { country: "de" },
            reimage: "refuse",
            customConfigs: ["base"],
        });
    });

    it("gives a wave its own profile, which only an override of a host beats", async () => {
        const found = await registrations(false, () => {
            new HostFleet("stores", {
                csvText: csv("SN00001,,v1", "SN00002,,v1", "SN00003,,v1"),
                osProfile: "v1",
                waves: [{ count: 2, osProfile: "v2" }, { rest: true }],
                overrides: { SN00002: { osProfile: "special" } },
            });
        });
        const profiles = ["SN00001", "SN00002", "SN00003"].map(
            (serial) => visible(found, `stores-${serial}`).osProfile,
        );
        expect(profiles).to.deep.equal(["v2", "special", "v1"]);
    });

    it("means the program's own resources by the names in the cells", async () => {
        const found = await registrations(false, () => {
            const site = new Site("here", { name: "store 1", regionId: "region-12345678" });
            const osProfile = new OsProfile("profile", profileArgs());
            new HostFleet("stores", {
                csvText: csv("SN00001,,u,store 1,,admin,,,base&extra", "SN00002,,other,elsewhere"),
                osProfiles: { u: osProfile },
                sites: { "store 1": site, elsewhere: "site-00000001" },
                remoteUsers: { admin: "localaccount-00000001" },
                cloudInits: { extra: "customconfig-00000001" },
            });
        });
        expect(visible(found, "stores-SN00001")).to.deep.equal({
            serial: "SN00001",
            osProfile: "uid/profile",
            site: "uid/here",
            localAccount: "localaccount-00000001",
            customConfigs: ["base", "customconfig-00000001"],
        });
        expect(visible(found, "stores-SN00002")).to.deep.equal({
            serial: "SN00002",
            osProfile: "other",
            site: "site-00000001",
        });
    });

    it("gives each gate the rows of its hosts, complete enough to be imported again", async () => {
        const found = await registrations(false, () => {
            const osProfile = new OsProfile("profile", profileArgs());
            new HostFleet("stores", {
                csv: writeCsv("SN00001", `sn00002,${UUID_A},other,"store, 1",true,admin,a=b,20,base&extra`),
                osProfile,
                site: "site-00000001",
                metadata: { country: "de" },
                waves: [{ count: 1 }, { rest: true }],
            });
        });
        const file = (name: string): unknown => found.find((row) => row.name === name)?.inputs.errorFile;
        expect(file("stores-wave-1")).to.deep.equal({
            path: "import_error_stores-wave-1_hosts.csv",
            rows: { SN00001: "SN00001,,ubuntu,site-00000001,,,country=de,,,,," },
        });
        expect(file("stores-wave-2")).to.deep.equal({
            path: "import_error_stores-wave-2_hosts.csv",
            rows: {
                SN00002: `sn00002,${UUID_A},other,"store, 1",true,admin,country=de&a=b,20,base&extra,,,`,
            },
        });
    });

    for (const preview of [true, false]) {
        it(`${preview ? "tells a preview" : "does not repeat in an update"} what image a profile of the program has`, async () => {
            const found = await registrations(preview, () => {
                const osProfile = new OsProfile("profile", profileArgs());
                new HostFleet("stores", {
                    csvText: csv("SN00001", "SN00002,,ubuntu", "SN00003,,other", "SN00004,,u"),
                    osProfile,
                    osProfiles: { u: osProfile },
                });
            });
            const sha256 = preview ? "a".repeat(64) : undefined;
            for (const serial of ["SN00001", "SN00002", "SN00004"]) {
                expect(visible(found, `stores-${serial}`).imageSha256).to.equal(sha256);
            }
            expect(visible(found, "stores-SN00003").imageSha256).to.equal(undefined);
        });
    }

    it("summarises waves and hosts", async () => {
        let summary: unknown;
        await registrations(false, () => {
            const fleet = new HostFleet("stores", {
                ...args,
                waves: [{ count: 2 }, { count: 5 }, { rest: true }],
            });
            fleet.summary.apply((value) => {
                summary = value;
            });
        });
        expect(summary).to.deep.equal({
            hosts: 3,
            waves: [
                { name: "stores-wave-1", count: 2, hosts: ["SN00001", "SN00002"] },
                { name: "stores-wave-2", count: 1, hosts: [UUID_B] },
            ],
        });
    });

    it("hands everything that is said of the waiting to each gate", async () => {
        const gate = {
            until: "running",
            maxFailed: 1,
            pending: "wait",
            onTimeout: "warn",
            verify: { osVersion: "24.04" },
        } as const;
        const found = await registrations(false, () => new HostFleet("stores", { ...args, ...gate }));
        for (const name of ["stores-wave-1", "stores-wave-2"]) {
            expect(visible(found, name)).to.deep.include(gate);
        }
    });

    it("passes the time limit of a wave to its gate", async () => {
        const found = await registrations(
            false,
            () => new HostFleet("stores", { ...args, timeLimit: "90m" }),
        );
        expect(found.find(({ type }) => type === GATE)?.timeouts).to.include({
            create: "90m",
            update: "90m",
        });
    });

    describe("with faults", () => {
        async function fault(wrong: HostFleetArgs): Promise<pulumi.ResourceError> {
            let thrown: unknown;
            await registrations(true, () => {
                try {
                    new HostFleet("stores", wrong);
                } catch (error) {
                    thrown = error;
                }
            });
            if (!pulumi.ResourceError.isInstance(thrown))
                throw new Error(`no ResourceError but ${String(thrown)}`);
            expect(thrown.hideStack).to.equal(true);
            return thrown;
        }

        it("tells those of the file and of the waves in one error without a stack", async () => {
            const { message } = await fault({
                csvText: csv("SN1,,p", "SN00002", "SN00003,,p,,maybe"),
                waves: [{}, { rest: true }],
            });
            expect(message).to.equal(
                [
                    "csvText has 3 problems:",
                    '  line 2, Serial: "SN1" must be 5 to 20 letters and digits',
                    "  line 3, OSProfile: is empty, and the fleet has no osProfile",
                    '  line 4, Secure: "maybe" must be true or false',
                    "waves[0] says nothing; it must say one of count, percent, hosts or rest: true",
                ].join("\n"),
            );
        });

        it("names a file that is not there", async () => {
            expect((await fault({ csv: "none.csv", osProfile: "p" })).message).to.include(
                "there is no file none.csv",
            );
            expect((await fault({ osProfile: "p" })).message).to.include("needs one of csv");
            expect((await fault({ osProfile: "p", csv: "a.csv", hosts: [] })).message).to.include(
                "needs one of csv",
            );
        });

        it("names the file it has read", async () => {
            const file = writeCsv("SN1");
            expect((await fault({ csv: file, osProfile: "p" })).message).to.include(
                `${file} has a problem:\n  line 2`,
            );
        });

        it("tells those of a list and of overrides", async () => {
            const { message } = await fault({
                hosts: [
                    { serial: "SN1", osProfile: "p" },
                    {},
                    { serial: "SN00003", uuid: "x" },
                    { serial: "sn00003" },
                ],
                overrides: { SN00009: {}, SN00003: { osProfile: "p" } },
            });
            expect(message).to.equal(
                [
                    'hosts[0].serial: "SN1" must be 5 to 20 letters and digits',
                    "hosts[1] needs serial, uuid or both",
                    'hosts[2].uuid: "x" must be a UUID such as 4c4c4544-0051-3010-8034-b6c04f4e3233',
                    'hosts[3].serial: "sn00003" is that of hosts[2] too; each device stands there once',
                    "hosts[1] has no osProfile, and the fleet has none",
                    "hosts[2] has no osProfile, and the fleet has none",
                    'overrides: no host has the serial number or UUID "SN00009"',
                ].join("\n"),
            );
            expect((await fault({ hosts: [], osProfile: "p" })).message).to.include("hosts is empty");
        });

        it("refuses two overrides of one host", async () => {
            const { message } = await fault({
                hosts: [{ serial: "SN00001", uuid: UUID_A, osProfile: "p" }],
                overrides: { SN00001: {}, [UUID_A]: {} },
            });
            expect(message).to.equal(`overrides: "SN00001" and "${UUID_A}" are one host`);
        });

        it("refuses rows that ask for a Kubernetes cluster, and says what to use instead", async () => {
            const { message } = await fault({ csvText: csv("SN00001,,p,,,,,,,true") });
            expect(message)
                .to.include("line 2, K8sEnable: true asks for a Kubernetes cluster")
                .and.to.include("orch-cli create cluster");
        });
    });
});
