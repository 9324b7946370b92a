import type * as pulumi from "@pulumi/pulumi";
import type { DiskImagePublication } from "../image/diskImage";
import type { DiskImageExpectations } from "../image/expect";
import { EdgeResource } from "../pulumi/resource";
import type { BuildArguments } from "./arguments";
import type { UserData } from "./userData";

/** What CanvOS builds, from what, what it is held to, and where it goes. */
export interface ApplianceImageArgs {
    /**
     * Name of a block in `edge-os:connections` whose `canvos` settings are used instead of `edge-os:canvos`. Changes
     * nothing by itself.
     */
    connection?: pulumi.Input<string>;
    /**
     * CanvOS itself: a commit of a repository, or a checkout. What is built lies in a private copy of it; the checkout
     * is only read. Another commit is a new build.
     */
    source: pulumi.Input<CanvosRepository | CanvosCheckout>;
    /** Arguments of the build: what stands in CanvOS's `.arg` file. A change is a new build. */
    arguments: pulumi.Input<BuildArguments>;
    /**
     * Targets of the Earthfile, without `+`, built one after another. Default: `["build-all-images"]`, the provider
     * images and the installer ISO. A change is a new build.
     */
    targets?: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * Folder laid over CanvOS's `overlay/files`, with the modes of its files. All of it is in the installer; CanvOS puts
     * what is below `etc` into the provider images, too. What it holds decides: new content is a new build.
     */
    overlay?: pulumi.Input<string>;
    /**
     * Files and folders of yours by their place in the checkout: `{ "spc.tgz": "./spc.tgz", "content-apps": "./bundle",
     * "secure-boot": "./keys", "certs/proxy.crt": "./proxy.crt" }`. One that is missing is an error; CanvOS would build
     * without it. New content is a new build.
     */
    files?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /** File with instructions that are put behind those of CanvOS's `Dockerfile`. New content is a new build. */
    dockerfile?: pulumi.Input<string>;
    /**
     * User-data of the installer ISO: an object, `{ file: "user-data.yaml" }`, or its text (`palette.userDataFor`). It is in
     * clear in the ISO, and a registration token in it with it: give tokens as secrets, and hand the ISO out as one. A
     * change is a new build.
     */
    userData?: pulumi.Input<UserData | UserDataFile | string>;
    /** The NVIDIA appliance payload: DOCA, BlueField firmware and what belongs to it. Default: a plain build. */
    edgeAppliance?: pulumi.Input<EdgeAppliance>;
    /**
     * Leave `arguments.customTag` as it is. By default it ends in eight digits of `inputHash`, so that no tag is ever
     * built twice. Default: false. A change is a new build.
     */
    exactTag?: pulumi.Input<boolean>;
    /**
     * What the images and the ISO must be, beyond what each is checked for (overlay, user-data, Kubernetes, boot entries,
     * secrets); `false` looks at nothing. A change checks them again.
     */
    verify?: pulumi.Input<ApplianceVerification | false>;
    /**
     * Boot the installer ISO in QEMU before anything is pushed, and look from its shell whether its services run: `true`,
     * or how. Needs `qemu-system-x86_64` and, for UEFI, OVMF. Default: false. A change tests again.
     */
    smokeTest?: pulumi.Input<boolean | ApplianceSmokeTest>;
    /** Push the provider images to `arguments.imageRegistry`. Default: true. Changed in place. */
    push?: pulumi.Input<boolean>;
    /**
     * Where the installer ISO is published to: a folder, a bucket or a registry, as of a `DiskImage`. Default: nowhere, it
     * stays on the machine that has built it. Changed in place: published there, then let go at the old place.
     */
    publish?: pulumi.Input<ApplianceIsoPublication>;
    /**
     * What becomes of pushed images when the resource is deleted or replaced: `"keep"` leaves them, since hosts may
     * still install them; `"remove"` removes them by their digests. Default: `"keep"`.
     */
    onDelete?: pulumi.Input<"keep" | "remove">;
}

/** A place for the installer ISO. */
export type ApplianceIsoPublication = DiskImagePublication & ApplianceIsoAccess;

