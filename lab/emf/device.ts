import * as crypto from "node:crypto";

/** A disk of a machine. */
export interface DeviceDisk {
    deviceName: string;
    capacityBytes: number;
    vendor: string;
    model: string;
    serial: string;
    wwid: string;
}

/** A network card of a machine. */
export interface DeviceNic {
    deviceName: string;
    macAddr: string;
    mtu: number;
    /** Where it sits, as EMF's agents report it, and not what it is. */
    pciIdentifier?: string;
}

/** A graphics device of a machine. */
export interface DeviceGpu {
    deviceName: string;
    /** Where it sits. */
    pciId: string;
    vendor: string;
    product: string;
}

/** What a machine reports about itself. */
export interface Hardware {
    memoryBytes: number;
    cpuModel: string;
    cpuSockets: number;
    cpuCores: number;
    cpuThreads: number;
    cpuArchitecture: string;
    cpuCapabilities: string;
    productName: string;
    biosVendor: string;
    biosVersion: string;
    biosReleaseDate: string;
    disks: DeviceDisk[];
    nics: DeviceNic[];
    /** Absent of machines that an older lab has kept. */
    gpus?: DeviceGpu[];
}

/** Where a machine breaks: a phase, or (a part of) the text of an installation step such as `Streaming OS image`. */
export type BreakPoint = "registration" | "initialization" | "onboarding" | "running" | (string & {});

/** A defect of a machine. It stays until it is repaired. */
export interface Defect {
    at: BreakPoint;
    /** `hang`: the machine stops there and reports nothing more. */
    do: "fail" | "hang";
    /** What the step reports. Default `exit status 1`. */
    message?: string;
}

/** What a machine is made with; what is not given is derived from the serial number or the UUID. */
export interface DeviceSettings {
    serial?: string;
    uuid?: string;
    hardware?: Partial<Hardware>;
    /** Boots by itself when a host with its serial number or UUID is registered. Default: as the lab. */
    autoBoot?: boolean;
    /** The firmware's setting. Without one it suits the instance; else a different wish fails the installation. */
    secureBoot?: boolean;
    defect?: Defect;
}

/** A simulated machine, as it is kept. */
export interface DeviceState extends DeviceSettings {
    serial: string;
    uuid: string;
    hardware: Hardware;
    power: "on" | "off";
    /** Without power and network until it is booted by hand. */
    unplugged?: true;
    /** What the powered-on machine runs: the network installer, or the operating system on its disk. */
    running?: "installer" | "os";
    /** The host whose credentials the installer has got; lost when the machine boots anew into the installer. */
    session?: string;
    /** What is on its disk, and for whom it was installed. */
    installed?: { host: string; instance: string; os: string };
    /** The host whose registration has made it boot by itself. */
    bootedFor?: string;
    /** The power state last asked for, by host. */
    powerSeen?: { host: string; state: string };
}

const GIB = 1024 ** 3;
const SERIAL_NUMBER = /^[A-Za-z0-9]{5,20}$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A machine, switched off. */
export function newDevice(settings: DeviceSettings): DeviceState {
    const { serial = "", uuid = "" } = settings;
    if (serial === "" && uuid === "") {
        throw new Error("A device needs a serial number or a UUID.");
    }
    if (serial !== "" && !SERIAL_NUMBER.test(serial)) {
        throw new Error(`"${serial}" cannot be a serial number: EMF takes 5 to 20 letters and digits.`);
    }
    if (uuid !== "" && !UUID.test(uuid)) {
        throw new Error(`"${uuid}" is not a UUID.`);
    }
    const digest = crypto
        .createHash("sha256")
        .update(serial || uuid.toLowerCase())
        .digest("hex");
    return {
        ...settings,
        serial: serial || `LAB${digest.slice(0, 9).toUpperCase()}`,
        uuid: uuid.toLowerCase() || uuidFrom(digest),
        hardware: { ...hardwareFrom(digest), ...settings.hardware },
        power: "off",
    };
}

/** The disk the installer takes: `sd…` before `nvme…` before others, the smaller first (drive_detection). */
export function targetDisk({ disks }: Hardware): DeviceDisk | undefined {
    const rank = ({ deviceName }: DeviceDisk): number =>
        deviceName.startsWith("sd") ? 0 : deviceName.startsWith("nvme") ? 1 : 2;
    return disks
        .filter(({ capacityBytes }) => capacityBytes > 0)
        .sort(
            (a, b) =>
                rank(a) - rank(b) ||
                a.capacityBytes - b.capacityBytes ||
                (a.deviceName < b.deviceName ? -1 : 1),
        )[0];
}

/** The device file of a partition: `/dev/sda2`, `/dev/nvme0n1p2`. */
export function partitionDevice(disk: string, number: number): string {
    return `${disk}${/\d$/.test(disk) ? "p" : ""}${number}`;
}

function uuidFrom(digest: string): string {
    const parts = [
        digest.slice(0, 8),
        digest.slice(8, 12),
        `4${digest.slice(13, 16)}`,
        `8${digest.slice(17, 20)}`,
    ];
    return [...parts, digest.slice(20, 32)].join("-");
}

function hardwareFrom(digest: string): Hardware {
    const serial = digest.slice(0, 12).toUpperCase();
    const disk = {
        vendor: "LAB",
        model: "SSD 256",
        serial: `S${serial}`,
        wwid: `eui.${digest.slice(0, 16)}`,
    };
    const mac = ["02", ...(digest.slice(0, 10).match(/../g) ?? [])].join(":");
    return {
        memoryBytes: 16 * GIB,
        cpuModel: "Lab CPU",
        cpuSockets: 1,
        cpuCores: 4,
        cpuThreads: 8,
        cpuArchitecture: "x86_64",
        cpuCapabilities: "avx2,sse4_2",
        productName: "Lab Machine",
        biosVendor: "pulumi-edge-os",
        biosVersion: "1.0",
        biosReleaseDate: "01/02/2026",
        disks: [{ deviceName: "sda", capacityBytes: 256_060_514_304, ...disk }],
        nics: [{ deviceName: "eth0", macAddr: mac, mtu: 1500, pciIdentifier: "0000:00:1f.6" }],
        gpus: [
            {
                ...{ deviceName: "card0", pciId: "0000:00:02.0" },
                ...{ vendor: "Intel Corporation", product: "Alder Lake-N [UHD Graphics]" },
            },
        ],
    };
}
