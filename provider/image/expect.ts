import type * as pulumi from "@pulumi/pulumi";

/** What an image must be and hold, beyond what every image is checked for. Each is a check of its own in the report. */
export interface DiskImageExpectations {
    /**
     * All that EMF's guide asks of an image, each under its own check id: `"ubuntu"` for mutable profiles, `"emt"` for
     * immutable ones of the Edge Microvisor Toolkit. See `severity` for what does not fit your fleet.
     */
    preset?: pulumi.Input<"ubuntu" | "emt">;
    /**
     * SHA-256 of the file as it is, in hexadecimal; or the checksum file it is published in, a path or an `https://`
     * address (`SHA256SUMS`, `image.raw.gz.sha256`; the forms of sha256sum, BSD and OpenSSL, also within an OpenPGP
     * signature, which is not verified). With it, a preview reads only parts of an image on a server; all of its bytes
     * are held to it when it is published.
     */
    sha256?: pulumi.Input<string>;
    /** How the disk lies in the file: `"raw"` or `"qcow2"`. */
    format?: pulumi.Input<"raw" | "qcow2">;
    /** Most bytes that the file may have, as hosts download it. */
    maxSizeBytes?: pulumi.Input<number>;
    /** Most bytes that the disk inside may have: the size of the smallest disk in the fleet. */
    maxDiskBytes?: pulumi.Input<number>;
    /** Of the programs in the root file system: `"x86_64"` (or `"amd64"`), `"aarch64"` (or `"arm64"`). */
    architecture?: pulumi.Input<"x86_64" | "amd64" | "aarch64" | "arm64">;
    /** The distribution, as `/etc/os-release` names it. */
    os?: pulumi.Input<DiskImageOs>;
    /**
     * Installed packages (dpkg or rpm) and their versions: `{ "cloud-init": ">= 23.1, < 25", nginx: "absent" }`. A value is
     * `"present"`, `"absent"`, or comparisons (`<`, `<=`, `=`, `!=`, `>=`, `>`) joined by commas, in the order of the
     * image's own package manager. A list of names means that they are present.
     */
    packages?: pulumi.Input<pulumi.Input<string>[] | Record<string, pulumi.Input<string>>>;
    /** Version that the newest kernel must have, as `uname -r` shows it: `">= 6.8"`, or one version exactly. */
    kernel?: pulumi.Input<string>;
    /** Files of the root file system. */
    files?: pulumi.Input<pulumi.Input<DiskImageFile>[]>;
    /** systemd units. */
    units?: pulumi.Input<DiskImageUnits>;
    /** `true`: cloud-init is installed, started at boot and not disabled. A list: it also looks for these datasources. */
    cloudInit?: pulumi.Input<boolean | pulumi.Input<string>[]>;
    /**
     * PCI devices, `vendor:device` in hexadecimal as `lspci -n` shows them, that the newest kernel must have a driver
     * for: `["8086:15f3"]`. With a class behind it (`"144d:a808:010802"`) drivers of whole classes (NVMe, AHCI) count.
     */
    pciIds?: pulumi.Input<pulumi.Input<string>[]>;
    /** EMF's node agents are installed, and not masked. `true`: all that EMT's images hold; a list: these packages. */
    nodeAgents?: pulumi.Input<boolean | pulumi.Input<string>[]>;
    /** Partitions that must be there. */
    partitions?: pulumi.Input<pulumi.Input<DiskImagePartitionExpectation>[]>;
    /** The image starts under Secure Boot on hosts whose firmware trusts these certificates. */
    secureBoot?: pulumi.Input<DiskImageSecureBoot>;
    /**
     * What a failed check does, by check id or by its first part (`{ "root.kernel": "off", "emt.*": "warning" }`):
     * `"error"` fails the resource (the default), `"warning"` is shown, `"off"` is left out.
     */
    severity?: pulumi.Input<Record<string, pulumi.Input<"error" | "warning" | "off">>>;
}

/** A distribution. */
export interface DiskImageOs {
    /** `ID`: `ubuntu`, `debian`, … Case does not matter. */
    id?: pulumi.Input<string>;
    /** `VERSION_ID`: `24.04`. Compared by whole parts, so `"24"` takes 24.04 and 24.10. */
    versionId?: pulumi.Input<string>;
}

/** A file of the root file system. */
export interface DiskImageFile {
    /** Absolute path. Links are followed, as they are for a program that runs from the image. */
    path: pulumi.Input<string>;
    /** `true`: nothing may be there. */
    absent?: pulumi.Input<boolean>;
    /** Permissions, octal: `"0644"`. */
    mode?: pulumi.Input<string>;
    /** `"root:root"`, `"root"`, or numbers; names as the image's own passwd and group files know them. */
    owner?: pulumi.Input<string>;
    /** SHA-256 of its content, hexadecimal. */
    sha256?: pulumi.Input<string>;
    /** Its whole content. */
    content?: pulumi.Input<string>;
    /** Text that its content contains. */
    contains?: pulumi.Input<string>;
}

/** States of systemd units, by name (`ssh.service`). */
export interface DiskImageUnits {
    /** Started at boot. */
    enabled?: pulumi.Input<pulumi.Input<string>[]>;
    /** There or not, but not started at boot by itself. */
    disabled?: pulumi.Input<pulumi.Input<string>[]>;
    /** Cannot be started. */
    masked?: pulumi.Input<pulumi.Input<string>[]>;
}

/** One partition that must be there. At least one of `name`, `type` and `fileSystem` says which. */
export interface DiskImagePartitionExpectation {
    /** Its name in the partition table, or the label of its file system. Case does not matter. */
    name?: pulumi.Input<string>;
    /** Type GUID, or `"efi-system"`, `"linux"`, `"linux-root"`. */
    type?: pulumi.Input<string>;
    /** What fills it. */
    fileSystem?: pulumi.Input<"ext4" | "FAT" | "xfs" | "btrfs" | "erofs" | "squashfs" | "LUKS" | "LVM">;
    /** Least size. */
    minSizeBytes?: pulumi.Input<number>;
}

/** What the firmware of hosts trusts. */
export interface DiskImageSecureBoot {
    /** Certificates as PEM, base64 of DER, or the path of a file of either: leaf, intermediate or root. */
    certificates: pulumi.Input<pulumi.Input<string>[]>;
}