/** Who can read an installer ISO where it is published. */
export interface ApplianceIsoAccess {
    /**
     * Required where `userData` holds a registration token or another secret, since the ISO has it in clear.
     * `"authenticated"`: reading the place takes a login; that is tried out before the ISO is uploaded, and one that
     * everybody can read is refused. `"anonymous"`: everybody may have the ISO with the secret in it.
     */
    access?: pulumi.Input<"authenticated" | "anonymous">;
}

/** A commit of a repository. */
export interface CanvosRepository {
    /** `https://github.com/spectrocloud/CanvOS.git`, `git@host:path`, or the full path of a bare repository. */
    git: pulumi.Input<string>;
    /**
     * Tag, branch or commit; the tag should be the version of your Palette agents. It is looked up once: as long as this
     * text stays, its commit does. A tag that was moved is a warning with both commits.
     */
    ref: pulumi.Input<string>;
    /** Look `ref` up anew at every run, and build what it is then. Default: false. */
    track?: pulumi.Input<boolean>;
}

/** A checkout on this machine, with what was changed and added in it; what git ignores is none of it. */
export interface CanvosCheckout {
    /** Its folder, relative to the program's. */
    path: pulumi.Input<string>;
}

/** User-data in a file of its own. */
export interface UserDataFile {
    /** Relative to the program's folder. Its first line is `#cloud-config`. */
    file: pulumi.Input<string>;
}

/**
 * What makes a provider image one for hosts with BlueField and ConnectX adapters. Ubuntu on amd64, without UKI and
 * without `updateKernel`.
 */
export interface EdgeAppliance {
    /** The `doca-host` package: it brings the package source of `doca-all`, which is installed. */
    doca?: pulumi.Input<ApplianceFirmware>;
    /** BlueField bundle; lies in `/opt/spectrocloud/spcx/bfb`. */
    bfb?: pulumi.Input<ApplianceFirmware>;
    /** More Debian packages, beside compiler, `lldpd`, `netplan.io`, `pv`, `psmisc`, `nfs-common` and `grepcidr`. */
    packages?: pulumi.Input<pulumi.Input<string>[]>;
    /** Script that prepares a node; becomes `/opt/spectrocloud/nodeprep.sh`. */
    nodeprep?: pulumi.Input<string>;
    /** File with instructions instead of the built-in ones; the firmware is in `edge-appliance/` of the checkout. */
    dockerfile?: pulumi.Input<string>;
}

/** Firmware, by what it holds. */
export interface ApplianceFirmware {
    /** A file, relative to the program's folder, or an `https://` address. */
    source: pulumi.Input<string>;
    /** Its SHA-256. Needed for an address, whose file is fetched once and kept. */
    sha256?: pulumi.Input<string>;
}

/** What the results of a build must be, beside what was given to it. */
export interface ApplianceVerification extends Pick<
    DiskImageExpectations,
    "packages" | "kernel" | "files" | "units" | "severity"
> {
    /** Kernel modules that DKMS must have built for the image's kernel: `["mlnx-ofed-kernel", "nvidia"]`. */
    dkms?: pulumi.Input<pulumi.Input<string>[]>;
    /** Compiler that must be there. Default for appliances: `gcc-14` on Ubuntu 24.04, `gcc-12` on 22.04. */
    compiler?: pulumi.Input<string>;
    /** The most that a provider image may take, in bytes, unpacked. */
    maxSizeBytes?: pulumi.Input<number>;
    /** The installer ISO. */
    iso?: pulumi.Input<ApplianceIsoVerification>;
}

/** What an installer ISO must be. */
export interface ApplianceIsoVerification {
    /** Volume label. Default: `COS_LIVE`, and `UKI_ISO_INSTALL` for unified kernel images. */
    label?: pulumi.Input<string>;
    /** Titles that the boot menu must offer. */
    menu?: pulumi.Input<pulumi.Input<string>[]>;
    /** The most that it may take, in bytes. */
    maxSizeBytes?: pulumi.Input<number>;
}

