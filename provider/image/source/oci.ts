import { NoAnswer } from "../../http/failure";
import type { RegistryClient } from "../../oci/client";
import { type Descriptor, type ManifestContent, readManifest } from "../../oci/manifest";
import { parseReference } from "../../oci/reference";
import { EdgeError } from "../../resource/errors";
import { ImageError, printable } from "../check";
import type { ByteRange, ImageSource } from "./source";

const TITLE = "org.opencontainers.image.title";
/** How names of images end; artifacts may hold checksums and notes beside one. */
const IMAGE_NAME = /\.(raw|img|qcow2?)(\.(gz|xz|bz2|bzip2|zst|zs))?$/i;

/** Opens the image that is a layer of an artifact in a registry: its digest says which bytes those are. */
export async function openOciArtifact(
    location: string,
    registryOf: (name: string) => RegistryClient,
    signal?: AbortSignal,
): Promise<ImageSource> {
    const reference = parseReference(location);
    if (!reference) throw new ImageError("is no reference to an artifact");
    const { registry, repository, tag, digest } = reference;
    const client = registryOf(registry);
    const content = await artifactOf(client, repository, digest ?? tag ?? "latest", signal);
    const layer = imageLayer(content);
    const sha256 = layer.digest.slice("sha256:".length);
    return {
        name: location,
        fileName: layer.annotations?.[TITLE] ?? "",
        size: layer.size,
        identity: layer.digest,
        sha256,
        takesRanges: await takesRanges(client, repository, layer, signal),
        read: (range, cancel) => readBlob(client, repository, layer, range, cancel),
        close: () => Promise.resolve(),
    };
}

async function artifactOf(
    client: RegistryClient,
    repository: string,
    reference: string,
    signal: AbortSignal | undefined,
): Promise<ManifestContent> {
    const found = await client.getManifest(repository, reference, { signal });
    if (!found) throw new ImageError("is not there: correct the reference, or push the artifact first");
    const content = readManifest(found);
    if (!content) throw new ImageError("has a manifest that cannot be read");
    const [only, ...others] = content.manifests;
    if (!only) return content;
    if (others.length > 0) {
        throw new ImageError(
            `is an index of ${content.manifests.length} manifests: name one by its digest (${digests(content.manifests)})`,
        );
    }
    return artifactOf(client, repository, only.digest, signal);
}

function imageLayer({ layers }: ManifestContent): Descriptor {
    const images = layers.filter(({ annotations }) => IMAGE_NAME.test(annotations?.[TITLE] ?? ""));
    const [image, ...others] = images.length > 0 ? images : layers;
    if (image && others.length === 0) return image;
    const titles = layers.map(({ annotations, digest }) => printable(annotations?.[TITLE] ?? digest));
    throw new ImageError(
        layers.length === 0
            ? "is an artifact without layers, so there is no image in it"
            : `is an artifact of ${layers.length} layers (${titles.slice(0, 8).join(", ")}), and which of them is the image cannot be told: push it as an artifact of its own`,
    );
}

function digests(manifests: readonly Descriptor[]): string {
    return manifests
        .slice(0, 4)
        .map(({ digest }) => digest)
        .join(", ");
}

async function takesRanges(
    client: RegistryClient,
    repository: string,
    { digest, size }: Descriptor,
    signal: AbortSignal | undefined,
): Promise<boolean> {
    if (size === 0) return false;
    const { body, ranged } = await client.getBlob(repository, digest, {
        range: { start: 0, end: 1 },
        signal,
    });
    body.on("error", () => undefined).destroy();
    return ranged;
}

async function* readBlob(
    client: RegistryClient,
    repository: string,
    { digest, size }: Descriptor,
    range: ByteRange,
    signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
    const { start, end = size } = range;
    const isWhole = start === 0 && end === size;
    const { body, ranged, url } = await client.getBlob(repository, digest, {
        ...(isWhole ? {} : { range: { start, end } }),
        signal,
    });
    if (!isWhole && !ranged) {
        body.on("error", () => undefined).destroy();
        throw new ImageError("cannot be read in parts any more: its registry answers with the whole");
    }
    let done = 0;
    try {
        for await (const chunk of body) {
            done += (chunk as Buffer).length;
            yield chunk as Buffer;
        }
    } catch (error) {
        signal?.throwIfAborted();
        throw error instanceof EdgeError ? error : client.explain(error, url);
    }
    if (done === end - start) return;
    throw new NoAnswer(`${url.host} sent ${done} bytes of ${end - start}`, false, true);
}
