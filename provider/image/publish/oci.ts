import type { RegistryClient } from "../../oci/client";
import {
    artifactManifest,
    type Descriptor,
    digestOf,
    EMPTY,
    EMPTY_BLOB,
    readManifest,
} from "../../oci/manifest";
import { formatReference, type Reference } from "../../oci/reference";
import { EdgeError, UnavailableHere } from "../../resource/errors";
import { type ClaimRecords, claimOnPresent, claimsOf, releaseClaim, writeClaim } from "./claims";
import { DISK_IMAGE_TYPE, imageArtifact, TITLE } from "./artifact";
import {
    digitsOf,
    EXTRA_SUFFIXES,
    type Extra,
    type ExtraSuffix,
    extrasOf,
    type Finding,
    type ListedFile,
    type PublishedExtra,
    type PublishedFile,
    type Publisher,
    type PublishTask,
    type ReleaseOptions,
    verifiedBytes,
    type WatchOptions,
} from "./publisher";

const EXTRA_TYPE = "application/vnd.pulumi-edge-os.disk-image-extra.v1";
const CLAIM_TYPE = "application/vnd.pulumi-edge-os.claim.v1";
/** A registry tells no times, and the image's own artifact has none, since its digest is part of the plan. */
const CREATED = "org.opencontainers.image.created";
const MAX_EXTRA = 64 * 2 ** 20;
const CLAIM_ANNOTATION = "pulumi-edge-os/claim";

/** Puts images into a registry, as artifacts with the image as their one layer. */
export class OciPublisher implements Publisher {
    readonly isReachable = true;

    constructor(
        private readonly client: RegistryClient,
        private readonly place: Pick<Reference, "registry" | "repository" | "tag">,
        private readonly now: () => number,
    ) {}

    async put(task: PublishTask): Promise<"published" | "taken"> {
        const { repository, tag } = this.place;
        const { fileName, claim, signal } = task;
        const artifact = imageArtifact(task);
        const records = this.claims(task, signal);
        const claims = await claimsOf(records);
        const found = await this.client.headManifest(repository, fileName, { signal });
        if (tag !== undefined) await this.assertOwnTag(tag, artifact.digest, signal);
        if (found && found.digest !== artifact.digest) throw this.foreignContent(task);
        // Without a claim the artifact would count as somebody else's.
        await writeClaim(records, found ? claimOnPresent(claim, claims) : { claim, keep: false });
        const pushed = await this.pushImage(task);
        await this.client.putManifest(repository, fileName, artifact, { signal });
        if (tag !== undefined) await this.client.putManifest(repository, tag, artifact, { signal });
        for (const extra of extrasOf(task)) await this.pushExtra(task, extra);
        return found && pushed === "there" ? "taken" : "published";
    }

    async look(file: PublishedFile, { signal }: WatchOptions = {}): Promise<Finding> {
        try {
            const { digest } = imageArtifact(file);
            const found = await this.client.headManifest(this.place.repository, digest, { signal });
            return { state: found ? "there" : "absent" };
        } catch (error) {
            if (!(error instanceof UnavailableHere)) throw error;
            return { state: "cannot-tell", why: error.message };
        }
    }

    async *list({ signal }: WatchOptions = {}): AsyncGenerator<ListedFile> {
        const { repository } = this.place;
        for await (const tag of this.client.tags(repository, { signal })) {
            if (digitsOf(tag) === undefined) continue;
            const stored = await this.client.getManifest(repository, tag, { signal });
            const [layer] = (stored && readManifest(stored)?.layers) ?? [];
            if (!layer) continue;
            const sha256 = layer.digest.slice("sha256:".length);
            const file = { fileName: tag, sha256, sizeBytes: layer.size };
            yield { file, claims: await claimsOf(this.claims(file, signal)) };
        }
    }

    async *extras(suffix: ExtraSuffix, { signal }: WatchOptions = {}): AsyncGenerator<PublishedExtra> {
        const { repository } = this.place;
        for await (const tag of this.client.tags(repository, { signal })) {
            const fileName = tag.slice(0, -suffix.length);
            if (!tag.endsWith(suffix) || digitsOf(fileName) === undefined) continue;
            const stored = await this.client.getManifest(repository, tag, { signal });
            const content = stored && readManifest(stored);
            const [layer] = content?.layers ?? [];
            const publishedAt = Date.parse(content?.annotations[CREATED] ?? "");
            // Of an earlier version of this package, which wrote no time.
            if (!layer || Number.isNaN(publishedAt)) continue;
            const place = formatReference({ ...this.place, tag });
            yield { fileName, publishedAt, place, read: () => this.readSmall(layer, place, signal) };
        }
    }

    private async readSmall(
        { digest, size }: Descriptor,
        place: string,
        signal: AbortSignal | undefined,
    ): Promise<Buffer> {
        if (size > MAX_EXTRA) throw new EdgeError(`${place} is too large for what stands beside an image`);
        const { body } = await this.client.getBlob(this.place.repository, digest, { signal });
        const parts: Buffer[] = [];
        let length = 0;
        for await (const chunk of body) {
            length += (chunk as Buffer).length;
            if (length > size) break;
            parts.push(chunk as Buffer);
        }
        const bytes = Buffer.concat(parts);
        if (digestOf(bytes) !== digest)
            throw new EdgeError(`${place} came with other bytes than its digest says`);
        return bytes;
    }

