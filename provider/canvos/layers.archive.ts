import { ImageDamage } from "../image/check";
import { decompress, detectCompression } from "../image/compression";
import type { ChunkSource } from "../image/decoders/chunks";
import { HashedSource } from "../image/source/hashed";
import { digestOf, readManifest } from "../oci/manifest";
import { isRecord } from "../resource/unknown";
import {
    ImageAssembly,
    type ImageConfig,
    type LayeredImage,
    MOST_LAYER_BYTES,
    MOST_LAYERS,
    type ReadOptions,
} from "./layers";
import type { Layer } from "./layers.node";
import { LayerReader, type LayerReading } from "./layers.read";
import { type TarEntry, TarReader } from "./layers.tar";

const MOST_TEXT = 8 * 1024 * 1024;
const MOST_TEXTS = 64 * 1024 * 1024;

/**
 * Reads an image from what `docker save` writes, in one pass: Docker's own layout, the OCI layout that newer versions
 * write, and archives of other tools in that layout. Where layers lie in it is told at its end only, so every archive
 * in it is read as a layer, and known by its digest.
 */
export async function readImageArchive(
    archive: AsyncIterable<Buffer>,
    options: ReadOptions & { reference?: string } = {},
): Promise<LayeredImage> {
    const assembly = new ImageAssembly(options);
    const parts = new ArchiveParts(assembly.reading);
    const tar = new TarReader((entry, content) => parts.take(entry, content));
    let done = 0;
    try {
        for await (const chunk of archive) {
            options.signal?.throwIfAborted();
            await tar.write(chunk);
            options.onProgress?.((done += chunk.length));
        }
        await tar.end();
        return assembly.finish(parts.config(options.reference), parts.layers);
    } catch (error) {
        tar.close();
        assembly.close();
        throw error;
    }
}

class ArchiveParts {
    readonly layers = new Map<string, Layer>();
    private readonly texts = new Map<string, Buffer>();
    private textBytes = 0;

    constructor(private readonly reading: LayerReading) {}

    async take({ type, path, size }: TarEntry, content: AsyncIterable<Buffer>): Promise<void> {
        if (type !== "file") return;
        const source = new HashedSource(content);
        const head = await source.peek(512);
        const compression = detectCompression(head);
        if (compression === "none" && !isTar(head)) {
            if (size <= MOST_TEXT) await this.keepText(path.join("/"), source);
            return;
        }
        if (this.layers.size >= MOST_LAYERS) throw new ImageDamage("has more than 1000 layers");
        const layer = await readLayer(source, compression, this.reading);
        this.layers.set(layer.diffId, layer);
    }

    /** Which configuration is meant, by Docker's list or by that of the OCI layout. */
    config(reference?: string): ImageConfig {
        const listed = this.json("manifest.json");
        if (Array.isArray(listed)) return this.listedConfig(listed.filter(isRecord), reference);
        const [manifest, ...more] = this.manifestsOf("index.json");
        if (!manifest)
            throw new ImageDamage("is no archive of an image: it has neither manifest.json nor index.json");
        if (more.length > 0) throw new ImageDamage("holds several images, and none was named");
        return this.blob(manifest);
    }

    private listedConfig(entries: Record<string, unknown>[], reference?: string): ImageConfig {
        const named = entries.filter(
            ({ RepoTags: tags }) =>
                reference !== undefined && Array.isArray(tags) && tags.includes(reference),
        );
        const entry = named[0] ?? (entries.length === 1 ? entries[0] : undefined);
        if (!entry) {
            throw new ImageDamage(
                `holds ${entries.length} images, and ${reference ?? "none of them"} is not to be told`,
            );
        }
        const file = typeof entry.Config === "string" ? entry.Config : "";
        const bytes = this.texts.get(file);
        if (!bytes) throw new ImageDamage("has no configuration");
        return { digest: digestOf(bytes), bytes };
    }

    /** Digests of configurations of the images that an index names, indexes in it included. */
    private manifestsOf(file: string, depth = 0): string[] {
        const bytes = this.texts.get(file);
        const content = bytes && readManifest({ mediaType: "", bytes });
        if (!content || depth > 3) return [];
        if (content.config) return [content.config.digest];
        return content.manifests.flatMap(({ digest }) => this.manifestsOf(blobName(digest), depth + 1));
    }

    private blob(digest: string): ImageConfig {
        const bytes = this.texts.get(blobName(digest));
        if (!bytes) throw new ImageDamage("has no configuration");
        if (digestOf(bytes) !== digest) throw new ImageDamage("has a damaged configuration");
        return { digest, bytes };
    }

    private json(file: string): unknown {
        const bytes = this.texts.get(file);
        if (!bytes) return undefined;
        try {
            return JSON.parse(bytes.toString("utf8"));
        } catch {
            throw new ImageDamage(`its ${file} is no JSON`);
        }
    }

    private async keepText(name: string, source: ChunkSource): Promise<void> {
        const chunks: Buffer[] = [];
        for (let chunk = await source.next(); chunk; chunk = await source.next()) {
            this.textBytes += chunk.length;
            if (this.textBytes > MOST_TEXTS) throw new ImageDamage("holds more than 64 MiB that is no layer");
            chunks.push(Buffer.from(chunk));
        }
        this.texts.set(name, Buffer.concat(chunks));
    }
}

/** Reads a layer that may be compressed. */
export async function readLayer(
    source: ChunkSource,
    compression: ReturnType<typeof detectCompression>,
    reading: LayerReading,
): Promise<Layer> {
    const reader = new LayerReader(reading);
    try {
        const write = (chunk: Buffer): Promise<void> => reader.write(chunk);
        if (compression === "none") {
            for (let chunk = await source.next(); chunk; chunk = await source.next()) await write(chunk);
        } else {
            await decompress(source, compression, { maxBytes: MOST_LAYER_BYTES }, write);
        }
        return await reader.end();
    } catch (error) {
        reader.close();
        throw error;
    }
}

/** An archive without entries is nothing but zeros. */
function isTar(head: Buffer): boolean {
    return (
        head.toString("latin1", 257, 262) === "ustar" ||
        (head.length === 512 && head.every((byte) => byte === 0))
    );
}

function blobName(digest: string): string {
    return `blobs/${digest.replace(":", "/")}`;
}
