import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import { CanvosMachine } from "../../support/canvos";

describe("canvos.ApplianceImage", function () {
    this.timeout(60_000);
    let machine: CanvosMachine;

    before(async function () {
        machine = await CanvosMachine.start(this);
    });
    after(async () => {
        await (machine as CanvosMachine | undefined)?.close();
    });

    it("is built, pushed and named as its check has said", async () => {
        machine.write("overlay/etc/modules-load.d/nfsrdma.conf", "rpcrdma\n", 0o640);
        machine.write("overlay/etc/cron.daily/tidy", "#!/bin/sh\n", 0o755);
        const context = machine.context();
        const { id, inputs, outputs } = await machine.create(
            machine.given({
                overlay: "overlay",
                userData: { stylus: { managementMode: "local" } },
                arguments: { customTag: "lab" },
            }),
            context,
        );

        expect(id).to.equal(`sha256:${inputs.inputHash}`);
        const tag = `kubeadm-1.34.2-v4.8.10-lab${inputs.inputHash.slice(0, 8)}`;
        expect(inputs.systemUri).to.equal(`${machine.registry.name}/ubuntu:${tag}`);
        expect(inputs.profileValues).to.contain(`system.uri: "${inputs.systemUri}"`);
        expect(inputs.commit).to.equal(machine.repository.commits["v4.8.10"]);
        const [image] = outputs.images;
        expect(image).to.include({ kubernetesVersion: "1.34.2", reference: inputs.systemUri });
        expect(image?.digest).to.match(/^sha256:/);
        expect(outputs.iso?.sizeBytes).to.be.greaterThan(100_000);
        expect(context.messages.progress.join("\n")).to.match(/\+provider-image step \d+, \d+s/);

        const listing = machine.engine.run(
            "run",
            "--rm",
            inputs.systemUri,
            "/bin/ls",
            "-l",
            "/etc/modules-load.d",
            "/etc/cron.daily",
        );
        expect(listing).to.match(/-rw-r-----.* nfsrdma.conf/);
        expect(listing).to.match(/-rwxr-xr-x.* tidy/);
        const tree = path.join(outputs.logFile, "../tree");
        expect(fs.readFileSync(path.join(tree, ".arg"), "utf8")).to.contain("K8S_VERSION=1.34.2");
        expect(fs.existsSync(path.join(outputs.logFile, "../home")), "logins").to.equal(false);
    });
});
