import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Lab } from "../../lab";
import { debianKernel } from "../support/debianPackages";
import { needsDocker } from "../support/docker";
import { edgeAppliance } from "../support/edgeAppliance";
import type { CommandResult, StackUnderTest } from "../support/stack";
import { needsTool } from "../support/tools";

const TOOLS = [
    ...["git", "docker-registry", "busybox", "mksquashfs", "xorriso", "mkfs.vfat", "mcopy", "grub-mkimage"],
    ...["/usr/lib/grub/i386-pc/cdboot.img", "/usr/lib/grub/x86_64-efi/moddep.lst"],
    ...["qemu-system-x86_64", "/usr/share/OVMF/OVMF_VARS_4M.fd", "apt-get", "dpkg-deb"],
];

interface Outputs {
    systemUri: string;
    profileValues: string;
    images: { reference: string; digest: string }[];
    iso: { path: string };
    checksPassed: number;
}

/** The engines differ in nothing that this resource sees; the embedded one starts faster. */
describe("the example edge-appliance", function () {
    this.timeout(240_000);
    let lab: Lab;
    let stack: StackUnderTest;
    let made: Outputs;
    let report: string;

    before(async function () {
        needsDocker(this);
        for (const tool of TOOLS) needsTool(this, tool);
        debianKernel(this);
        ({ lab, stack } = await edgeAppliance());
    });
    after(async () => {
        (stack as StackUnderTest | undefined)?.remove();
        await (lab as Lab | undefined)?.close();
    });

    it("names its image in a preview, and builds, verifies, boots and pushes it", async () => {
        expect((await succeeds(stack.preview())).changes).to.deep.equal({ create: 2 });
        const { outputs, resources } = await succeeds(stack.up());
        made = outputs as unknown as Outputs;
        const row = resources.find(({ type }) => type.endsWith(":ApplianceImage"));
        report = String(row?.outputs?.report).replaceAll("\\", "");
        const { registry } = lab.canvos;
        expect(made.systemUri)
            .to.match(/\/ubuntu:kubeadm-1\.34\.2-v4\.8\.10-demo[0-9a-f]{8}$/)
            .and.to.satisfy((uri: string) => uri.startsWith(`${registry}/`));
        expect(made.profileValues).to.contain(made.systemUri);
        expect(made.images[0]).to.deep.include({ reference: made.systemUri });
        expect(await tagsOf(registry)).to.deep.equal([made.systemUri.split(":").at(-1)]);
    });

    it("has what the appliance's Makefile looks for, and its services in the installer", () => {
        for (const passed of [
            "provider.package.doca-all",
            "provider.firmware.bf-bundle-3.2.1-34_25.11_ubuntu-24.04_64k_prod.bfb",
            "provider.nodeprep",
            "provider.appliance./etc/modprobe.d/ib_core.conf",
            "provider.compiler",
            "provider.dkms.mlnx-ofed-kernel",
            "provider.kubernetes.kubeadm",
            "iso.user-data",
            "smoke.bios.service.lldpd.service",
            "smoke.uefi.mst",
        ])
            expect(report).to.contain(passed);
        expect(made.checksPassed).to.be.at.least(50);
    });

    it("changes nothing the second time, nor in a preview or a refresh", async () => {
        for (const command of ["up", "preview", "refresh"] as const)
            expect((await succeeds(stack[command]())).changes, command).to.deep.equal({ same: 2 });
    });

    it("shows in a refresh that its image is gone, and pushes the same again", async () => {
        const [image] = made.images;
        const url = `${lab.canvos.endpoint}/v2/ubuntu/manifests/${image?.digest ?? ""}`;
        expect((await fetch(url, { method: "DELETE" })).status).to.equal(202);
        expect((await succeeds(stack.refresh())).changes).to.include({ update: 1 });
        const again = (await succeeds(stack.up())).outputs as unknown as Outputs;
        expect(again.images).to.deep.equal(made.images);
    });

    it("leaves nothing", async () => {
        await succeeds(stack.destroy());
        const { engine, registry, settings } = lab.canvos;
        expect(await tagsOf(registry)).to.equal(null);
        expect(fs.existsSync(made.iso.path)).to.equal(false);
        expect(fs.readdirSync(path.join(settings.workDirectory ?? "", "builds"))).to.deep.equal([]);
        expect(engine.run("ps", "-aq")).to.equal("");
        const left = engine.run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split("\n");
        const tag = made.systemUri.slice(made.systemUri.lastIndexOf("-"));
        expect(left.filter((name) => name.includes(tag))).to.deep.equal([]);
    });
});

async function succeeds(command: Promise<CommandResult>): Promise<CommandResult> {
    const result = await command;
    expect(result.exitCode, result.stdout).to.equal(0);
    return result;
}

async function tagsOf(registry: string): Promise<string[] | null> {
    const answer = await fetch(`http://${registry}/v2/ubuntu/tags/list`);
    return ((await answer.json()) as { tags: string[] | null }).tags;
}
