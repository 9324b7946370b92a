import { expect } from "chai";
import { execFileSync } from "node:child_process";
import * as crypto from "node:crypto";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { startLab, type Lab } from "../../../lab";
import {
    getCustomConfig,
    getEdgeHost,
    getLocalAccount,
    getOsProfile,
    getRegion,
    getSite,
} from "../../../provider/emf";
import { labConfig } from "../../support/emf";
import { publicKey } from "../../support/sshKeys";

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

    it("find the account of exactly the name, where orch-cli took the last that contained it", async () => {
        const keys = new Map(["admin", "admin-b", "xadmin"].map((name) => [name, publicKey("ssh-ed25519")]));
        for (const [username, sshKey] of keys) await lab.emf.create("localAccounts", { username, sshKey });
        const account = await getLocalAccount({ name: "admin" });
        expect(account).to.deep.include({ username: "admin", sshKey: keys.get("admin") });
        expect(await getLocalAccount({ id: account.resourceId })).to.deep.equal(account);
        expect((await failure(getLocalAccount({ name: "Admin" }))).message).to.contain(
            'there is no local account named "Admin"',
        );
    });

    it("find a config without showing what it holds", async () => {
        const config = "#cloud-config\npassword: hunter2\n";
        const made = await lab.emf.create("customConfigs", { name: "base", config });
        const found = await getCustomConfig({ name: "base" });
        expect(found).to.deep.equal({
            resourceId: made.resourceId,
            name: "base",
            description: "",
            configHash: crypto.createHash("sha256").update(config).digest("hex"),
        });
    });

    it("find a host by name, serial number, UUID or id", async () => {
        const uuid = "8f0c2e4a-3b1d-4c6e-9a57-1d2e3f405161";
        const host = await lab.emf.create("compute/hosts/register", { serialNumber: "SN0001", uuid });
        await lab.emf.create("compute/hosts/register", { serialNumber: "SN00012" });
        const site = await lab.emf.create("sites", { name: "till" });
        await lab.emf.patch("compute/hosts", host.resourceId, {
            name: "till-1",
            siteId: site.resourceId,
            metadata: [{ key: "line", value: "4" }],
        });
        const expected = {
            resourceId: host.resourceId,
            name: "till-1",
            serial: "SN0001",
            uuid,
            site: site.resourceId,
            instanceId: undefined,
            osProfile: undefined,
            metadata: { line: "4" },
        };
        const ways = [
            { name: "till-1" },
            { serial: "sn0001" },
            { uuid: uuid.toUpperCase() },
            { serial: "SN0001", uuid },
            { id: host.resourceId },
        ];
        for (const way of ways) expect(await getEdgeHost(way)).to.deep.equal(expected);
        expect(
            (await failure(getEdgeHost({ serial: "SN0001", uuid: `${uuid.slice(0, -1)}2` }))).message,
        ).to.match(/^there is no host with serial "SN0001" with UUID "8f0c.*2" in project/);
        expect((await failure(getEdgeHost({ id: host.resourceId, serial: "SN00012" }))).message).to.match(
            /, but it has another serial$/,
        );
        expect((await failure(getEdgeHost({}))).message).to.contain(
            "give its name or its serial or its UUID or its id",
        );
        await lab.emf.patch("compute/hosts", host.resourceId, { name: "twice" });
        const other = await lab.emf.create("compute/hosts/register", {
            serialNumber: "SN00013",
            name: "twice",
        });
        expect((await failure(getEdgeHost({ name: "twice" }))).message)
            .to.contain('several hosts are named "twice"')
            .and.contain(other.resourceId);
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
