import { createHash } from "node:crypto";
import { expect } from "chai";
import { bufferDevice } from "../../../provider/image/blockDevice";
import type { ImageCheck } from "../../../provider/image/check";
import { contentExpectations, expectations } from "../../../provider/image/expect.schema";
import { type DiskLook, lookAtDisk } from "../../../provider/image/lookAtDisk";
import { applySeverity } from "../../../provider/image/severity";
import { needsTool } from "../../support/tools";
import { MIB } from "./fixtures";
import { buildDisk, buildRoot, type TestFile } from "./rootImage";

const STATUS = [
    "bash 5.2.21-2ubuntu4 amd64",
    "apt 2.7.14 amd64",
    "cloud-init 24.1.3-0ubuntu3.3 all",
    "snapd 2.63 amd64",
]
    .map((line) => line.split(" "))
    .map(
        ([name, version, arch]) =>
            `Package: ${name ?? ""}\nStatus: install ok installed\nVersion: ${version ?? ""}\nArchitecture: ${arch ?? ""}\n`,
    )
    .join("\n");

/** The first bytes of a program for x86-64. */
const PROGRAM = Buffer.concat([
    Buffer.from("7f454c46020101000000000000000000", "hex"),
    Buffer.from([3, 0, 62, 0]),
]);

const UBUNTU: Readonly<Record<string, TestFile>> = {
    "etc/os-release": { link: "../usr/lib/os-release" },
    "usr/lib/os-release": 'ID=ubuntu\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04.3 LTS"\n',
    "var/lib/dpkg/status": STATUS,
    lib: { link: "usr/lib" },
    "usr/lib/systemd/systemd": PROGRAM,
    "usr/lib/systemd/system-generators/cloud-init-generator": { mode: 0o755, content: "#!/bin/sh\n" },
    "usr/lib/systemd/system/systemd-networkd-wait-online.service": "[Service]\n",
    "usr/lib/systemd/system/snapd.seeded.service": "[Service]\n",
    "usr/lib/systemd/system/ssh.service": "[Service]\n",
    "usr/lib/systemd/system/getty@.service": "[Service]\n",
    "etc/systemd/system/multi-user.target.wants/ssh.service": { link: "/usr/lib/systemd/system/ssh.service" },
    "etc/systemd/system/apport.service": { link: "/dev/null" },
    "boot/vmlinuz-6.8.0-45-generic": "x",
    "boot/initrd.img-6.8.0-45-generic": "x",
    "usr/lib/modules/6.8.0-45-generic/modules.dep": "kernel/net/igc.ko.zst:\n",
    "usr/lib/modules/6.8.0-45-generic/modules.alias": "alias pci:v00008086d000015F3sv*sd*bc*sc*i* igc\n",
    "etc/fstab": "LABEL=cloudimg-rootfs / ext4 discard,errors=remount-ro 0 1\n",
    "etc/passwd": "root:x:0:0::/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\ndaemon:x:1:\n",
    "etc/issue": { mode: 0o600, content: "Welcome\n" },
};

const MICROVISOR: Readonly<Record<string, TestFile>> = {
    ...UBUNTU,
    "usr/lib/os-release":
        'ID="Edge Microvisor Toolkit"\nVERSION_ID="3.0"\nPRETTY_NAME="Edge Microvisor Toolkit 3.0"\n',
    "etc/layout.env": 'export PERSISTENT_BIND_PATHS="\n  /home"\n',
    "var/lib/dpkg/status":
        STATUS +
        [
            "node-agent",
            "hardware-discovery-agent",
            "cluster-agent",
            "in-band-manageability",
            "platform-update-agent",
            "platform-telemetry-agent",
            "platform-observability-agent",
        ]
            .map(
                (name) =>
                    `\nPackage: ${name}\nStatus: install ok installed\nVersion: 1.0\nArchitecture: amd64\n`,
            )
            .join(""),
};

type Given = Parameters<typeof expectations.parse>[0];