/** How an installer ISO is booted, and what must come up. */
export interface ApplianceSmokeTest {
    /** Default: both. */
    firmware?: pulumi.Input<pulumi.Input<"bios" | "uefi">[]>;
    /** Memory in MiB. Default: 10096. */
    memoryMb?: pulumi.Input<number>;
    /** Default: 5. */
    cores?: pulumi.Input<number>;
    /** Processor model of QEMU. Default: one that fits the accelerator. */
    cpu?: pulumi.Input<string>;
    /** `auto` tries KVM out before it is relied on. Default: `auto`. */
    accel?: pulumi.Input<"auto" | "kvm" | "tcg">;
    /** Until the machine is up. Default: 900. */
    timeoutSeconds?: pulumi.Input<number>;
    /** Entry of the boot menu, from 0; null leaves it to the menu. Default: 1, the manual one. */
    menuEntry?: pulumi.Input<number | null>;
    /** Texts, or expressions between slashes, that all must come on the serial line. Default: `["login:"]`. */
    until?: pulumi.Input<pulumi.Input<string>[]>;
    /** Texts that fail the test at once, beside those of kernels and Kairos. */
    failOn?: pulumi.Input<pulumi.Input<string>[]>;
    /** Who logs in on the serial line; null asks nothing of the shell. Default: root without a password. */
    login?: pulumi.Input<ApplianceSmokeLogin | null>;
    /** What a shell shows when it is ready. Default: `/[#$] $/`. */
    prompt?: pulumi.Input<string>;
    /** Units that must run. Default: `kairos-agent.service`, `kairos-installer.service` and `lldpd.service`. */
    services?: pulumi.Input<pulumi.Input<string>[]>;
    /** Whether `mst start` must end without a crash where there is no adapter. Default: with DOCA. */
    mst?: pulumi.Input<boolean>;
    /** Install to a disk, start from it twice, and look whether overlays and persistent paths outlive that. Default: false. */
    install?: pulumi.Input<boolean | ApplianceInstallTest>;
}

/** A login on the serial line. */
export interface ApplianceSmokeLogin {
    /** Name of a user of the live system. */
    user: pulumi.Input<string>;
    /** Give it as a secret. */
    password?: pulumi.Input<string>;
}

/** How an installation is tested. */
export interface ApplianceInstallTest {
    /** Size of the disk, which is sparse. Default: 60. */
    diskGb?: pulumi.Input<number>;
    /** Until it is installed. Default: 3600. */
    timeoutSeconds?: pulumi.Input<number>;
    /** Entry of the boot menu that installs. Default: 0. */
    menuEntry?: pulumi.Input<number | null>;
    /** Units that must run once it is installed. */
    services?: pulumi.Input<pulumi.Input<string>[]>;
    /** Folders in which a file must outlive a restart. */
    persistentPaths?: pulumi.Input<pulumi.Input<string>[]>;
}

/** A provider image of a build. */
export interface ApplianceProviderImage {
    /** As it was asked for: `1.34.2`. */
    kubernetesVersion: string;
    /** `registry/repository:tag`. */
    reference: string;
    /** In the registry; missing where nothing is pushed. */
    digest?: string;
    /** In the Docker daemon that has built it. */
    dockerImageId: string;
}

/** The installer ISO. */
export interface ApplianceIso {
    /** On the machine that has built it. */
    path: string;
    /** Size of the file. */
    sizeBytes: number;
    /** Of the file, lower-case hexadecimal. */
    sha256: string;
    /** Where it is published; missing without `publish`. */
    url?: string;
}

/** A file that a target has left. */
export interface ApplianceArtifact {
    /** As CanvOS names it: `build/kairos.raw`, `secure-boot/enrollment/db.auth`. */
    name: string;
    /** On the machine that has built it. */
    path: string;
    /** Size of the file. */
    sizeBytes: number;
    /** Of the file, lower-case hexadecimal. */
    sha256: string;
}

/** How long the steps to an image have taken, in seconds; one that was not needed is missing. */
export interface ApplianceDurations {
    /** Making the private checkout, with everything that is laid over it. */
    checkout?: number;
    /** Building and pushing the base image. */
    baseImage?: number;
    /** Building, by target. */
    targets: Record<string, number>;
    /** Looking into the images and the ISO. */
    verify?: number;
    /** Booting the ISO. */
    smokeTest?: number;
    /** Of the provider images. */
    push?: number;
    /** Of the ISO. */
    publish?: number;
}

