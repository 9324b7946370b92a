import type * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";

export interface DiskImageArgs {
    /**
     * The image: a file, relative to the program's folder, or an `https://` address (its own CA, login and proxy: see
     * `edge-os:image`). Raw (`.raw`, `.img`) or qcow2 (`.img`, `.qcow2`), plain or compressed (`.gz`, `.xz`, `.bz2`,
     * `.zst`). Its content decides: new bytes replace the published image, after
     * everything that uses it has moved to the new one; another path to the same bytes changes nothing.
     */
    source: pulumi.Input<string>;
    /** Where hosts get it from. Changed in place: published there, then removed from the old place. */
    publish: pulumi.Input<DiskImagePublication>;
    /** What the image must be, beyond what every image is checked for. Looked at in every preview. */
    expect?: pulumi.Input<DiskImageExpectations>;
}

/** A folder that a web server hands out. */
export interface DiskImagePublication {
    /**
     * Folder, relative to the program's; made when it is missing. The image appears there whole or not at all, under
     * a name that holds its digest, so no file ever changes under a host that is still reading it.
     */
    directory: pulumi.Input<string>;
    /** The URL of that folder, `https://images.example.com/edge`. Hosts refuse other schemes. */
    baseUrl: pulumi.Input<string>;
    /**
     * What becomes of the published file when the image is deleted, replaced or published elsewhere: `"keep"` leaves
     * it, since a host that has not booted yet may still need it (`edge-os prune` lists what nothing uses any more);
     * `"remove"` removes it, unless another resource or stack publishes the same bytes there or the file was there
     * before. Default `"keep"`.
     */
    onDelete?: pulumi.Input<"keep" | "remove">;
}

export interface DiskImageExpectations {
    /**
     * SHA-256 of the file as it is, in hexadecimal; or the checksum file it is published in, a path or an `https://`
     * address (`SHA256SUMS`, `image.raw.gz.sha256`; the forms of sha256sum, BSD and OpenSSL, also within an OpenPGP
     * signature, which is not verified). With it, a preview reads only parts of an image on a server; all of its bytes
     * are held to it when it is published.
     */
    sha256?: pulumi.Input<string>;
    /** How the disk lies in the file: `"raw"` or `"qcow2"`. */
    format?: pulumi.Input<"raw" | "qcow2">;
}

/** One partition of a {@link DiskImage}. */
export interface DiskImagePartition {
    /** Place in the partition table, from 1. */
    index: number;
    name: string;
    /** Type GUID, upper case. */
    type: string;
    sizeBytes: number;
}

/**
 * A disk image, verified and published. A preview already reads it (once: an unchanged file is not read again) and
 * refuses one that is cut off, damaged, misnamed, or that no UEFI machine could boot; `url`, `sha256` and the other
 * properties are known in previews.
 *
 * Its Pulumi id is `sha256:<digest>`. Deleting it leaves the published file (see `publish.onDelete`).
 *
 * @example
 * ```ts
 * const ubuntu = new image.DiskImage("ubuntu-edge", {
 *     source: "build/ubuntu-24.04-edge.img",
 *     publish: { directory: "/srv/images", baseUrl: "https://images.example.com" },
 * });
 * export const url = ubuntu.url;
 * ```
 */
export class DiskImage extends EdgeResource {
    declare readonly source: pulumi.Output<string>;
    declare readonly publish: pulumi.Output<pulumi.Unwrap<DiskImagePublication>>;
    declare readonly expect: pulumi.Output<pulumi.Unwrap<DiskImageExpectations> | undefined>;
    /** Where hosts get it. */
    declare readonly url: pulumi.Output<string>;
    /** Name of the published file. */
    declare readonly fileName: pulumi.Output<string>;
    /** Of the bytes as hosts download them, so of the compressed file where it is compressed. Lower-case hexadecimal. */
    declare readonly sha256: pulumi.Output<string>;
    /** Size of that file. */
    declare readonly sizeBytes: pulumi.Output<number>;
    declare readonly format: pulumi.Output<"raw" | "qcow2">;
    declare readonly compression: pulumi.Output<"none" | "gz" | "xz" | "bz2" | "zst">;
    /** Size of the disk that a host writes. */
    declare readonly virtualSizeBytes: pulumi.Output<number>;
    declare readonly partitions: pulumi.Output<DiskImagePartition[]>;
    /** How many checks it passed; one that fails any is not published. */
    declare readonly checksPassed: pulumi.Output<number>;

    constructor(name: string, args: DiskImageArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "image.DiskImage", properties: PROPERTIES }, name, { ...args }, opts);
    }
}

const PROPERTIES = [
    "source",
    "publish",
    "expect",
    "url",
    "fileName",
    "sha256",
    "sizeBytes",
    "format",
    "compression",
    "virtualSizeBytes",
    "partitions",
    "checksPassed",
    "claim",
    "machine",
] as const;
