import { EdgeError } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import { parseS3Url } from "../s3/connection";
import type { ImsImage, ImsLink } from "./api";
import type { ImsClient, CallOptions } from "./client";

/** One file of an image in the system's storage. */
export interface ImageArtifact {
    /** `application/vnd.cray.image.rootfs.squashfs`. */
    readonly type: string;
    /** `s3://boot-images/…`. */
    readonly path: string;
    readonly etag: string;
    readonly md5: string;
    readonly sizeBytes: number;
}

/** What stands behind an image record, read and checked. */
export interface ImageContent {
    /** `s3://boot-images/…/manifest.json`. */
    readonly manifest: string;
    /** Of the manifest, as the record has it. */
    readonly manifestEtag: string;
    readonly artifacts: ImageArtifact[];
}

/** What the record links is not an image: wrong in itself, and not only out of reach. */
export class ImageDamaged extends EdgeError {}

/** More than the service takes for a manifest itself. */
const LARGEST_MANIFEST = 1 << 20;

/**
 * Reads an image's manifest and looks at every artifact in it: the service vouches for neither. What is wrong is told
 * together.
 */
export async function readImageContent(
    image: ImsImage,
    client: ImsClient,
    { signal }: CallOptions = {},
): Promise<ImageContent> {
    const { title, link, artifacts: listed } = await readManifest(image, client, { signal });
    const storage = await client.storage();
    const looks = listed.map(async (artifact): Promise<ImageArtifact | string> => {
        const target = parseS3Url(artifact.path);
        const found = target && (await storage.head(target.bucket, target.key, { signal }));
        if (!found) return `${artifact.type} ${artifact.path} is not there`;
        const md5 = found.metadata.md5sum;
        if (md5 !== undefined && artifact.md5 !== "" && md5 !== artifact.md5) {
            return `${artifact.type} ${artifact.path} has md5 ${md5}, and the manifest says ${artifact.md5}`;
        }
        return { ...artifact, etag: found.etag.replaceAll('"', ""), sizeBytes: found.sizeBytes };
    });
    const results = await Promise.all(looks);
    const problems = results.filter((result) => typeof result === "string");
    if (problems.length > 0) throw new ImageDamaged([`${title} is damaged:`, ...problems].join("\n  - "));
    return {
        manifest: link.path,
        manifestEtag: link.etag,
        artifacts: results.filter((result) => typeof result !== "string"),
    };
}

/** What an image's manifest lists, unseen. */
export async function readManifest(
    image: ImsImage,
    client: ImsClient,
    { signal }: CallOptions = {},
): Promise<{ title: string; link: ImsLink; artifacts: Omit<ImageArtifact, "sizeBytes">[] }> {
    const title = `image ${image.name} (${image.id})`;
    const { link } = image;
    if (!link) throw new EdgeError(`${title} has no link: its artifacts were never uploaded`);
    const place = parseS3Url(link.path);
    if (!place) throw new EdgeError(`${title} links ${link.path}, which is no place in S3`);
    const storage = await client.storage();
    const bytes = await storage.getBytes(place.bucket, place.key, { signal });
    if (!bytes) throw new ImageDamaged(`${title}: its manifest ${link.path} is not there`);
    return { title, link, artifacts: artifactsIn(bytes, `${title}: its manifest ${link.path}`) };
}

function artifactsIn(bytes: Buffer, title: string): Omit<ImageArtifact, "sizeBytes">[] {
    if (bytes.length > LARGEST_MANIFEST)
        throw new ImageDamaged(`${title} has ${bytes.length} bytes, too many for a manifest`);
    let manifest: unknown;
    try {
        manifest = JSON.parse(bytes.toString("utf8"));
    } catch {
        throw new ImageDamaged(`${title} is no JSON`);
    }
    const artifacts = isRecord(manifest) && manifest.version === "1.0" ? manifest.artifacts : undefined;
    if (!Array.isArray(artifacts))
        throw new ImageDamaged(`${title} is not of version 1.0, or lists no artifacts`);
    return artifacts.map((artifact: unknown) => {
        const text = (value: unknown): string => (typeof value === "string" ? value : "");
        const link = isRecord(artifact) && isRecord(artifact.link) ? artifact.link : {};
        return {
            type: text(isRecord(artifact) ? artifact.type : ""),
            path: text(link.path),
            etag: text(link.etag),
            md5: text(isRecord(artifact) ? artifact.md5 : ""),
        };
    });
}
