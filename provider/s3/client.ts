import {
    DeleteObjectCommand,
    GetObjectCommand,
    HeadObjectCommand,
    ListMultipartUploadsCommand,
    ListObjectsV2Command,
    AbortMultipartUploadCommand,
    S3Client as Sdk,
} from "@aws-sdk/client-s3";
import type { Readable } from "node:stream";
import type { S3Connection, S3Host } from "./connection";
import { isNotFound, type S3Place, translate } from "./errors";
import { UndiciHandler } from "./requestHandler";
import { uploadBytes, type UploadOptions, type UploadResult } from "./upload";

export interface S3Object {
    readonly sizeBytes: number;
    /** As the service writes it, with its quotation marks. */
    readonly etag: string;
    /** `x-amz-meta-…` by name, in lower case. */
    readonly metadata: Readonly<Record<string, string>>;
    readonly lastModified?: Date;
}

export interface S3Listed {
    readonly key: string;
    readonly sizeBytes: number;
    readonly lastModified?: Date;
}

/** An upload in parts that has begun and not ended. */
export interface S3Upload {
    readonly key: string;
    readonly id: string;
    readonly begun?: Date;
}

/** From `start` up to, and without, `end`. */
export interface S3Range {
    readonly start: number;
    readonly end?: number;
}

interface Options {
    readonly signal?: AbortSignal | undefined;
}

/** Attempts in all; the SDK waits between them. */
const ATTEMPTS = 5;
const DEFAULT_REGION = "us-east-1";

/** Buckets of one service. Failures are told in words to act on, and never with a secret in them. */
export class S3Client {
    private readonly sdk: Sdk;

    constructor(
        private readonly connection: S3Connection,
        host: S3Host,
    ) {
        const { endpoint, credentials, ca, advice } = connection;
        const region = connection.region ?? regionFrom(host.env) ?? fallbackRegion(endpoint);
        // Said of Node 20 in every run, about versions of the SDK that are not installed.
        process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
        this.sdk = new Sdk({
            ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
            ...(region === undefined ? {} : { region }),
            ...(credentials ? { credentials } : {}),
            maxAttempts: ATTEMPTS,
            requestHandler: new UndiciHandler({ env: host.env, ...(ca === undefined ? {} : { ca }) }, advice),
            // The SDK's own checksums travel in a framing that older services store as part of the object.
            requestChecksumCalculation: "WHEN_REQUIRED",
            responseChecksumValidation: "WHEN_REQUIRED",
        });
    }

    /** What is known of an object without its bytes; undefined when it is not there. */
    async head(bucket: string, key: string, options: Options = {}): Promise<S3Object | undefined> {
        try {
            const found = await this.send("head", { bucket, key }, options, (request) =>
                this.sdk.send(new HeadObjectCommand({ Bucket: bucket, Key: key }), request),
            );
            return objectOf(found);
        } catch (error) {
            if (isNotFound(error)) return undefined;
            throw error;
        }
    }

    /** An object's bytes, or a range of them. `ifMatch` refuses another content than the one with that ETag. */
    async get(
        bucket: string,
        key: string,
        options: Options & { range?: S3Range; ifMatch?: string } = {},
    ): Promise<S3Object & { body: Readable }> {
        const { range, ifMatch } = options;
        const last = range?.end === undefined ? "" : String(range.end - 1);
        const found = await this.send("get", { bucket, key }, options, (request) =>
            this.sdk.send(
                new GetObjectCommand({
                    Bucket: bucket,
                    Key: key,
                    ...(range ? { Range: `bytes=${range.start}-${last}` } : {}),
                    ...(ifMatch === undefined ? {} : { IfMatch: ifMatch }),
                }),
                request,
            ),
        );
        return { ...objectOf(found), body: found.Body as Readable };
    }

    /** A small object whole; undefined when it is not there. */
    async getBytes(bucket: string, key: string, options: Options = {}): Promise<Buffer | undefined> {
        try {
            const { body } = await this.get(bucket, key, options);
            const chunks: Buffer[] = [];
            for await (const chunk of body) chunks.push(chunk as Buffer);
            return Buffer.concat(chunks);
        } catch (error) {
            if (isNotFound(error)) return undefined;
            throw translate(error, "get", { bucket, key }, this.connection, options.signal);
        }
    }

