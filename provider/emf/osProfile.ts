import * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { EmfTargetArgs } from "./args";
import { unifySpellings } from "./osProfile.spelling";
import type * as ProfileYaml from "./osProfileYaml";

/** What hosts are installed from, and what EMF has to know of it. */
export interface OsProfileArgs extends EmfTargetArgs {
    /**
     * Name of the profile, unique in the project: at most 128 letters, digits, blanks and `- _ . / : ( )`. One name
     * stands for one content; give a new version of the image a new name. A change makes a new profile.
     */
    name: pulumi.Input<string>;
    /**
     * Where hosts get the image: an https URL of at most 500 characters without `% & + ~`. A name that ends in `.gz`,
     * `.xz` or `.bz2` is decompressed; qcow2 works only behind a name that contains `.img` and a public CA. For an
     * IMMUTABLE profile a path in EMF's release service is allowed too. Content: see `onContentChange`.
     */
    imageUrl: pulumi.Input<string>;
    /** What is known of the image: checked against what the platform makes of its name. `image` sets it. */
    imageFormat?: pulumi.Input<"raw" | "qcow2">;
    /** Size of the file as hosts download it: compared with what its server answers. `image` sets it. */
    imageSizeBytes?: pulumi.Input<number>;
    /** What was seen in the image: held against `type`, `securityFeature` and `architecture`. `image` sets it. */
    imageTraits?: pulumi.Input<ImageTraits>;
    /** SHA-256 of the file as hosts download it (of the compressed one), hexadecimal. Content. */
    sha256: pulumi.Input<string>;
    /** `MUTABLE` is installed as Ubuntu, `IMMUTABLE` as Edge Microvisor. Content. */
    type: pulumi.Input<"MUTABLE" | "IMMUTABLE" | "OS_TYPE_MUTABLE" | "OS_TYPE_IMMUTABLE">;
    /** What the image supports. Content. */
    securityFeature: pulumi.Input<
        | "NONE"
        | "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION"
        | "SECURITY_FEATURE_NONE"
        | "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION"
    >;
    /** Who installs it. Default: `INFRA`. Content. */
    provider?: pulumi.Input<"INFRA" | "LENOVO" | "OS_PROVIDER_KIND_INFRA" | "OS_PROVIDER_KIND_LENOVO">;
    /** For example `x86_64`, at most 20 characters. Changed in place. */
    architecture?: pulumi.Input<string>;
    /**
     * Family of profiles this is a version of, at most 128 characters. The pair with `imageId` is unique in the
     * project; that of a default profile makes EMF take this one for it. Content.
     */
    profileName?: pulumi.Input<string>;
    /** Version of the image within its family, at most 500 characters. Content. */
    imageId?: pulumi.Input<string>;
    /** At most 1000 characters, without slashes and quotes. EMF does not change it in an existing profile. */
    description?: pulumi.Input<string>;
    /**
     * Keys for the installation, as a map or as lines `key: value`. `kernelVersion` and `skip_kernel_upgrade` are
     * written as EMF reads them (`kernelversion`, `skipkernelupgrade`); present EMF versions ignore both. Only the
     * keys given here are managed. Changed in place.
     */
    metadata?: pulumi.Input<string | Record<string, pulumi.Input<string>>>;
    /**
     * The certificate hosts shall trust for the image's server: PEM, base64 of PEM, or a file of either. `""` for
     * none (a public CA). Default: what the server shows when the profile is made, if it is not from a public CA; it
     * stays pinned until another is given. Changed in place.
     */
    tlsCaCert?: pulumi.Input<string>;
    /** SHA-256 fingerprint of the certificate to take from the image's server, also instead of the pinned one. */
    certificateFingerprint?: pulumi.Input<string>;
    /**
     * A machine at a site, `ssh://[user@]host[:port]`, from which the image's URL is tried too, with the curl or wget
     * and the proxy that it has: what is served here may not be served there. Its findings are warnings. The key comes
     * from `EDGE_OS_SSH_KEY`, from the file that `edge-os:ssh.keyFile` names, or from an agent. Default: the image is
     * seen from here only.
     */
    probeFrom?: pulumi.Input<string>;
    /** List of known vulnerabilities. EMF does not change it in an existing profile. */
    existingCvesUrl?: pulumi.Input<string>;
    /** List of fixed vulnerabilities. EMF does not change it in an existing profile. */
    fixedCvesUrl?: pulumi.Input<string>;
    /** List of installed packages. Content. */
    installedPackagesUrl?: pulumi.Input<string>;
    /**
     * EMF cannot change what defines the image (the inputs marked *content*). `"refuse"`: another content under the
     * same name is an error in the preview. `"replace-when-unused"`: the profile is deleted and made again, while no
     * instance uses it. Default: `"refuse"`.
     */
    onContentChange?: pulumi.Input<"refuse" | "replace-when-unused">;
    /** Take over an existing profile of this name and content. One of another Pulumi stack is refused. Default: false. */
    adopt?: pulumi.Input<boolean>;
}

