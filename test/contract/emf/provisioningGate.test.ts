import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as zlib from "node:zlib";
import { expect } from "chai";
import { startLab, type Device, type Lab } from "../../../lab";
import type { EmfClient } from "../../../provider/emf/client";
import { edgeHost } from "../../../provider/emf/edgeHost.handler";
import { provisioningGate } from "../../../provider/emf/provisioningGate.handler";
import { testContext, type TestContext, type TestHost } from "../../support/context";
import { labClient } from "../../support/emf";
import { Row } from "../../support/row";
import { ESP, ROOT, tinyImage } from "../../unit/lab/tinyImage";

interface Host {
    row: Row;
    device: Device;
    gate: { label: string; hostId: string; instanceId: string };
}

describe("emf.ProvisioningGate against the lab", () => {
    let lab: Lab;
    let client: EmfClient;
    let clock: TestHost;
    let profile: string;
    beforeEach(async () => {
        lab = await startLab({ speed: 50 });
        ({ client, host: clock } = labClient(lab, {}, { sleep: () => sleep(5) }));
        const image = zlib.gzipSync(tinyImage([ROOT, ESP]));
        fs.writeFileSync(path.join(lab.images.directory, "u.raw.gz"), image);
        profile = (
            await lab.emf.create("compute/os", {
                name: "ubuntu",
                imageUrl: `${lab.images.baseUrl}/u.raw.gz`,
                sha256: crypto.createHash("sha256").update(image).digest("hex"),
                osType: "OS_TYPE_MUTABLE",
                osProvider: "OS_PROVIDER_KIND_INFRA",
                tlsCaCert: Buffer.from(lab.images.certificate).toString("base64"),
                securityFeature: "SECURITY_FEATURE_NONE",
            })
        ).resourceId;
    });
    afterEach(async () => {
        await client.close();
        await lab.close();
    });

    /** Ten milliseconds are as good as the pause; the client's lists have to age as much. */
    async function pass(pause: number): Promise<void> {
        clock.advance(pause);
        await sleep(10);
    }

    function context(
        options: { signal?: AbortSignal; sleep?: (pause: number) => Promise<void> } = {},
    ): TestContext<EmfClient> {
        return testContext({
            client,
            kind: "emf.ProvisioningGate",
            name: "wave-1",
            sleep: pass,
            ...options,
        });
    }

    async function host(serial: string): Promise<Host> {
        const device = lab.emf.addDevice({ serial });
        const row = new Row(edgeHost);
        await row.up(
            { serial, osProfile: profile },
            testContext({ client, kind: "emf.EdgeHost", name: serial, sleep: () => sleep(5) }),
        );
        return { row, device, gate: gateOf(serial, row) };
    }

    function gateOf(label: string, row: Row): Host["gate"] {
        const { hostId, instanceId } = row.state?.outputs as { hostId: string; instanceId: string };
        return { label, hostId, instanceId };
    }

    async function failure(promise: Promise<unknown>): Promise<string> {
        try {
            await promise;
        } catch (error) {
            return (error as Error).message;
        }
        throw new Error("did not fail");
    }

    it("waits through the real states, with one line of progress, and then not again", async () => {
        const hosts = [await host("SN00001"), await host("SN00002")];
        hosts.forEach(({ device }) => device.boot());
        const inputs = { hosts: hosts.map(({ gate }) => gate), pending: "wait" };
        const row = new Row(provisioningGate);
        const first = context();
        expect(await row.up(inputs, first)).to.equal("created");
        expect(first.messages.progress.at(-1)).to.equal("2/2 running");
        expect(first.messages.progress.join("\n")).to.match(/0\/2 running, .*provisioning/);

        lab.emf.resetCalls();
        expect(await row.up(inputs, context())).to.equal("same");
        expect(lab.emf.calls().routes).not.to.have.property("GET compute/hosts");
        expect(await row.refresh(context())).to.deep.equal([]);
        expect(row.state?.outputs).to.deep.equal({});
    });

    it("does not wait for machines that have never booted unless asked to", async () => {
        const [on, off] = [await host("SN00001"), await host("SN00002")];
        on.device.boot();
        const run = context();
        // Until the first has reported it is pending too.
        await lab.emf.until(
            () => lab.emf.store.find("host", on.gate.hostId)?.currentState === "HOST_STATE_ONBOARDED",
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
            { serial: "SN00002", osProfile: profile, reimageToken: "2" },
            testContext({ client, kind: "emf.EdgeHost", name: "SN00002", sleep: () => sleep(5) }),
        );
        const again = { ...inputs, hosts: [good.gate, gateOf("SN00002", bad.row)] };
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
                await pass(pause);
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
        lab.emf.fault({ on: "GET compute/hosts", do: "status", status: 503, times: 12 });
        const run = context();
        await new Row(provisioningGate).up({ hosts: [one.gate], pending: "wait" }, run);
        expect(run.messages.progress.join("\n")).to.include("asking again");
        expect(run.messages.progress.at(-1)).to.equal("1/1 running");
    });

    it("fails for a host that is gone", async () => {
        const one = await host("SN00001");
        await one.row.delete(
            testContext({ client, kind: "emf.EdgeHost", name: "SN00001", sleep: () => sleep(5) }),
        );
        expect(await failure(new Row(provisioningGate).up({ hosts: [one.gate] }, context()))).to.include(
            "SN00001: failed: it is not in EMF any more",
        );
    });
});
