import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { provisioningGate } from "../../../provider/emf/provisioningGate.handler";
import type { EmfClient } from "../../../provider/emf/client";
import type { TestContext } from "../../support/context";
import { failureOf, LabHosts, type LabHost } from "../../support/labHosts";
import { Row } from "../../support/row";
import { generateKey, Sshd } from "../../support/sshd";
import { needsTool } from "../../support/tools";

type Inputs = Record<string, unknown>;

describe("emf.ProvisioningGate's look at hosts, over SSH", function () {
    this.timeout(60_000);
    let hosts: LabHosts;
    let dir: string;
    /** The machines' SSH servers: one as it shall be, one that is not. */
    let good: Sshd;
    let bad: Sshd;
    let first: LabHost;
    let second: LabHost;

    before(async function () {
        needsTool(this, "sshd");
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "verify-"));
        good = await Sshd.start();
        bad = await Sshd.start({ config: ["SetEnv ROLE=bad SHLVL=5"] });
        bad.authorize(good.key.publicKey);
        hosts = await LabHosts.start();
        first = await hosts.host("SN00001");
        second = await hosts.host("SN00002");
        for (const { device, gate } of [first, second]) {
            device.boot();
            await hosts.lab.emf.until(
                () => hosts.lab.emf.store.find("host", gate.hostId)?.hostStatus === "Running",
                `${gate.label} to run`,
            );
        }
        fs.writeFileSync(path.join(dir, "motd"), "Welcome\nto the edge\n");
        fs.chmodSync(path.join(dir, "motd"), 0o640);
    });
    after(async () => {
        const started = { hosts, good, bad, dir } as Partial<
            Record<"hosts" | "good" | "bad", AsyncDisposable>
        > & {
            dir?: string;
        };
        for (const one of [started.hosts, started.good, started.bad]) await one?.[Symbol.asyncDispose]();
        if (started.dir !== undefined) fs.rmSync(started.dir, { recursive: true, force: true });
    });

    function context(options: Partial<Parameters<LabHosts["gateContext"]>[0]> = {}): TestContext<EmfClient> {
        return hosts.gateContext({ env: { EDGE_OS_SSH_KEY: good.key.privateKey }, ...options });
    }

    function inputs(verify: Inputs, ssh: Inputs = {}): Inputs {
        const addresses = { SN00001: `127.0.0.1:${good.port}`, SN00002: `127.0.0.1:${bad.port}` };
        return {
            hosts: [first.gate, second.gate],
            verify: { ...verify, ssh: { user: good.user, addresses, ...ssh } },
        };
    }

    const motd = (): string => path.join(dir, "motd");
    const sha256 = (text: string): string => crypto.createHash("sha256").update(text).digest("hex");
    const releaseId = (): string =>
        /^VERSION_ID="?([^"\n]*)/m.exec(fs.readFileSync("/etc/os-release", "utf8"))?.[1] ?? "";

    it("is through when everything is as it shall be, and looks again only when the wishes change", async () => {
        const wanted = inputs({
            osVersion: releaseId(),
            files: [
                { path: motd(), content: "Welcome\nto the edge\n", mode: "0640" },
                {
                    path: motd(),
                    sha256: sha256("Welcome\nto the edge\n").toUpperCase(),
                    contains: "the edge",
                },
            ],
            commands: [
                { run: "uname -s", expect: "^Linux$" },
                { run: "exit 3", exitCode: 3 },
            ],
        });
        const row = new Row(provisioningGate);
        const run = context();
        expect(await row.up(wanted, run)).to.equal("created");
        expect(run.messages.progress).to.include("2/2 running, 1/2 verified");
        expect(run.messages.progress.at(-1)).to.equal("2/2 running, verified");
        expect(JSON.stringify(row.state)).not.to.include("PRIVATE KEY");

        const logins = good.log.length;
        // Not even the key is needed when there is nothing to look at.
        expect(await row.up(wanted, context({ env: {} }))).to.equal("same");
        expect(good.log.length).to.equal(logins);
        const more = inputs({ commands: [{ run: "true" }] });
        expect(await row.up(more, context())).to.equal("updated");
        expect(good.log.length).to.be.greaterThan(logins);
    });

    it("lists every fault of every host, without the contents it has compared", async () => {
        const wanted = inputs({
            osVersion: "1066",
            files: [
                { path: motd(), content: "a secret content", contains: "a secret part", mode: "600" },
                { path: `${dir}/missing`, mode: "0644" },
                { path: dir, contains: "x" },
            ],
            commands: [
                { run: "echo to be sure >&2; test $ROLE.x != bad.x" },
                { run: "echo version 2", expect: "^version 3$" },
                { run: "kill -TERM $$" },
            ],
        });
        const row = new Row(provisioningGate);
        const message = await failureOf(row.up(wanted, context()));
        const faults = [
            /OS version: it runs .* \(VERSION_ID .*\), wanted "1066"/,
            /file \/.*\/motd: has the mode 0640, wanted 0600/,
            new RegExp(
                `file /.*/motd: has other content \\(SHA-256 ${sha256("Welcome\nto the edge\n")}, wanted `,
            ),
            /file \/.*\/motd: does not contain the wanted text/,
            /file \/.*\/missing: is missing/,
            /file \/.*: cannot be read \(.*irectory.*\)/,
            /command "echo version 2": printed "version 2", wanted \/\^version 3\$\//,
            /command "kill -TERM \$\$": was ended by signal TERM, wanted exit code 0/,
        ];
        const [head, one = "", two = ""] = message.split(/\n(?= {2}SN)/);
        expect(head).to.equal("2 of 2 hosts did not pass verify");
        expect(one).to.match(/^ {2}SN00001: failed: the verification found 8 faults\n/);
        expect(two).to.match(/^ {2}SN00002: failed: the verification found 9 faults\n/);
        for (const fault of faults) {
            expect(one).to.match(fault);
            expect(two).to.match(fault);
        }
        expect(two).to.match(
            /- command "echo to be .*": ended with exit code 1, wanted exit code 0 \(to be sure\)/,
        );
        expect(message).not.to.include("a secret");
        expect(row.id).to.match(/^gate-/);

        // It is looked at again by the next run, though nothing but the host has changed.
        expect(await row.up(inputs({ files: [{ path: motd() }] }), context())).to.equal("updated");
    });

    it("counts a host that is not as it shall be as failed", async () => {
        const verify = { commands: [{ run: 'test "$ROLE" != bad' }] };
        const message = await failureOf(new Row(provisioningGate).up(inputs(verify), context()));
        expect(message).to.match(
            /^1 of 2 hosts did not pass verify\n {2}SN00002: failed.*\n.*\n {2}running: SN00001\n/,
        );
        const run = context();
        await new Row(provisioningGate).up({ ...inputs(verify), maxFailed: 1 }, run);
        expect(run.messages.warn.join()).to.include("SN00002: failed: the verification found one fault");
    });

    it("comes back to a host whose connection breaks off", async () => {
        const marker = path.join(dir, "rebooted");
        const run = `test -e ${marker} || { touch ${marker}; kill -9 $PPID; sleep 100; }`;
        const wanted = { ...inputs({ commands: [{ run }] }), hosts: [first.gate] };
        expect(await new Row(provisioningGate).up(wanted, context())).to.equal("created");
        expect(fs.existsSync(marker)).to.equal(true);
    });

    it("goes through a jump host", async () => {
        await using jump = await Sshd.start();
        jump.authorize(good.key.publicKey);
        const wanted = inputs(
            { commands: [{ run: "true" }] },
            { jump: `${jump.user}@127.0.0.1:${jump.port}` },
        );
        await new Row(provisioningGate).up(wanted, context());
        expect(jump.log.filter((line) => line.startsWith("Accepted"))).to.have.lengthOf(1);
    });

    describe("where it gets no way in", () => {
        const verify = { commands: [{ run: "true" }] };

        it("tells so before it waits for anybody", async () => {
            hosts.lab.emf.resetCalls();
            const message = await failureOf(
                new Row(provisioningGate).up(inputs(verify), context({ env: {} })),
            );
            expect(message).to.match(/^there is no SSH key to log in with: set EDGE_OS_SSH_KEY/);
            expect(hosts.lab.emf.calls().routes).not.to.have.property("GET compute/hosts");
        });

        it("names what is wrong with each host", async () => {
            const stranger = generateKey(path.join(dir, "stranger"));
            good.authorize(stranger.publicKey);
            const env = { EDGE_OS_SSH_KEY: stranger.privateKey };
            const message = await failureOf(new Row(provisioningGate).up(inputs(verify), context({ env })));
            expect(message).to.match(
                /^1 of 2 .*\n {2}SN00002: .*\n {6}- SSH to .*: the login was refused with EDGE_OS_SSH_KEY/,
            );
            const pinned = inputs(verify, {
                hostKeys: { SN00001: bad.fingerprint, SN00002: bad.fingerprint },
            });
            expect(await failureOf(new Row(provisioningGate).up(pinned, context()))).to.match(
                /^1 of 2 .*\n {2}SN00001: .*\n {6}- SSH to .*: it shows the host key SHA256:.* is pinned/,
            );
            await using off = await Sshd.start();
            await off.kill();
            const addresses = { SN00001: `127.0.0.1:${off.port}` };
            const unreachable = inputs(verify, { addresses, readyWithinSeconds: 2 });
            expect(await failureOf(new Row(provisioningGate).up(unreachable, context()))).to.match(
                /SN00001: .*\n {6}- SSH to .*: nothing answers there.*\(tried for 2 s\)\n.*\n {6}- EMF shows no address of it/,
            );
        });

        it("ends at once when it is cancelled", async () => {
            const cancel = new AbortController();
            const started = path.join(dir, "started");
            const wanted = inputs({ commands: [{ run: `touch ${started}; sleep 1000` }] });
            const running = failureOf(
                new Row(provisioningGate).up(wanted, context({ signal: cancel.signal })),
            );
            while (!fs.existsSync(started)) await sleep(10);
            cancel.abort(new Error("cancelled"));
            expect(await running).to.match(/^cancelled\n {2}running: SN00001, SN00002/);
        });
    });

    it("is refused in the preview for wishes that make no sense", async () => {
        const problems = async (verify: Inputs, rest: Inputs = {}): Promise<string> =>
            failureOf(new Row(provisioningGate).check({ hosts: [first.gate], verify, ...rest }, context()));
        const ssh = { user: "ops" };
        expect(await problems({ files: [{ path: "/a" }], commands: [{ run: "b" }] })).to.equal(
            "verify.files: needs verify.ssh: EMF shows neither files nor commands\n" +
                "verify.commands: needs verify.ssh: EMF shows neither files nor commands",
        );
        expect(await problems({ osVersion: "1" }, { until: "onboarded" })).to.include(
            'needs until: "running"',
        );
        expect(await problems({ ssh: {} })).to.include(
            "verify.ssh.user: is missing, and so is edge-os:ssh.user",
        );
        expect(
            await problems({ ssh: { ...ssh, addresses: { a: "ssh://x:y@b" }, jump: "ftp://c" } }),
        ).to.match(/verify\.ssh\.addresses\.a: holds a password.*\nverify\.ssh\.jump: starts with ftp/);
        expect(
            await problems({
                ssh: { ...ssh, hostKeys: { a: "MD5:1" } },
                files: [{ path: "a", mode: "rw", sha256: "0", content: "b" }],
                commands: [{ run: "", expect: "(" }],
            }),
        ).to.match(/absolute path[^]*SHA-256[^]*octal[^]*empty[^]*regular expression[^]*fingerprint/);
    });
});
