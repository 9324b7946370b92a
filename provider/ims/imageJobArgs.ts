import type * as pulumi from "@pulumi/pulumi";

/** What every image is given that a job of IMS makes. */
export interface ImageJobArgs {
    /** A block of `edge-os:connections`. Default: `edge-os:ims`. */
    connection?: pulumi.Input<string>;
    /**
     * Name of the new image and of its archive: a letter, then letters, digits and `. _ -`. IMS cannot rename: a
     * change makes a new image.
     */
    name: pulumi.Input<string>;
    /** Name in `/boot`. Default by architecture: `vmlinuz`, `Image`. A change makes a new image. */
    kernelFileName?: pulumi.Input<string>;
    /** Name in `/boot`. Default: `initrd`. A change makes a new image. */
    initrdFileName?: pulumi.Input<string>;
    /** Room for building, in GiB; the job asks for five times as much. Default: the service's, 60. */
    buildEnvSize?: pulumi.Input<number>;
    /** Memory of the job, in GiB. Default: the service's, 8. */
    jobMemSize?: pulumi.Input<number>;
    /**
     * Whether the job has `/proc`, `/sys` and `/dev` for building kernel modules. Default: the recipe's, or the service's
     * for a customization. A change makes a new image.
     */
    requireDkms?: pulumi.Input<boolean>;
    /** Keys of the image record. Only these are managed; others, such as those of the boot services, stay. In place. */
    metadata?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /** What the record says. Default: that of what it is made of. Changed in place. */
    arch?: pulumi.Input<"x86_64" | "aarch64">;
    /** Delete for good, with the objects in S3. Default: false; a softly deleted image is brought back when it is wanted again. */
    permanentDelete?: pulumi.Input<boolean>;
}
