import * as pulumi from "@pulumi/pulumi";
import type * as resource from "@pulumi/pulumi/proto/resource_pb";
import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { HostFleet, type HostFleetArgs } from "../../../components/hostFleet";
import { HOSTS_CSV_HEADER } from "../../../components/hostsCsv";
import { OsProfile } from "../../../provider/emf/osProfile";

const UUID_A = "4c4c4544-0051-3010-8034-b6c04f4e3233";
const UUID_B = "4c4c4544-0051-3010-8034-b6c04f4e3244";
const HOST = "pulumi-nodejs:dynamic/edge-os/emf:EdgeHost";
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

function namesOf(found: Registered[], type: string): string[] {
    return found.filter((row) => row.type === type).map(({ name }) => name);
}

describe("HostFleet", () => {
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

        it(`makes each wave depend on the gate before it alone, ${preview ? "in a preview" : "in an update"}`, async () => {
            const found = await registrations(preview, () => new HostFleet("stores", args));
            const of = (name: string): string[] | undefined =>
                found.find((row) => row.name === name)?.dependencies;
            expect(of("stores-SN00001")).to.deep.equal([]);
            expect(of("stores-wave-1")).to.deep.equal(["stores-SN00001"]);
            expect(of("stores-SN00002")).to.deep.equal(["stores-wave-1"]);
            expect(of(`stores-${UUID_B}`)).to.deep.equal(["stores-wave-1"]);
        });
    }

    it("hands on every cell, and the fleet's values where cells are empty", async () => {
        const found = await registrations(false, () => new HostFleet("stores", args));
        const inputs = (name: string): Record<string, unknown> => {
            const row = found.find((candidate) => candidate.name === name);
            const visible = Object.entries(row?.inputs ?? {}).filter(([key]) => !key.startsWith("__"));
            return Object.fromEntries(visible);
        };
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
            const osProfile = new OsProfile("profile", {
                name: "ubuntu",
                imageUrl: "https://files.example.com/u.raw.gz",
                sha256: "a".repeat(64),
                type: "MUTABLE",
                securityFeature: "NONE",
            });
            new HostFleet("stores", {
                csvText: csv("SN00001,,ubuntu", "SN00002,,other", "SN00003"),
                osProfile,
            });
        });
        const profiles = found.filter(({ type }) => type === HOST).map(({ inputs }) => inputs.osProfile);
        expect(profiles).to.have.members(["uid/profile", "other", "uid/profile"]);
    });

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
            expect((await fault({ osProfile: "p" })).message).to.include("needs either csv");
        });

        it("names the file it has read", async () => {
            const folder = fs.mkdtempSync(path.join(os.tmpdir(), "fleet-"));
            const file = path.join(folder, "hosts.csv");
            fs.writeFileSync(file, csv("SN1"));
            expect((await fault({ csv: file, osProfile: "p" })).message).to.include(
                `${file} has a problem:\n  line 2`,
            );
            fs.rmSync(folder, { recursive: true });
        });
    });
});