/** What was seen in an image; what is left out is not held against the profile. */
export interface ImageTraits {
    /** There is an EFI system partition. */
    efiSystemPartition?: pulumi.Input<boolean>;
    /** Boot partition, root and `edge_persistent` lie where the Edge Microvisor Toolkit has them. */
    microvisorLayout?: pulumi.Input<boolean>;
    /** Every program on the way from the firmware to the kernel is signed. */
    signedBootPath?: pulumi.Input<boolean>;
    /** `ID` of os-release. */
    operatingSystem?: pulumi.Input<string>;
    /** `x86_64`, `aarch64` */
    architecture?: pulumi.Input<string>;
}

/** An image that something publishes; `image.DiskImage` is one. */
export interface PublishedImage {
    /** Where hosts download it, `https://…`. */
    readonly url: pulumi.Input<string>;
    /** SHA-256 of the file as hosts download it, hexadecimal. */
    readonly sha256: pulumi.Input<string>;
    /** What the file is once it is unpacked. */
    readonly format?: pulumi.Input<"raw" | "qcow2">;
    /** Of the file as hosts download it. */
    readonly sizeBytes?: pulumi.Input<number>;
    /** What was seen in it. */
    readonly traits?: pulumi.Input<ImageTraits>;
}

/** The spellings of EMF's guides and of orch-cli's YAML files, accepted as they are. */
export interface OsProfileSpellings {
    /** `imageUrl` */
    image_url?: pulumi.Input<string>;
    /** `imageUrl` */
    osImageUrl?: pulumi.Input<string>;
    /** `sha256` */
    osImageSha256?: pulumi.Input<string>;
    /** `imageId` */
    osImageVersion?: pulumi.Input<string>;
    /** `type` */
    osType?: OsProfileArgs["type"];
    /** `provider` */
    osProvider?: OsProfileArgs["provider"];
    /** `tlsCaCert` */
    tlsCert?: pulumi.Input<string>;
    /** `existingCvesUrl` */
    existingCvesURL?: pulumi.Input<string>;
    /** `existingCvesUrl` */
    osExistingCvesURL?: pulumi.Input<string>;
    /** `fixedCvesUrl` */
    fixedCvesURL?: pulumi.Input<string>;
    /** `fixedCvesUrl` */
    osFixedCvesURL?: pulumi.Input<string>;
}

type Spelled = "imageUrl" | "sha256" | "type";

/** How a program gives a profile: each field in any spelling, the image's from `image` or one by one. */
export type OsProfileInput = Omit<OsProfileArgs, Spelled> &
    Partial<Pick<OsProfileArgs, Spelled>> &
    OsProfileSpellings & {
        /** The image: its URL, digest and format come from here. */
        image?: PublishedImage;
    };

/**
 * An OS profile: an image and how EMF installs it. Its Pulumi id is `<project uid>/<name>` and stays when the profile
 * is made again. Everything that EMF or its installer would refuse later, or turn into a disk that does not boot, is
 * refused in the preview. Deleting a profile that hosts still use leaves it in EMF, with a warning.
 *
 * A custom profile is for the first installation: EMF offers no updates of running hosts from it.
 *
 * @example
 * ```ts
 * const profile = new emf.OsProfile("ubuntu-edge", {
 *     name: "ubuntu-edge-24.04.1",
 *     image: ubuntu, // an image.DiskImage
 *     type: "MUTABLE",
 *     securityFeature: "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION",
 *     metadata: { skip_kernel_upgrade: "true" },
 * });
 * ```
 */
