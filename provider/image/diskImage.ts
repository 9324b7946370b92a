import type * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { DiskImageBootResult, DiskImageBootTest } from "./bootTestArgs";
import type { DiskImageExpectations } from "./expect";

/** An image, what it has to be, and where it goes. */
export interface DiskImageArgs {
    /**
     * The image: a file, relative to the program's folder; or `https://…`, `s3://bucket/key` or
     * `oci://registry/repository:tag` (`@sha256:…`), an artifact whose layer it is. Raw (`.raw`, `.img`) or qcow2
     * (`.img`, `.qcow2`), plain or compressed (`.gz`, `.xz`, `.bz2`, `.zst`). Its content decides: new bytes replace
     * the published image, after everything that uses it has moved to the new one; another path to the same bytes
     * changes nothing.
     *
     * From a server that takes ranges, and with `expect.sha256`, a plain image is checked by parts of it (a registry
     * knows the digest itself); otherwise it is read once, and again only when its server tells of another version.
     * Own CA, logins (by server) and S3 service: `caFile`, `origins` and `s3` of `edge-os:image`, or
     * `EDGE_OS_IMAGE_CA_FILE`, `EDGE_OS_IMAGE_<HOST>_TOKEN` (or `_USERNAME` and `_PASSWORD`) and
     * `EDGE_OS_IMAGE_S3_ENDPOINT`; the proxy is that of the environment. An address with a login in it is refused.
     */
    source: pulumi.Input<string>;
    /** Where hosts get it from. Changed in place: published there, then let go at the old place. */
    publish: pulumi.Input<DiskImagePublication>;
    /** What the image must be, beyond what every image is checked for. Looked at in every preview. */
    expect?: pulumi.Input<DiskImageExpectations>;
    /** Boots it before it is published. A change runs the test again. */
    bootTest?: pulumi.Input<DiskImageBootTest>;
}

/** A place that hosts get the image from: a folder, a bucket, a registry. */
export type DiskImagePublication =
    DiskImageDirectoryPublication | DiskImageS3Publication | DiskImageOciPublication;

/** What all places have in common. */
export interface DiskImagePublicationOptions {
    /**
     * What becomes of the published file when the image is deleted, replaced or published elsewhere: `"keep"` leaves
     * it, since a host that has not booted yet may still need it (`edge-os prune` lists what nothing uses any more);
     * `"remove"` removes it, unless another resource or stack publishes the same bytes there or the file was there
     * before. Default `"keep"`.
     */
    onDelete?: pulumi.Input<"keep" | "remove">;
}

/** A folder that a web server hands out. */
export interface DiskImageDirectoryPublication extends DiskImagePublicationOptions {
    /**
     * Folder, relative to the program's; made when it is missing. The image appears there whole or not at all, under
     * a name that holds its digest, so no file ever changes under a host that is still reading it.
     */
    directory: pulumi.Input<string>;
    /** The URL of that folder, `https://images.example.com/edge`. Hosts refuse other schemes. */
    baseUrl: pulumi.Input<string>;
}

/** A bucket of any service that speaks S3, from which hosts can read without a login. */
export interface DiskImageS3Publication extends DiskImagePublicationOptions {
    /** Which bucket, of which service. */
    s3: pulumi.Input<DiskImageBucket>;
}

/** A bucket of any S3 service. */
export interface DiskImageBucket {
    /** Its name. The image appears in it whole or not at all, under a key that holds its digest. */
    bucket: pulumi.Input<string>;
    /** Path in the bucket, without a slash at either end. Default: the bucket's top. */
    prefix?: pulumi.Input<string>;
    /** `https://s3.example.com`. Default: AWS's own. */
    endpoint?: pulumi.Input<string>;
    /** Default: `AWS_REGION`, or the profile's. Services other than AWS's mostly take any. */
    region?: pulumi.Input<string>;
    /**
     * The URL under which hosts see the prefix. Default: the bucket's own, `https://s3.example.com/<bucket>/<prefix>`
     * or AWS's. The keys to write with come from `EDGE_OS_IMAGE_S3_ACCESS_KEY_ID`, `_SECRET_ACCESS_KEY` and
     * `_SESSION_TOKEN`, or from AWS's own variables or profile.
     */
    baseUrl?: pulumi.Input<string>;
}

/**
 * A registry. The image is the one layer of an artifact; `url` names it by digest, `oci://…@sha256:…`. EMF's hosts
 * stream from `https://` only, so this is for what reads registries.
 */
