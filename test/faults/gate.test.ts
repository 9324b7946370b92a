import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { labConfig } from "../support/emf";
import { LabHosts, type LabHost } from "../support/labHosts";
import { Sshd } from "../support/sshd";
import { needsTool } from "../support/tools";
import { VerbRunner, type VerbAnswer, type VerbCall } from "../support/verbs";

/** All kill points; without it a sample. */
const ALL = process.env.EDGE_OS_ALL_FAULTS === "1";
/** More calls than a gate makes on hosts that are up. */
const NEVER = 20;

describe("emf.ProvisioningGate, killed wherever it can be and run again", function () {
    this.timeout(180_000);
    let hosts: LabHosts;
    let sshd: Sshd;
    let runner: VerbRunner;
    let dir: string;
    let up: LabHost;

    before(async function () {
        needsTool(this, "sshd");
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "gate-kill-"));
        sshd = await Sshd.start();
        hosts = await LabHosts.start();
        up = await hosts.host("SN00001");
        up.device.boot();
        await running(up);
        const { password, ...config } = labConfig(hosts.lab);
        runner = new VerbRunner({
            config: { "edge-os:emf": JSON.stringify(config) },
            env: { EDGE_OS_EMF_PASSWORD: password, EDGE_OS_SSH_KEY: sshd.key.privateKey },
        });
    });
    after(async () => {
        const started = { hosts, sshd, dir } as Partial<{ hosts: LabHosts; sshd: Sshd; dir: string }>;
        await started.hosts?.[Symbol.asyncDispose]();
        await started.sshd?.[Symbol.asyncDispose]();
        if (started.dir !== undefined) fs.rmSync(started.dir, { recursive: true, force: true });
    });

    async function running({ gate }: LabHost): Promise<void> {
        const { emf } = hosts.lab;
        await emf.until(
            () => emf.store.find("host", gate.hostId)?.hostStatus === "Running",
            "a running host",
        );
    }

    function inputs(host: LabHost, run: string): Record<string, unknown> {
        const addresses = { [host.gate.label]: `127.0.0.1:${sshd.port}` };
        const ssh = { user: sshd.user, addresses };
        return { hosts: [host.gate], pending: "wait", verify: { commands: [{ run }], ssh } };
    }

    async function verb(call: Omit<VerbCall, "kind">): Promise<VerbAnswer> {
        const answer = await runner.run({ kind: "emf.ProvisioningGate", ...call });
        if (!answer || answer.error !== undefined) throw new Error(answer?.error ?? "the process was killed");
        return answer;
    }

    /** How many calls the verb makes, undisturbed. Of a gate none may be a write. */
    async function callsOf(call: Omit<VerbCall, "kind">): Promise<number> {
        const routes: string[] = [];
        hosts.lab.emf.tap = (side, route) => {
            if (side === "before") routes.push(route);
            return undefined;
        };
        await verb(call);
        delete hosts.lab.emf.tap;
        for (const route of routes) expect(route).to.match(/^(GET|POST token)/);
        expect(routes.length).to.be.within(3, NEVER);
        return routes.length;
    }

    async function killedAt(point: number, call: Omit<VerbCall, "kind">): Promise<void> {
        let calls = 0;
        hosts.lab.emf.tap = (side) => {
            if (side !== "before" || ++calls !== point) return undefined;
            runner.kill();
            return "drop";
        };
        expect(await runner.run({ kind: "emf.ProvisioningGate", ...call })).to.equal(undefined);
        delete hosts.lab.emf.tap;
    }

    it("is made at the next run, and then looks again where its wishes have changed", async () => {
        const create = { verb: "create", news: inputs(up, "true") } as const;
        for (const point of points(await callsOf(create))) {
            await killedAt(point, create);
            expect((await verb(create)).result?.id).to.match(/^gate-/);
        }
        const { result } = await verb(create);
        const row = { id: result?.id ?? "", olds: result?.outs ?? {} };
        const update = { verb: "update", ...row, news: inputs(up, "exit 0") } as const;
        for (const point of points(await callsOf(update))) {
            await killedAt(point, update);
            expect((await verb(update)).result?.outs).to.have.nested.property(
                "verify.commands[0].run",
                "exit 0",
            );
        }
        await verb({ verb: "delete", ...row });
    });

    it("goes on waiting for a machine that is switched on meanwhile", async () => {
        const late = await hosts.host("SN00002");
        const create = { verb: "create", news: inputs(late, "true") } as const;
        let looks = 0;
        hosts.lab.emf.tap = (side, route) => {
            if (side === "before" || !/^GET .*hosts/.test(route) || ++looks !== 3) return undefined;
            runner.kill();
            return "drop";
        };
        expect(await runner.run({ kind: "emf.ProvisioningGate", ...create })).to.equal(undefined);
        delete hosts.lab.emf.tap;
        late.device.boot();
        expect((await verb(create)).result?.id).to.match(/^gate-/);
    });

    it("looks again at a host in the middle of whose look it died", async () => {
        const marker = path.join(dir, "looked");
        const run = `test -e ${marker} || { touch ${marker}; sleep 600; }`;
        const create = { verb: "create", news: inputs(up, run) } as const;
        const killed = runner.run({ kind: "emf.ProvisioningGate", ...create });
        while (!fs.existsSync(marker)) await sleep(10);
        runner.kill();
        expect(await killed).to.equal(undefined);
        expect((await verb(create)).result?.id).to.match(/^gate-/);
    });

    it("gets through a failed login, lists that break off, and a server that is away for a while", async () => {
        for (const fault of [
            { on: "GET compute/hosts", do: "reset", times: 2 },
            { on: "GET compute/hosts", do: "status", status: 429, times: 3 },
            { on: "GET compute/hosts", do: "status", status: 401, times: 1 },
            { on: "GET compute/hosts", do: "status", status: 500, times: 1 },
        ] as const) {
            hosts.lab.emf.fault(fault);
            const { result } = await verb({ verb: "create", news: inputs(up, "true") });
            expect(result?.id, JSON.stringify(fault)).to.match(/^gate-/);
            hosts.lab.emf.clearFaults();
        }
    });
});

function points(calls: number): number[] {
    const every = Array.from({ length: calls }, (_, i) => i + 1);
    return ALL ? every : [1, calls];
}
