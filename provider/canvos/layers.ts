import { ImageDamage } from "../image/check";
import { isRecord } from "../resource/unknown";
import type { FoundSecret, Layer, LayerNode } from "./layers.node";
import type { LayerReading } from "./layers.read";
import { Spool } from "./layers.spool";
import { LayerTree, mergeLayers } from "./layers.tree";
import { type Secret, SecretSearch } from "./verify.secretSearch";

/** An image, read without being run. Whoever has read it closes it. */
export interface LayeredImage {
    /** `sha256:…` of its configuration, which Docker calls the image's id. */
    configDigest: string;
    /** As image configurations have it: `amd64`. */
    architecture: string;
    os: string;
    /** Of all layers, unpacked. */
    sizeBytes: number;
    layers: readonly Pick<Layer, "diffId" | "sizeBytes">[];
    tree: LayerTree;
    secrets: readonly FoundSecret[];
    /** Names of secrets too short to be looked for. */
    unsearchable: readonly string[];
    close(): void;
}

export interface ReadOptions {
    /** Searched for in every layer, and in the configuration with its history. */
    secrets?: readonly Secret[];
    /** Files whose content will be asked for, beside those that every look at a system needs; by the end of their path. */
    keep?: readonly string[];
    signal?: AbortSignal | undefined;
    /** Told of the bytes read so far. */
    onProgress?: (bytes: number) => void;
    /** For what is kept until the image is closed. Default: the system's folder for temporary files. */
    spoolDirectory?: string;
}

/** What is known of an image's configuration. */
export interface ImageConfig {
    digest: string;
    bytes: Buffer;
}

/** More of an image's layers is no image. */
export const MOST_LAYERS = 1000;
/** Unpacked. */
export const MOST_LAYER_BYTES = 256 * 2 ** 30;
const MOST_KEPT = 128 * 2 ** 20;
const MOST_SECRETS = 500;

/** What a look at a root file system reads: who it is, its packages, kernels, units and cloud-init settings. */
const LOOKED_INTO =
    /^\/(?:etc\/(?:[a-z]+-release|passwd|group|cloud\/.*)|usr\/lib\/os-release|var\/lib\/dpkg\/status|(?:var\/lib|usr\/share|usr\/lib\/sysimage)\/rpm\/rpmdb\.sqlite|(?:usr\/)?lib\/modules\/[^/]+\/modules\.(?:dep|alias|builtin\.modinfo))$/;

/** Collects what one reading of an image finds, whichever way its layers come. */
export class ImageAssembly {
    readonly reading: LayerReading;
    private readonly found: FoundSecret[] = [];
    private readonly search: SecretSearch;
    private readonly spool: Spool;

    constructor({ secrets = [], keep = [], spoolDirectory }: ReadOptions) {
        this.search = new SecretSearch(secrets);
        this.spool = new Spool(spoolDirectory);
        this.reading = {
            secrets: this.search,
            spool: this.spool,
            keeps: (path, size) =>
                size <= MOST_KEPT && (LOOKED_INTO.test(path) || keep.some((end) => path.endsWith(end))),
            onSecret: (secret) => {
                const isKnown = this.found.some(
                    ({ name, where }) => name === secret.name && where === secret.where,
                );
                if (!isKnown && this.found.length < MOST_SECRETS) this.found.push(secret);
            },
        };
    }

    /** Layers by what the configuration says of their order. */
    finish(config: ImageConfig, layers: ReadonlyMap<string, Layer>): LayeredImage {
        const { architecture, os, diffIds } = parseConfig(config.bytes);
        const ordered = diffIds.map((diffId) => {
            const layer = layers.get(diffId);
            if (layer) return layer;
            throw new ImageDamage(
                `has no layer ${diffId}, which its configuration names: it is damaged, or only a part of it`,
            );
        });
        this.search
            .start(({ name, form }) =>
                this.reading.onSecret({
                    name,
                    form,
                    where: "its configuration (history, environment, labels)",
                }),
            )
            .push(config.bytes);
        const root: LayerNode = mergeLayers(ordered);
        return {
            configDigest: config.digest,
            ...{ architecture, os },
            sizeBytes: ordered.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
            layers: ordered.map(({ diffId, sizeBytes }) => ({ diffId, sizeBytes })),
            tree: new LayerTree(root, this.spool),
            secrets: this.found,
            unsearchable: this.search.unsearchable,
            close: () => this.spool.close(),
        };
    }

    close(): void {
        this.spool.close();
    }
}

function parseConfig(bytes: Buffer): { architecture: string; os: string; diffIds: string[] } {
    let content: unknown;
    try {
        content = JSON.parse(bytes.toString("utf8"));
    } catch {
        throw new ImageDamage("has a configuration that is no JSON");
    }
    const rootfs = isRecord(content) && isRecord(content.rootfs) ? content.rootfs : {};
    const diffIds: unknown[] = Array.isArray(rootfs.diff_ids) ? rootfs.diff_ids : [];
    if (!isRecord(content) || diffIds.length === 0 || diffIds.length > MOST_LAYERS) {
        throw new ImageDamage("has a configuration without a list of layers");
    }
    return {
        architecture: typeof content.architecture === "string" ? content.architecture : "unknown",
        os: typeof content.os === "string" ? content.os : "unknown",
        diffIds: diffIds.filter((id): id is string => typeof id === "string"),
    };
}
