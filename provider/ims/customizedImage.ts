import type * as pulumi from "@pulumi/pulumi";
import type { ImageJobArgs } from "./imageJobArgs";
import { IMAGE_OUTPUTS, ImageResource } from "./imageResource";

/** One change of the image root: exactly one of `run`, `script`, `upload`, `packages`, `regenerateInitrd` and `ansible`. */
export interface CustomizationStep {
    /**
     * Commands for the image's own `/bin/sh`, run in the image root; the first that fails ends the customization.
     * They go over standard input, so they are in no argument list.
     */
    run?: pulumi.Input<string>;
    /** A file here, relative to the program's folder, that runs in the image root by its own interpreter. */
    script?: pulumi.Input<string>;
    /** Arguments for `script`; others on the system can see them. */
    arguments?: pulumi.Input<pulumi.Input<string>[]>;
    /** A file or folder here, relative to the program's folder; modes are kept. With `to`. */
    upload?: pulumi.Input<string>;
    /** Absolute path in the image that `upload` gets; folders above it are made. */
    to?: pulumi.Input<string>;
    /** Packages, with what the image has: zypper, dnf or apt-get, without a question. */
    packages?: pulumi.Input<PackageChanges>;
    /** Makes the initrd anew, which IMS never does: needed when kernel modules or what they load have changed. */
    regenerateInitrd?: pulumi.Input<true | InitrdRegeneration>;
    /** A playbook that `ansible-playbook` on this machine plays on the image, by the job's SSH server. */
    ansible?: pulumi.Input<AnsiblePlay>;
    /** How progress and errors name the step. Default: what it does. */
    name?: pulumi.Input<string>;
    /**
     * Variables for the step, which may be secrets: they go over standard input. With `ansible` they are in the
     * environment of `ansible-playbook`, for look-ups of `env`.
     */
    environment?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /** Default: `timeLimits.step`. */
    timeLimit?: pulumi.Input<string>;
}

/** Packages that come and go, with the package manager of the image. */
export interface PackageChanges {
    /** Names, with a version where the package manager takes it. */
    install?: pulumi.Input<pulumi.Input<string>[]>;
    /** Names of packages to remove. */
    remove?: pulumi.Input<pulumi.Input<string>[]>;
    /** Whether the lists of packages are fetched first. Default: true. */
    refresh?: pulumi.Input<boolean>;
}

/** Which initrd is made anew. */
export interface InitrdRegeneration {
    /** Of `/lib/modules`. Default: the only one there. */
    kernelVersion?: pulumi.Input<string>;
}

/**
 * A play on the image root, with the inventory that the Configuration Framework Service (CFS) makes for an image: its
 * only host is the image, in the group `cfs_image`, with `cray_cfs_image: true` and
 * `ansible_python_interpreter: /usr/bin/env python3`. As there, it needs `jail: true`, and python3 in the image.
 */
export interface AnsiblePlay {
    /**
     * A playbook here, relative to the program's folder, in a folder of its own: a change of anything in that folder
     * makes a new image. `ansible.cfg` and `roles` beside it are used.
     */
    playbook: pulumi.Input<string>;
    /** Extra variables, which may be secrets: they go by a file that only this user can read. */
    variables?: pulumi.Input<Record<string, pulumi.Input<unknown>>>;
    /** Further groups of the inventory that the image is in, such as `Compute`. */
    groups?: pulumi.Input<pulumi.Input<string>[]>;
    /** Further arguments of `ansible-playbook`, such as `--tags`; others on this machine can see them. */
    arguments?: pulumi.Input<pulumi.Input<string>[]>;
}

/** How long each part may take: `90s`, `30m`, `2h`. For aarch64, which is emulated, all but `ssh` are four times as long. */
export interface CustomizationTimeLimits {
    /** Until the job's session is open: its pod is scheduled, the base fetched and unpacked. Default: 30 minutes. */
    job?: pulumi.Input<string>;
    /** From then on until its SSH server lets us in. Default: 10 minutes. */
    ssh?: pulumi.Input<string>;
    /** For a step without a limit of its own. Default: 1 hour. */
    step?: pulumi.Input<string>;
    /** Packing and uploading. Default: 1 hour. */
    packaging?: pulumi.Input<string>;
}

