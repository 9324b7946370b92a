import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { HOSTS_CSV_HEADER } from "../../../components/hostsCsv";
import { startLab, type Lab } from "../../../lab";
import type { EmfClient } from "../../../provider/emf/client";
import { provisioningGate } from "../../../provider/emf/provisioningGate.handler";
import { testContext, type TestContext } from "../../support/context";
import { labClient } from "../../support/emf";
import { Row } from "../../support/row";

const FILE = "import_error_stores-wave-1_hosts.csv";
const HEADER = HOSTS_CSV_HEADER.join(",");

/** Only the API is there: what machines would report is written by the test. */
describe("the file of a gate's failed hosts", () => {
    let lab: Lab;
    let folder: string;
    let row: Row;
    const clients: EmfClient[] = [];
    const hosts = new Map<string, { hostId: string; instanceId: string }>();

    before(async () => {
        lab = await startLab({ workers: false, images: false });
        const os = await lab.emf.create("compute/os", {
            name: "ubuntu",
            sha256: "a".repeat(64),
            osType: "OS_TYPE_MUTABLE",
            osProvider: "OS_PROVIDER_KIND_INFRA",
        });
        for (const serialNumber of ["SN00001", "SN00002"]) {
            const host = await lab.emf.create("compute/hosts/register", { serialNumber, autoOnboard: true });
            const body = { hostID: host.resourceId, osID: os.resourceId };
            const instance = await lab.emf.create("compute/instances", body);
            hosts.set(serialNumber, { hostId: host.resourceId, instanceId: instance.resourceId });
        }
    });
    after(() => lab.close());
    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "gate-file-"));
        row = new Row(provisioningGate);
        for (const serial of hosts.keys()) report(serial, "", "UNSPECIFIED");
    });
    afterEach(async () => {
        fs.rmSync(folder, { recursive: true });
        await Promise.all(clients.splice(0).map((client) => client.close()));
    });

    function run(
        options: { signal?: AbortSignal; sleep?: () => Promise<void> } = {},
    ): TestContext<EmfClient> {
        const { client } = labClient(lab);
        clients.push(client);
        return testContext({
            client,
            kind: "emf.ProvisioningGate",
            name: "stores-wave-1",
            projectDir: folder,
            ...options,
        });
    }

    function inputs(more: object = {}): Record<string, unknown> {
        return {
            hosts: [...hosts].map(([label, ids]) => ({ label, ...ids })),
            until: "provisioned",
            errorFile: {
                path: FILE,
                rows: Object.fromEntries(
                    [...hosts.keys()].map((serial) => [serial, `${serial},,u,,,,,,,,,`]),
                ),
            },
            ...more,
        };
    }

    function report(serial: string, provisioningStatus: string, indicator: string, running = false): void {
        const resourceId = hosts.get(serial)?.instanceId ?? "";
        const fields = {
            provisioningStatus,
            provisioningStatusIndicator: `STATUS_INDICATION_${indicator}`,
            ...(running ? { currentState: "INSTANCE_STATE_RUNNING" } : {}),
        };
        const mask = [
            "provisioning_status",
            "provisioning_status_indicator",
            ...(running ? ["current_state"] : []),
        ];
        const result = lab.emf.store.manager({ op: "update", kind: "instance", resourceId, fields, mask });
        expect(result.ok).to.equal(true);
    }

    const file = (): string[] => fs.readFileSync(path.join(folder, FILE), "utf8").split("\n");
    const files = (): string[] => fs.readdirSync(folder);

    async function failure(promise: Promise<unknown>): Promise<string> {
        try {
            await promise;
        } catch (error) {
            return (error as Error).message;
        }
        throw new Error("did not fail");
    }

    it("has the row of each failed host, and is gone after the wait that succeeds", async () => {
        report("SN00002", "Provisioning Failed: 3/9: no disk", "ERROR");
        const message = await failure(row.up(inputs(), run()));
        expect(message).to.include(`${FILE} has 1 host with the reason`);
        expect(file()).to.deep.equal([HEADER, "SN00002,,u,,,,,,,,,,Provisioning Failed: 3/9: no disk", ""]);

        report("SN00002", "", "UNSPECIFIED");
        await row.up(inputs(), run());
        expect(files()).to.deep.equal([]);
    });

    it("is there for hosts that may fail, too", async () => {
        report("SN00001", "Provisioning Failed: 1/9: no network", "ERROR");
        const context = run();
        await row.up(inputs({ maxFailed: 1 }), context);
        expect(context.messages.warn.join("\n")).to.include(`${FILE} has 1 host with the reason`);
        expect(file()[1]).to.include("SN00001").and.to.include("no network");

        await row.delete(run());
        expect(files(), "goes with the gate").to.deep.equal([]);
    });

    it("names who was not there at the time limit, where none has failed", async () => {
        const limit = new AbortController();
        const context = run({
            signal: limit.signal,
            sleep: async () => limit.abort(new Error("create reached its time limit")),
        });
        const message = await failure(row.up(inputs({ pending: "wait" }), context));
        expect(message)
            .to.include("create reached its time limit")
            .and.to.include(`${FILE} has 2 hosts with the reasons`);
        expect(file().slice(1)).to.deep.equal([
            "SN00001,,u,,,,,,,,,,never booted",
            "SN00002,,u,,,,,,,,,,never booted",
            "",
        ]);
    });

    it("is not written by a check, and changes nothing by its own change", async () => {
        await row.up(inputs(), run());
        report("SN00001", "Provisioning Failed: 1/9: no network", "ERROR");
        await row.check(inputs(), run());
        expect(await row.up(inputs({ errorFile: { path: "other.csv", rows: {} } }), run())).to.equal("same");
        expect(files()).to.deep.equal([]);
    });
});
