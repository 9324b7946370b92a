import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { CanvosMachine } from "../../support/canvos";
import { skipBecause } from "../../support/tools";

/** In the place of Earthly: shows what it is called with, and leaves what the target `+iso` leaves. */
const EARTHLY = `#!/bin/sh
echo "earthly is called with: $*"
mkdir -p /workspace/build
echo "an ISO" >/workspace/build/palette-edge-installer.iso
`;
/** CanvOS mounts it, and Docker makes a folder of it where there is none. */
const SOCKET = "/var/run/docker.sock";

/** CanvOS itself, from CANVOS_CHECKOUT, with its own scripts; what they would pull is in Docker already, under the name of a loopback registry. */
describe("a checkout of the real CanvOS", function () {
    this.timeout(120_000);
    const { CANVOS_CHECKOUT: checkout } = process.env;
    const hadSocket = fs.existsSync(SOCKET);
    let machine: CanvosMachine;

    before(async function () {
        if (checkout === undefined) {
            skipBecause(this, "CANVOS_CHECKOUT names none");
        }
        machine = await CanvosMachine.start(this);
        putEarthly(machine);
    });
    after(async () => {
        await (machine as CanvosMachine | undefined)?.close();
        if (!hadSocket && fs.existsSync(SOCKET)) fs.rmdirSync(SOCKET);
    });

    function given(targets: readonly string[]): Record<string, unknown> {
        return { ...machine.given({ targets, push: false, verify: false }), source: { path: checkout } };
    }

    it("passes its check with its own template and list of versions", async () => {
        const { inputs, problems } = await machine.check(given(["build-all-images"]));
        expect(problems).to.deep.equal([]);
        expect(inputs.systemUri).to.match(/\/ubuntu:kubeadm-1\.34\.2-v4\.8\.10-demo[0-9a-f]{8}$/);

        const mirror = machine.registry.name;
        expect(inputs.pulledImages).to.include.members([
            "quay.io/kairos/osbuilder-tools:v0.400.3",
            `${mirror}/edge/kairos-io/provider-kubeadm:v4.7.3`,
            `${mirror}/edge/kairos-ubuntu:24.04-core-amd64-generic-v3.5.9`,
            `${mirror}/third-party/edge/earthly/earthly:v0.8.15`,
        ]);

        const every = given(["build-all-images"]);
        const { k8sVersion, ...others } = every.arguments as Record<string, unknown>;
        const all = await machine.check({ ...every, arguments: others });
        expect(all.problems).to.deep.equal([]);
        expect(Object.keys(all.inputs.references)).to.have.lengthOf(51).and.to.include(k8sVersion);
    });

    it("is built by its own earthly.sh, and stays as it is", async () => {
        const before = fs.readdirSync(checkout ?? "", { recursive: true }).sort();
        const { outputs } = await machine.create(given(["iso"]));
        const log = fs.readFileSync(outputs.logFile, "utf8");
        expect(log).to.match(/earthly is called with: --allow-privileged \+iso/);
        expect(fs.readFileSync(outputs.iso?.path ?? "", "utf8")).to.equal("an ISO\n");
        const tree = path.join(path.dirname(outputs.logFile), "tree");
        expect(fs.readFileSync(path.join(tree, ".arg"), "utf8")).to.contain("K8S_VERSION=1.34.2");
        expect(fs.readdirSync(checkout ?? "", { recursive: true }).sort()).to.deep.equal(before);
    });
});

/** Under the names that v4.8.10 pulls: it removes them from Docker when it ends. */
function putEarthly({ engine, registry }: CanvosMachine): void {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-earthly-"));
    try {
        fs.mkdirSync(path.join(folder, "bin"));
        for (const name of ["busybox", "sh", "mkdir"])
            fs.copyFileSync("/bin/busybox", path.join(folder, "bin", name));
        fs.writeFileSync(path.join(folder, "earthly"), EARTHLY, { mode: 0o755 });
        const reference = `${registry.name}/third-party/edge/earthly/earthly:v0.8.15`;
        engine.importFolder(folder, reference, 'ENTRYPOINT ["/earthly"]');
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}
