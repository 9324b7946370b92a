import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import type { BuildResult } from "../../../provider/canvos/build.types";
import { Docker } from "../../../provider/canvos/docker";
import { assertVerified, partsOf, verificationMarkdown } from "../../../provider/canvos/verify";
import {
    appliancePackages,
    expectedFiles,
    expectedText,
    firmwareFile,
    NODEPREP,
} from "../../../provider/canvos/verify.expected";
import { look } from "../../../provider/canvos/verify.look";
import { verification } from "../../../provider/canvos/verify.schema";
import type { BuildCheck, BuildExpectations } from "../../../provider/canvos/verify.types";
import { isError, isWarning } from "../../../provider/image/check";
import {
    type InstallerOptions,
    installerFiles,
    installerIso,
    squashfs,
    GRUB_CFG,
} from "../../support/installerIso";
import { dockerArchive, layerArchive, type LayerFile } from "../../support/layers";
import { needsTool } from "../../support/tools";
import { temporaryFolder } from "../image/fixtures";

const KERNEL = "6.8.0-57-generic";
const TOKEN = "edge-registration-token-0123456789";
const USER_DATA = `#cloud-config\nstylus:\n  site:\n    edgeHostToken: ${TOKEN}\n`;
const FIRMWARE = Buffer.alloc(300_000, "bluefield");
const FIRMWARE_PATH = "opt/spectrocloud/spcx/bfb/bf-bundle-3.2.1_ubuntu-24.04_prod.bfb";
const OVERLAY = {
    "etc/modprobe.d/blacklist-nouveau.conf": "blacklist nouveau\n",
    "etc/modprobe.d/ib_core.conf": "options ib_core netns_mode=0\n",
    "etc/lldpd.d/rcp-lldpd.conf": "configure system hostname .\n",
    "etc/modules-load.d/nfsrdma.conf": "rpcrdma\n",
};

/** The beginning of a program for x86-64, and texts that it was built with. */
function program(...texts: string[]): { mode: number; content: Buffer } {
    const head = Buffer.concat([
        Buffer.from("7f454c46020101000000000000000000", "hex"),
        Buffer.from([3, 0, 62, 0]),
    ]);
    return { mode: 0o755, content: Buffer.concat([head, Buffer.alloc(100), Buffer.from(texts.join("\0"))]) };
}

function dpkgStatus(state = "install ok installed"): string {
    return appliancePackages(true)
        .map(
            (name) =>
                `Package: ${name}\nStatus: ${name === "doca-all" ? state : "install ok installed"}\nVersion: 1.0\nArchitecture: amd64\n`,
        )
        .join("\n");
}

type Files = Record<string, LayerFile>;

function applianceFiles(): Files {
    const dkms = `var/lib/dkms/mlnx-ofed-kernel/25.10/${KERNEL}/x86_64/module/mlx5_core.ko.zst`;
    return {
        lib: { link: "usr/lib" },
        "usr/lib/systemd/systemd": program(),
        "etc/kairos-release": 'KAIROS_FLAVOR="ubuntu"\nKAIROS_VERSION="v3.5.9"\n',
        "etc/os-release": 'ID=ubuntu\nVERSION_ID="24.04"\n',
        "var/lib/dpkg/status": dpkgStatus(),
        [`usr/lib/modules/${KERNEL}/modules.dep`]: "kernel/fs/ext4.ko.zst:\n",
        [`usr/lib/modules/${KERNEL}/updates/dkms/mlx5_core.ko.zst`]: "module",
        [dkms]: "module",
        "usr/bin/gcc-14": { link: "x86_64-linux-gnu-gcc-14" },
        "usr/bin/x86_64-linux-gnu-gcc-14": program(),
        "usr/bin/kubeadm": program("go1.24", "v1.34.2", "v0.34.2"),
        "usr/bin/kubelet": program("v1.34.2"),
        [FIRMWARE_PATH]: FIRMWARE,
        "opt/spectrocloud/nodeprep.sh": { mode: 0o755, content: "#!/bin/bash\n" },
        ...OVERLAY,
    };
}

