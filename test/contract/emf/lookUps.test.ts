import { expect } from "chai";
import { execFileSync } from "node:child_process";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { startLab, type Lab } from "../../../lab";
import { getOsProfile, getRegion, getSite } from "../../../provider/emf";
import { labConfig } from "../../support/emf";

const ROOT = path.join(__dirname, "../../..");

describe("EMF look-ups in a program", () => {
    let lab: Lab;
    before(async () => {
        lab = await startLab({ images: false });
        pulumi.runtime.setConfig("edge-os:emf", JSON.stringify(labConfig(lab)));
    });
    after(async () => {
        pulumi.runtime.setConfig("edge-os:emf", "{}");
        await lab.close();
    });

    async function failure(promise: Promise<unknown>): Promise<Error> {
        try {
            await promise;
        } catch (error) {
            return error as Error;
        }
        throw new Error("did not fail");
    }

    it("find by exact name or id, with the resources' settings and one login", async () => {
        const north = await lab.emf.create("regions", { name: "north" });
        await lab.emf.create("regions", { name: "north-2" });
        const plant = await lab.emf.create("sites", {
            name: "plant",
            regionId: north.resourceId,
            siteLat: 521234567,
            metadata: [{ key: "line", value: "4" }],
        });
        const os = await lab.emf.create("compute/os", {
            name: "Ubuntu 24.04.2 LTS",
            sha256: "a".repeat(64),
            osType: "OS_TYPE_MUTABLE",
            osProvider: "OS_PROVIDER_KIND_INFRA",
        });
        lab.emf.resetCalls();
        const [region, site, profile, byId] = await Promise.all([
            getRegion({ name: "north" }),
            getSite({ name: "plant", regionId: north.resourceId }),
            getOsProfile({ name: "Ubuntu 24.04.2 LTS" }),
            getOsProfile({ id: os.resourceId }),
        ]);
        expect(region).to.deep.equal({
            resourceId: north.resourceId,
            name: "north",
            parent: undefined,
            metadata: {},
        });
        expect(site).to.deep.equal({
            resourceId: plant.resourceId,
            name: "plant",
            regionId: north.resourceId,
            latitude: 52.1234567,
            longitude: 0,
            metadata: { line: "4" },
        });
        expect(profile)
            .to.deep.equal(byId)
            .and.include({ resourceId: os.resourceId, type: "OS_TYPE_MUTABLE" });
        expect(lab.emf.calls()).to.include({ tokens: 1, total: 4 });
    });

    it("fail with what is missing, or which ones there are", async () => {
        await lab.emf.create("sites", { name: "twice" });
        await lab.emf.create("sites", { name: "twice" });
        expect((await failure(getSite({ name: "twice" }))).message).to.match(
            /^several sites are named "twice" in project "edge-lab" at https:.* \(site-\w+, site-\w+\): give the id$/,
        );
        expect((await failure(getRegion({ name: "nort" }))).message).to.contain(
            'there is no region named "nort"',
        );
        expect((await failure(getOsProfile({ id: "os-00000000" }))).message).to.contain(
            "there is no OS profile os-00000000",
        );
        const error = await failure(getOsProfile({}));
        expect(error).to.be.instanceOf(pulumi.RunError);
        expect(error.message).to.contain("give its name or its id");
    });

    it("cost a program that uses none no library", () => {
        const script =
            'require("./provider/emf");' +
            "console.log(Object.keys(require.cache).filter((f) => /node_modules.(zod|undici|yaml|@peculiar)./.test(f)).length)";
        const output = execFileSync(
            process.execPath,
            ["-r", "ts-node/register/transpile-only", "-e", script],
            {
                cwd: ROOT,
                encoding: "utf8",
            },
        );
        expect(output.trim()).to.equal("0");
    });
});
