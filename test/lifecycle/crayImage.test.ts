import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import * as zlib from "node:zlib";
import { execFileSync } from "node:child_process";
import { startLab, type Lab } from "../../lab";
import { needsImageRoots } from "../support/imageRoot";
import { imsConfig } from "../support/ims";
import { engines, stackUnderTest, type CommandResult, type StackUnderTest } from "../support/stack";
import { needsTool } from "../support/tools";

const EXAMPLE = path.resolve(__dirname, "../../examples/cray-image");

interface Outputs {
    bootSet: Record<string, unknown> & { path: string; etag: string };
    artifacts: Record<string, { path: string; etag: string }>;
}

for (const engine of engines()) {
    describe(`the example cray-image, on the ${engine} engine`, function () {
        this.timeout(120_000);
        let lab: Lab;
        let stack: StackUnderTest;

        before(async function () {
            needsImageRoots(this);
            for (const tool of ["/usr/bin/apt-get", "dpkg-deb"]) needsTool(this, tool);
            lab = await startLab({ emf: false, images: false, ims: true, imsBaseImage: true, jobSpeed: 50 });
            const { clientSecret, ...open } = imsConfig(lab.ims);
            stack = stackUnderTest({ program: { dir: EXAMPLE }, engine, config: { "edge-os:ims": open } });
            stack.env = { EDGE_OS_IMS_CLIENT_SECRET: clientSecret, PULUMI_NODEJS_TRANSPILE_ONLY: "true" };
        });
        after(async () => {
            stack.remove();
            await lab.close();
        });

        it("makes both layers, and what a boot session template needs of them", async () => {
            const { outputs, resources } = succeeded(await stack.up());
            const { bootSet, artifacts } = outputs as unknown as Outputs;
            const compute = imageNamed("compute");
            expect(bootSet).to.deep.include({ type: "s3", arch: "X86", node_roles_groups: ["Compute"] });
            expect(bootSet.path).to.equal(compute.link?.path);
            expect(bootSet.etag).to.equal(await etagOf(`${compute.id}/manifest.json`));
            for (const [role, key] of [
                ["kernel", "kernel"],
                ["initrd", "initrd"],
                ["rootfs.squashfs", "rootfs"],
            ] as const) {
                expect(artifacts[role]).to.deep.equal({
                    path: `s3://boot-images/${compute.id}/${key}`,
                    etag: await etagOf(`${compute.id}/${key}`),
                });
            }
            expect(resources.filter(({ custom, id }) => custom && id === compute.id)).to.have.lengthOf(1);
        });

        it("has the lower layer's packages and initrd under the upper one's files", async () => {
            expect(await fileIn("compute", "opt/node-health/health.conf")).to.include("interval = 30");
            expect(await fileIn("compute", "etc/node-role")).to.equal("role=compute\n");
            expect(await fileIn("compute", "etc/motd")).to.equal("Welcome to the lab\n");
            expect(await fileIn("compute-drivers", "opt/node-health/health.conf")).to.include(
                "interval = 60",
            );
            const initrd = await object(`${imageNamed("compute").id}/initrd`);
            expect(zlib.gunzipSync(initrd).toString("latin1"))
                .to.include("lib/modules/6.4.0-lab/extra/edge-nic.ko")
                .and.include("etc/modules-load.d/edge-nic.conf");
        });

        it("leaves neither jobs nor keys", () => {
            expect(lab.ims.store.jobs.list()).to.deep.equal([]);
            expect(lab.ims.store.publicKeys.list()).to.deep.equal([]);
            expect(lab.ims.store.publicKeys.listDeleted()).to.deep.equal([]);
        });

        it("changes nothing the second time, nor in a preview or a refresh", async () => {
            for (const result of [await stack.up(), await stack.preview(), await stack.refresh()]) {
                expect(changes(succeeded(result)), result.stdout).to.deep.equal({});
            }
        });

        it("makes only the upper layer anew for a change of one of its files", async () => {
            const lower = imageNamed("compute-drivers").id;
            const upper = imageNamed("compute").id;
            fs.appendFileSync(path.join(stack.dir, "files/health.conf"), "verbose = true\n");
            succeeded(await stack.up());
            expect(imageNamed("compute-drivers").id).to.equal(lower);
            expect(imageNamed("compute").id).to.not.equal(upper);
            expect(await fileIn("compute", "opt/node-health/health.conf")).to.include("verbose");
        });

        it("leaves the lab's own image, and nothing else", async () => {
            succeeded(await stack.destroy());
            expect(lab.ims.store.images.list().map(({ name }) => name)).to.deep.equal(["compute-base"]);
            expect(lab.ims.store.jobs.list()).to.deep.equal([]);
            expect(lab.ims.kubernetesObjects()).to.deep.equal([]);
        });

        function imageNamed(name: string) {
            const found = lab.ims.store.images.list().filter((image) => image.name === name);
            const [image] = found;
            if (!image || found.length > 1) throw new Error(`${found.length} images are named ${name}`);
            return image;
        }

        async function object(key: string): Promise<Buffer> {
            return (await lab.ims.objects.get({ bucket: "boot-images", key })) ?? Buffer.alloc(0);
        }

        async function etagOf(key: string): Promise<string | undefined> {
            return (await lab.ims.objects.head({ bucket: "boot-images", key }))?.etag;
        }

        async function fileIn(image: string, file: string): Promise<string> {
            const packed = path.join(stack.dir, "rootfs.sqsh");
            fs.writeFileSync(packed, await object(`${imageNamed(image).id}/rootfs`));
            return execFileSync("unsquashfs", ["-cat", packed, file], { encoding: "utf8" });
        }
    });
}

function succeeded(result: CommandResult): CommandResult {
    expect(result.exitCode, result.stdout).to.equal(0);
    return result;
}

/** What the summary counts beside what stayed the same. */
function changes(result: CommandResult): Record<string, number> {
    return Object.fromEntries(
        Object.entries(result.changes).filter(([op, count]) => op !== "same" && count > 0),
    );
}
