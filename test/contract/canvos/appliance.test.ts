import { expect } from "chai";
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { importBaseImages, KERNEL_VERSION } from "../../../lab/canvos/baseImages";
import { BFB_FILE as BFB, DOCA_FILE as DOCA, writeFirmware } from "../../../lab/canvos/firmware";
import { addPackaging } from "../../../lab/canvos/systemImage";
import { buildPackage } from "../../../lab/ims/baseImage/apt";
import { messageOf } from "../../../provider/resource/errors";
import { CanvosMachine } from "../../support/canvos";
import { errorOf } from "../../support/failure";
import { startImageServer, type ImageServer } from "../../support/imageServer";
import { needsTool } from "../../support/tools";

const FIRMWARE = crypto.randomBytes(6 * 1024 * 1024);
const OVERLAY: Readonly<Record<string, [text: string, mode: number]>> = {
    "etc/modprobe.d/blacklist-nouveau.conf": ["blacklist nouveau\n", 0o644],
    "etc/modprobe.d/ib_core.conf": ["options ib_core netns_mode=0\n", 0o600],
    "etc/lldpd.d/rcp-lldpd.conf": ["configure system hostname .\n", 0o640],
    "etc/modules-load.d/nfsrdma.conf": ["rpcrdma\n", 0o644],
    "etc/cron.daily/tidy": ["#!/bin/sh\n", 0o755],
    "opt/spectrocloud/site.conf": ["site\n", 0o444],
};

function digestOf(bytes: Buffer): string {
    return crypto.createHash("sha256").update(bytes).digest("hex");
}

