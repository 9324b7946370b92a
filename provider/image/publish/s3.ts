import * as crypto from "node:crypto";
import type { S3Client } from "../../s3/client";
import { EdgeError, UnavailableHere } from "../../resource/errors";
import {
    type ClaimRecords,
    claimOnPresent,
    claimsOf,
    type FileClaim,
    isOwnedBy,
    recordName,
    releaseClaim,
    writeClaim,
} from "./claims";
import {
    digitsOf,
    EXTRA_SUFFIXES,
    extrasOf,
    type ExtraSuffix,
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

export interface BucketPlace {
    readonly bucket: string;
    /** Without a slash at either end; empty for the bucket's top. */
    readonly prefix: string;
    /** As messages name it, `https://s3.example.com`. */
    readonly service: string;
}

const CLAIM_SUFFIX = ".claim.json";
const METADATA_CLAIM = "pulumi-edge-os-claim";
/** What is under way longer than this has been left by a process that died. */
const DAY = 24 * 60 * 60 * 1000;

/** Puts images into a bucket of any S3 service. */
export class S3Publisher implements Publisher {
    readonly isReachable = true;

    constructor(
        private readonly client: S3Client,
        private readonly place: BucketPlace,
        private readonly now: () => number,
    ) {}

    async put(task: PublishTask): Promise<"published" | "taken"> {
        const outcome = await this.putFile(task);
        const { signal } = task;
        for (const { suffix, bytes } of extrasOf(task)) {
            const contentType = suffix.endsWith(".json") ? "application/json" : "text/plain";
            await this.client.putBytes(this.place.bucket, `${this.keyOf(task)}${suffix}`, bytes, {
                contentType,
                signal,
            });
        }
        return outcome;
    }

    async look(file: PublishedFile, { signal }: WatchOptions = {}): Promise<Finding> {
        try {
            const found = await this.client.head(this.place.bucket, this.keyOf(file), { signal });
            if (!found) return { state: "absent" };
            const { sizeBytes, metadata } = found;
            const sha256 = metadata.sha256 ?? file.sha256;
            if (sizeBytes === file.sizeBytes && sha256 === file.sha256) return { state: "there" };
            return { state: "changed", sha256: metadata.sha256 ?? "unknown", sizeBytes };
        } catch (error) {
            if (!(error instanceof UnavailableHere)) throw error;
            return { state: "cannot-tell", why: error.message };
        }
    }

    async *list({ signal }: WatchOptions = {}): AsyncGenerator<ListedFile> {
        const { bucket, prefix } = this.place;
        const start = prefix === "" ? "" : `${prefix}/`;
        for await (const { key, sizeBytes } of this.client.list(bucket, start, { signal })) {
            const fileName = key.slice(start.length);
            const sha256 = fileName.includes("/") ? undefined : digitsOf(fileName);
            if (sha256 === undefined) continue;
            const claims = await claimsOf(this.claims(key, signal));
            yield { file: { fileName, sha256, sizeBytes }, claims };
        }
    }

    async *extras(suffix: ExtraSuffix, { signal }: WatchOptions = {}): AsyncGenerator<PublishedExtra> {
        const { bucket, prefix } = this.place;
        const start = prefix === "" ? "" : `${prefix}/`;
        for await (const { key, lastModified } of this.client.list(bucket, start, { signal })) {
            if (!key.endsWith(suffix)) continue;
            yield {
                fileName: key.slice(start.length, -suffix.length),
                publishedAt: lastModified?.getTime() ?? 0,
                place: `s3://${bucket}/${key}`,
                read: async () => (await this.client.getBytes(bucket, key, { signal })) ?? Buffer.alloc(0),
            };
        }
    }

    async release(
        file: PublishedFile,
        claim: string,
        { onRelease, signal }: ReleaseOptions,
    ): Promise<"removed" | "left"> {
        const { bucket } = this.place;
        const key = this.keyOf(file);
        return releaseClaim(this.claims(key, signal), claim, onRelease, async () => {
            for (const suffix of EXTRA_SUFFIXES)
                await this.client.remove(bucket, `${key}${suffix}`, { signal });
            await this.client.remove(bucket, key, { signal });
        });
    }

    describe(file: PublishedFile): string {
        return `${this.place.service}/${this.place.bucket}/${this.keyOf(file)}`;
    }

    private keyOf({ fileName }: PublishedFile): string {
        return this.place.prefix === "" ? fileName : `${this.place.prefix}/${fileName}`;
    }

    private async putFile(task: PublishTask): Promise<"published" | "taken"> {
        const { claim, signal } = task;
        const key = this.keyOf(task);
        const records = this.claims(key, signal);
        const claims = await claimsOf(records);
        await this.endDeadUploads(key, claim, claims, signal);
        const found = await this.client.head(this.place.bucket, key, { signal });
        if (found) {
            const isRight =
                found.sizeBytes === task.sizeBytes &&
                (found.metadata.sha256 ?? (await this.digest(key, task))) === task.sha256;
            if (isRight) {
                // One that this row began and did not finish is no other's.
                const others = claims.filter((other) => !isUnfinished(other, claim));
                const own = others.length === claims.length ? undefined : { claim, keep: false };
                await writeClaim(records, own ?? claimOnPresent(claim, others));
                return "taken";
            }
            if (!isOwnedBy(claim, claims)) throw this.foreignContent(task);
        }
        await this.upload(task, key, records);
        return "published";
    }

    private async upload(task: PublishTask, key: string, records: ClaimRecords): Promise<void> {
        const { claim, sha256, sizeBytes, signal, onProgress } = task;
        const { bucket } = this.place;
        // First the claim, which leads a next run to what this one leaves when it dies.
        await writeClaim(records, { claim, keep: false, upload: { begun: true } });
        const done = await this.client.put(bucket, key, verifiedBytes({ ...task, onProgress: undefined }), {
            ...{ sizeBytes, signal, metadata: { sha256, [METADATA_CLAIM]: claim } },
            onProgress: (bytes) => onProgress?.({ done: bytes, total: sizeBytes }),
            onBegun: (id) => writeClaim(records, { claim, keep: false, upload: { id } }),
        });
        const stored = await this.client.head(bucket, key, { signal });
        const isWhole = stored?.sizeBytes === sizeBytes;
        if (!isWhole || (!done.proven && (await this.digest(key, task)) !== sha256)) {
            await this.client.remove(bucket, key);
            throw new EdgeError(
                `${this.describe(task)}: what the service has stored is not what was sent, so it was removed again: run again, and if it stays so, look at the service or a proxy before it`,
            );
        }
        await writeClaim(records, { claim, keep: false });
    }

    /** By reading it: for objects of others, and for services that do not tell what they have stored. */
    private async digest(key: string, { signal }: WatchOptions): Promise<string> {
        const hash = crypto.createHash("sha256");
        const { body } = await this.client.get(this.place.bucket, key, { signal });
        for await (const chunk of body) hash.update(chunk as Buffer);
        return hash.digest("hex");
    }

    /** Uploads that no living process goes on with: this row's own, and any of this package's that are a day old. */
    private async endDeadUploads(
        key: string,
        claim: string,
        claims: readonly FileClaim[],
        signal: AbortSignal | undefined,
    ): Promise<void> {
        const { bucket, prefix } = this.place;
        const own = claims.find((other) => isUnfinished(other, claim))?.upload;
        const others = claims.flatMap((other) =>
            other.upload && "id" in other.upload && !isUnfinished(other, claim) ? [other.upload.id] : [],
        );
        for await (const upload of this.client.listUploads(bucket, prefix, { signal })) {
            const isOld = upload.begun !== undefined && this.now() - upload.begun.getTime() > DAY;
            const isOwn =
                upload.key === key &&
                own !== undefined &&
                ("id" in own ? own.id === upload.id : !others.includes(upload.id));
            // Only uploads of this package's files are looked after.
            if (isOwn || (isOld && digitsOf(upload.key) !== undefined)) {
                await this.client.abortUpload(bucket, upload, { signal });
            }
        }
    }

    private foreignContent(file: PublishedFile): EdgeError {
        return new EdgeError(
            `${this.describe(file)} exists with other content than its name says. It is not this stack's, so it is not overwritten: move it away, or publish under another prefix`,
        );
    }

    /** `<key>.<row>.claim.json` beside the object. */
    private claims(key: string, signal: AbortSignal | undefined): ClaimRecords {
        const { client } = this;
        const { bucket } = this.place;
        const keyOf = (name: string): string => `${key}.${name}${CLAIM_SUFFIX}`;
        return {
            async names() {
                const names: string[] = [];
                for await (const { key: found } of client.list(bucket, `${key}.`, { signal })) {
                    if (found.endsWith(CLAIM_SUFFIX)) {
                        names.push(found.slice(key.length + 1, -CLAIM_SUFFIX.length));
                    }
                }
                return names;
            },
            read: async (name) => (await client.getBytes(bucket, keyOf(name), { signal }))?.toString("utf8"),
            async write(name, text) {
                const contentType = "application/json";
                await client.putBytes(bucket, keyOf(name), Buffer.from(text), { contentType, signal });
            },
            remove: (name) => client.remove(bucket, keyOf(name), { signal }),
        };
    }
}

/** Of the same row, and begun by a run of it that has not come to its end. */
function isUnfinished(other: FileClaim, claim: string): boolean {
    return other.upload !== undefined && recordName(other.claim) === recordName(claim);
}
