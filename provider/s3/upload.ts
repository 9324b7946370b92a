import * as crypto from "node:crypto";
import {
    AbortMultipartUploadCommand,
    CompleteMultipartUploadCommand,
    CreateMultipartUploadCommand,
    HeadObjectCommand,
    PutObjectCommand,
    UploadPartCommand,
    type S3Client as Sdk,
} from "@aws-sdk/client-s3";

export interface UploadOptions {
    /** Decides the size of the parts; the stream itself ends where it ends. */
    readonly sizeBytes: number;
    readonly contentType?: string;
    /** Kept with the object as `x-amz-meta-…`. */
    readonly metadata?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal | undefined;
    /** Bytes that have arrived. */
    readonly onProgress?: (done: number) => void;
    /** Called with the id of an upload in parts before any part is sent, so that it can be ended by somebody else. */
    readonly onBegun?: (id: string) => Promise<void>;
    /** Digests to take on the way. */
    readonly digests?: readonly Digest[];
    /** For services with other limits than AWS's. Default 8 MiB, more where there would be too many. */
    readonly partBytes?: number;
}

export type Digest = "sha256" | "md5";

export interface UploadResult {
    readonly etag: string;
    readonly sizeBytes: number;
    /** Those that were asked for, in lower-case hexadecimal. */
    readonly digests: Readonly<Partial<Record<Digest, string>>>;
    /** The service has named the MD5 of all that it stored, and it is the right one. */
    readonly proven: boolean;
}

interface Part {
    readonly PartNumber: number;
    ETag: string;
    readonly md5: string;
}

interface Target {
    readonly Bucket: string;
    readonly Key: string;
}

const MIB = 1024 * 1024;
const PART = 8 * MIB;
/** AWS takes 10,000. */
const MOST_PARTS = 9_000;
const AT_ONCE = 4;
/** How often a part is sent that arrives with another checksum. */
const ATTEMPTS_AT_A_PART = 3;

/**
 * Sends a stream in one request or in parts. The SDK's own helper for that answers a cancellation while requests are
 * still under way, which then store parts that nobody ends.
 */
export async function uploadBytes(
    sdk: Sdk,
    target: Target,
    content: AsyncIterable<Buffer>,
    options: UploadOptions,
): Promise<UploadResult> {
    const partBytes = Math.max(
        options.partBytes ?? PART,
        Math.ceil(options.sizeBytes / MOST_PARTS / MIB) * MIB,
    );
    const reader = new PartReader(content, partBytes, options.digests);
    try {
        const first = await reader.next();
        const second = first && (await reader.next());
        if (!second) return await putWhole(sdk, target, first ?? Buffer.alloc(0), reader, options);
        return await new PartsUpload(sdk, target, options).run([first, second], reader);
    } finally {
        await reader.close();
    }
}

async function putWhole(
    sdk: Sdk,
    target: Target,
    bytes: Buffer,
    reader: PartReader,
    options: UploadOptions,
): Promise<UploadResult> {
    const md5 = md5Of(bytes);
    const { signal } = options;
    const { ETag = "" } = await sdk.send(
        new PutObjectCommand({ ...target, ...describe(options), Body: bytes, ContentMD5: base64(md5) }),
        signal ? { abortSignal: signal } : {},
    );
    options.onProgress?.(bytes.length);
    return { ...reader.result(), etag: ETag, proven: plain(ETag) === md5 };
}

/** An upload in parts, several under way at once. */
class PartsUpload {
    private readonly parts: Part[] = [];
    private readonly pending = new Set<Promise<void>>();
    private failure: unknown;
    private done = 0;

    constructor(
        private readonly sdk: Sdk,
        private readonly target: Target,
        private readonly options: UploadOptions,
    ) {}

    async run(first: readonly Buffer[], reader: PartReader): Promise<UploadResult> {
        const { signal, onBegun } = this.options;
        const { UploadId: id = "" } = await this.sdk.send(
            new CreateMultipartUploadCommand({ ...this.target, ...describe(this.options) }),
            signal ? { abortSignal: signal } : {},
        );
        try {
            await onBegun?.(id);
            for (const part of first) await this.start(id, part);
            // The end of the stream is reached only when it is what it should be; until then nothing is visible.
            for (let part = await reader.next(); part; part = await reader.next()) await this.start(id, part);
            await this.settle();
            this.rethrow();
            return await this.complete(id, reader);
        } catch (error) {
            // A part that arrives after the end of its upload would be stored for good.
            await this.settle();
            await this.abandon(id);
            throw error;
        }
    }

    private async start(id: string, bytes: Buffer): Promise<void> {
        while (this.pending.size >= AT_ONCE) await Promise.race(this.pending);
        this.rethrow();
        const number = this.parts.length + 1;
        const part = { PartNumber: number, ETag: "", md5: md5Of(bytes) };
        this.parts.push(part);
        const sending = this.send(id, part, bytes)
            .catch((error: unknown) => {
                this.failure ??= error;
            })
            .finally(() => this.pending.delete(sending));
        this.pending.add(sending);
    }

