import * as crypto from "node:crypto";
import { isRecord } from "../resource/unknown";

const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

/**
 * Asked for together, always: with fewer of them, registries translate a manifest into another form, with another
 * digest than the one that was pushed.
 */
export const MANIFEST_TYPES = [OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST] as const;

export interface Descriptor {
    readonly mediaType: string;
    readonly digest: string;
    readonly size: number;
    readonly annotations?: Readonly<Record<string, string>>;
}

/** A manifest as it is stored: its digest is over exactly these bytes. */
export interface Manifest {
    readonly mediaType: string;
    readonly bytes: Buffer;
}

/** What is read of a manifest or an index of either family. */
export interface ManifestContent {
    readonly artifactType?: string;
    readonly config?: Descriptor;
    readonly layers: readonly Descriptor[];
    /** Of an index: one manifest a platform. */
    readonly manifests: readonly Descriptor[];
    readonly annotations: Readonly<Record<string, string>>;
}

/** The one content that the specification sets aside for "nothing": `{}`. */
export const EMPTY_BLOB = Buffer.from("{}");
export const EMPTY: Descriptor = {
    mediaType: "application/vnd.oci.empty.v1+json",
    digest: digestOf(EMPTY_BLOB),
    size: EMPTY_BLOB.length,
};

/** An artifact in the form that registries took before there were artifacts: an image manifest with an empty config. */
export function artifactManifest(artifact: {
    artifactType: string;
    layers: readonly Descriptor[];
    annotations?: Readonly<Record<string, string>>;
}): Manifest {
    const { artifactType, layers, annotations } = artifact;
    const content = {
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        artifactType,
        config: EMPTY,
        layers,
        ...(annotations ? { annotations } : {}),
    };
    return { mediaType: OCI_MANIFEST, bytes: Buffer.from(JSON.stringify(content)) };
}

/** Undefined when the bytes are no manifest. */
export function readManifest({ bytes }: Manifest): ManifestContent | undefined {
    let content: unknown;
    try {
        content = JSON.parse(bytes.toString("utf8"));
    } catch {
        return undefined;
    }
    if (!isRecord(content)) return undefined;
    const { artifactType, config, layers, manifests, annotations } = content;
    return {
        ...(typeof artifactType === "string" ? { artifactType } : {}),
        ...(isDescriptor(config) ? { config } : {}),
        layers: Array.isArray(layers) ? layers.filter(isDescriptor) : [],
        manifests: Array.isArray(manifests) ? manifests.filter(isDescriptor) : [],
        annotations: isRecord(annotations) ? texts(annotations) : {},
    };
}

export function digestOf(bytes: Buffer): string {
    return `sha256:${crypto.createHash("sha256").update(bytes).digest("hex")}`;
}

function isDescriptor(value: unknown): value is Descriptor {
    return (
        isRecord(value) &&
        typeof value.mediaType === "string" &&
        typeof value.digest === "string" &&
        /^sha256:[0-9a-f]{64}$/.test(value.digest) &&
        typeof value.size === "number" &&
        Number.isSafeInteger(value.size) &&
        value.size >= 0
    );
}

function texts(record: Record<string, unknown>): Record<string, string> {
    return Object.fromEntries(
        Object.entries(record).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
}