/**
 * CanvOS's images: provider images in a registry and an installer ISO, from a private checkout, arguments, overlays and
 * user-data. Its identity is a digest of all of these; the same inputs are never built twice, and other inputs never
 * have the same tag. It is built with the machine's Docker, and goes on when the run is cut off: the next one follows
 * it. Not for `get()`.
 *
 * @example
 * ```ts
 * const appliance = new canvos.ApplianceImage("stores", {
 *     source: { git: "https://github.com/spectrocloud/CanvOS.git", ref: "v4.8.10" },
 *     arguments: {
 *         imageRegistry: "registry.example.com/edge",
 *         osVersion: "24.04",
 *         k8sDistribution: "kubeadm",
 *         k8sVersion: "1.34.2",
 *     },
 *     userData: { stylus: { site: { paletteEndpoint: "api.spectrocloud.com", edgeHostToken: token, projectName: "Default" } } },
 * });
 * export const systemUri = appliance.systemUri;
 * ```
 */
export class ApplianceImage extends EdgeResource {
    /** What is built: the commit, and for a checkout with changes a digest of these behind it. */
    declare readonly commit: pulumi.Output<string>;
    /** The base image with its digest; empty for CanvOS's own. Known in previews. */
    declare readonly baseImage: pulumi.Output<string>;
    /** Digest of everything that decides what is built. */
    declare readonly inputHash: pulumi.Output<string>;
    /** Names of the provider images by Kubernetes version. Known in previews. */
    declare readonly references: pulumi.Output<Record<string, string>>;
    /** The provider image for a cluster profile, where one Kubernetes version is built; else empty. Known in previews. */
    declare readonly systemUri: pulumi.Output<string>;
    /** Values for the pack `edge-native-byoi` of a cluster profile. Known in previews. */
    declare readonly profileValues: pulumi.Output<string>;
    /**
     * Images that the build pulls, as far as its Earthfile tells: what a private registry has to have. Known in previews,
     * which warn of those that a registry given as `spectroPubRepo` and the like does not have.
     */
    declare readonly pulledImages: pulumi.Output<string[]>;
    /** SHA-256 of the appliance's firmware, by file name. Known in previews. */
    declare readonly firmware: pulumi.Output<Record<string, string>>;
    /** The provider images as they are in their registry. */
    declare readonly images: pulumi.Output<ApplianceProviderImage[]>;
    /** The installer ISO; missing where no target makes one. */
    declare readonly iso: pulumi.Output<ApplianceIso | undefined>;
    /**
     * CanvOS's own base image with the digest that it had when the build began, where no `arguments.baseImage` is given.
     * Missing where its registry did not tell.
     */
    declare readonly builtFrom: pulumi.Output<string | undefined>;
    /**
     * Other files that the targets have left, on the machine that has built them: raw disks, MAAS and cloud images, keys.
     * Disks are looked into as a `DiskImage`'s are; give one to a `DiskImage` to publish it.
     */
    declare readonly artifacts: pulumi.Output<ApplianceArtifact[]>;
    /** How many checks the images and the ISO have passed. */
    declare readonly checksPassed: pulumi.Output<number>;
    /** What was checked, as Markdown. */
    declare readonly report: pulumi.Output<string>;
    /** Everything that the build has printed, on the machine that has run it. */
    declare readonly logFile: pulumi.Output<string>;
    /** How long the build has taken. */
    declare readonly buildSeconds: pulumi.Output<number>;
    /** How long each step has taken. */
    declare readonly durations: pulumi.Output<ApplianceDurations>;

    constructor(name: string, args: ApplianceImageArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "canvos.ApplianceImage", properties: PROPERTIES }, name, { ...args }, opts);
    }

    /** The Kubernetes versions that provider images are built for. Known in previews. */
    get kubernetesVersions(): pulumi.Output<string[]> {
        return this.references.apply((references) => Object.keys(references).filter(Boolean));
    }
}

const PROPERTIES = [
    "connection",
    "source",
    "arguments",
    "targets",
    "overlay",
    "files",
    "dockerfile",
    "userData",
    "edgeAppliance",
    "exactTag",
    "verify",
    "smokeTest",
    "push",
    "publish",
    "onDelete",
    "commit",
    "baseImage",
    "inputHash",
    "references",
    "systemUri",
    "profileValues",
    "pulledImages",
    "firmware",
    "intact",
    "isoIntact",
    "generation",
    "images",
    "iso",
    "publishedIso",
    "builtFrom",
    "artifacts",
    "checksPassed",
    "report",
    "logFile",
    "buildSeconds",
    "durations",
] as const;