describe("the judgement of an image", () => {
    before(function () {
        needsTool(this, "mkfs.ext4");
    });

    async function look(disk: Buffer, expected: Given): Promise<DiskLook> {
        const container = { format: "raw", compression: "gz" } as const;
        return lookAtDisk(bufferDevice(disk), container, contentExpectations(expectations.parse(expected)));
    }

    async function failures(disk: Buffer, expected: Given): Promise<Record<string, string>> {
        const { checks } = await look(disk, expected);
        return told(
            checks.filter(({ id, verdict }) => verdict === "failed" && !/^(esp|secureboot)\./.test(id)),
        );
    }

    function told(checks: readonly ImageCheck[]): Record<string, string> {
        return Object.fromEntries(checks.map(({ id, message }) => [id, message]));
    }

    describe("by the preset ubuntu", () => {
        it("passes an image with all that the guide asks for, and says what only the fleet can answer", async () => {
            const disk = await buildDisk(buildRoot(UBUNTU));
            expect(await failures(disk, { preset: "ubuntu" })).to.deep.equal({});
            const { checks } = await look(disk, { preset: "ubuntu" });
            const open = checks.filter(({ verdict }) => verdict === "not-checked").map(({ id }) => id);
            expect(open).to.deep.equal(["ubuntu.drivers", "ubuntu.secure-boot", "ubuntu.disk-size"]);
            const { checks: more } = await look(disk, {
                preset: "ubuntu",
                pciIds: ["8086:15F3"],
                maxDiskBytes: 64e9,
            });
            expect(told(more.filter(({ verdict }) => verdict === "not-checked"))).to.have.all.keys(
                "ubuntu.secure-boot",
            );
        });

        for (const [what, id, change, message] of [
            [
                "another distribution",
                "ubuntu.os",
                { "usr/lib/os-release": "ID=debian\n" },
                "is not made from Ubuntu",
            ],
            [
                "no cloud-init",
                "ubuntu.cloud-init.installed",
                { "var/lib/dpkg/status": STATUS.replace("cloud-init", "other") },
                "not installed",
            ],
            [
                "cloud-init off by a file",
                "ubuntu.cloud-init.enabled",
                { "etc/cloud/cloud-init.disabled": "" },
                "cloud-init.disabled is there",
            ],
            [
                "cloud-init off by the command line",
                "ubuntu.cloud-init.enabled",
                { "etc/default/grub": 'GRUB_CMDLINE_LINUX="quiet cloud-init=disabled"\n' },
                "/etc/default/grub says cloud-init=disabled",
            ],
            [
                "cloud-init masked",
                "ubuntu.cloud-init.enabled",
                { "etc/systemd/system/cloud-init.service": { link: "/dev/null" } },
                "is masked",
            ],
            [
                "cloud-init off by ds-identify",
                "ubuntu.cloud-init.enabled",
                { "etc/cloud/ds-identify.cfg": "policy: disabled\n" },
                "policy: disabled",
            ],
            [
                "other datasources",
                "ubuntu.cloud-init.datasources",
                { "etc/cloud/cloud.cfg.d/90.cfg": "datasource_list: [Ec2, None]\n" },
                "NoCloud",
            ],
            [
                "a read-only root",
                "ubuntu.mutable",
                { "etc/fstab": "LABEL=x / ext4 ro,noatime 0 1\n" },
                "read-only",
            ],
            [
                "no modules",
                "ubuntu.kernel",
                { "usr/lib/modules/6.8.0-45-generic/modules.dep": "" },
                "has no modules",
            ],
            ["no package list", "ubuntu.apt", { "var/lib/dpkg/status": "" }, "no list of packages"],
        ] as const) {
            it(`finds ${what}`, async () => {
                const found = await failures(await buildDisk(buildRoot({ ...UBUNTU, ...change })), {
                    preset: "ubuntu",
                });
                expect(found[id], JSON.stringify(found)).to.contain(message);
            });
        }

        it("finds a comment harmless", async () => {
            const grub = { "etc/default/grub": "# add cloud-init=disabled to switch it off\n" };
            const disk = await buildDisk(buildRoot({ ...UBUNTU, ...grub }));
            expect(await failures(disk, { preset: "ubuntu" })).to.deep.equal({});
        });

        it("finds a root that is not the first partition", async () => {
            const found = await failures(await buildDisk(buildRoot(UBUNTU), { rootIndex: 2 }), {
                preset: "ubuntu",
            });
            expect(found).to.have.all.keys("ubuntu.root-first");
        });
    });

    describe("by the preset emt", () => {
        const persistent = { index: 3, name: "edge_persistent", content: Buffer.alloc(MIB) };

        it("passes an image with all that the guide asks for", async () => {
            const disk = await buildDisk(buildRoot(MICROVISOR), {
                rootIndex: 2,
                rootName: "rootfs",
                more: [persistent],
            });
            const { checks } = await look(disk, { preset: "emt" });
            const failed = checks.filter(({ id, verdict }) => verdict === "failed" && id.startsWith("emt."));
            expect(failed).to.have.lengthOf(1);
            expect(failed[0]).to.include({
                id: "emt.agent.platform-manageability-agent",
                severity: "warning",
            });
        });

        it("finds Ubuntu in its place, with all that is wrong at once", async () => {
            const found = await failures(await buildDisk(buildRoot(UBUNTU)), { preset: "emt" });
            expect(Object.keys(found)).to.include.members([
                "emt.os",
                "emt.partition.boot",
                "emt.partition.rootfs",
                "emt.partition.persistent",
                "emt.immutable",
                "emt.agent.node-agent",
                "emt.agent.cluster-agent",
            ]);
            expect(found["emt.agent.node-agent"]).to.contain("EMF cannot manage the host");
        });
    });

    describe("by what is expected", () => {
        let disk: Buffer;
        before(async () => {
            disk = await buildDisk(buildRoot(UBUNTU));
        });

        it("passes what is met", async () => {
            const met: Given = {
                maxDiskBytes: 10e9,
                architecture: "amd64",
                os: { id: "Ubuntu", versionId: "24" },
                packages: { "cloud-init": ">= 23.1, < 25", bash: "present", telnetd: "absent" },
                kernel: ">= 6.8",
                files: [
                    { path: "/etc/issue", mode: "0600", owner: "root:root", content: "Welcome\n" },
                    { path: "/lib/os-release", contains: "24.04.3" },
                    { path: "/etc/issue", sha256: createHash("sha256").update("Welcome\n").digest("hex") },
                    { path: "/etc/cloud/cloud-init.disabled", absent: true },
                ],
                units: {
                    enabled: ["ssh.service"],
                    masked: ["apport.service"],
                    disabled: ["getty@tty1.service"],
                },
                cloudInit: ["NoCloud"],
                pciIds: ["8086:15f3"],
                partitions: [{ name: "uefi", type: "efi-system", minSizeBytes: MIB }, { fileSystem: "ext4" }],
            };
            expect(await failures(disk, met)).to.deep.equal({});
            const { checks } = await look(disk, met);
            expect(
                checks.filter(({ id }) => /^(package|file|unit|pci|partition)\./.test(id)),
            ).to.have.lengthOf(13);
        });

        it("tells each thing that is not", async () => {
            const found = await failures(disk, {
                maxDiskBytes: 1000,
                architecture: "aarch64",
                os: { id: "debian", versionId: "22.04" },
                packages: { "cloud-init": ">= 25", bash: "absent", nginx: "present" },
                kernel: "6.11",
                files: [
                    { path: "/etc/issue", mode: "0644", owner: "daemon", content: "another" },
                    { path: "/etc/none" },
                    { path: "/etc/fstab", absent: true },
                    { path: "/etc/passwd", owner: "nobody-knows" },
                ],
                units: { enabled: ["docker.service"], masked: ["ssh.service"], disabled: ["ssh.service"] },
                pciIds: ["8086:ffff"],
                nodeAgents: ["node-agent"],
                partitions: [{ name: "data" }, { fileSystem: "ext4", minSizeBytes: 10e9 }],
            });
            expect(found).to.have.all.keys([
                ...["disk.size", "root.architecture", "os.id", "os.version", "root.kernel"],
                ...["package.cloud-init", "package.bash", "package.nginx"],
                ...["file./etc/issue", "file./etc/none", "file./etc/fstab", "file./etc/passwd"],
                ...["unit.docker.service", "unit.ssh.service", "pci.8086:ffff", "agent.node-agent"],
                ...["partition.data", "partition.ext4"],
            ]);
            expect(found["file./etc/issue"]).to.equal(
                "/etc/issue has mode 0600, not 0644; belongs to 0:0, not to daemon (1:0); has another content",
            );
            expect(found["package.cloud-init"]).to.equal(
                "cloud-init is 24.1.3-0ubuntu3.3, but must be >= 25",
            );
            expect(found["unit.docker.service"]).to.equal(
                "docker.service is not in the image, but must be enabled",
            );
        });

        it("fails what damage hides, also when nothing is expected of it", async () => {
            const broken = await buildDisk(
                buildRoot({ ...UBUNTU, "var/lib/dpkg/status": { link: "status" } }),
            );
            expect(await failures(broken, {})).to.have.all.keys("root.sound");
            const found = await failures(broken, {
                packages: ["bash"],
                files: [{ path: "/var/lib/dpkg/status" }],
            });
            expect(found).to.have.all.keys("root.sound", "package.bash", "file./var/lib/dpkg/status");
            expect(found["package.bash"]).to.contain("a loop of links");
        });

        it("never passes what it cannot read", async () => {
            const other = Buffer.from(disk);
            other.fill(0, 35 * MIB, 35 * MIB + 4096);
            other.write("XFSB", 35 * MIB);
            const { checks } = await look(other, {
                preset: "ubuntu",
                packages: ["cloud-init"],
                files: [{ path: "/etc/issue" }],
                units: { enabled: ["ssh.service"] },
                pciIds: ["8086:15f3"],
                kernel: ">= 6",
            });
            const inRoot = checks.filter(({ id }) =>
                /^(root|package|file|unit|pci|ubuntu\.(os|kernel|cloud|apt|mutable))/.test(id),
            );
            expect(inRoot).to.have.lengthOf(11);
            for (const { id, verdict } of inRoot) expect(verdict, id).to.equal("not-checked");
        });
    });

    it("weighs failures as the user does", () => {
        const check = (id: string): ImageCheck => ({ id, verdict: "failed", seen: "", message: "" });
        const checks = ["root.kernel", "ubuntu.os", "ubuntu.cloud-init.enabled", "emt.os"].map(check);
        const weighed = applySeverity(checks, {
            "root.kernel": "off",
            "ubuntu.*": "warning",
            "ubuntu.cloud-init.*": "error",
        });
        expect(weighed.map(({ id, severity }) => [id, severity])).to.deep.equal([
            ["ubuntu.os", "warning"],
            ["ubuntu.cloud-init.enabled", undefined],
            ["emt.os", undefined],
        ]);
        const own: ImageCheck = { ...check("emt.raw-gz"), severity: "warning" };
        expect(applySeverity([own], { "emt.raw-gz": "error" })).to.deep.equal([check("emt.raw-gz")]);
    });

    it("refuses expectations that cannot be meant, each with one message", () => {
        const messages = (given: unknown): string[] =>
            (expectations.safeParse(given).error?.issues ?? []).map(
                ({ path, message }) => `${path.join(".")}: ${message}`,
            );
        expect(messages({ kernel: "new" })).to.deep.equal([
            'kernel: must be a version, or comparisons such as ">= 6.8"',
        ]);
        expect(messages({ files: [{ path: "etc/issue" }] })[0]).to.contain(
            "files.0.path: must be an absolute path",
        );
        expect(messages({ files: [{ path: "/a", absent: true, mode: "0644" }] })[0]).to.contain(
            "leaves nothing else",
        );
        expect(messages({ pciIds: ["15f3"] })[0]).to.contain("pciIds.0: must be vendor:device");
        expect(messages({ partitions: [{ minSizeBytes: 5 }] })[0]).to.contain("must say which partition");
        expect(messages({ units: { enabled: ["ssh"] } })[0]).to.contain("for example ssh.service");
        expect(messages({ packages: { a: "newest" } })).to.have.lengthOf(1);
        expect(messages({ severity: { "root.kernel": "fatal" } })).to.have.lengthOf(1);
    });
});