describe("what a build has made", () => {
    const folder = temporaryFolder();
    let overlay = "";

    before(function () {
        for (const tool of ["xorriso", "mkfs.vfat", "mcopy"]) needsTool(this, tool);
        overlay = folder.path("overlay");
        for (const [name, content] of Object.entries(OVERLAY)) {
            fs.mkdirSync(path.dirname(path.join(overlay, name)), { recursive: true });
            fs.writeFileSync(path.join(overlay, name), content, { mode: 0o644 });
        }
    });

    async function expectations(given: object = {}): Promise<BuildExpectations> {
        const files = await expectedFiles(overlay);
        return {
            architecture: "amd64",
            isUki: false,
            kubernetes: { distribution: "kubeadm" },
            providerFiles: files,
            installerFiles: files,
            isoFiles: [],
            appliance: {
                osVersion: "24.04",
                packages: appliancePackages(true),
                firmware: [firmwareFile(path.basename(FIRMWARE_PATH), sha256(FIRMWARE))],
                nodeprep: expectedText("#!/bin/bash\n", NODEPREP),
            },
            userData: USER_DATA,
            secrets: [{ name: "userData.stylus.site.edgeHostToken", value: TOKEN }],
            ...given,
            verify: verification.parse((given as { verify?: object }).verify ?? {}),
        };
    }

    /** A Docker that has these images. */
    async function dockerWith(images: Readonly<Record<string, Files>>, config = {}): Promise<Docker> {
        const bin = fs.mkdtempSync(path.join(folder.path(), "bin-"));
        for (const [id, files] of Object.entries(images)) {
            const archive = await dockerArchive({ layers: [await layerArchive(files)], ...config });
            fs.writeFileSync(path.join(bin, id), archive);
        }
        fs.writeFileSync(
            path.join(bin, "docker"),
            '#!/bin/sh\n[ "$1" = save ] && exec /bin/cat "${0%/*}/$2"\n',
            { mode: 0o755 },
        );
        return new Docker({ PATH: bin });
    }

    async function judgeProvider(files: Files, given: object = {}, config = {}): Promise<BuildCheck[]> {
        const result: BuildResult = {
            images: [
                {
                    kubernetesVersion: "1.34.2",
                    reference: "registry.example.com/ubuntu:kubeadm-1.34.2",
                    dockerImageId: "provider",
                },
            ],
            logFile: "/build.log",
        };
        const docker = await dockerWith({ provider: files }, config);
        return verifyHere(result, await expectations(given), docker);
    }

    async function judgeIso(
        change: (files: Record<string, string | Buffer>) => void,
        given: object = {},
        options: InstallerOptions & { bytes?: (iso: Buffer) => Buffer; sha256?: string } = {},
    ): Promise<BuildCheck[]> {
        const files = installerFiles(USER_DATA);
        change(files);
        const file = installerIso(folder.path(), files, options);
        const promised = options.sha256 ?? sha256(fs.readFileSync(file));
        if (options.bytes) fs.writeFileSync(file, options.bytes(fs.readFileSync(file)));
        const result: BuildResult = {
            images: [],
            iso: { path: file, sizeBytes: 0, sha256: promised },
            logFile: "/build.log",
        };
        return verifyHere(result, await expectations(given), new Docker({}));
    }

    /** Without the thread that such a look has of its own: that takes longer to start than the look. */
    function verifyHere(
        result: BuildResult,
        expected: BuildExpectations,
        docker: Docker,
    ): Promise<BuildCheck[]> {
        const parts = partsOf(result, docker);
        const artifacts = parts.map(({ artifact }) => artifact);
        return look(
            { artifacts, expected },
            parts.map(({ source }) => source),
        );
    }

    const problems = (checks: readonly BuildCheck[]): string[] => checks.filter(isError).map(({ id }) => id);
    const warnings = (checks: readonly BuildCheck[]): string[] =>
        checks.filter(isWarning).map(({ id }) => id);

    it("passes when all is there that was asked for", async () => {
        const checks = await judgeProvider(applianceFiles(), { verify: { dkms: ["mlnx-ofed-kernel"] } });
        expect(checks.filter(({ verdict }) => verdict !== "passed")).to.deep.equal([]);
        expect(checks.map(({ id }) => id)).to.include.members([
            "provider.package.doca-all",
            "provider.firmware.bf-bundle-3.2.1_ubuntu-24.04_prod.bfb",
            "provider.nodeprep",
            "provider.overlay./etc/modprobe.d/ib_core.conf",
            "provider.compiler",
            "provider.kernel",
            "provider.dkms.mlnx-ofed-kernel",
            "provider.kubernetes.kubeadm",
            "provider.kairos",
            "provider.architecture",
            "provider.size",
            "provider.secrets",
        ]);
        const iso = await judgeIso(() => undefined);
        expect(iso.filter(({ verdict }) => verdict !== "passed")).to.deep.equal([]);
    });

    describe("in a provider image, as the wrapper's verify looks at it and beyond", () => {
        type Row = [what: string, change: (files: Files) => void, ids: string[], given?: object];
        const rows: Row[] = [
            [
                "1. DOCA is not installed",
                (f) => (f["var/lib/dpkg/status"] = dpkgStatus("deinstall ok config-files")),
                ["provider.package.doca-all"],
            ],
            [
                "1. DOCA's installation stopped half-way",
                (f) => (f["var/lib/dpkg/status"] = dpkgStatus("install ok unpacked")),
                ["provider.package.doca-all"],
            ],
            [
                "2. the firmware is missing",
                (f) => delete f[FIRMWARE_PATH],
                [`provider.firmware.${path.basename(FIRMWARE_PATH)}`],
            ],
            [
                "2. the firmware is another",
                (f) => (f[FIRMWARE_PATH] = "another"),
                [`provider.firmware.${path.basename(FIRMWARE_PATH)}`],
            ],
            [
                "3. nodeprep is not executable",
                (f) => (f["opt/spectrocloud/nodeprep.sh"] = "#!/bin/bash\n"),
                ["provider.nodeprep"],
            ],
            [
                "3. nodeprep is another",
                (f) => (f["opt/spectrocloud/nodeprep.sh"] = { mode: 0o755, content: "#!/bin/bash\nexit\n" }),
                ["provider.nodeprep"],
            ],
            ...Object.keys(OVERLAY).map((name, i): Row => [
                `${i + 4}. the overlay's ${name} was dropped`,
                (f) => delete f[name],
                [`provider.overlay./${name}`, `provider.appliance./${name}`],
            ]),
            [
                "8. the compiler is missing",
                (f) => delete f["usr/bin/x86_64-linux-gnu-gcc-14"],
                ["provider.compiler"],
            ],
            [
                "8. the compiler is that of another Ubuntu",
                (f) => (f["usr/bin/gcc-12"] = program()),
                ["provider.compiler"],
                { verify: { compiler: "gcc-11" } },
            ],
            [
                "an overlay file has other bytes",
                (f) => (f["etc/modprobe.d/ib_core.conf"] = "options ib_core netns_mode=1\n"),
                ["provider.overlay./etc/modprobe.d/ib_core.conf"],
            ],
            [
                "an overlay file has another mode",
                (f) =>
                    (f["etc/modprobe.d/ib_core.conf"] = {
                        content: OVERLAY["etc/modprobe.d/ib_core.conf"],
                        mode: 0o600,
                    }),
                ["provider.overlay./etc/modprobe.d/ib_core.conf"],
            ],
            [
                "Kubernetes is of another version",
                (f) => (f["usr/bin/kubelet"] = program("v1.33.1")),
                ["provider.kubernetes.kubelet"],
            ],
            [
                "Kubernetes is a script",
                (f) => (f["usr/bin/kubelet"] = { content: "echo v1.34.2", mode: 0o755 }),
                ["provider.kubernetes.kubelet"],
            ],
            [
                "Kubernetes is missing where it must be",
                (f) => delete f["usr/bin/kubeadm"],
                ["provider.kubernetes.kubeadm"],
                { kubernetes: { distribution: "kubeadm", isBundled: true } },
            ],
            ["it is no Kairos", (f) => delete f["etc/kairos-release"], ["provider.kairos"]],
            [
                "it holds the token",
                (f) => (f["root/.bash_history"] = `curl -H 'Authorization: ${TOKEN}'`),
                ["provider.secrets"],
            ],
            ["it is too large", () => undefined, ["provider.size"], { verify: { maxSizeBytes: 1000 } }],
            [
                "a module is built for another kernel",
                (f) => {
                    f["usr/lib/modules/6.11.0-9-generic/modules.dep"] = "kernel/fs/ext4.ko.zst:\n";
                },
                ["provider.dkms.mlnx-ofed-kernel"],
                { verify: { dkms: ["mlnx-ofed-kernel"] } },
            ],
            [
                "a module is built and not installed",
                (f) => delete f[`usr/lib/modules/${KERNEL}/updates/dkms/mlx5_core.ko.zst`],
                ["provider.dkms.mlnx-ofed-kernel"],
                { verify: { dkms: ["mlnx-ofed-kernel"] } },
            ],
            [
                "a package of the user's is missing",
                () => undefined,
                ["provider.package.tcpdump"],
                { verify: { packages: ["tcpdump"] } },
            ],
            [
                "a file of the user's says something else",
                (f) => (f["etc/issue"] = "Acme\n"),
                ["provider.file./etc/issue"],
                { verify: { files: [{ path: "/etc/issue", contains: "Edge" }] } },
            ],
            [
                "the kernel is older than the user wants",
                () => undefined,
                ["provider.kernel"],
                { verify: { kernel: ">= 6.14" } },
            ],
        ];
        for (const [what, change, ids, given] of rows) {
            it(what, async () => {
                const files = applianceFiles();
                change(files);
                expect(problems(await judgeProvider(files, given))).to.deep.equal(ids);
            });
        }

        it("9. a kernel beyond the one Ubuntu came out with is a warning", async () => {
            const files = applianceFiles();
            files["usr/lib/modules/6.14.0-1-generic/modules.dep"] = "kernel/fs/ext4.ko.zst:\n";
            const checks = await judgeProvider(files);
            expect(problems(checks)).to.deep.equal([]);
            expect(warnings(checks)).to.deep.equal(["provider.dkms.mlnx-ofed-kernel", "provider.kernel"]);
        });

        it("an image for another machine", async () => {
            expect(
                problems(await judgeProvider(applianceFiles(), {}, { architecture: "arm64" })),
            ).to.deep.equal(["provider.architecture"]);
        });

        it("leaves open what CanvOS decides by the base image", async () => {
            const files = applianceFiles();
            delete files["usr/bin/kubeadm"];
            delete files["usr/bin/kubelet"];
            const open = (await judgeProvider(files)).filter(({ verdict }) => verdict === "not-checked");
            expect(open.map(({ id }) => id)).to.deep.equal([
                "provider.kubernetes.kubeadm",
                "provider.kubernetes.kubelet",
            ]);
        });

        it("asks a standard build for nothing of the appliance's", async () => {
            const files = applianceFiles();
            for (const name of [
                FIRMWARE_PATH,
                "opt/spectrocloud/nodeprep.sh",
                "usr/bin/gcc-14",
                ...Object.keys(OVERLAY),
            ])
                delete files[name];
            const checks = await judgeProvider(files, { appliance: undefined, providerFiles: [] });
            expect(problems(checks)).to.deep.equal([]);
        });

        it("an archive that Docker breaks off, with its own words", async () => {
            const bin = fs.mkdtempSync(path.join(folder.path(), "bin-"));
            fs.writeFileSync(
                path.join(bin, "docker"),
                "#!/bin/sh\necho no space left on device >&2\nexit 1\n",
                { mode: 0o755 },
            );
            const result: BuildResult = {
                images: [{ reference: "r", dockerImageId: "provider" }],
                logFile: "",
            };
            const docker = new Docker({ PATH: bin });
            const failure = await verifyHere(result, await expectations(), docker).catch(
                (error: unknown) => error,
            );
            expect((failure as Error).message).to.contain("no space left on device");
        });
    });

    describe("in an ISO, as the wrapper's verify-iso should look at it", () => {
        type Row = [
            what: string,
            change: (files: Record<string, string | Buffer>) => void,
            ids: string[],
            given?: object,
            options?: Parameters<typeof judgeIso>[2],
        ];
        const bundle = Buffer.alloc(5000, "bundle");
        const bundleFile = { path: "/opt/spectrocloud/content/core.zst", sha256: sha256(bundle) };
        const rows: Row[] = [
            ["user-data was dropped", (f) => delete f["files-iso/config.yaml"], ["iso.user-data"]],
            [
                "user-data is another by a line end",
                (f) => (f["files-iso/config.yaml"] = `${USER_DATA}\n`),
                ["iso.user-data"],
            ],
            [
                "user-data is another of the same length",
                (f) => (f["files-iso/config.yaml"] = USER_DATA.replace("cloud", "clOud")),
                ["iso.user-data"],
            ],
            [
                "user-data is there and was not given",
                () => undefined,
                ["iso.user-data", "iso.secrets"],
                { userData: undefined },
            ],
            [
                "the overlay was dropped, and with it the menu",
                (f) => {
                    delete f["boot/grub2/grub.cfg"];
                    delete f["boot/grub/grub.cfg"];
                },
                ["iso.menu"],
            ],
            [
                "the menu has not the entry that was asked for",
                () => undefined,
                ["iso.menu"],
                { verify: { iso: { menu: ["Acme Installer"] } } },
            ],
            ["the menu starts what is not there", (f) => delete f["boot/initrd"], ["iso.kernel"]],
            [
                "the menu looks for another volume",
                (f) => (f["boot/grub2/grub.cfg"] = GRUB_CFG.replaceAll("COS_LIVE", "OTHER")),
                ["iso.menu.label"],
            ],
            [
                "the volume has another label",
                () => undefined,
                ["iso.label", "iso.menu.label"],
                {},
                { label: "CDROM" },
            ],
            ["there is no entry for BIOS", () => undefined, ["iso.boot.bios"], {}, { boot: ["uefi"] }],
            ["there is no entry for UEFI", () => undefined, ["iso.boot.uefi"], {}, { boot: ["bios"] }],
            [
                "the EFI image has no program for the machine",
                () => undefined,
                ["iso.boot.uefi"],
                {},
                { efiProgram: "BOOTIA32.EFI" },
            ],
            ["there is no system to install", (f) => delete f["rootfs.squashfs"], ["iso.squashfs"]],
            [
                "the system to install is cut off",
                (f) => (f["rootfs.squashfs"] = squashfs(2_000_000).subarray(0, 900_000)),
                ["iso.squashfs"],
            ],
            [
                "the system to install is something else",
                (f) => (f["rootfs.squashfs"] = "PK\x03\x04".padEnd(5000)),
                ["iso.squashfs"],
            ],
            [
                "a content bundle was dropped",
                () => undefined,
                ["iso.file./opt/spectrocloud/content/core.zst"],
                { isoFiles: [bundleFile] },
            ],
            [
                "a part of a content bundle was dropped",
                (f) => (f["opt/spectrocloud/content/core.zst_part00"] = bundle.subarray(0, 3000)),
                ["iso.file./opt/spectrocloud/content/core.zst"],
                { isoFiles: [bundleFile] },
            ],
            [
                "the token is also elsewhere",
                (f) => (f["boot/note"] = Buffer.from(TOKEN).toString("base64")),
                ["iso.secrets"],
            ],
            [
                "it is not the file that was built",
                () => undefined,
                ["iso.sha256"],
                {},
                { sha256: "0".repeat(64) },
            ],
            [
                "it is larger than it may be",
                () => undefined,
                ["iso.size"],
                { verify: { iso: { maxSizeBytes: 1000 } } },
            ],
            [
                "it is cut off",
                () => undefined,
                ["iso.readable"],
                {},
                { bytes: (iso) => iso.subarray(0, 400_000) },
            ],
            ["it is no ISO", () => undefined, ["iso.readable"], {}, { bytes: () => Buffer.alloc(100_000) }],
        ];
        for (const [what, change, ids, given, options] of rows) {
            it(what, async () => {
                expect(problems(await judgeIso(change, given, options))).to.deep.equal(ids);
            });
        }

        it("takes a content bundle in parts", async () => {
            const checks = await judgeIso(
                (files) => {
                    files["opt/spectrocloud/content/core.zst_part00"] = bundle.subarray(0, 3000);
                    files["opt/spectrocloud/content/core.zst_part01"] = bundle.subarray(3000);
                },
                { isoFiles: [bundleFile] },
            );
            expect(problems(checks)).to.deep.equal([]);
        });

        it("asks one of unified kernels for no menu and no squashfs", async () => {
            const checks = await judgeIso(
                (files) => {
                    for (const name of Object.keys(files))
                        if (name !== "files-iso/config.yaml") delete files[name];
                    files["config.yaml"] = USER_DATA;
                },
                { isUki: true },
                { label: "UKI_ISO_INSTALL", boot: ["uefi"] },
            );
            expect(problems(checks)).to.deep.equal([]);
        });
    });

    it("is told with what to do, and never with a secret", async () => {
        const files = applianceFiles();
        delete files["etc/modprobe.d/ib_core.conf"];
        files["root/.netrc"] = TOKEN;
        const checks = await judgeProvider(files, {
            verify: { severity: { "provider.appliance.*": "off" } },
        });
        let message = "";
        try {
            assertVerified(checks, "/build.log");
        } catch (error) {
            message = (error as Error).message;
        }
        expect(message)
            .to.match(/2 of \d+ checks failed/)
            .and.to.contain(
                "provider.overlay./etc/modprobe.d/ib_core.conf (registry.example.com/ubuntu:kubeadm-1.34.2): ",
            )
            .and.to.contain("/build.log");
        const report = verificationMarkdown("appliance", checks);
        expect(report).to.contain("### Failed");
        expect(`${message}${report}`).not.to.contain(TOKEN);
    });

    it("can be let pass by the id or its first parts", async () => {
        const files = applianceFiles();
        delete files["etc/modprobe.d/ib_core.conf"];
        const severity = {
            "provider.overlay.*": "warning",
            "provider.appliance./etc/modprobe.d/ib_core.conf": "off",
        };
        const checks = await judgeProvider(files, { verify: { severity } });
        expect(problems(checks)).to.deep.equal([]);
        expect(warnings(checks)).to.deep.equal(["provider.overlay./etc/modprobe.d/ib_core.conf"]);
    });
});

function sha256(bytes: Buffer): string {
    return crypto.createHash("sha256").update(bytes).digest("hex");
}