export interface DiskImageOciPublication extends DiskImagePublicationOptions {
    /** Where in which registry. */
    oci: pulumi.Input<DiskImageRepository>;
}

/** A repository of an OCI registry. */
export interface DiskImageRepository {
    /**
     * `oci://registry.example.com/edge/ubuntu`. The login comes from `edge-os:image.origins`, its environment
     * variables, or `docker login`.
     */
    repository: pulumi.Input<string>;
    /** A tag that is moved to the image beside the one that holds its digest, `24.04`. Never taken from other artifacts. */
    tag?: pulumi.Input<string>;
}

/** One partition of a {@link DiskImage}. */
export interface DiskImagePartition {
    /** Place in the partition table, from 1. */
    index: number;
    /** As the partition table has it; empty where it has none. */
    name: string;
    /** Type GUID, upper case. */
    type: string;
    /** Bytes. */
    sizeBytes: number;
}

/** One check of a {@link DiskImage}. */
export interface DiskImageCheck {
    /** `gpt.header-crc`; what `expect.severity` names. */
    id: string;
    /** What could not be looked at is `"not-checked"`, never passed. */
    verdict: "passed" | "failed" | "not-checked";
    /** `"warning"` for a failure that does not fail the image. */
    severity?: "error" | "warning";
    /** What was found. */
    seen: string;
    /** What is wrong and what to do; empty for a check that passed. */
    message: string;
}

/** What other resources hold against what they promise of an image. */
export interface DiskImageTraits {
    /** There is an EFI system partition to boot from. */
    efiSystemPartition: boolean;
    /** Boot partition, root and `edge_persistent` lie where the Edge Microvisor Toolkit has them. */
    microvisorLayout: boolean;
    /** Every program on the way from the firmware to the kernel is signed, by whomever. */
    signedBootPath: boolean;
    /** `ID` of os-release; absent where no root file system could be read. */
    operatingSystem?: string;
    /** `x86_64`, `aarch64` */
    architecture?: string;
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
    declare readonly bootTest: pulumi.Output<pulumi.Unwrap<DiskImageBootTest> | undefined>;
    /** Where hosts get it. */
    declare readonly url: pulumi.Output<string>;
    /** Name of the published file. */
    declare readonly fileName: pulumi.Output<string>;
    /** Of the bytes as hosts download them, so of the compressed file where it is compressed. Lower-case hexadecimal. */
    declare readonly sha256: pulumi.Output<string>;
    /** Size of that file. */
    declare readonly sizeBytes: pulumi.Output<number>;
    /** What the file is once it is unpacked. */
    declare readonly format: pulumi.Output<"raw" | "qcow2">;
    /** How the file is packed. */
    declare readonly compression: pulumi.Output<"none" | "gz" | "xz" | "bz2" | "zst">;
    /** Size of the disk that a host writes. */
    declare readonly virtualSizeBytes: pulumi.Output<number>;
    /** Those of its GUID partition table, in that order. */
    declare readonly partitions: pulumi.Output<DiskImagePartition[]>;
    /** How many checks it passed; one that fails any is not published. */
    declare readonly checksPassed: pulumi.Output<number>;
    /** All checks, failures first; at most 120. */
    declare readonly checks: pulumi.Output<DiskImageCheck[]>;
    /** The checks in Markdown, for a pull request; cut where it is long. */
    declare readonly report: pulumi.Output<string>;
    /** What `emf.OsProfile` holds against what it promises of the image. */
    declare readonly traits: pulumi.Output<DiskImageTraits>;
    /**
     * Packages, kernels, units, boot chain and partitions that differ from the version of this name that was
     * published at the same place before, in Markdown; absent for the first one, and where the manifest beside that
     * version cannot be read.
     */
    declare readonly changelog: pulumi.Output<string | undefined>;
    /** How far it booted; absent without `bootTest`. */
    declare readonly bootResult: pulumi.Output<DiskImageBootResult | undefined>;

    constructor(name: string, args: DiskImageArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "image.DiskImage", properties: PROPERTIES }, name, { ...args }, opts);
    }
}

const PROPERTIES = [
    "source",
    "publish",
    "expect",
    "bootTest",
    "url",
    "fileName",
    "sha256",
    "sizeBytes",
    "format",
    "compression",
    "virtualSizeBytes",
    "partitions",
    "checksPassed",
    "checks",
    "report",
    "traits",
    "changelog",
    "bootResult",
    "claim",
    "machine",
] as const;
