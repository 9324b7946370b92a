import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import { buildQuickstartImage } from "../../examples/quickstart/image";
import { startLab, type ApiObject, type Fault, type Lab } from "../../lab";
import { emfConfig } from "../support/quickstart";
import { stackUnderTest, type CommandResult, type StackUnderTest } from "../support/stack";

/** A kind, and what stops its change half-way. */
interface Way {
    kind: string;
    /** The row that changes in place, and stops. */
    row: string;
    fault?: Fault;
    /** A row of the same kind that is replaced before: the old object is left to a row that waits for its deletion. */
    moved?: string;
}

const refused = { do: "status", status: 500 } as const;

const WAYS: readonly Way[] = [
    // Written, but answered as if not.
    { kind: "Region", row: "region", fault: { on: "PATCH regions/{id}", after: "write", ...refused } },
    { kind: "Site", row: "site", fault: { on: "PATCH sites/{id}", ...refused } },
    // The moved one is made; the other is deleted to be made anew, and is not made.
    {
        kind: "OsProfile",
        row: "profile",
        moved: "moved-profile",
        fault: { on: "POST compute/os", skip: 1, ...refused },
    },
    // The host is at its new place, the instance has its old profile.
    {
        kind: "EdgeHost",
        row: "till",
        moved: "moved-host",
        fault: { on: "PATCH compute/instances/{id}", ...refused },
    },
    // Waits for a host that is not there.
    { kind: "ProvisioningGate", row: "gate" },
    // Into a folder that is none.
    { kind: "DiskImage", row: "disk", moved: "moved-disk" },
];

/** In the space before the first partition, which no check looks at. */
const UNUSED_BYTE = 40 * 512;

/**
 * A → B → A, where B stops half-way. Of every kind that can be replaced, B has replaced one when it stops: its new
 * object is made, and the old one not yet deleted, so that the second A meets its own old object, of which a row that
 * waits for its deletion still knows.
 */
