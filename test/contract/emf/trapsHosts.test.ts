import * as crypto from "node:crypto";
import { expect } from "chai";
import { edgeHost } from "../../../provider/emf/edgeHost.handler";
import { standingOf } from "../../../provider/emf/hostStanding";
import { region } from "../../../provider/emf/region.handler";
import { site } from "../../../provider/emf/site.handler";
import { localAccount } from "../../../provider/emf/localAccount.handler";
import { customConfig } from "../../../provider/emf/customConfig.handler";
import { osProfile } from "../../../provider/emf/osProfile.handler";
import type { AnyResource } from "../../../provider/resource/definition";
import { Row } from "../../support/row";
import { publicKey } from "../../support/sshKeys";
import { eventually, failure, PROFILE, TrapLab } from "../../support/traps";

const REGISTER = "compute/hosts/register";

async function emptied(traps: TrapLab): Promise<void> {
    const { emf } = traps.lab;
    emf.clearFaults();
    for (const path of ["compute/instances", "compute/hosts"]) {
        for (const { resourceId } of await emf.list(path)) await emf.remove(path, resourceId);
    }
    await eventually(async () => (await emf.list("compute/hosts")).length === 0);
}

describe("traps of EMF's hosts", () => {
    let traps: TrapLab;
    before(async () => {
        traps = await TrapLab.start();
    });
    after(() => traps[Symbol.asyncDispose]());
    afterEach(() => emptied(traps));

    it("registration takes 20 characters of a name, the host itself 50, and none blanks it", async () => {
        const name = "a name of more than 20 characters";
        const text = await traps.refused(400, "POST", REGISTER, { serialNumber: "SN00001", name });
        expect(text).to.contain("maxLength: got 33, want 20").and.contain("Schema:");
        const { resourceId } = await traps.taken("POST", REGISTER, { serialNumber: "SN00002", name: "x" });
        expect(await traps.taken("PATCH", `compute/hosts/${resourceId}`, { name: "" })).to.include({
            name: "",
        });

        const row = new Row(edgeHost);
        await row.up({ serial: "SN00003", name }, traps.run());
        await row.up({ serial: "SN00003" }, traps.run());
        const host = (await traps.lab.emf.list("compute/hosts")).find(
            ({ serialNumber }) => serialNumber === "SN00003",
        );
        expect(host?.name).to.equal(host?.resourceId);
    });

    it("a host without serial number and UUID is refused only by the server", async () => {
        expect(await traps.refused(400, "POST", REGISTER, { name: "x" })).to.contain("UUID or SerialNumber");
        traps.lab.emf.resetCalls();
        expect((await failure(new Row(edgeHost).up({}, traps.run()))).message).to.contain(
            "needs serial, uuid or both",
        );
        expect(traps.lab.emf.calls().writes).to.equal(0);
    });

    it("the same serial number with another UUID becomes a second host of one machine", async () => {
        const [a, b] = [crypto.randomUUID(), crypto.randomUUID()];
        await traps.taken("POST", REGISTER, { serialNumber: "SN00001", uuid: a });
        await traps.taken("POST", REGISTER, { serialNumber: "SN00001", uuid: b });
        expect(await traps.lab.emf.list("compute/hosts")).to.have.lengthOf(2);
        await emptied(traps);

        await new Row(edgeHost).up({ serial: "SN00001", uuid: a }, traps.run());
        const { message } = await failure(new Row(edgeHost).up({ serial: "SN00001", uuid: b }, traps.run()));
        expect(message).to.contain("would make a second host of one machine");
        expect(await traps.lab.emf.list("compute/hosts")).to.have.lengthOf(1);
    });

    it("a UUID is taken over all projects, and the refusal does not say where", async () => {
        const uuid = crypto.randomUUID();
        await traps.taken("POST", REGISTER, { uuid }, { project: traps.lab.emf.otherProject });
        const text = await traps.refused(400, "POST", REGISTER, { uuid });
        expect(text).to.contain("host_resources_uuid_key").and.contain("FailedPrecondition");
        const { message } = await failure(new Row(edgeHost).up({ uuid }, traps.run()));
        expect(message).to.contain("another project");
    });

    it("a serial number alone is taken over all projects too", async () => {
        const elsewhere = { project: traps.lab.emf.otherProject };
        await traps.taken("POST", REGISTER, { serialNumber: "SN00001" }, elsewhere);
        const text = await traps.refused(400, "POST", REGISTER, { serialNumber: "SN00001" });
        expect(text).to.contain("hostresource_serial_number");
        const { message } = await failure(new Row(edgeHost).up({ serial: "SN00001" }, traps.run()));
        expect(message).to.contain("another project");
        const { hosts } = await traps.taken("GET", "compute/hosts", undefined, elsewhere);
        for (const { resourceId } of hosts as { resourceId: string }[]) {
            await traps.taken("DELETE", `compute/hosts/${resourceId}`, undefined, elsewhere);
        }
    });

    it("a host that is being deleted keeps its UUID until the manager is through", async () => {
        const uuid = crypto.randomUUID();
        await using slow = await TrapLab.start({ workers: false });
        const old = await slow.taken("POST", REGISTER, { uuid });
        await slow.taken("DELETE", `compute/hosts/${old.resourceId}`);
        expect(await slow.refused(400, "POST", REGISTER, { uuid })).to.contain("host_resources_uuid_key");

        const registration = new Row(edgeHost).up({ uuid }, slow.run());
        await eventually(async () => slow.lab.emf.calls().reads > 0);
        slow.lab.emf.store.manager({
            op: "update",
            kind: "host",
            resourceId: old.resourceId,
            fields: { currentState: "HOST_STATE_DELETED" },
            mask: ["current_state"],
        });
        expect(await registration).to.equal("created");
        const [host, ...others] = await slow.lab.emf.list("compute/hosts");
        expect(others).to.be.empty;
        expect(host).to.include({ uuid, desiredState: "HOST_STATE_ONBOARDED" });
        expect(host?.resourceId).not.to.equal(old.resourceId);
    });

    it("a change of the registration blanks the name and takes onboarding back", async () => {
        const body = { serialNumber: "SN00001", name: "till", autoOnboard: true };
        const { resourceId } = await traps.taken("POST", REGISTER, body);
        await traps.taken("PATCH", `compute/hosts/${resourceId}/register`, {});
        expect(await traps.lab.emf.get("compute/hosts", resourceId)).to.include({
            name: "",
            desiredState: "HOST_STATE_REGISTERED",
        });
        await emptied(traps);

        const row = new Row(edgeHost);
        await row.up({ serial: "SN00001", name: "till" }, traps.run());
        await row.up({ serial: "SN00001", name: "till 2" }, traps.run());
        expect((await traps.lab.emf.list("compute/hosts"))[0]).to.include({
            name: "till 2",
            desiredState: "HOST_STATE_ONBOARDED",
        });
    });

    it("a host that is being deleted is brought back by onboarding, registering or deauthorizing it", async () => {
        await using still = await TrapLab.start({ workers: false });
        const { resourceId } = await still.taken("POST", REGISTER, { serialNumber: "SN00001" });
        const path = `compute/hosts/${resourceId}`;
        for (const [method, action, body] of [
            ["PATCH", "onboard", {}],
            ["PATCH", "register", { name: "x" }],
            ["PUT", "invalidate", undefined],
        ] as const) {
            await still.taken("DELETE", path);
            await still.taken(method, `${path}/${action}`, body);
            expect((await still.lab.emf.get("compute/hosts", resourceId)).desiredState).not.to.contain(
                "DELETED",
            );
        }

        const client = still.client();
        await client.remove("hosts", resourceId, { wait: false });
        for (const action of ["onboard", "register", "invalidate"] as const) {
            expect((await failure(client.changeHost(resourceId, action))).message).to.contain(
                "is being deleted",
            );
        }
        still.lab.emf.resetCalls();
        await client.remove("hosts", resourceId, { wait: false });
        expect(still.lab.emf.calls().writes, "what is being deleted is left alone").to.equal(0);
        expect(await still.lab.emf.get("compute/hosts", resourceId)).to.include({
            desiredState: "HOST_STATE_DELETED",
        });
    });

    it("keys that EMF does not write are taken with 200 and lost", async () => {
        const { resourceId } = await traps.taken("POST", REGISTER, { serialNumber: "SN00001" });
        const path = `compute/hosts/${resourceId}`;
        const ignored = { name: "x", uuid: crypto.randomUUID(), desiredState: "HOST_STATE_UNTRUSTED" };
        expect(await traps.taken("PATCH", path, ignored)).to.include({ uuid: "", name: "x" });

        const client = traps.client();
        for (const key of ["uuid", "desiredState", "userLvmSize"]) {
            const error = await failure(client.patch("hosts", resourceId, { [key]: "x" } as never));
            expect(error.message).to.contain(`does not write ${key}`);
        }
    });

    it("creating a host by POST compute/hosts cannot work", async () => {
        await traps.refused(400, "POST", "compute/hosts", { name: "x", serialNumber: "SN00001" });
        await traps.refused(403, "POST", "compute/hosts", { name: "x" });
        await new Row(edgeHost).up({ serial: "SN00001" }, traps.run());
        expect(await traps.lab.emf.list("compute/hosts")).to.have.lengthOf(1);
    });

    it("metadata with a key twice is refused, and an own key hides an inherited one", async () => {
        const where = await traps.taken("POST", "sites", {
            name: "s",
            metadata: [{ key: "line", value: "1" }],
        });
        const { resourceId } = await traps.taken("POST", REGISTER, { serialNumber: "SN00001" });
        const twice = ["1", "2"].map((value) => ({ key: "line", value }));
        const body = { name: "x", siteId: where.resourceId, metadata: twice };
        expect(await traps.refused(400, "PATCH", `compute/hosts/${resourceId}`, body)).to.contain(
            "Duplicate",
        );
        await traps.taken("PATCH", `compute/hosts/${resourceId}`, { ...body, metadata: [twice[1]] });
        expect((await traps.lab.emf.get("compute/hosts", resourceId)).inheritedMetadata).to.deep.equal([]);
        await emptied(traps);

        const row = new Row(edgeHost);
        const inputs = { serial: "SN00002", site: where.resourceId, metadata: { line: "2" } };
        await row.up(inputs, traps.run());
        expect(await row.refresh(traps.run())).to.deep.equal([]);
        expect(await row.up(inputs, traps.run())).to.equal("same");
    });

    it("a site that is misspelt, or metadata that EMF refuses, leaves orch-cli's host registered half-way", async () => {
        const { resourceId } = await traps.taken("POST", REGISTER, { serialNumber: "SN00001" });
        const body = { name: "x", metadata: [{ key: "Line", value: "4" }] };
        await traps.refused(400, "PATCH", `compute/hosts/${resourceId}`, body);
        expect(await traps.lab.emf.list("compute/hosts")).to.have.lengthOf(1);
        await emptied(traps);

        traps.lab.emf.resetCalls();
        const inputs = { serial: "SN00001", metadata: { Line: "4" } };
        expect((await failure(new Row(edgeHost).up(inputs, traps.run()))).message).to.match(/^metadata/);
        expect(traps.lab.emf.calls().writes).to.equal(0);
    });

    it("the AMT indicator repeats that of the power status, and says nothing about the installation", async () => {
        const { resourceId } = await traps.taken("POST", REGISTER, {
            serialNumber: "SN00001",
            autoOnboard: true,
        });
        traps.lab.emf.store.manager({
            op: "update",
            kind: "host",
            resourceId,
            fields: {
                powerStatusIndicator: "STATUS_INDICATION_ERROR",
                amtStatusIndicator: "STATUS_INDICATION_IDLE",
            },
            mask: ["power_status_indicator", "amt_status_indicator"],
        });
        const host = await traps.lab.emf.get("compute/hosts", resourceId);
        expect(host).to.include({ amtStatusIndicator: "STATUS_INDICATION_ERROR" });
        expect(standingOf(host as never, "registered").state).to.equal("ready");
    });
});

