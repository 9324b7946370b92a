import type * as pulumi from "@pulumi/pulumi";
import { IMAGE_OUTPUTS, ImageResource } from "./imageResource";

/** What an `ImportedImage` is made of. */
export interface ImportedImageArgs {
    /** A block of `edge-os:connections`. Default: `edge-os:ims`. */
    connection?: pulumi.Input<string>;
    /** Name of the image; names need not be unique. IMS cannot rename: a change makes a new image. */
    name: pulumi.Input<string>;
    /**
     * The root file system: a SquashFS file, or a tar archive (`.tar`, `.tgz`, `.txz`, …), of which a SquashFS is made
     * here with sqfstar of squashfs-tools. Relative to the program's folder. Other content makes a new image.
     */
    rootfs: pulumi.Input<string>;
    /** Path of the kernel's file. Other content makes a new image. */
    kernel: pulumi.Input<string>;
    /** Path of the initrd's file. Other content makes a new image. */
    initrd: pulumi.Input<string>;
    /** Default: `x86_64`. Changed in place. */
    arch?: pulumi.Input<"x86_64" | "aarch64">;
    /** Keys of the image record. Only these are managed; others, such as those of the boot services, stay. In place. */
    metadata?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /** Delete for good, with the objects in S3. Default: false; a softly deleted image is brought back when it is wanted again. */
    permanentDelete?: pulumi.Input<boolean>;
}

/**
 * An image from outside, registered in IMS: the guide's "Import an External Image to IMS". Its files are uploaded with
 * their md5 sums and a manifest, and the record links them. An import that was cut off is continued, and nothing is
 * uploaded twice.
 *
 * @example
 * ```ts
 * const base = new ims.ImportedImage("base", {
 *     name: "sles15-base",
 *     rootfs: "build/rootfs.txz",
 *     kernel: "build/vmlinuz",
 *     initrd: "build/initrd",
 * });
 * new ims.CustomizedImage("compute", { baseImage: base.imageId, name: "compute", steps: [{ script: "setup.sh" }] });
 * ```
 */
export class ImportedImage extends ImageResource {
    constructor(name: string, args: ImportedImageArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "ims.ImportedImage", properties: PROPERTIES }, name, { ...args }, opts);
    }
}

const PROPERTIES = [
    "connection",
    "name",
    "rootfs",
    "kernel",
    "initrd",
    "arch",
    "metadata",
    "permanentDelete",
    "endpoint",
    "filesHash",
    ...IMAGE_OUTPUTS,
] as const;