export class OsProfile extends EdgeResource {
    declare readonly name: pulumi.Output<string>;
    declare readonly imageUrl: pulumi.Output<string>;
    declare readonly sha256: pulumi.Output<string>;
    declare readonly type: pulumi.Output<"MUTABLE" | "IMMUTABLE">;
    declare readonly securityFeature: pulumi.Output<"NONE" | "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION">;
    declare readonly provider: pulumi.Output<"INFRA" | "LENOVO">;
    declare readonly architecture: pulumi.Output<string | undefined>;
    declare readonly profileName: pulumi.Output<string | undefined>;
    declare readonly imageId: pulumi.Output<string | undefined>;
    declare readonly description: pulumi.Output<string | undefined>;
    /** With keys as EMF reads them. */
    declare readonly metadata: pulumi.Output<Record<string, string> | undefined>;
    /** The certificate hosts trust for the image's server, base64 of PEM. */
    declare readonly pinnedCertificate: pulumi.Output<string | undefined>;
    /** SHA-256 fingerprint of the certificate in EMF. */
    declare readonly pinnedFingerprint: pulumi.Output<string | undefined>;
    /** EMF's id, `os-…`. Another one after the profile was made again. */
    declare readonly resourceId: pulumi.Output<string>;
    /** Where EMF is, `https://api.<domain>`. */
    declare readonly endpoint: pulumi.Output<string>;
    /** EMF's id of the project. */
    declare readonly projectUid: pulumi.Output<string>;

    constructor(name: string, args: OsProfileInput, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "emf.OsProfile", properties: PROPERTIES }, name, inputsOf(name, args), opts);
    }

    /**
     * A profile from a YAML file in orch-cli's or the guides' form. `overrides` win over the file; values of the file
     * that EMF has no place for (`platformBundle`, `osPackageManifestURL`) are left out, as orch-cli does.
     *
     * @param file - Relative to the program's folder.
     *
     * @example
     * ```ts
     * const profile = emf.OsProfile.fromYaml("ubuntu-edge", "profiles/ubuntu-edge.yaml", { image: ubuntu });
     * ```
     */
    static fromYaml(
        name: string,
        file: string,
        overrides: Partial<OsProfileInput> = {},
        opts?: pulumi.CustomResourceOptions,
    ): OsProfile {
        // Loaded on use: programs without YAML files need no YAML reader.
        // eslint-disable-next-line @typescript-eslint/no-require-imports
        const { readProfileYaml } = require("./osProfileYaml") as typeof ProfileYaml;
        const args = { ...readProfileYaml(file), ...inputsOf(name, overrides) };
        return new OsProfile(name, args as unknown as OsProfileInput, opts);
    }
}

function inputsOf(name: string, { image, ...args }: Partial<OsProfileInput>): pulumi.Inputs {
    // The CLI shows a RunError without a stack.
    const mistake = (text: string): Error =>
        new pulumi.RunError(`emf.OsProfile ${JSON.stringify(name)}: ${text}: give one of them`);
    const conflict = (field: string, spelling: string): Error =>
        mistake(`${field} and ${spelling} are the same input`);
    const unified = unifySpellings(args, conflict);
    if (!image) return unified;
    const given = ["imageUrl", "sha256", "imageFormat", "imageSizeBytes", "imageTraits"].find(
        (field) => unified[field] !== undefined,
    );
    if (given !== undefined) throw mistake(`${given} comes from image`);
    return {
        ...unified,
        imageUrl: image.url,
        sha256: image.sha256,
        imageFormat: image.format,
        imageSizeBytes: image.sizeBytes,
        imageTraits: image.traits,
    };
}

const PROPERTIES = [
    "connection",
    "project",
    "endpoint",
    "projectUid",
    "name",
    "imageUrl",
    "imageFormat",
    "imageSizeBytes",
    "imageTraits",
    "sha256",
    "type",
    "securityFeature",
    "provider",
    "architecture",
    "profileName",
    "imageId",
    "description",
    "metadata",
    "tlsCaCert",
    "certificateFingerprint",
    "probeFrom",
    "existingCvesUrl",
    "fixedCvesUrl",
    "installedPackagesUrl",
    "onContentChange",
    "adopt",
    "pinnedCertificate",
    "pinnedFingerprint",
    "resourceId",
    "claim",
] as const;