describe("a program that fails half-way and is taken back", function () {
    this.timeout(180_000);
    let lab: Lab;
    let stack: StackUnderTest;
    let around: { sites: [string, string]; profiles: [string, string] };
    /** Made by hand around the stack, and still there after it. */
    let surroundings: Record<string, string[]>;
    let first: CommandResult;
    let made: Record<string, string[]>;
    let files: string[];

    before(async () => {
        // Nobody switches the machines on.
        lab = await startLab();
        const region = await lab.emf.create("regions", { name: "around" });
        const site = async (name: string): Promise<string> =>
            (await lab.emf.create("sites", { name, regionId: region.resourceId })).resourceId;
        around = {
            sites: [await site("here"), await site("there")],
            profiles: [await bareProfile("bare"), await bareProfile("twin")],
        };
        surroundings = await objects();
        stack = stackUnderTest({
            program: { source: "" },
            config: emfConfig(lab),
            env: { EDGE_OS_EMF_PASSWORD: lab.emf.password },
        });
        await makeFiles(stack.dir);
        stack.setProgram(program());
        first = succeeded(await stack.up());
        made = await objects();
        files = published();
    });
    after(async () => {
        stack.remove();
        await lab.close();
    });

    for (const { kind, row, moved, fault } of WAYS) {
        it(`loses no ${kind} and makes none twice`, async () => {
            const active = fault && lab.emf.fault(fault);
            stack.setProgram(program(row, moved));
            const failed = await stack.up();
            expect(failed.exitCode, failed.stdout).not.to.equal(0);
            const stopped = failed.diagnostics.filter(({ severity }) => severity === "error");
            expect(
                stopped.map(({ urn }) => nameOf(urn)),
                failed.stdout,
            ).to.include(row);
            const waiting = failed.resources.filter((resource) => resource.delete === true);
            expect(waiting.map(({ urn }) => nameOf(urn))).to.deep.equal(moved === undefined ? [] : [moved]);
            if (active) expect(active.hits).to.be.greaterThan(0);

            lab.emf.clearFaults();
            stack.setProgram(program());
            const back = succeeded(await stack.up());
            expect(idsOf(back)).to.deep.equal(idsOf(first));
            expect(back.resources).to.have.lengthOf(first.resources.length);
            expect(sizes(await objects())).to.deep.equal(sizes(made));
            expect(published()).to.deep.equal(files);
        });
    }

    it("is as it was, and leaves nothing when it goes", async () => {
        const same = succeeded(await stack.up({ args: ["--refresh"] }));
        expect(Object.keys(same.changes), same.stdout).to.deep.equal(["same"]);
        expect(await values("compute/os", "name")).to.deep.equal(["bare", "fixed", "moved-1", "twin"]);
        expect(await values("compute/hosts", "serialNumber")).to.deep.equal(["SN0001", "SN0002"]);
        expect(await values("regions", "name")).to.deep.equal(["around", "region-0"]);
        expect(await values("sites", "name")).to.deep.equal(["here", "site-0", "there"]);

        succeeded(await stack.destroy());
        expect(await objects()).to.deep.equal(surroundings);
        expect(published()).to.deep.equal([]);
    });

    /** The program, with these rows in their second version. */
    function program(...changed: (string | undefined)[]): string {
        const pick = <T>(row: string, versions: readonly [T, T]): string =>
            JSON.stringify(versions[changed.includes(row) ? 1 : 0]);
        const { directory, baseUrl } = lab.images;
        const values = {
            region: pick("region", ["region-0", "region-1"]),
            site: pick("site", ["site-0", "site-1"]),
            profileName: pick("moved-profile", ["moved-1", "moved-2"]),
            digest: pick("profile", ["a".repeat(64), "b".repeat(64)]),
            serial: pick("moved-host", ["SN0002", "SN0003"]),
            place: pick("till", around.sites),
            profile: pick("till", around.profiles),
            gateHost: changed.includes("gate") ? `"host-00000000"` : "till.hostId",
            source: pick("moved-disk", ["good.img", "other.img"]),
            directory: pick("disk", [directory, path.join(stack.dir, "blocked")]),
        };
        return `
const { emf, image } = require("pulumi-edge-os");
new emf.Region("region", { name: ${values.region} });
new emf.Site("site", { name: ${values.site} });

const content = {
    imageUrl: "https://images.example/u.raw.gz", tlsCaCert: "", type: "MUTABLE", securityFeature: "NONE",
    onContentChange: "replace-when-unused",
};
const movedProfile = new emf.OsProfile("moved-profile", {
    ...content, name: ${values.profileName}, sha256: "${"c".repeat(64)}",
});
new emf.OsProfile("profile", { ...content, name: "fixed", sha256: ${values.digest} }, { dependsOn: [movedProfile] });

const movedHost = new emf.EdgeHost("moved-host", { serial: ${values.serial} });
const till = new emf.EdgeHost(
    "till",
    { serial: "SN0001", site: ${values.place}, osProfile: ${values.profile} },
    { dependsOn: [movedHost] },
);
new emf.ProvisioningGate("gate", { hosts: [{ label: "till", hostId: ${values.gateHost} }] });

const baseUrl = ${JSON.stringify(baseUrl)};
const onDelete = "remove";
const movedDisk = new image.DiskImage("moved-disk", {
    source: ${values.source}, publish: { directory: ${JSON.stringify(directory)}, baseUrl, onDelete },
});
new image.DiskImage(
    "disk",
    { source: "fixed.img", publish: { directory: ${values.directory}, baseUrl, onDelete } },
    { dependsOn: [movedDisk] },
);`;
    }

    /** Of another provider than EMF's own, so that no machine is installed from it. */
    async function bareProfile(name: string): Promise<string> {
        const { resourceId } = await lab.emf.create("compute/os", {
            name,
            sha256: "d".repeat(64),
            osType: "OS_TYPE_MUTABLE",
            osProvider: "OS_PROVIDER_KIND_LENOVO",
            securityFeature: "SECURITY_FEATURE_NONE",
        });
        return resourceId;
    }

    async function objects(): Promise<Record<string, string[]>> {
        const collections = ["regions", "sites", "compute/os", "compute/hosts", "compute/instances"];
        const ids = collections.map(async (name) => [name, await values(name, "resourceId")] as const);
        return Object.fromEntries(await Promise.all(ids));
    }

    async function values(collection: string, field: keyof ApiObject): Promise<string[]> {
        return (await lab.emf.list(collection)).map((object) => String(object[field])).sort();
    }

    function published(): string[] {
        return fs.readdirSync(lab.images.directory).sort();
    }
});

/** Three images that differ in a byte, and a file where a folder should be. */
async function makeFiles(folder: string): Promise<void> {
    const good = await buildQuickstartImage(path.join(folder, "good.img"));
    for (const [index, name] of ["other.img", "fixed.img"].entries()) {
        const copy = path.join(folder, name);
        fs.copyFileSync(good, copy);
        const disk = fs.openSync(copy, "r+");
        fs.writeSync(disk, Buffer.from([index + 1]), 0, 1, UNUSED_BYTE);
        fs.closeSync(disk);
    }
    fs.writeFileSync(path.join(folder, "blocked"), "");
}

function sizes(lists: Record<string, string[]>): Record<string, number> {
    return Object.fromEntries(Object.entries(lists).map(([name, ids]) => [name, ids.length]));
}

/** Pulumi's ids by row: a profile's stays although EMF's own becomes another. */
function idsOf({ resources }: CommandResult): Record<string, string | undefined> {
    const rows = resources.filter(({ custom, type }) => custom && !type.startsWith("pulumi:"));
    return Object.fromEntries(rows.map(({ urn, id }) => [nameOf(urn), id]));
}

function nameOf(urn = ""): string {
    return urn.split("::").pop() ?? "";
}

function succeeded(result: CommandResult): CommandResult {
    expect(result.exitCode, result.stdout).to.equal(0);
    return result;
}