describe("traps of EMF's projects and paths", () => {
    let traps: TrapLab;
    before(async () => {
        traps = await TrapLab.start({ workers: false });
    });
    after(() => traps[Symbol.asyncDispose]());

    const kinds = [
        { kind: region, path: "regions", body: { name: "north" } },
        { kind: site, path: "sites", body: { name: "store" } },
        { kind: osProfile, path: "compute/os", body: { ...PROFILE, name: "ubuntu" } },
        { kind: edgeHost, path: "compute/hosts", body: { serialNumber: "SN00001" } },
        {
            kind: localAccount,
            path: "localAccounts",
            body: { username: "op", sshKey: publicKey("ssh-ed25519") },
        },
        { kind: customConfig, path: "customConfigs", body: { name: "ntp", config: "#cloud-config\n" } },
    ];
    for (const { kind, path, body } of kinds) {
        it(`${kind.kind}: in another project its id is just not found, which proves nothing`, async () => {
            const { emf } = traps.lab;
            const made = await traps.taken("POST", path === "compute/hosts" ? REGISTER : path, body);
            const elsewhere = await traps.raw("GET", `${path}/${made.resourceId}`, undefined, {
                project: emf.otherProject,
            });
            expect(elsewhere.status).to.equal(404);
            expect(elsewhere.body).to.include({ code: "NotFound" });

            const definition = kind as unknown as AnyResource;
            const inputs = { ...body, serial: "SN00001", projectUid: emf.projectUid, endpoint: emf.endpoint };
            const outputs = { resourceId: made.resourceId, hostId: made.resourceId, claim: "x" };
            const context = traps.run({ project: emf.otherProject });
            for (const verb of [
                () => definition.read(made.resourceId, { inputs, outputs }, context),
                () => definition.update(made.resourceId, { inputs, outputs }, inputs, context),
                () => definition.delete(made.resourceId, { inputs, outputs }, context),
            ]) {
                expect((await failure(verb())).message).to.contain("Nothing was changed");
            }
            expect(await emf.get(path, made.resourceId)).to.include({ resourceId: made.resourceId });
        });
    }

    it("the id of another kind is taken: a GET answers an empty object, a DELETE hits the other object", async () => {
        const profile = await traps.profile();
        const host = await traps.taken("POST", REGISTER, { serialNumber: "SN00002" });
        expect(await traps.taken("GET", `compute/os/${host.resourceId}`)).to.include({
            resourceId: "",
            sha256: "",
        });
        await traps.refused(500, "PATCH", `compute/os/${host.resourceId}`, { ...PROFILE, architecture: "x" });
        await traps.taken("DELETE", `compute/os/${host.resourceId}`);
        expect(await traps.lab.emf.get("compute/hosts", host.resourceId)).to.include({
            desiredState: "HOST_STATE_DELETED",
        });

        traps.lab.emf.resetCalls();
        const client = traps.client();
        for (const attempt of [
            () => client.get("os", host.resourceId),
            () => client.remove("os", host.resourceId),
            () => client.patch("os", host.resourceId, { sha256: PROFILE.sha256, architecture: "x" }),
            () => client.get("hosts", profile.resourceId),
        ]) {
            expect((await failure(attempt())).message).to.contain("is not the id of a");
        }
        expect(traps.lab.emf.calls().total).to.equal(0);
    });

    it("a malformed id is a bad request or not found, by its form, and never gets into a path", async () => {
        await traps.refused(400, "GET", "compute/os/abc");
        await traps.refused(400, "GET", "compute/os/OS-00000000");
        await traps.refused(404, "GET", "compute/os/os-xyz");
        traps.lab.emf.resetCalls();
        const client = traps.client();
        for (const id of ["abc", "OS-00000000", "os-xyz", "../hosts", ""]) {
            expect((await failure(client.get("os", id))).message).to.contain(
                "is not the id of an OS profile",
            );
        }
        expect(traps.lab.emf.calls().total).to.equal(0);
    });

    it("a region that is its own parent, or six levels deep, is refused for its depth", async () => {
        let parent = (await traps.taken("POST", "regions", { name: "1" })).resourceId;
        for (let depth = 2; depth <= 5; depth++) {
            parent = (await traps.taken("POST", "regions", { name: `${depth}`, parentId: parent }))
                .resourceId;
        }
        expect(await traps.refused(400, "POST", "regions", { name: "6", parentId: parent })).to.contain(
            "depth",
        );
        const { message } = await failure(region.create({ name: "6", parent }, traps.run()));
        expect(message).to.contain("nesting depth").and.not.contain("    at ");
    });

    it("a region without a parent has an empty one, which is no drift", async () => {
        const made = await traps.taken("POST", "regions", { name: "alone" });
        expect(made.parentRegion).to.include({ resourceId: "" });
        const row = new Row(region);
        await row.up({ name: "alone too" }, traps.run());
        expect(await row.refresh(traps.run())).to.deep.equal([]);
        expect(row.state?.inputs).not.to.have.property("parent");
    });

    it("the region in a site's path is ignored: the body's counts", async () => {
        const { resourceId } = await traps.taken("POST", "regions", { name: "south" });
        const made = await traps.taken("POST", `regions/${resourceId}/sites`, { name: "lost" });
        expect(made).to.include({ regionId: "" });
        const { sites } = await traps.taken("GET", "regions/nonsense/sites");
        expect((sites as unknown[]).length).to.be.at.least(1);

        await site.create({ name: "found", regionId: resourceId }, traps.run());
        const found = (await traps.lab.emf.list("sites")).find(({ name }) => name === "found");
        expect(found).to.include({ regionId: resourceId });
    });

    it("accounts and configs show 1970 as their last change, and config text is not looked at", async () => {
        const { timestamps } = await traps.taken("POST", "customConfigs", {
            name: "bad",
            config: ": not { yaml",
        });
        expect(timestamps).to.include({ updatedAt: "1970-01-01T00:00:00Z" });
        await traps.refused(400, "POST", "customConfigs", { name: "none", config: "" });
        await traps.refused(400, "POST", "customConfigs", { name: "empty", config: "x", description: "" });

        const row = new Row(customConfig);
        await row.up({ name: "good", config: "#cloud-config\nntp: {}\n" }, traps.run());
        expect(await row.refresh(traps.run())).to.deep.equal([]);
        for (const config of [": not { yaml", ""]) {
            const { message } = await failure(new Row(customConfig).up({ name: "bad", config }, traps.run()));
            expect(message).to.match(/^config: /);
        }
    });

    it("an SSH key with the line break of its file is refused, and so is any RSA key", async () => {
        const sshKey = `${publicKey("ssh-ed25519")} me@home`;
        await traps.refused(400, "POST", "localAccounts", { username: "a", sshKey: `${sshKey}\n` });
        await traps.refused(400, "POST", "localAccounts", {
            username: "a",
            sshKey: "ssh-rsa AAAAB3NzaC1yc2E= me",
        });
        await new Row(localAccount).up({ username: "a", sshKey: `${sshKey}\n` }, traps.run());
        const rsa = { username: "b", sshKey: "ssh-rsa AAAAB3NzaC1yc2E= me" };
        expect((await failure(new Row(localAccount).up(rsa, traps.run()))).message).to.contain("RSA key");
    });
});
