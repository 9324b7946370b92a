import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { startLab, type ApiObject, type Lab } from "../../../lab";
import { EMF_CLAIM_KEY } from "../../../provider/emf/claims";
import type { EmfClient } from "../../../provider/emf/client";
import { edgeHost } from "../../../provider/emf/edgeHost.handler";
import { UNKNOWN } from "../../../provider/resource/unknown";
import { testContext, type TestContext } from "../../support/context";
import { labClient } from "../../support/emf";
import { Row } from "../../support/row";

const UUID_A = "4c4c4544-0051-3010-8034-b6c04f4e3233";
const UUID_B = "4c4c4544-0051-3010-8034-b6c04f4e3244";

describe("emf.EdgeHost against the lab", () => {
    let lab: Lab;
    let profile: string;
    const clients: EmfClient[] = [];

    before(async () => {
        lab = await startLab({ images: false, speed: 50 });
        profile = await makeProfile("ubuntu-1", "a");
    });
    after(async () => {
        await Promise.all(clients.map((client) => client.close()));
        await lab.close();
    });
    afterEach(async () => {
        lab.emf.clearFaults();
        delete lab.emf.tap;
        for (const { resourceId } of await lab.emf.list("compute/instances")) {
            await lab.emf.remove("compute/instances", resourceId);
        }
        for (const { resourceId } of await lab.emf.list("compute/hosts")) {
            await lab.emf.remove("compute/hosts", resourceId);
        }
        await eventually(async () => (await hosts()).length === 0);
    });

    /** A new run: its client has seen nothing yet. */
    function run(
        options: { name?: string; stack?: string; project?: string; preview?: boolean } = {},
    ): TestContext<EmfClient> {
        const { client } = labClient(lab, options.project === undefined ? {} : { project: options.project }, {
            sleep: () => sleep(5),
        });
        clients.push(client);
        return testContext({ client, kind: "emf.EdgeHost", ...options });
    }

    async function makeProfile(name: string, digit: string, securityFeature = "NONE"): Promise<string> {
        const { resourceId } = await lab.emf.create("compute/os", {
            name,
            profileName: name,
            imageUrl: "https://files.example.com/u.raw.gz",
            sha256: digit.repeat(64),
            osType: "OS_TYPE_MUTABLE",
            osProvider: "OS_PROVIDER_KIND_INFRA",
            securityFeature: `SECURITY_FEATURE_${securityFeature}`,
        });
        return resourceId;
    }

    const hosts = (): Promise<ApiObject[]> => lab.emf.list("compute/hosts");
    const instances = (): Promise<ApiObject[]> => lab.emf.list("compute/instances");

    async function onlyHost(): Promise<ApiObject> {
        const [host, ...others] = await hosts();
        expect(others).to.deep.equal([]);
        if (!host) throw new Error("there is no host");
        return host;
    }

    async function failure(promise: Promise<unknown>): Promise<string> {
        try {
            await promise;
        } catch (error) {
            return (error as Error).message;
        }
        throw new Error("did not fail");
    }

    /** A machine that has installed the host's profile, as far as the API shows. */
    function pretendInstalled(instanceId: string, indicator = "IDLE"): void {
        const status = indicator === "ERROR" ? "Provisioning Failed: 3/9: streaming failed" : "Provisioned";
        const running = indicator === "IDLE";
        const result = lab.emf.store.manager({
            op: "update",
            kind: "instance",
            resourceId: instanceId,
            fields: {
                ...(running ? { currentState: "INSTANCE_STATE_RUNNING" } : {}),
                provisioningStatus: status,
                provisioningStatusIndicator: `STATUS_INDICATION_${indicator}`,
            },
            mask: [
                ...(running ? ["current_state"] : []),
                "provisioning_status",
                "provisioning_status_indicator",
            ],
        });
        expect(result.ok).to.equal(true);
    }

    /** Its own system has reported. */
    function pretendRunning(hostId: string): void {
        const result = lab.emf.store.manager({
            op: "update",
            kind: "host",
            resourceId: hostId,
            fields: {
                hostStatus: "Running",
                hostStatusIndicator: "STATUS_INDICATION_IDLE",
                hostStatusTimestamp: 1_700_000_000,
            },
            mask: ["host_status", "host_status_indicator", "host_status_timestamp"],
        });
        expect(result.ok).to.equal(true);
    }

    it("registers, describes and gives an instance in three writes; a second run changes nothing", async () => {
        const site = await lab.emf.create("sites", { name: "store 17" });
        const row = new Row(edgeHost);
        const inputs = {
            serial: "SN00001",
            uuid: UUID_A,
            site: "store 17",
            osProfile: "ubuntu-1",
            metadata: { tier: "gold" },
        };
        lab.emf.resetCalls();
        expect(await row.up(inputs, run())).to.equal("created");

        expect(lab.emf.calls().writes).to.equal(3);
        expect(row.id).to.equal(`${lab.emf.projectUid}/${UUID_A}`);
        const host = await onlyHost();
        expect(host).to.include({
            name: host.resourceId,
            serialNumber: "SN00001",
            uuid: UUID_A,
            siteId: site.resourceId,
        });
        expect(host.desiredState).to.equal("HOST_STATE_ONBOARDED");
        expect(host.metadata).to.deep.equal([
            { key: "tier", value: "gold" },
            { key: EMF_CLAIM_KEY, value: row.state?.outputs.claim },
        ]);
        const [instance] = await instances();
        expect(instance).to.include({ osID: profile, securityFeature: "SECURITY_FEATURE_NONE" });
        expect(row.state?.outputs).to.include({ hostId: host.resourceId, instanceId: instance?.resourceId });

        expect(await row.refresh(run())).to.deep.equal([]);
        expect(await row.up(inputs, run())).to.equal("same");
    });

    it("keeps its state small", async () => {
        const row = new Row(edgeHost);
        await row.up(
            { serial: "SN00001", uuid: UUID_A, osProfile: profile, metadata: { tier: "gold", line: "4" } },
            run(),
        );
        const stored = JSON.stringify([row.state?.inputs, { ...row.state?.inputs, ...row.state?.outputs }]);
        expect(Buffer.byteLength(stored)).to.be.below(2048);
    });

    it("takes a default that is spelt out, or left out again, as no change", async () => {
        const row = new Row(edgeHost);
        await row.up({ serial: "SN00001", osProfile: profile }, run());
        expect(row.state?.inputs).not.to.have.any.keys("adopt", "reimage", "autoOnboard", "securityFeature");
        const spelt = { autoOnboard: true, enableVpro: false, securityFeature: "NONE" };
        expect(await row.up({ serial: "SN00001", osProfile: profile, ...spelt }, run())).to.equal("same");
    });

    it("gives a long name by PATCH, since registration takes 20 characters", async () => {
        const name = "till 4 of the store at the old harbour, row 2".replace(",", "");
        await new Row(edgeHost).up({ serial: "SN00001", name }, run());
        expect(await onlyHost()).to.include({ name });
    });

    it("takes a serial or UUID that is filled in later as no change", async () => {
        const row = new Row(edgeHost);
        await row.up({ serial: "SN00001" }, run());
        expect(await row.up({ serial: "SN00001", uuid: UUID_A }, run())).to.equal("same");
        expect(await failure(row.up({ serial: "SN00002", uuid: UUID_A }, run()))).to.include(
            "replaced for serial",
        );
    });

    describe("interrupted", () => {
        for (const [route, lost] of [
            ["POST compute/hosts/register", "write"],
            ["PATCH compute/hosts/{id}", "write"],
            ["POST compute/instances", "write"],
            ["POST compute/hosts/register", undefined],
            ["PATCH compute/hosts/{id}", undefined],
            ["POST compute/instances", undefined],
        ] as const) {
            it(`${lost ? "after" : "before"} ${route}: exists once, and the next run completes it`, async () => {
                const row = new Row(edgeHost);
                const inputs = { serial: "SN00001", osProfile: profile };
                let cut = true;
                lab.emf.tap = (side, at) =>
                    cut && at === route && side === (lost ? "after" : "before") ? "drop" : undefined;
                await row.up(inputs, run()).catch(() => undefined);
                cut = false;
                await row.up(inputs, run());

                const host = await onlyHost();
                expect(host.name).to.equal(host.resourceId);
                expect(await instances()).to.have.lengthOf(1);
                expect(host.metadata).to.deep.equal([
                    { key: EMF_CLAIM_KEY, value: row.state?.outputs.claim },
                ]);
                expect(await row.refresh(run())).to.deep.equal([]);
            });
        }

        it("with nothing kept in the state: the next run finds its own registration", async () => {
            let registered = 0;
            lab.emf.tap = (side, at) => {
                if (side === "after" && at === "POST compute/hosts/register") registered++;
                return registered > 0 ? "drop" : undefined;
            };
            await new Row(edgeHost)
                .up({ serial: "SN00001", osProfile: profile }, run())
                .catch(() => undefined);
            delete lab.emf.tap;
            expect(await hosts()).to.have.lengthOf(1);

            await new Row(edgeHost).up({ serial: "SN00001", osProfile: profile }, run());
            expect(await hosts()).to.have.lengthOf(1);
            expect(await instances()).to.have.lengthOf(1);
        });
    });

    it("answers a lost registration by a look, and not by a second one", async () => {
        lab.emf.fault({ on: "POST compute/hosts/register", do: "reset", after: "write", times: 1 });
        await new Row(edgeHost).up({ serial: "SN00001" }, run());
        expect(await hosts()).to.have.lengthOf(1);
    });

    describe("registered by others", () => {
        it("is refused in the check, and taken over with adopt", async () => {
            await lab.emf.create("compute/hosts/register", { name: "by hand", serialNumber: "SN00001" });
            const message = await failure(new Row(edgeHost).up({ serial: "SN00001" }, run()));
            expect(message).to.match(
                /^serial: host-[0-9a-f]{8} "by hand" \(serial SN00001\) is registered already/,
            );
            expect(message).to.include("adopt: true");

            const row = new Row(edgeHost);
            await row.up({ serial: "SN00001", osProfile: profile, adopt: true }, run());
            expect(await onlyHost()).to.include({ name: "by hand" });
            expect(await instances()).to.have.lengthOf(1);
            expect(await row.refresh(run())).to.deep.equal([]);
        });

        it("is refused with or without adopt when another stack claims it", async () => {
            await new Row(edgeHost).up({ serial: "SN00001" }, run({ stack: "other" }));
            for (const adopt of [false, true]) {
                expect(await failure(new Row(edgeHost).up({ serial: "SN00001", adopt }, run()))).to.include(
                    "is managed by another stack",
                );
            }
        });

        it("is not registered a second time under another UUID", async () => {
            await new Row(edgeHost).up({ serial: "SN00001", uuid: UUID_A }, run());
            expect(
                await failure(new Row(edgeHost).up({ serial: "SN00001", uuid: UUID_B }, run())),
            ).to.include("would make a second host of one machine");
            expect(await hosts()).to.have.lengthOf(1);
        });

        it("in another project is named as the reason", async () => {
            await new Row(edgeHost).up(
                { uuid: UUID_A },
                run({ project: lab.emf.otherProject, stack: "other" }),
            );
            expect(await failure(new Row(edgeHost).up({ uuid: UUID_A }, run()))).to.include(
                "another project",
            );
        });

        it("by two rows of one program is refused", async () => {
            const first = run({ name: "a" });
            const second = { ...run({ name: "b" }), client: first.client };
            await new Row(edgeHost).up({ serial: "SN00001" }, first);
            expect(
                await failure(new Row(edgeHost).up({ serial: "SN00001", adopt: true }, second)),
            ).to.include('emf.EdgeHost "test" is the same machine'.replace("test", "a"));
        });
    });

    it("refuses references that are not there or not clear, with paths", async () => {
        await lab.emf.create("sites", { name: "twin" });
        await lab.emf.create("sites", { name: "twin" });
        const message = await failure(
            new Row(edgeHost).up(
                { serial: "SN00001", site: "twin", osProfile: "ubuntu-2", customConfigs: ["none"] },
                run(),
            ),
        );
        expect(message).to.match(
            /^site: 2 sites in EMF project "edge-lab" are named "twin": site-.*; give the id$/m,
        );
        expect(message).to.match(
            /^osProfile: there is no OS profile named "ubuntu-2".*did you mean "ubuntu-1"\?$/m,
        );
        expect(message).to.match(/^customConfigs\[0\]: there is no custom config named "none"/m);
    });

    it("refuses secure boot where the profile does not offer it", async () => {
        const inputs = {
            serial: "SN00001",
            osProfile: profile,
            securityFeature: "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION",
        };
        expect(await failure(new Row(edgeHost).up(inputs, run()))).to.match(
            /^securityFeature: .*is not offered/,
        );
    });

    describe("drift", () => {
        const inputs = { serial: "SN00001", name: "till", metadata: { tier: "gold" } };
        let row: Row;
        let host: ApiObject;
        beforeEach(async () => {
            row = new Row(edgeHost);
            await row.up({ ...inputs, osProfile: profile }, run());
            host = await onlyHost();
        });
        const repaired = async (): Promise<void> => {
            expect(await row.up({ ...inputs, osProfile: profile }, run())).to.equal("updated");
            expect(await row.refresh(run())).to.deep.equal([]);
        };

        it("of name and declared metadata shows as those inputs, and is repaired", async () => {
            await lab.emf.patch("compute/hosts", host.resourceId, {
                name: "changed",
                metadata: [
                    { key: "tier", value: "lead" },
                    { key: "theirs", value: "1" },
                ],
            });
            expect(await row.refresh(run())).to.deep.equal(["name", "metadata"]);
            await repaired();
            expect(await onlyHost()).to.include({ name: "till" });
            expect((await onlyHost()).metadata).to.deep.include({ key: "theirs", value: "1" });
        });

        it("of undeclared site is none", async () => {
            const site = await lab.emf.create("sites", { name: "s" });
            await lab.emf.patch("compute/hosts", host.resourceId, { name: "till", siteId: site.resourceId });
            expect(await row.refresh(run())).to.deep.equal([]);
        });

        it("an instance that vanished shows as osProfile and comes back", async () => {
            const before = row.state?.outputs.instanceId as string;
            await lab.emf.remove("compute/instances", before);
            await eventually(async () => (await instances()).length === 0);
            expect(await row.refresh(run())).to.deep.equal(["osProfile"]);
            expect(row.state?.outputs).not.to.have.property("instanceId");
            await repaired();
            expect(row.state?.outputs.instanceId)
                .to.match(/^inst-/)
                .and.not.equal(before);
        });

        it("an instance that vanished from a machine that has run comes back with a new registration only", async () => {
            const before = row.state?.outputs.instanceId as string;
            pretendRunning(host.resourceId);
            await lab.emf.remove("compute/instances", before);
            await eventually(async () => (await instances()).length === 0);
            expect(await row.refresh(run())).to.deep.equal(["osProfile"]);
            const wanted = { ...inputs, osProfile: profile };
            expect(await failure(row.check(wanted, run()))).to.match(
                /osProfile.*its instance was deleted.*reimage: "allow"/,
            );

            expect(await row.up({ ...wanted, reimage: "allow" }, run())).to.equal("updated");
            expect((await onlyHost()).resourceId).not.to.equal(host.resourceId);
            expect(await instances()).to.have.lengthOf(1);
        });

        it("a host that was deauthorized is told of, though no input shows it", async () => {
            const context = run();
            await context.client.changeHost(host.resourceId, "invalidate");
            await row.refresh(context);
            expect(context.messages.warn.join()).to.include("was deauthorized, which EMF cannot take back");
        });

        it("a host that was deleted is gone, and registered anew", async () => {
            await lab.emf.remove("compute/instances", row.state?.outputs.instanceId as string);
            await lab.emf.remove("compute/hosts", host.resourceId);
            expect(await row.refresh(run())).to.equal("gone");
            expect(await row.up({ ...inputs, osProfile: profile }, run())).to.equal("created");
            expect((await onlyHost()).resourceId).not.to.equal(host.resourceId);
        });

        it("a host that vanishes between refresh and update is registered anew in the update", async () => {
            await lab.emf.remove("compute/instances", row.state?.outputs.instanceId as string);
            await lab.emf.remove("compute/hosts", host.resourceId);
            await eventually(async () => (await hosts()).length === 0);
            expect(await row.up({ ...inputs, name: "till 2", osProfile: profile }, run())).to.equal(
                "updated",
            );
            expect(await onlyHost()).to.include({ name: "till 2" });
        });

        it("is not told by another project's answers", async () => {
            expect(await failure(row.refresh(run({ project: lab.emf.otherProject })))).to.include(
                "is in project",
            );
            expect(await failure(row.delete(run({ project: lab.emf.otherProject })))).to.include(
                "is in project",
            );
            expect(await hosts()).to.have.lengthOf(1);
        });
    });

    describe("another profile", () => {
        let same: string;
        let other: string;
        let row: Row;
        before(async () => {
            same = await makeProfile("ubuntu-1-renamed", "a");
            other = await makeProfile("ubuntu-next", "b");
        });
        beforeEach(async () => {
            row = new Row(edgeHost);
            await row.up({ serial: "SN00001", osProfile: profile }, run());
        });
        const instanceId = (): string => row.state?.outputs.instanceId as string;

        it("of the same image is relinked", async () => {
            const before = instanceId();
            pretendInstalled(before);
            await row.up({ serial: "SN00001", osProfile: same }, run());
            expect(instanceId()).to.equal(before);
            expect((await instances())[0]).to.include({ osID: same });
        });

        it("is installed instead before any installation, and after a failed one", async () => {
            const first = instanceId();
            await row.up({ serial: "SN00001", osProfile: other }, run());
            const second = instanceId();
            expect(second).not.to.equal(first);
            pretendInstalled(second, "ERROR");
            await row.up({ serial: "SN00001", osProfile: profile }, run());
            expect(instanceId()).not.to.equal(second);
            expect(await instances()).to.have.lengthOf(1);
            expect((await onlyHost()).resourceId).to.equal(row.state?.outputs.hostId);
        });

        it("on a running host is refused in the check, and registers it anew when allowed", async () => {
            pretendInstalled(instanceId());
            const before = await onlyHost();
            const message = await failure(row.up({ serial: "SN00001", osProfile: other }, run()));
            expect(message).to.match(/^osProfile: .*erases its disk; set reimage: "allow"/);
            expect((await instances())[0]).to.include({ osID: profile });

            const context = run();
            await row.up({ serial: "SN00001", osProfile: other, reimage: "allow" }, context);
            const after = await onlyHost();
            expect(after.resourceId).not.to.equal(before.resourceId);
            expect((await instances())[0]).to.include({ osID: other });
            expect(row.state?.outputs.hostId).to.equal(after.resourceId);
            expect(context.messages.warn.join()).to.include("erases its disk");
        });

        describe("that the same run makes", () => {
            const foreseen = (digit: string): Record<string, unknown> => ({
                serial: "SN00001",
                osProfile: UNKNOWN,
                imageSha256: digit.repeat(64),
            });
            beforeEach(() => {
                pretendInstalled(instanceId());
            });

            it("is refused in the preview when its image is another one", async () => {
                const message = await failure(row.check(foreseen("b"), run({ preview: true })));
                expect(message).to.match(
                    /^osProfile: .*one that this run makes.*erases its disk; set reimage: "allow"/,
                );
                const context = run({ preview: true });
                await row.check({ ...foreseen("b"), reimage: "allow" }, context);
                expect(context.messages.warn.join()).to.include(
                    "will be installed anew, which erases its disk",
                );
            });

            it("is no matter when its image is the same", async () => {
                const context = run({ preview: true });
                const checked = await row.check(foreseen("a"), context);
                expect(context.messages.warn).to.deep.equal([]);
                expect(checked, "the hint is not kept").not.to.have.property("imageSha256");
            });

            it("is only warned about when its image is not known", async () => {
                const context = run({ preview: true });
                await row.check({ serial: "SN00001", osProfile: UNKNOWN }, context);
                expect(context.messages.warn.join()).to.include("osProfile is not known yet");
            });
        });

        it("an interrupted re-image is continued", async () => {
            pretendInstalled(instanceId());
            const inputs = { serial: "SN00001", osProfile: other, reimage: "allow" };
            for (const route of [
                "PUT compute/hosts/{id}/invalidate",
                "DELETE compute/instances/{id}",
                "DELETE compute/hosts/{id}",
            ]) {
                lab.emf.tap = (side, at) => (side === "after" && at === route ? "drop" : undefined);
                await row.up(inputs, run()).catch(() => undefined);
            }
            delete lab.emf.tap;
            await row.up(inputs, run());
            await onlyHost();
            expect(await instances()).to.have.lengthOf(1);
            expect((await instances())[0]).to.include({ osID: other });
        });
    });

    describe("delete", () => {
        it("removes the instance, then the host, and returns when both are gone", async () => {
            const row = new Row(edgeHost);
            await row.up({ serial: "SN00001", osProfile: profile }, run());
            await row.delete(run());
            expect(await hosts()).to.deep.equal([]);
            expect(await instances()).to.deep.equal([]);
        });

        it("leaves a host that another row has taken over", async () => {
            const old = new Row(edgeHost);
            await old.up({ serial: "SN00001" }, run());
            // The same URN: the second half of a replacement that goes back and forth.
            const taker = new Row(edgeHost);
            await taker.up({ serial: "SN00001" }, run());
            await old.delete(run());
            expect(await hosts()).to.have.lengthOf(1);
        });

        it("is done when nothing is there, and waits for what is going already", async () => {
            const row = new Row(edgeHost);
            await row.up({ serial: "SN00001", osProfile: profile }, run());
            await lab.emf.remove("compute/instances", row.state?.outputs.instanceId as string);
            await lab.emf.remove("compute/hosts", row.state?.outputs.hostId as string);
            await row.delete(run());
            expect(await hosts()).to.deep.equal([]);
        });
    });

    it("registers 100 hosts with 3 writes each and few shared reads, and reads them with 2 pages", async () => {
        await lab.emf.create("sites", { name: "store 18" });
        const names = Array.from({ length: 100 }, (_, i) => `SN${String(10_000 + i)}`);
        // EMF refuses more than 200 requests a second; over a network no single client gets there.
        lab.emf.fault({ on: "*", do: "latency", ms: 80 });
        const { client } = run();
        const fleet = names.map((serial) => ({
            serial,
            row: new Row(edgeHost),
            context: { ...run({ name: serial }), client },
        }));
        lab.emf.resetCalls();
        await Promise.all(
            fleet.map(({ serial, row, context }) =>
                row.up({ serial, site: "store 18", osProfile: "ubuntu-1" }, context),
            ),
        );
        const { writes, reads, routes } = lab.emf.calls();
        expect(writes, JSON.stringify(routes)).to.be.at.most(300);
        expect(reads, JSON.stringify(routes)).to.be.at.most(22);

        lab.emf.resetCalls();
        const fresh = run().client;
        const drift = await Promise.all(
            fleet.map(({ row, context }) => row.refresh({ ...context, client: fresh })),
        );
        expect(drift.flat()).to.deep.equal([]);
        expect(lab.emf.calls().reads, JSON.stringify(lab.emf.calls().routes)).to.be.at.most(4);
    });
});

async function eventually(condition: () => Promise<boolean>, limit = 5_000): Promise<void> {
    const end = Date.now() + limit;
    while (!(await condition())) {
        await sleep(10);
        if (Date.now() > end) throw new Error("the condition did not come true in time");
    }
}
