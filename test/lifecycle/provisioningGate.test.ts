import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { startLab, type Device, type Lab } from "../../lab";
import { labConfig } from "../support/emf";
import { succeeded } from "../support/fleet";
import { installableProfile } from "../support/labHosts";
import { Sshd } from "../support/sshd";
import { engines, stackUnderTest } from "../support/stack";
import { needsTool } from "../support/tools";

const SERIALS = ["SN00001", "SN00002", "SN00003"];

for (const engine of engines()) {
    describe(`a program that waits for three hosts and looks at them, on the ${engine} engine`, function () {
        this.timeout(180_000);
        let lab: Lab;
        let sshd: Sshd;
        let devices: Device[];
        let profile: string;
        before(async function () {
            needsTool(this, "sshd");
            sshd = await Sshd.start();
            lab = await startLab({ speed: 50, autoBoot: true });
            profile = await installableProfile(lab);
            devices = SERIALS.map((serial) => lab.emf.addDevice({ serial }));
        });
        after(async () => {
            const started = { lab, sshd } as Partial<{ lab: Lab; sshd: Sshd }>;
            await started.lab?.close();
            await started.sshd?.[Symbol.asyncDispose]();
        });

        it("names the host that fails, then the file that is wrong, and is through when both are right", async () => {
            const [, , third] = devices;
            third?.fail({ at: "Streaming OS image", do: "fail", message: "disk is too small" });
            const { password, ...config } = labConfig(lab);
            const program = (token: string): string => `
const { emf } = require("pulumi-edge-os");
const hosts = ${JSON.stringify(SERIALS)}.map((serial) =>
    new emf.EdgeHost(serial, {
        serial,
        osProfile: ${JSON.stringify(profile)},
        reimageToken: serial === "SN00003" ? ${JSON.stringify(token)} : undefined,
    }));
const file = require("node:path").join(__dirname, "edge.conf");
new emf.ProvisioningGate("up", {
    hosts: hosts.map(({ hostId, instanceId }, i) => ({ label: "SN0000" + (i + 1), hostId, instanceId })),
    pending: "wait",
    verify: {
        files: [{ path: file, contains: "role: till" }],
        ssh: {
            user: ${JSON.stringify(sshd.user)},
            addresses: Object.fromEntries(
                ${JSON.stringify(SERIALS)}.map((serial) => [serial, "127.0.0.1:${sshd.port}"]),
            ),
        },
    },
});
`;
            await using stack = stackUnderTest({
                engine,
                program: { source: program("1") },
                config: { "edge-os:emf": config, "edge-os:ssh": { keyFile: sshd.key.file } },
                env: { EDGE_OS_EMF_PASSWORD: password },
            });
            const file = path.join(stack.dir, "edge.conf");
            fs.writeFileSync(file, "role: none\n");

            const failed = await stack.up();
            expect(failed.exitCode).not.to.equal(0);
            expect(failed.stdout).to.match(/1 of 3 hosts failed before running/);
            expect(failed.stdout).to.match(/SN00003: failed: Provisioning Failed: .*disk is too small/);

            third?.repair();
            stack.setProgram(program("2"));
            const wrong = await stack.up();
            expect(wrong.exitCode).not.to.equal(0);
            expect(wrong.stdout).to.match(/3 of 3 hosts did not pass verify/);
            for (const serial of SERIALS) {
                expect(wrong.stdout).to.match(
                    new RegExp(`${serial}: failed: the verification found one fault`),
                );
            }
            expect(wrong.stdout).to.match(/file .*edge\.conf: does not contain the wanted text/);

            fs.writeFileSync(file, "role: till\n");
            const right = succeeded(await stack.up());
            expect(right.changes).to.include({ update: 1 });
            const again = succeeded(await stack.up());
            expect(Object.keys(again.changes), again.stdout).to.deep.equal(["same"]);
            expect(JSON.stringify(again.resources)).not.to.include("PRIVATE KEY");
            succeeded(await stack.destroy());
        });
    });
}
