import { failed, type ImageCheck, notChecked, passed, printable } from "./check";
import type { ImageManifest } from "./manifest";
import { modulesFor } from "./root/pciModules";
import { formatSize } from "./size";

/** What is known of a machine's hardware; as EMF's hosts report it (`HostResource`), all of it optional. */
export interface FitHost {
    /** `x86_64` */
    cpuArchitecture?: string;
    hostStorages?: readonly { deviceName?: string; capacityBytes?: string | number }[];
    hostNics?: readonly { deviceName?: string; pciIdentifier?: string; bmcInterface?: boolean }[];
    hostGpus?: readonly { deviceName?: string; pciId?: string; vendor?: string; product?: string }[];
    instance?: { securityFeature?: string } | null;
    /** Devices known from elsewhere: `vendor:device`, or `vendor:device:class`, in hexadecimal. */
    pciIds?: readonly string[];
}

/** Whether a host will install the image and find its hardware then: one check for each part of it. */
export function fitHost(manifest: ImageManifest, host: FitHost): ImageCheck[] {
    return [
        fitArchitecture(manifest, host),
        ...fitDisk(manifest, host),
        ...fitSecureBoot(manifest, host),
        ...(host.hostNics ?? [])
            .filter(({ bmcInterface }) => bmcInterface !== true)
            .map((nic) => fitNic(manifest, nic)),
        ...(host.hostGpus ?? []).map((gpu) => fitGpu(manifest, gpu)),
        ...(host.pciIds ?? []).map((id) => fitPciId(`fit.pci.${id}`, manifest, id)),
    ];
}

function fitArchitecture({ architecture }: ImageManifest, { cpuArchitecture }: FitHost): ImageCheck {
    const id = "fit.architecture";
    if (!cpuArchitecture) return notReported(id, "processor");
    const seen = printable(cpuArchitecture);
    if (architecture === undefined) return notChecked(id, seen, "the architecture of the image is not known");
    return architecture === sameName(cpuArchitecture)
        ? passed(id, seen)
        : failed(id, seen, `the image is for ${architecture}: its kernel does not run there`);
}

function sameName(architecture: string): string {
    const names: Readonly<Record<string, string>> = { amd64: "x86_64", arm64: "aarch64" };
    return names[architecture] ?? architecture;
}

/** The disk that the installer takes: `sd…` before `nvme…` before others, the smaller first (drive_detection). */
function fitDisk(manifest: ImageManifest, { hostStorages = [] }: FitHost): ImageCheck[] {
    const id = "fit.disk";
    const disks = hostStorages
        .map(({ deviceName = "", capacityBytes = 0 }) => ({ name: deviceName, bytes: Number(capacityBytes) }))
        .filter(({ bytes }) => bytes > 0)
        .sort((a, b) => rank(a.name) - rank(b.name) || a.bytes - b.bytes || (a.name < b.name ? -1 : 1));
    const [disk] = disks;
    if (!disk) return [notReported(id, "disk")];
    const needed = manifest.disk.sizeBytes;
    const seen = `${printable(disk.name)} ${formatSize(disk.bytes)}`;
    const size =
        disk.bytes >= needed
            ? passed(id, seen)
            : failed(
                  id,
                  seen,
                  `the image needs a disk of ${formatSize(needed)}, and the installer takes this one`,
              );
    return [size, fitController(manifest, disk.name)];
}

function rank(deviceName: string): number {
    return deviceName.startsWith("sd") ? 0 : deviceName.startsWith("nvme") ? 1 : 2;
}

/** Classes of controllers whose disks have such names; without a driver the kernel does not find its root. */
const CONTROLLERS: readonly { disk: string; what: string; classes: readonly string[] }[] = [
    { disk: "nvme", what: "NVMe", classes: ["010802", "0108"] },
    { disk: "sd", what: "SATA (AHCI)", classes: ["010601", "0106"] },
];

function fitController({ pci }: ImageManifest, disk: string): ImageCheck {
    const id = "fit.disk-driver";
    const controller = CONTROLLERS.find((one) => disk.startsWith(one.disk));
    if (!controller)
        return notChecked(id, printable(disk), "which driver it needs cannot be told from its name");
    if (!pci) return modulesUnknown(id);
    const modules = controller.classes.flatMap((code) => pci.classes[code] ?? []);
    if (modules.length > 0) return passed(id, `${modules.join(", ")} in ${pci.kernel}`);
    // A RAID controller's disks are called sd… as well, and its driver is not told by a class.
    const message = `kernel ${pci.kernel} has no driver for ${controller.what} controllers`;
    return controller.disk === "sd"
        ? notChecked(id, printable(disk), `${message}; whether the host has another kind is not known`)
        : failed(id, printable(disk), message);
}

