import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import { buildQuickstartImage } from "../../examples/quickstart/image";
import { startLab, type Lab } from "../../lab";
import { EMPTY, emfConfig, inventory } from "../support/quickstart";
import { stackUnderTest, type CommandResult, type StackUnderTest } from "../support/stack";

/** One of every kind; each differs between version a and b. */
const PROGRAM = `
const { emf, image } = require("pulumi-edge-os");
const v = process.env.VERSION;
const disk = new image.DiskImage("disk", { source: v + ".img", publish: JSON.parse(process.env.PUBLISH) });
const profile = new emf.OsProfile("profile", {
    name: "edge", image: disk, type: "MUTABLE", securityFeature: "NONE", metadata: { version: v },
});
const region = new emf.Region("region", { name: "north", metadata: { version: v } });
const site = new emf.Site("site", { name: "store", regionId: region.resourceId, metadata: { version: v } });
const host = new emf.EdgeHost("host", {
    serial: "SN0001", site: site.resourceId, osProfile: profile.id, metadata: { version: v },
});
new emf.ProvisioningGate("gate", {
    hosts: [{ label: "SN0001", hostId: host.hostId, instanceId: host.instanceId }],
    until: "registered", maxFailed: v === "a" ? 0 : 1,
});
`;

describe("from one version to the next, which fails, and back", function () {
    this.timeout(240_000);
    let lab: Lab;
    let stack: StackUnderTest;

    beforeEach(async () => {
        lab = await startLab({ speed: 20 });
        stack = stackUnderTest({ program: { source: PROGRAM }, config: emfConfig(lab) });
        const { directory, baseUrl } = lab.images;
        stack.env = {
            EDGE_OS_EMF_PASSWORD: lab.emf.password,
            PUBLISH: JSON.stringify({ directory, baseUrl }),
            // Small images are looked at anew each time, so that the test leaves nothing in the user's cache.
            EDGE_OS_CACHE_DIR: path.join(stack.dir, "cache"),
        };
        const first = path.join(stack.dir, "a.img");
        await buildQuickstartImage(first);
        const other = fs.readFileSync(first);
        other[other.length - 2 * 1024 * 1024] = 0xff; // in no file, and in no table
        fs.writeFileSync(path.join(stack.dir, "b.img"), other);
    });
    afterEach(async () => {
        stack.remove();
        await lab.close();
    });

    const up = (version: "a" | "b"): Promise<CommandResult> => stack.up({ env: { VERSION: version } });
    const well = (result: CommandResult): void => {
        expect(result.exitCode, result.stdout).to.equal(0);
    };

    for (const side of ["before", "after"] as const) {
        it(`loses nothing when every write of the second fails ${side} it has its effect`, async () => {
            well(await up("a"));
            const before = await standing(lab);
            for (const method of ["POST", "PATCH", "DELETE"]) {
                for (const depth of ["*", "*/*", "*/*/*"]) {
                    const after = side === "after" ? { after: "write" as const } : {};
                    lab.emf.fault({ on: `${method} ${depth}`, do: "status", status: 500, ...after });
                }
            }
            expect((await up("b")).exitCode).not.to.equal(0);

            lab.emf.clearFaults();
            well(await up("a"));
            expect(await standing(lab)).to.deep.equal(before);
            const quiet = await up("a");
            well(quiet);
            expect(Object.keys(quiet.changes).filter((op) => op !== "same")).to.deep.equal([]);

            well(await stack.destroy({ env: { VERSION: "a" } }));
            expect(await inventory(lab)).to.deep.equal(EMPTY);
            expect(fs.readdirSync(lab.images.directory)).to.deep.equal([]);
        });
    }
});

/** Ids, versions and published images, as somebody who uses them sees them. */
async function standing(lab: Lab): Promise<unknown> {
    const paths = ["regions", "sites", "compute/os", "compute/hosts", "compute/instances"];
    const objects = await Promise.all(
        paths.map(async (name) =>
            (await lab.emf.list(name)).map(({ resourceId, metadata, name: called, imageUrl }) => ({
                resourceId,
                called,
                imageUrl,
                version: /version[^a-z]*(?:value[^a-z]*)?"?([ab])"/.exec(
                    JSON.stringify(metadata ?? "").replaceAll("\\", ""),
                )?.[1],
            })),
        ),
    );
    const images = fs.readdirSync(lab.images.directory).filter((file) => !file.endsWith(".claim.json"));
    return { objects, images };
}
