import { expect } from "chai";
import { provisioningGate } from "../../../provider/emf/provisioningGate.handler";
import type { TestContext } from "../../support/context";
import type { EmfClient } from "../../../provider/emf/client";
import { failureOf as failure, LabHosts, type LabHost } from "../../support/labHosts";
import { Row } from "../../support/row";

describe("emf.ProvisioningGate against the lab", () => {
    let hosts: LabHosts;
    beforeEach(async () => {
        hosts = await LabHosts.start();
    });
    afterEach(async () => hosts[Symbol.asyncDispose]());

    const host = (serial: string): Promise<LabHost> => hosts.host(serial);
    const context = (options?: Parameters<LabHosts["gateContext"]>[0]): TestContext<EmfClient> =>
        hosts.gateContext(options);

    it("waits through the real states, with one line of progress, and then not again", async () => {
        const both = [await host("SN00001"), await host("SN00002")];
        both.forEach(({ device }) => device.boot());
        const inputs = { hosts: both.map(({ gate }) => gate), pending: "wait" };
        const row = new Row(provisioningGate);
        const first = context();
        expect(await row.up(inputs, first)).to.equal("created");
        expect(first.messages.progress.at(-1)).to.equal("2/2 running");
        expect(first.messages.progress.join("\n")).to.match(/0\/2 running, .*provisioning/);

        hosts.lab.emf.resetCalls();
        expect(await row.up(inputs, context())).to.equal("same");
        expect(hosts.lab.emf.calls().routes).not.to.have.property("GET compute/hosts");
        expect(await row.refresh(context())).to.deep.equal([]);
        expect(row.state?.outputs).to.deep.equal({});
    });

    it("does not wait for machines that have never booted unless asked to", async () => {
        const [on, off] = [await host("SN00001"), await host("SN00002")];
        on.device.boot();
        const run = context();
        // Until the first has reported it is pending too.
        await hosts.lab.emf.until(
            () => hosts.lab.emf.store.find("host", on.gate.hostId)?.currentState === "HOST_STATE_ONBOARDED",
            "a report",
        );
        await new Row(provisioningGate).up({ hosts: [on.gate, off.gate] }, run);
        expect(run.messages.progress.at(-1)).to.equal("1/2 running, 1 pending");
        expect(run.messages.info.join()).to.include("pending hosts are not waited for");
    });

    it("fails at once with every host's state, and the next run waits again", async () => {
        const [good, bad] = [await host("SN00001"), await host("SN00002")];
        bad.device.fail({ at: "Streaming OS image", do: "fail", message: "disk is too small" });
        const inputs = { hosts: [good.gate, bad.gate], pending: "wait" };
        good.device.boot();
        bad.device.boot();
        const row = new Row(provisioningGate);
        const message = await failure(row.up(inputs, context()));
        expect(message).to.match(
            /^1 of 2 hosts failed before running\n {2}SN00002: failed: Provisioning Failed: \d+\/\d+: .*disk is too small/,
        );
        expect(message).to.include("SN00001");
        expect(row.id).to.match(/^gate-/);

        bad.device.repair();
        await bad.row.up(
            { serial: "SN00002", osProfile: hosts.profile, reimageToken: "2" },
            hosts.hostContext("SN00002"),
        );
        const again = { ...inputs, hosts: [good.gate, hosts.gateOf("SN00002", bad.row)] };
        expect(await row.up(again, context())).to.equal("updated");
    });

    it("lets maxFailed hosts fail, and says which", async () => {
        const [good, bad] = [await host("SN00001"), await host("SN00002")];
        bad.device.fail({ at: "onboarding", do: "fail" });
        good.device.boot();
        bad.device.boot();
        const run = context();
        const inputs = { hosts: [good.gate, bad.gate], pending: "wait", maxFailed: 1 };
        await new Row(provisioningGate).up(inputs, run);
        expect(run.messages.warn.join()).to.include("SN00002: failed: Onboarding Failed");
        expect(
            await failure(new Row(provisioningGate).up({ ...inputs, maxFailed: 0 }, context())),
        ).to.include("1 of 2 hosts failed");
    });

    it("at its time limit tells what every host was doing", async () => {
        const stuck = await host("SN00001");
        stuck.device.fail({ at: "Streaming OS image", do: "hang" });
        stuck.device.boot();
        const limit = new AbortController();
        const run = context({
            signal: limit.signal,
            async sleep(pause) {
                if (run.messages.progress.at(-1)?.includes("streaming")) {
                    limit.abort(new Error("create reached its time limit of 7200 s (customTimeouts)"));
                }
                await hosts.pass(pause);
                limit.signal.throwIfAborted();
            },
        });
        const message = await failure(
            new Row(provisioningGate).up({ hosts: [stuck.gate], pending: "wait" }, run),
        );
        expect(message).to.match(
            /^create reached its time limit of 7200 s .*\n {2}SN00001: provisioning \d+\/\d+: streaming OS image/,
        );
    });

    it("goes on when EMF is away for a while", async () => {
        const one = await host("SN00001");
        one.device.boot();
        hosts.lab.emf.fault({ on: "GET compute/hosts", do: "status", status: 503, times: 12 });
        const run = context();
        await new Row(provisioningGate).up({ hosts: [one.gate], pending: "wait" }, run);
        expect(run.messages.progress.join("\n")).to.include("asking again");
        expect(run.messages.progress.at(-1)).to.equal("1/1 running");
    });

    it("fails for a host that is gone", async () => {
        const one = await host("SN00001");
        await one.row.delete(hosts.hostContext("SN00001"));
        expect(await failure(new Row(provisioningGate).up({ hosts: [one.gate] }, context()))).to.include(
            "SN00001: failed: it is not in EMF any more",
        );
    });

    describe("at its time limit, with one machine that hangs and one that nobody has switched on", () => {
        let fleet: Record<"good" | "stuck" | "off", LabHost>;
        let inputs: Record<string, unknown>;
        beforeEach(async () => {
            fleet = {
                good: await host("SN00001"),
                stuck: await host("SN00002"),
                off: await host("SN000003"),
            };
            fleet.stuck.device.fail({ at: "Streaming OS image", do: "hang" });
            fleet.good.device.boot();
            fleet.stuck.device.boot();
            await hosts.lab.emf.until(
                () => hosts.lab.emf.store.find("host", fleet.good.gate.hostId)?.hostStatus === "Running",
                "the good one",
            );
            inputs = { hosts: Object.values(fleet).map(({ gate }) => gate) };
        });

        it("fails with a table of every host's state", async () => {
            const message = await failure(new Row(provisioningGate).up(inputs, context()));
            expect(message).to.match(
                /^1 of 3 hosts were not running within the time limit of 20 min \(customTimeouts\); onTimeout: "warn" would go on/,
            );
            expect(message).to.match(
                /\n {2}SN00002: {2}provisioning \d+\/\d+: streaming OS image\n {2}SN000003: pending: never booted\n {2}running: SN00001\n/,
            );
            const all = await failure(
                new Row(provisioningGate).up({ ...inputs, pending: "wait" }, context()),
            );
            expect(all).to.match(/^2 of 3 hosts were not running/);
        });

        it("goes on without them when it shall only warn, and does not wait again", async () => {
            const row = new Row(provisioningGate);
            const run = context();
            expect(await row.up({ ...inputs, onTimeout: "warn" }, run)).to.equal("created");
            expect(run.messages.warn.join("\n")).to.match(
                /^1 of 3 hosts were not running .*; going on without them\n {2}SN00002: {2}provisioning/,
            );
            hosts.lab.emf.resetCalls();
            expect(await row.up({ ...inputs, onTimeout: "fail" }, context())).to.equal("same");
            expect(hosts.lab.emf.calls().routes).not.to.have.property("GET compute/hosts");
        });

        it("fails for a failed host even if it shall only warn", async () => {
            const bad = await host("SN00004");
            bad.device.fail({ at: "onboarding", do: "fail" });
            bad.device.boot();
            const gates = [...Object.values(fleet), bad].map(({ gate }) => gate);
            const message = await failure(
                new Row(provisioningGate).up({ hosts: gates, onTimeout: "warn" }, context()),
            );
            expect(message).to.match(
                /^1 of 4 hosts failed before running\n {2}SN00004: {2}failed: Onboarding Failed/,
            );
        });
    });

    it("compares the version with what EMF has installed, where it cannot look itself", async () => {
        const one = await host("SN00001");
        one.device.boot();
        const inputs = { hosts: [one.gate], pending: "wait", verify: { osVersion: "24.04.1" } };
        const run = context();
        await new Row(provisioningGate).up(inputs, run);
        expect(run.messages.progress.at(-1)).to.equal("1/1 running, verified");
        const other = { ...inputs, verify: { osVersion: "24.04.2" } };
        expect(await failure(new Row(provisioningGate).up(other, context()))).to.match(
            /^1 of 1 hosts did not pass verify\n {2}SN00001: failed: the verification found one fault\n {6}- the OS profile in EMF is "ubuntu", version "24.04.1", wanted version "24.04.2"/,
        );
    });
});