/** How the job's SSH server is reached. */
export interface CustomizationSsh {
    /** Which of the addresses that the job tells. Default: `customer_access`; `cluster.local` from within the cluster. */
    via?: pulumi.Input<"customer_access" | "cluster.local">;
    /** Instead of the job's: where its name is not known here. */
    host?: pulumi.Input<string>;
    /** Default: the job's. 1 to 65,535. */
    port?: pulumi.Input<number>;
    /** A host to go through, `user@host[:port]`. Default: `edge-os:ssh.jump`. */
    jump?: pulumi.Input<string>;
}

/** What a `CustomizedImage` is made of, and how. */
export interface CustomizedImageArgs extends ImageJobArgs {
    /**
     * The image to start from: its id, its exact name, or another image's `imageId`. Names are not unique in IMS:
     * several of one name are refused unless `pick` is `"newest"`. Another base, or other content under the same
     * record, makes a new image.
     */
    baseImage: pulumi.Input<string | { name: pulumi.Input<string>; pick?: pulumi.Input<"only" | "newest"> }>;
    /** Whether the session is locked into the image root. Default: true. */
    jail?: pulumi.Input<boolean>;
    /**
     * An own public key for the session; the private one is that of `edge-os:ssh`. Default: a key made for this job,
     * which is gone as soon as the session is open.
     */
    publicKey?: pulumi.Input<string>;
    /** What is changed, in this order. A change of any step, or of a file it uses, makes a new image. */
    steps: pulumi.Input<pulumi.Input<CustomizationStep>[]>;
    /**
     * What becomes of the job when a step fails: `"delete"`, or `"keep"`, which leaves it open and says how to get in
     * and how to end it; the next run deletes it. Default: `"delete"`.
     */
    onFailure?: pulumi.Input<"delete" | "keep">;
    /** How long each part may take. Makes no new image. */
    timeLimits?: pulumi.Input<CustomizationTimeLimits>;
    /** How the session is reached. Makes no new image. */
    ssh?: pulumi.Input<CustomizationSsh>;
}

/**
 * An image made by an IMS customization job: the guide's "Customize an Image Root Using IMS", from the key to the clean-up.
 * It leaves nothing behind but the image; what a run that was killed has left is found and removed by the next.
 *
 * Its Pulumi id is the image's. A new image is made before the old one is deleted (softly, unless `permanentDelete`).
 *
 * @example
 * ```ts
 * const compute = new ims.CustomizedImage("compute", {
 *     baseImage: "cos-3.1-compute",
 *     name: "compute-with-tools",
 *     steps: [
 *         { packages: { install: ["lldpd"] } },
 *         { run: "systemctl enable lldpd" },
 *         { regenerateInitrd: true },
 *     ],
 * });
 * export const manifest = compute.manifest;
 * ```
 */
export class CustomizedImage extends ImageResource {
    /** The job's statuses, each with the seconds since its start. Empty where no job was needed. */
    declare readonly jobHistory: pulumi.Output<{ status: string; after: number }[]>;
    /** The id of the base that it was made of. */
    declare readonly baseImageId: pulumi.Output<string>;

    constructor(name: string, args: CustomizedImageArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "ims.CustomizedImage", properties: PROPERTIES }, name, { ...args }, opts);
    }
}

const PROPERTIES = [
    "connection",
    "baseImage",
    "name",
    "kernelFileName",
    "initrdFileName",
    "jail",
    "buildEnvSize",
    "jobMemSize",
    "requireDkms",
    "publicKey",
    "steps",
    "metadata",
    "arch",
    "onFailure",
    "permanentDelete",
    "timeLimits",
    "ssh",
    "endpoint",
    "baseImageId",
    "baseEtag",
    "filesHash",
    ...IMAGE_OUTPUTS,
    "jobHistory",
] as const;
