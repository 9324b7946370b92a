import { detectCompression } from "../image/compression";
import { ImageDamage } from "../image/check";
import { HashedSource } from "../image/source/hashed";
import type { RegistryClient } from "../oci/client";
import { readManifest, type ManifestContent } from "../oci/manifest";
import { isRecord } from "../resource/unknown";
import { ImageAssembly, type LayeredImage, MOST_LAYERS, type ReadOptions } from "./layers";
import { readLayer } from "./layers.archive";
import type { Layer } from "./layers.node";

const MOST_CONFIG = 8 * 1024 * 1024;

/** Where in a registry an image is. */
export interface StoredImage {
    client: RegistryClient;
    repository: string;
    /** Tag or digest. */
    reference: string;
    /** Which of an image for several: `amd64`. */
    architecture: string;
}

/** Reads an image from a registry, layer by layer; undefined when it is not there. Nothing of it is kept here. */
export async function readRegistryImage(
    image: StoredImage,
    options: ReadOptions = {},
): Promise<LayeredImage | undefined> {
    const manifest = await findManifest(image, image.reference, options.signal);
    if (!manifest) return undefined;
    const { config, layers } = manifest;
    if (!config || config.size > MOST_CONFIG || layers.length > MOST_LAYERS) {
        throw new ImageDamage("has a manifest that is not that of an image");
    }
    const assembly = new ImageAssembly(options);
    const read = new Map<string, Layer>();
    let done = 0;
    const count = (bytes: number): void => options.onProgress?.((done += bytes));
    try {
        for (const { digest } of layers) {
            const source = await openBlob(image, digest, count, options.signal);
            const layer = await readLayer(
                source,
                detectCompression(await source.peek(512)),
                assembly.reading,
            );
            await source.drain();
            assertDigest(source, digest);
            read.set(layer.diffId, layer);
        }
        const bytes = await readConfig(image, config.digest, options.signal);
        return assembly.finish({ digest: config.digest, bytes }, read);
    } catch (error) {
        assembly.close();
        throw error;
    }
}

/** Of an image for several architectures, the one that is meant. */
async function findManifest(
    { client, repository, architecture }: StoredImage,
    reference: string,
    signal: AbortSignal | undefined,
    depth = 0,
): Promise<ManifestContent | undefined> {
    const stored = await client.getManifest(repository, reference, { signal });
    const content = stored && readManifest(stored);
    if (!content || content.manifests.length === 0 || depth > 3) return content;
    const { manifests } = JSON.parse(stored.bytes.toString("utf8")) as { manifests: unknown[] };
    const one = manifests.filter(isRecord).find(({ platform }) => {
        return isRecord(platform) && platform.architecture === architecture;
    });
    if (!one || typeof one.digest !== "string") {
        throw new ImageDamage(`is an image for several architectures, and ${architecture} is none of them`);
    }
    return findManifest({ client, repository, reference, architecture }, one.digest, signal, depth + 1);
}

async function readConfig(
    image: StoredImage,
    digest: string,
    signal: AbortSignal | undefined,
): Promise<Buffer> {
    const source = await openBlob(image, digest, () => undefined, signal);
    const chunks: Buffer[] = [];
    for (let chunk = await source.next(); chunk; chunk = await source.next()) {
        chunks.push(chunk);
        if (source.position > MOST_CONFIG) throw new ImageDamage("has a configuration of more than 8 MiB");
    }
    assertDigest(source, digest);
    return Buffer.concat(chunks);
}

async function openBlob(
    { client, repository }: StoredImage,
    digest: string,
    count: (bytes: number) => void,
    signal: AbortSignal | undefined,
): Promise<HashedSource> {
    const { body, url } = await client.getBlob(repository, digest, { signal });
    async function* chunks(): AsyncGenerator<Buffer> {
        try {
            for await (const chunk of body) {
                count((chunk as Buffer).length);
                yield chunk as Buffer;
            }
        } catch (error) {
            throw client.explain(error, url);
        }
    }
    return new HashedSource(chunks());
}

function assertDigest(source: HashedSource, digest: string): void {
    const found = `sha256:${source.sha256()}`;
    if (found !== digest)
        throw new ImageDamage(`its blob ${digest} has the digest ${found}: it was damaged on the way`);
}