function fitSecureBoot({ boot }: ImageManifest, { instance }: FitHost): ImageCheck[] {
    const id = "fit.secure-boot";
    const feature = instance?.securityFeature ?? "";
    if (!feature.includes("SECURE_BOOT")) return [];
    if (!boot) return [notChecked(id, feature, "how the image boots is not known")];
    if (boot.signed)
        return [passed(id, `signed by ${boot.signers.map((name) => printable(name)).join(", ")}`)];
    const unsigned = boot.unsigned.map((file) => printable(file)).join(", ");
    return [
        failed(
            id,
            feature,
            `the host is installed with Secure Boot, and the image's boot path is not signed (${unsigned || "no boot loader"}): the firmware refuses to start it`,
        ),
    ];
}

function fitNic(manifest: ImageManifest, nic: NonNullable<FitHost["hostNics"]>[number]): ImageCheck {
    return fitDevice(`fit.nic.${checkName(nic.deviceName)}`, manifest, nic.pciIdentifier ?? "");
}

/** Modules that drive the graphics of these vendors, where EMF tells no more than the vendor's name. */
const GPU_VENDORS: readonly { name: RegExp; vendor: string; modules: readonly string[] }[] = [
    { name: /intel/i, vendor: "8086", modules: ["i915", "xe"] },
    { name: /nvidia/i, vendor: "10de", modules: ["nvidia", "nouveau"] },
    { name: /\bamd\b|advanced micro devices|\bati\b/i, vendor: "1002", modules: ["amdgpu"] },
];

function fitGpu(manifest: ImageManifest, gpu: NonNullable<FitHost["hostGpus"]>[number]): ImageCheck {
    const id = `fit.gpu.${checkName(gpu.deviceName)}`;
    const { pci } = manifest;
    const maker = GPU_VENDORS.find(({ name }) => name.test(gpu.vendor ?? ""));
    if (PCI_ID.test(gpu.pciId ?? "") || !maker || !pci) return fitDevice(id, manifest, gpu.pciId ?? "");
    const there = maker.modules.filter((module) => module in (pci.devices[maker.vendor] ?? {}));
    const seen = printable(`${gpu.vendor ?? ""} ${gpu.product ?? ""}`.trim());
    return there.length > 0
        ? passed(id, `${there.join(", ")} in ${pci.kernel}`)
        : failed(id, seen, `kernel ${pci.kernel} has no driver for it (${maker.modules.join(" or ")})`);
}

const PCI_ID = /^[0-9a-f]{4}:[0-9a-f]{4}(:[0-9a-f]{6})?$/i;

function fitDevice(id: string, manifest: ImageManifest, identifier: string): ImageCheck {
    if (identifier === "") return notReported(id, "PCI id");
    if (PCI_ID.test(identifier)) return fitPciId(id, manifest, identifier);
    // EMF's agents report where a device sits (0000:00:1f.6), not what it is.
    return notChecked(
        id,
        printable(identifier),
        "EMF reports the place of the device and not its vendor and kind: give them with --pci (lspci -n on such a host)",
    );
}

function fitPciId(id: string, { pci }: ImageManifest, identifier: string): ImageCheck {
    if (!pci) return modulesUnknown(id);
    const [vendor = "", device = "", code] = identifier.toLowerCase().split(":");
    const modules = modulesFor(pci, { vendor, device, ...(code === undefined ? {} : { class: code }) });
    return modules.length > 0
        ? passed(id, `${modules.slice(0, 5).join(", ")} in ${pci.kernel}`)
        : failed(id, identifier, `kernel ${pci.kernel} has no driver for PCI device ${identifier}`);
}

function modulesUnknown(id: string): ImageCheck {
    return notChecked(
        id,
        "",
        "which drivers the image has is not known: its root file system was not readable",
    );
}

function notReported(id: string, what: string): ImageCheck {
    return notChecked(
        id,
        "nothing",
        `the host has reported no ${what}: it has not started the installer yet`,
    );
}

/** Part of a check id. */
function checkName(deviceName = ""): string {
    return deviceName.toLowerCase().replace(/[^a-z0-9]+/g, "-") || "unnamed";
}