    /**
     * Stores a stream under a key, in parts where it is large. It appears whole or not at all: when the stream
     * throws, or its signal is aborted, nothing is stored and no part is left behind.
     */
    async put(
        bucket: string,
        key: string,
        content: AsyncIterable<Buffer>,
        options: UploadOptions,
    ): Promise<UploadResult> {
        return this.send("put", { bucket, key }, options, () =>
            uploadBytes(this.sdk, { Bucket: bucket, Key: key }, content, options),
        );
    }

    async putBytes(
        bucket: string,
        key: string,
        bytes: Buffer,
        options: Omit<UploadOptions, "sizeBytes"> = {},
    ): Promise<UploadResult> {
        const content = async function* (): AsyncGenerator<Buffer> {
            yield bytes;
        };
        return this.put(bucket, key, content(), { ...options, sizeBytes: bytes.length });
    }

    /** Not there is done. */
    async remove(bucket: string, key: string, options: Options = {}): Promise<void> {
        try {
            await this.send("delete", { bucket, key }, options, (request) =>
                this.sdk.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }), request),
            );
        } catch (error) {
            if (!isNotFound(error)) throw error;
        }
    }

    async *list(bucket: string, prefix: string, options: Options = {}): AsyncGenerator<S3Listed> {
        for (let token: string | undefined; ;) {
            const page = await this.send("list", { bucket, key: prefix }, options, (request) =>
                this.sdk.send(
                    new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }),
                    request,
                ),
            );
            for (const { Key, Size = 0, LastModified } of page.Contents ?? []) {
                if (Key === undefined) continue;
                yield { key: Key, sizeBytes: Size, ...(LastModified ? { lastModified: LastModified } : {}) };
            }
            token = page.IsTruncated ? page.NextContinuationToken : undefined;
            if (token === undefined) return;
        }
    }

    /** Uploads in parts that have not ended: under way, or left by a process that died. */
    async *listUploads(bucket: string, prefix: string, options: Options = {}): AsyncGenerator<S3Upload> {
        for (let from: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {}; from;) {
            const markers: { KeyMarker?: string; UploadIdMarker?: string } = from;
            const page = await this.send("list uploads of", { bucket, key: prefix }, options, (request) =>
                this.sdk.send(
                    new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...markers }),
                    request,
                ),
            );
            for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
                if (Key === undefined || UploadId === undefined) continue;
                yield { key: Key, id: UploadId, ...(Initiated ? { begun: Initiated } : {}) };
            }
            from =
                page.IsTruncated && page.NextKeyMarker !== undefined
                    ? {
                          KeyMarker: page.NextKeyMarker,
                          ...(page.NextUploadIdMarker === undefined
                              ? {}
                              : { UploadIdMarker: page.NextUploadIdMarker }),
                      }
                    : undefined;
        }
    }

    /** Ends an upload and frees what its parts take. Not there is done. */
    async abortUpload(
        bucket: string,
        { key, id }: Pick<S3Upload, "key" | "id">,
        options: Options = {},
    ): Promise<void> {
        try {
            await this.send("end an upload of", { bucket, key }, options, (request) =>
                this.sdk.send(
                    new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: id }),
                    request,
                ),
            );
        } catch (error) {
            if (!isNotFound(error)) throw error;
        }
    }

    close(): void {
        this.sdk.destroy();
    }

    private async send<T>(
        verb: string,
        place: S3Place,
        { signal }: Options,
        call: (request: { abortSignal?: AbortSignal }) => Promise<T>,
    ): Promise<T> {
        signal?.throwIfAborted();
        try {
            return await call(signal ? { abortSignal: signal } : {});
        } catch (error) {
            throw translate(error, verb, place, this.connection, signal);
        }
    }
}

function regionFrom({ AWS_REGION, AWS_DEFAULT_REGION }: S3Host["env"]): string | undefined {
    return [AWS_REGION, AWS_DEFAULT_REGION].find((name) => name !== undefined && name !== "");
}

/** AWS's own tools know regions from a profile too; other services take any. */
function fallbackRegion(endpoint: string | undefined): string | undefined {
    return endpoint === undefined ? undefined : DEFAULT_REGION;
}

function objectOf(found: {
    ContentLength?: number | undefined;
    ETag?: string | undefined;
    Metadata?: Record<string, string> | undefined;
    LastModified?: Date | undefined;
}): S3Object {
    return {
        sizeBytes: found.ContentLength ?? 0,
        etag: found.ETag ?? "",
        metadata: found.Metadata ?? {},
        ...(found.LastModified ? { lastModified: found.LastModified } : {}),
    };
}
