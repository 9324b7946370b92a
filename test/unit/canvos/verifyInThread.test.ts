import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { expect } from "chai";
import type { BuildResult } from "../../../provider/canvos/build.types";
import { Docker } from "../../../provider/canvos/docker";
import { verifyBuild } from "../../../provider/canvos/verify";
import type { BuildExpectations } from "../../../provider/canvos/verify.types";
import { failure } from "../../support/failure";
import { dockerArchive, layerArchive } from "../../support/layers";
import { testHost } from "../../support/context";
import { temporaryFolder } from "../image/fixtures";

const RESULT: BuildResult = {
    images: [{ reference: "registry.example.com/ubuntu:v1", dockerImageId: "image" }],
    logFile: "",
};
const EXPECTED: BuildExpectations = {
    ...{ architecture: "amd64", isUki: false, kubernetes: { distribution: "kubeadm" } },
    ...{ providerFiles: [], installerFiles: [], isoFiles: [], verify: {} },
    secrets: [{ name: "userData.token", value: "the-token-of-this-build" }],
};
const CONTENT = crypto.randomBytes(72 * 1024 * 1024);

describe("a look into what a build has made, in a thread of its own", function () {
    this.timeout(60_000);
    const folder = temporaryFolder();
    let docker: Docker;

    before(async () => {
        const layer = await layerArchive({ "opt/bundle": CONTENT, "etc/token": "the-token-of-this-build" });
        fs.writeFileSync(folder.path("archive"), await dockerArchive({ layers: [layer] }));
    });

    /** `docker` that runs this instead of `docker save`. */
    function saving(script: string): Docker {
        fs.mkdirSync(folder.path("bin"), { recursive: true });
        fs.writeFileSync(folder.path("bin/docker"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
        return (docker = new Docker({ PATH: folder.path("bin") }));
    }

    it("tells what is there and how far it is, and leaves the process to others meanwhile", async () => {
        saving(`exec /bin/cat ${folder.path("archive")}`);
        const told: string[] = [];
        const before = performance.eventLoopUtilization();
        const checks = await verifyBuild(RESULT, EXPECTED, {
            docker,
            clock: testHost(),
            onProgress: (text) => told.push(text),
        });
        const { utilization } = performance.eventLoopUtilization(before);

        const found = checks.find(({ id }) => id === "provider.secrets");
        expect(found).to.include({ verdict: "failed", artifact: "registry.example.com/ubuntu:v1" });
        expect(found?.message).to.contain("userData.token in /etc/token");
        expect(told.join("\n")).to.match(/^verifying the provider image, 6\S+ MiB read$/);
        // Reading the image here takes all of it.
        expect(utilization).to.be.lessThan(0.5);
    });

    it("ends with its docker when it is cancelled", async () => {
        saving(`echo $$ >${folder.path("pid")}; /bin/cat ${folder.path("archive")}; exec /bin/sleep 600`);
        const cancel = new AbortController();
        const work = verifyBuild(RESULT, EXPECTED, {
            docker,
            clock: testHost(),
            signal: cancel.signal,
            onProgress: () => cancel.abort(new Error("cancelled")),
        });
        expect(await failure(work)).to.equal("cancelled");
        const pid = Number(fs.readFileSync(folder.path("pid"), "utf8"));
        while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
    });

    it("says what Docker says where that fails", async () => {
        saving("echo no space left on device >&2; exit 1");
        const work = verifyBuild(RESULT, EXPECTED, { docker, clock: testHost() });
        expect(await failure(work)).to.match(/docker save failed.*no space left on device/);
    });
});

function isRunning(pid: number): boolean {
    try {
        return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
        return false;
    }
}