    async release(
        file: PublishedFile,
        claim: string,
        { onRelease, signal }: ReleaseOptions,
    ): Promise<"removed" | "left"> {
        const { repository } = this.place;
        return releaseClaim(this.claims(file, signal), claim, onRelease, async () => {
            for (const suffix of EXTRA_SUFFIXES) {
                const found = await this.client.headManifest(repository, `${file.fileName}${suffix}`, {
                    signal,
                });
                if (found) await this.client.deleteManifest(repository, found.digest, { signal });
            }
            // With the artifact go all tags of it; the registry's own clean-up frees what no artifact names.
            await this.client.deleteManifest(repository, imageArtifact(file).digest, { signal });
        });
    }

    describe(file: PublishedFile): string {
        const { registry, repository } = this.place;
        return formatReference({ registry, repository, digest: imageArtifact(file).digest });
    }

    private async pushImage(task: PublishTask): Promise<string> {
        const { sha256, sizeBytes, signal, onProgress } = task;
        const { repository } = this.place;
        await this.pushSmall(EMPTY_BLOB, signal);
        const content = (): AsyncIterable<Buffer> => verifiedBytes({ ...task, onProgress: undefined });
        return this.client.pushBlob(repository, { digest: `sha256:${sha256}`, size: sizeBytes }, content, {
            signal,
            onProgress: (done) => onProgress?.({ done, total: sizeBytes }),
        });
    }

    private async pushExtra({ fileName, signal }: PublishTask, { suffix, bytes }: Extra): Promise<void> {
        const name = `${fileName}${suffix}`;
        // Put there again, it keeps the time of the first.
        const found = await this.client.getManifest(this.place.repository, name, { signal });
        const there = found && readManifest(found);
        if (there?.annotations[CREATED] && there.layers[0]?.digest === digestOf(bytes)) return;
        await this.pushSmall(bytes, signal);
        const mediaType = suffix.endsWith(".json") ? "application/json" : "text/plain";
        const layer = {
            mediaType,
            digest: digestOf(bytes),
            size: bytes.length,
            annotations: { [TITLE]: name },
        };
        const annotations = { [CREATED]: new Date(this.now()).toISOString() };
        const manifest = artifactManifest({ artifactType: EXTRA_TYPE, layers: [layer], annotations });
        await this.client.putManifest(this.place.repository, name, manifest, { signal });
    }

    private async pushSmall(bytes: Buffer, signal: AbortSignal | undefined): Promise<void> {
        const content = async function* (): AsyncGenerator<Buffer> {
            yield bytes;
        };
        const blob = { digest: digestOf(bytes), size: bytes.length };
        await this.client.pushBlob(this.place.repository, blob, content, { signal });
    }

    /** A tag may move from image to image, and never away from something else. */
    private async assertOwnTag(tag: string, digest: string, signal: AbortSignal | undefined): Promise<void> {
        const { repository } = this.place;
        const found = await this.client.getManifest(repository, tag, { signal });
        if (!found || found.digest === digest) return;
        if (readManifest(found)?.artifactType === DISK_IMAGE_TYPE) return;
        throw new EdgeError(
            `publish.oci.tag: ${formatReference({ ...this.place, tag })} is something else than a disk image of this package, so it is not moved: name another tag`,
        );
    }

    private foreignContent(file: PublishedFile): EdgeError {
        const named = formatReference({ ...this.place, tag: file.fileName });
        return new EdgeError(
            `${named} exists with other content than its name says, so it is not overwritten: publish into another repository`,
        );
    }

    /** Each in an artifact of its own, under a tag that holds the image's digest and the row. */
    private claims({ sha256 }: PublishedFile, signal: AbortSignal | undefined): ClaimRecords {
        const { client } = this;
        const { repository } = this.place;
        const start = `edge-os-claim-${sha256.slice(0, 16)}-`;
        return {
            async names() {
                const names: string[] = [];
                for await (const tag of client.tags(repository, { signal })) {
                    if (tag.startsWith(start)) names.push(tag.slice(start.length));
                }
                return names;
            },
            async read(name) {
                const found = await client.getManifest(repository, `${start}${name}`, { signal });
                return found && (readManifest(found)?.annotations[CLAIM_ANNOTATION] ?? "");
            },
            write: async (name, text) => {
                await this.pushSmall(EMPTY_BLOB, signal);
                const annotations = { [CLAIM_ANNOTATION]: text };
                const manifest = artifactManifest({ artifactType: CLAIM_TYPE, layers: [EMPTY], annotations });
                await client.putManifest(repository, `${start}${name}`, manifest, { signal });
            },
            async remove(name) {
                const found = await client.headManifest(repository, `${start}${name}`, { signal });
                if (found) await client.deleteManifest(repository, found.digest, { signal });
            },
        };
    }
}
