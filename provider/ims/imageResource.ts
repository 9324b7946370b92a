import type * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";

/** A file of an image in S3. */
export interface CustomizedImageArtifact {
    /** `application/vnd.cray.image.rootfs.squashfs` and so on. */
    type: string;
    /** `s3://boot-images/…`. */
    path: string;
    /** As S3 tells it. */
    etag: string;
    /** Hexadecimal. */
    md5: string;
    /** Bytes. */
    sizeBytes: number;
}

/** Names of what every image in IMS has beside its inputs. */
export const IMAGE_OUTPUTS = [
    "claim",
    "imageId",
    "architecture",
    "manifest",
    "manifestEtag",
    "artifacts",
] as const;

/** An image in IMS, however it was made. */
export abstract class ImageResource extends EdgeResource {
    /** Name of the record. */
    declare readonly name: pulumi.Output<string>;
    /** The keys that the program declares, as they are. */
    declare readonly metadata: pulumi.Output<Record<string, string> | undefined>;
    /** The image's id, for the `baseImage` of a `CustomizedImage`. */
    declare readonly imageId: pulumi.Output<string>;
    /** `x86_64` or `aarch64`. */
    declare readonly architecture: pulumi.Output<string>;
    /** `s3://boot-images/<id>/manifest.json`, for a boot session template. */
    declare readonly manifest: pulumi.Output<string>;
    /** The manifest's etag, for a boot session template. */
    declare readonly manifestEtag: pulumi.Output<string>;
    /** The files of the image. */
    declare readonly artifacts: pulumi.Output<CustomizedImageArtifact[]>;
    /** Where the service is. */
    declare readonly endpoint: pulumi.Output<string>;
}
