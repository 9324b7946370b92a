import { expect } from "chai";
import { fitHost, type FitHost } from "../../../provider/image/fit";
import type { ImageManifest } from "../../../provider/image/manifest";

const GIB = 2 ** 30;

const MANIFEST: ImageManifest = {
    manifestVersion: 1,
    image: {
        ...{ fileName: "a.raw", sha256: "0".repeat(64), sizeBytes: 1 },
        ...{ format: "raw", compression: "none" },
    },
    disk: { sizeBytes: 40 * GIB, partitions: [] },
    architecture: "x86_64",
    pci: {
        kernel: "6.8.0-45",
        devices: { "8086": { igc: "15f215f3", i915: "46d0", e1000e: "*" } },
        classes: { "010802": ["nvme"], "010601": ["ahci"] },
    },
    boot: { files: [], signed: false, unsigned: ["EFI/BOOT/BOOTX64.EFI"], signers: [] },
    unread: {},
};

const HOST: FitHost = {
    cpuArchitecture: "x86_64",
    hostStorages: [
        { deviceName: "nvme0n1", capacityBytes: String(500 * GIB) },
        { deviceName: "sda", capacityBytes: String(64 * GIB) },
    ],
    hostNics: [
        { deviceName: "eth0", pciIdentifier: "8086:15f3" },
        { deviceName: "bmc", bmcInterface: true },
    ],
    hostGpus: [],
};

describe("fit of an image and a host", () => {
    function verdicts(host: FitHost, manifest = MANIFEST): Record<string, string> {
        return Object.fromEntries(fitHost(manifest, host).map(({ id, verdict }) => [id, verdict]));
    }

    it("is given where every part is found", () => {
        expect(verdicts(HOST)).to.deep.equal({
            "fit.architecture": "passed",
            "fit.disk": "passed",
            "fit.disk-driver": "passed",
            "fit.nic.eth0": "passed",
        });
    });

    it("is judged by the disk that the installer takes", () => {
        const small = {
            ...HOST,
            hostStorages: [...(HOST.hostStorages ?? []), { deviceName: "sdb", capacityBytes: 32 * GIB }],
        };
        const [, disk] = fitHost(MANIFEST, small);
        expect(disk).to.deep.equal({
            ...{ id: "fit.disk", verdict: "failed", seen: "sdb 32 GiB" },
            message: "the image needs a disk of 40 GiB, and the installer takes this one",
        });
    });

    for (const [what, host, manifest, expected] of [
        ["another architecture", { cpuArchitecture: "aarch64" }, {}, { "fit.architecture": "failed" }],
        ["another spelling of it", { cpuArchitecture: "amd64" }, {}, { "fit.architecture": "passed" }],
        [
            "nothing reported yet",
            { cpuArchitecture: "", hostStorages: [] },
            {},
            { "fit.architecture": "not-checked", "fit.disk": "not-checked" },
        ],
        [
            "a network device without a driver",
            { hostNics: [{ deviceName: "eth0", pciIdentifier: "15b3:1017" }] },
            {},
            { "fit.nic.eth0": "failed" },
        ],
        [
            "a driver for all devices of a vendor",
            { pciIds: ["8086:ffff"] },
            {},
            { "fit.pci.8086:ffff": "passed" },
        ],
        [
            "only the place of a device",
            { hostNics: [{ deviceName: "eth0", pciIdentifier: "0000:00:1f.6" }] },
            {},
            { "fit.nic.eth0": "not-checked" },
        ],
        [
            "NVMe without a driver",
            { hostStorages: [{ deviceName: "nvme0n1", capacityBytes: 99 * GIB }] },
            { pci: { kernel: "k", devices: {}, classes: {} } },
            { "fit.disk-driver": "failed" },
        ],
        [
            "an unreadable root",
            {},
            { pci: undefined },
            { "fit.disk-driver": "not-checked", "fit.nic.eth0": "not-checked" },
        ],
        [
            "graphics known by their maker",
            { hostGpus: [{ deviceName: "card0", pciId: "0000:00:02.0", vendor: "Intel Corporation" }] },
            {},
            { "fit.gpu.card0": "passed" },
        ],
        [
            "graphics without a driver",
            { hostGpus: [{ deviceName: "card0", pciId: "0000:01:00.0", vendor: "NVIDIA Corporation" }] },
            {},
            { "fit.gpu.card0": "failed" },
        ],
        [
            "Secure Boot with nothing signed",
            { instance: { securityFeature: "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION" } },
            {},
            { "fit.secure-boot": "failed" },
        ],
        [
            "Secure Boot with a signed boot path",
            { instance: { securityFeature: "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION" } },
            { boot: { files: [], signed: true, unsigned: [], signers: ["CN=a"] } },
            { "fit.secure-boot": "passed" },
        ],
    ] as [string, FitHost, Partial<ImageManifest>, Record<string, string>][]) {
        it(`sees ${what}`, () => {
            expect(verdicts({ ...HOST, ...host }, { ...MANIFEST, ...manifest })).to.include(expected);
        });
    }
});
