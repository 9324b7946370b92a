import { artifactManifest, digestOf, type Manifest } from "../../oci/manifest";
import type { PublishedFile } from "./publisher";

export const DISK_IMAGE_TYPE = "application/vnd.pulumi-edge-os.disk-image.v1";
/** Annotation with the name that a file has outside the registry. */
export const TITLE = "org.opencontainers.image.title";
const BYTES = "application/octet-stream";

/** The artifact of an image. It follows from the file alone, so that its digest is known before it is pushed. */
export function imageArtifact({ fileName, sha256, sizeBytes }: PublishedFile): Manifest & { digest: string } {
    const layer = {
        ...{ mediaType: BYTES, digest: `sha256:${sha256}`, size: sizeBytes },
        annotations: { [TITLE]: fileName },
    };
    const manifest = artifactManifest({ artifactType: DISK_IMAGE_TYPE, layers: [layer] });
    return { ...manifest, digest: digestOf(manifest.bytes) };
}
