import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { readContents, type RootContents } from "../../../../provider/image/root/contents";
import { addAliases, modulesFor, type PciModules } from "../../../../provider/image/root/pciModules";
import { debianKernel } from "../../../support/debianPackages";
import { needsTool } from "../../../support/tools";
import { temporaryFolder } from "../fixtures";
import { buildRoot, type TestFile, withTree } from "../rootImage";

const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };

describe("the kernels of an image", () => {
    const folder = temporaryFolder();

    describe("Debian's own", () => {
        let version = "";
        let contents: RootContents;
        let modules = "";

        before(async function () {
            this.timeout(120_000);
            needsTool(this, "depmod");
            needsTool(this, "mkfs.ext4");
            const kernel = debianKernel(this);
            version = path.basename(kernel).replace("vmlinuz-", "");
            const shipped = path.join(path.dirname(kernel), "..", "lib/modules", version);
            modules = folder.path("lib/modules", version);
            fs.cpSync(shipped, modules, { recursive: true });
            const made = spawnSync("depmod", ["-b", folder.path(), version], { env });
            if (made.status !== 0) throw new Error(String(made.stderr));
            const files: Record<string, TestFile> = {
                "etc/os-release": "ID=debian\n",
                lib: { link: "usr/lib" },
                [`boot/vmlinuz-${version}`]: "kernel",
                [`boot/initrd.img-${version}`]: "initrd",
            };
            for (const name of ["modules.alias", "modules.dep", "modules.builtin.modinfo"]) {
                files[`usr/lib/modules/${version}/${name}`] = fs.readFileSync(path.join(modules, name));
            }
            contents = await withTree(buildRoot(files), readContents);
        });

        it("is found with its modules and its initial RAM disk", () => {
            const count = spawnSync("find", [modules, "-name", "*.ko*", "-type", "f"], { encoding: "utf8" })
                .stdout.trim()
                .split("\n").length;
            expect(contents.kernels).to.deep.equal([
                {
                    version,
                    image: `/boot/vmlinuz-${version}`,
                    initrd: `/boot/initrd.img-${version}`,
                    modules: count,
                },
            ]);
        });

        it("drives the PCI devices that modprobe finds a module for", () => {
            const text = fs.readFileSync(path.join(modules, "modules.alias"), "utf8");
            const listed = [
                ...text.matchAll(/^alias pci:v0000([0-9A-F]{4})d0000([0-9A-F]{4})sv\*sd\*bc\*/gm),
            ];
            expect(listed.length).to.be.greaterThan(100);
            const some = listed
                .filter((_one, at) => at % 12 === 0)
                .map(([, vendor = "", device = ""]) => ({ vendor, device }));
            const devices = [...some, { vendor: "8086", device: "FFFF" }, { vendor: "ABCD", device: "1234" }];
            for (const { vendor, device } of devices) {
                const alias = `pci:v0000${vendor}d0000${device}sv00000000sd00000000bc02sc00i00`;
                const args = ["-d", folder.path(), "-S", version, "-R", alias];
                const oracle = spawnSync("modprobe", args, { env, encoding: "utf8" })
                    .stdout.trim()
                    .split("\n");
                const found = modulesFor(contents.pci ?? none(), {
                    vendor: vendor.toLowerCase(),
                    device: device.toLowerCase(),
                    class: "020000",
                });
                expect(found, alias).to.have.members(oracle.filter((name) => name !== ""));
            }
        });

        it("says so compactly", () => {
            expect(JSON.stringify(contents.pci).length).to.be.lessThan(16 * 1024);
        });
    });

    it("are ordered by version, and are no leftovers of removed ones", async () => {
        const dep = "kernel/fs/ext4.ko.zst:\nkernel/net/igc.ko.zst: kernel/lib/x.ko.zst\n";
        const root = buildRoot({
            "etc/os-release": "ID=ubuntu\n",
            "boot/vmlinuz": { link: "vmlinuz-6.8.0-101-generic" },
            "boot/vmlinuz-6.8.0-101-generic": "x",
            "boot/vmlinuz-6.8.0-9-generic": "x",
            "boot/initrd.img-6.8.0-9-generic": "x",
            "usr/lib/modules/6.8.0-9-generic/modules.dep": dep,
            "usr/lib/modules/6.8.0-101-generic/modules.dep": dep,
            "usr/lib/modules/6.5.0-1-generic/updates/dkms/left.ko": "x",
            "usr/lib/modules/6.6.1/vmlinuz": "x",
            "usr/lib/modules/6.6.1/initrd": "x",
        });
        const { kernels } = await withTree(root, readContents);
        expect(kernels).to.deep.equal([
            {
                version: "6.6.1",
                modules: 0,
                image: "/usr/lib/modules/6.6.1/vmlinuz",
                initrd: "/usr/lib/modules/6.6.1/initrd",
            },
            {
                version: "6.8.0-9-generic",
                modules: 2,
                image: "/boot/vmlinuz-6.8.0-9-generic",
                initrd: "/boot/initrd.img-6.8.0-9-generic",
            },
            { version: "6.8.0-101-generic", modules: 2, image: "/boot/vmlinuz-6.8.0-101-generic" },
        ]);
    });

    it("drive devices by their own ids, by any id of a vendor, by their class; never by a driver for everything", () => {
        const pci = none();
        addAliases(
            pci,
            [
                "alias pci:v00008086d000015F3sv*sd*bc*sc*i* igc",
                "alias pci:v00008086d000015F3sv00001028sd*bc*sc*i* igc",
                "alias pci:v000010DEd*sv*sd*bc03sc00i00* nouveau",
                "alias pci:v*d*sv*sd*bc01sc08i02* nvme",
                "alias pci:v*d*sv*sd*bc01sc06i01* ahci",
                "alias pci:v*d*sv*sd*bc*sc*i* vfio_pci",
                "alias usb:v0BDAp8153d*dc*dsc*dp*ic*isc*ip*in* r8152",
                "alias pci:garbage nothing",
            ].join("\n"),
        );
        expect(modulesFor(pci, { vendor: "8086", device: "15f3" })).to.deep.equal(["igc"]);
        expect(modulesFor(pci, { vendor: "8086", device: "f315" })).to.deep.equal([]);
        expect(modulesFor(pci, { vendor: "10de", device: "2684" })).to.deep.equal([]);
        expect(modulesFor(pci, { vendor: "10de", device: "2684", class: "030000" })).to.deep.equal([
            "nouveau",
        ]);
        expect(modulesFor(pci, { vendor: "144d", device: "a808" })).to.deep.equal([]);
        expect(modulesFor(pci, { vendor: "144d", device: "a808", class: "010802" })).to.deep.equal(["nvme"]);
        expect(pci.devices["8086"]).to.deep.equal({ igc: "15f3" });
    });
});

function none(): PciModules {
    return { kernel: "", devices: {}, classes: {} };
}