describe("canvos.ApplianceImage: the edge appliance", function () {
    this.timeout(120_000);
    let machine: CanvosMachine;
    let server: ImageServer;
    let address: string;

    before(async function () {
        for (const tool of ["dpkg-deb", "apt-get"]) needsTool(this, tool);
        machine = await CanvosMachine.start(this);
        server = await startImageServer();
        server.files.set(`/${BFB}`, { bytes: FIRMWARE, etag: '"1"' });
        address = `${server.origin}/${BFB}`;
        importBaseImages(machine.engine, machine.registry.name, baseSystem);
        writeFirmware(machine.project);
        for (const [name, [text, mode]] of Object.entries(OVERLAY))
            machine.write(`overlay/${name}`, text, mode);
        machine.write("nodeprep.sh", "#!/bin/sh\necho prepared\n");
    });
    after(async () => {
        await (server as ImageServer | undefined)?.close();
        await (machine as CanvosMachine | undefined)?.close();
    });

    function given(customTag: string, edgeAppliance: object, more: object = {}): Record<string, unknown> {
        return machine.given({
            arguments: { customTag },
            targets: ["build-provider-images"],
            overlay: "overlay",
            push: false,
            edgeAppliance,
            ...more,
        });
    }

    function create(...args: Parameters<typeof given>): ReturnType<CanvosMachine["create"]> {
        const context = machine.context({}, "0", { EDGE_OS_IMAGE_CA_FILE: server.caFile });
        return machine.create(given(...args), context);
    }

    function inImage(reference: string, script: string): string {
        return machine.engine.run("run", "--rm", "--network", "none", reference, "/bin/sh", "-c", script);
    }

    it("has DOCA, firmware, script and overlay of what was given, and what belongs to them", async () => {
        server.react = (_request, count) => (count === 2 ? { breakAfter: 2 * 1024 * 1024 } : undefined);
        machine.write("own", "RUN ls /usr/bin/mst && echo own >/etc/own\n");
        const appliance = {
            doca: { source: DOCA },
            bfb: { source: address, sha256: digestOf(FIRMWARE) },
            nodeprep: "nodeprep.sh",
            packages: ["dkms"],
        };
        const { inputs, outputs } = await create("full", appliance, { dockerfile: "own" });

        const uri = inputs.systemUri;
        expect(inImage(uri, `md5sum </opt/spectrocloud/spcx/bfb/${BFB}`)).to.contain(
            crypto.createHash("md5").update(FIRMWARE).digest("hex"),
        );
        expect(inImage(uri, "/opt/spectrocloud/nodeprep.sh && cat /etc/own")).to.equal("prepared\nown");
        expect(inImage(uri, "apt-mark showhold").split("\n")).to.deep.equal([
            `linux-headers-${KERNEL_VERSION}`,
            `linux-image-${KERNEL_VERSION}`,
        ]);
        expect(inImage(uri, "ls /usr/bin/gcc-14 /usr/sbin/lldpd /usr/sbin/dkms")).to.contain("dkms");
        expect(inImage(uri, "ls /tmp /var/lib/apt/lists")).to.not.match(/\.deb|\.bfb|Packages/);
        for (const [name, [text, mode]] of Object.entries(OVERLAY)) {
            if (!name.startsWith("etc/")) continue;
            const found = inImage(uri, `stat -c %a /${name} && cat /${name}`);
            expect(found, name).to.equal(`${mode.toString(8)}\n${text.trimEnd()}`);
        }
        for (const id of [`provider.firmware.${BFB}`, "provider.package.doca-all", "provider.nodeprep"])
            expect(outputs.report.replaceAll("\\", "")).to.contain(id);
        const history = ["history", "--human=false", "--format", "{{.Size}}", uri];
        const layers = machine.engine
            .run(...history)
            .split("\n")
            .map(Number);
        expect(
            layers.filter((size) => Math.abs(size - FIRMWARE.length) < 10_000),
            "layers with the firmware",
        ).to.have.lengthOf(1);
        // What was on its way when the connection broke may be lost.
        const continued = server.requests.map(({ range }) => /^bytes=([1-9]\d*)-(\d+)$/.exec(range ?? ""));
        const [, from, to] = continued.find((found) => found !== null) ?? [];
        expect(Number(from)).to.be.at.most(2 * 1024 * 1024);
        expect(Number(to)).to.equal(FIRMWARE.length - 1);
    });

    it("fetches firmware once, and continues a fetch that an earlier run has begun", async () => {
        const other = crypto.randomBytes(1024 * 1024);
        server.files.set("/other.bfb", { bytes: other, etag: '"2"' });
        const folder = path.join(machine.work, "downloads");
        fs.mkdirSync(folder, { recursive: true });
        fs.writeFileSync(path.join(folder, `${digestOf(other)}.part`), other.subarray(0, 700_000));
        server.react = () => undefined;
        server.requests.length = 0;
        const bfb = { source: `${server.origin}/other.bfb`, sha256: digestOf(other) };
        machine.write("place", `COPY edge-appliance/other.bfb /opt/spectrocloud/spcx/bfb/other.bfb\n`);
        const appliance = { bfb, dockerfile: "place" };
        const error = await errorOf(create("own", appliance));

        // Own instructions bring what they say, and the check of the rest is the user's.
        expect(messageOf(error)).to.contain("gcc-14 is not in").and.not.contain("provider.firmware");
        expect(
            server.requests.filter(({ range }) => range?.startsWith("bytes=700000-") === true),
        ).to.have.lengthOf(1);
        server.requests.length = 0;
        const severity = { "provider.compiler": "warning" };
        await create("own", appliance, { verify: { severity } });
        expect(server.requests).to.deep.equal([]);
    });

    it("is not built of firmware that is not what its digest says", async () => {
        const sha256 = "0".repeat(64);
        const error = await errorOf(create("sum", { bfb: { source: address, sha256 } }));
        expect(messageOf(error)).to.contain(BFB).and.contain(`${sha256} is asked for`);
        const local = await errorOf(create("sum", { doca: { source: DOCA, sha256 } }));
        expect(messageOf(local)).to.contain(`edgeAppliance.doca: ${DOCA} has the SHA-256`);
        expect(
            fs.readdirSync(path.join(machine.work, "downloads")).filter((name) => name.endsWith(".part")),
        ).to.deep.equal([]);
    });

    it("fails to build where DOCA's package brings no DOCA, which the wrapper's build passes over", async () => {
        const broken = "doca-host_broken_ubuntu2404_amd64.deb";
        const empty = { name: "doca-host", description: "a source of nothing", files: { "etc/doca": "" } };
        buildPackage(empty, machine.project);
        fs.renameSync(path.join(machine.project, "doca-host.deb"), path.join(machine.project, broken));
        const error = await errorOf(create("broken", { doca: { source: broken } }));
        expect(messageOf(error)).to.match(/the build failed[^]*Unable to locate package doca-all/);
    });

    it("is a plain build where it is left out", async () => {
        const { outputs } = await create("plain", {}, { edgeAppliance: undefined });
        const tree = path.join(path.dirname(outputs.logFile), "tree");
        const own = fs.readFileSync(path.join(machine.repository.folder, "Dockerfile"), "utf8");
        expect(fs.readFileSync(path.join(tree, "Dockerfile"), "utf8")).to.equal(own);
        expect(fs.existsSync(path.join(tree, "edge-appliance"))).to.equal(false);
        expect(outputs.report).to.not.contain("provider.package");
    });
});

/** With a kernel of which only the configuration is left: it cannot be held. */
function baseSystem(root: string): void {
    addPackaging(root);
    const lines = ["Package: linux-image-6.8.0-11-generic", "Status: deinstall ok config-files"];
    const rest = ["Architecture: amd64", "Maintainer: Nobody <nobody@example.com>", "Version: 13"];
    const entry = [...lines, ...rest, "Description: kernel", ""].join("\n");
    fs.appendFileSync(path.join(root, "var/lib/dpkg/status"), `\n${entry}`);
}
