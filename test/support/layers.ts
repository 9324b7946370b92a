import * as crypto from "node:crypto";
import { type Headers, pack } from "tar-stream";

/** A file of a layer by its path: content, or what else it is. */
export type LayerFile =
    | string
    | Buffer
    | { content?: string | Buffer; mode?: number; uid?: number; gid?: number }
    | { link: string }
    | { hardLink: string }
    | { folder: true; mode?: number };

export type LayerFiles = Readonly<Record<string, LayerFile>>;

/** One layer as Docker keeps it: a tar archive. Paths that end in `/` are folders. */
export async function layerArchive(files: LayerFiles): Promise<Buffer> {
    return tarOf(Object.entries(files).map(([name, file]) => entryOf(name, file)));
}

interface TarPart {
    header: Headers;
    content?: Buffer;
}

function entryOf(name: string, file: LayerFile): TarPart {
    const base = { name, mode: 0o644, uid: 0, gid: 0, mtime: new Date(0) };
    if (typeof file === "string" || Buffer.isBuffer(file))
        return { header: base, content: Buffer.from(file) };
    if ("link" in file) return { header: { ...base, mode: 0o777, type: "symlink", linkname: file.link } };
    if ("hardLink" in file) return { header: { ...base, type: "link", linkname: file.hardLink } };
    if ("folder" in file) return { header: { ...base, mode: file.mode ?? 0o755, type: "directory" } };
    const { content = "", ...owner } = file;
    return { header: { ...base, ...owner }, content: Buffer.from(content) };
}

export async function tarOf(parts: readonly TarPart[]): Promise<Buffer> {
    const archive = pack();
    for (const { header, content } of parts) {
        if (content) archive.entry({ ...header, size: content.length }, content);
        else archive.entry(header);
    }
    archive.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of archive) chunks.push(chunk);
    return Buffer.concat(chunks);
}

export interface SavedImage {
    layers: readonly Buffer[];
    reference?: string;
    architecture?: string;
    /** Beside what every configuration has. */
    config?: Readonly<Record<string, unknown>>;
}

export function imageConfig({ layers, architecture = "amd64", config = {} }: SavedImage): Buffer {
    const diffIds = layers.map(digest);
    return Buffer.from(
        JSON.stringify({
            architecture,
            os: "linux",
            config: {},
            rootfs: { type: "layers", diff_ids: diffIds },
            ...config,
        }),
    );
}

/** What `docker save` wrote up to version 24: a folder a layer, the list at the end. */
export async function dockerArchive(image: SavedImage): Promise<Buffer> {
    const config = imageConfig(image);
    const configName = `${hex(config)}.json`;
    const names = image.layers.map((layer, i) => `${hex(Buffer.from(`${i}${hex(layer)}`))}/layer.tar`);
    const list = [{ Config: configName, RepoTags: [image.reference ?? "edge:test"], Layers: names }];
    return tarOf([
        ...image.layers.flatMap((layer, i): TarPart[] => [
            text((names[i] ?? "").replace("layer.tar", "VERSION"), "1.0"),
            { header: { name: names[i] ?? "" }, content: layer },
        ]),
        { header: { name: configName }, content: config },
        text("manifest.json", JSON.stringify(list)),
        text("repositories", "{}"),
    ]);
}

/** The OCI layout: blobs by digest, layers packed or not. */
export async function ociArchive(
    image: SavedImage,
    compress: (layer: Buffer) => Buffer = (layer) => layer,
): Promise<Buffer> {
    const config = imageConfig(image);
    const layers = image.layers.map(compress);
    const manifest = Buffer.from(
        JSON.stringify({
            schemaVersion: 2,
            mediaType: "application/vnd.oci.image.manifest.v1+json",
            config: descriptor("application/vnd.oci.image.config.v1+json", config),
            layers: layers.map((layer) => descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)),
        }),
    );
    const index = {
        schemaVersion: 2,
        manifests: [descriptor("application/vnd.oci.image.manifest.v1+json", manifest)],
    };
    return tarOf([
        text("oci-layout", '{"imageLayoutVersion":"1.0.0"}'),
        text("index.json", JSON.stringify(index)),
        // Highest first: where a blob lies says nothing about its place.
        ...[...layers, config, manifest]
            .sort((a, b) => (hex(a) < hex(b) ? 1 : -1))
            .map((blob) => ({ header: { name: `blobs/sha256/${hex(blob)}` }, content: blob })),
    ]);
}

export function descriptor(
    mediaType: string,
    blob: Buffer,
): { mediaType: string; digest: string; size: number } {
    return { mediaType, digest: digest(blob), size: blob.length };
}

export function digest(bytes: Buffer): string {
    return `sha256:${hex(bytes)}`;
}

function hex(bytes: Buffer): string {
    return crypto.createHash("sha256").update(bytes).digest("hex");
}

function text(name: string, content: string): TarPart {
    return { header: { name }, content: Buffer.from(content) };
}

/** Bytes as a stream brings them, in pieces of one size. */
export async function* inPieces(bytes: Buffer, size = 65536): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