    private async send(id: string, part: Part, bytes: Buffer): Promise<void> {
        const { signal, onProgress } = this.options;
        for (let attempt = 1; attempt <= ATTEMPTS_AT_A_PART; attempt++) {
            const { ETag = "" } = await this.sdk.send(
                new UploadPartCommand({
                    ...this.target,
                    UploadId: id,
                    PartNumber: part.PartNumber,
                    Body: bytes,
                    ContentMD5: base64(part.md5),
                }),
                signal ? { abortSignal: signal } : {},
            );
            const isOther = part.ETag !== "" && part.ETag !== ETag;
            part.ETag = ETag;
            // Most services name the part's MD5. With another one it was damaged on the way, or this one does not.
            if (plain(ETag) === part.md5 || (attempt > 1 && !isOther)) break;
        }
        this.done += bytes.length;
        onProgress?.(this.done);
    }

    private async complete(id: string, reader: PartReader): Promise<UploadResult> {
        const { signal } = this.options;
        const Parts = this.parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
        const { ETag = "" } = await this.sdk
            .send(
                new CompleteMultipartUploadCommand({
                    ...this.target,
                    UploadId: id,
                    MultipartUpload: { Parts },
                }),
                signal ? { abortSignal: signal } : {},
            )
            .catch((error: unknown) => this.completed(error));
        const proven = this.parts.every((part) => plain(part.ETag) === part.md5);
        return { ...reader.result(), etag: ETag, proven };
    }

    /** A completion whose answer was lost is repeated by the SDK, and then there is no such upload any more. */
    private async completed(error: unknown): Promise<{ ETag?: string | undefined }> {
        if ((error as Error).name !== "NoSuchUpload") throw error;
        const found = await this.sdk.send(new HeadObjectCommand(this.target)).catch(() => undefined);
        const isOurs = Object.entries(this.options.metadata ?? {}).every(
            ([name, value]) => found?.Metadata?.[name] === value,
        );
        if (!isOurs || found?.ContentLength !== this.done) throw error;
        return found;
    }

    /** Whatever becomes of it: the failure that led here is the one to tell. */
    private async abandon(id: string): Promise<void> {
        await this.sdk
            .send(new AbortMultipartUploadCommand({ ...this.target, UploadId: id }))
            .catch(() => undefined);
    }

    private async settle(): Promise<void> {
        await Promise.all(this.pending);
    }

    private rethrow(): void {
        if (this.failure !== undefined) throw this.failure as Error;
    }
}

/** Cuts a stream into parts of one size, and takes its digests on the way. */
class PartReader {
    private readonly chunks: AsyncIterator<Buffer, void>;
    private readonly hashes: readonly (readonly [Digest, crypto.Hash])[];
    private held: Buffer[] = [];
    private heldBytes = 0;
    private total = 0;
    private ended = false;

    constructor(
        content: AsyncIterable<Buffer>,
        private readonly partBytes: number,
        digests: readonly Digest[] = [],
    ) {
        this.hashes = digests.map((name) => [name, crypto.createHash(name)] as const);
        this.chunks = content[Symbol.asyncIterator]() as AsyncIterator<Buffer, void>;
    }

    /** The next part; undefined behind the last. The stream's own end is seen before its last part is handed out. */
    async next(): Promise<Buffer | undefined> {
        while (!this.ended && this.heldBytes <= this.partBytes) {
            const step = await this.chunks.next();
            if (step.done === true) {
                this.ended = true;
                break;
            }
            const chunk = step.value;
            for (const [, hash] of this.hashes) hash.update(chunk);
            this.held.push(chunk);
            this.heldBytes += chunk.length;
            this.total += chunk.length;
        }
        if (this.heldBytes === 0) return undefined;
        const all = this.held.length === 1 && this.held[0] ? this.held[0] : Buffer.concat(this.held);
        const part = all.subarray(0, this.partBytes);
        const rest = all.subarray(part.length);
        this.held = rest.length === 0 ? [] : [rest];
        this.heldBytes = rest.length;
        return part;
    }

    result(): Pick<UploadResult, "sizeBytes" | "digests"> {
        const digests = Object.fromEntries(this.hashes.map(([name, hash]) => [name, hash.digest("hex")]));
        return { sizeBytes: this.total, digests };
    }

    /** Lets the stream close its file, however far it was read. */
    async close(): Promise<void> {
        await this.chunks.return?.();
    }
}

function describe({ contentType = "application/octet-stream", metadata = {} }: UploadOptions): {
    ContentType: string;
    Metadata: Record<string, string>;
} {
    return { ContentType: contentType, Metadata: { ...metadata } };
}

function md5Of(bytes: Buffer): string {
    return crypto.createHash("md5").update(bytes).digest("hex");
}

function base64(hex: string): string {
    return Buffer.from(hex, "hex").toString("base64");
}

function plain(etag: string): string {
    return etag.replace(/"/g, "").toLowerCase();
}
