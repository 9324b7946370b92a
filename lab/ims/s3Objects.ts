import * as https from "node:https";
import {
    CopyObjectCommand,
    DeleteObjectCommand,
    GetObjectCommand,
    HeadObjectCommand,
    ListObjectsV2Command,
    PutObjectCommand,
    S3Client,
    S3ServiceException,
} from "@aws-sdk/client-s3";
import type { StorageAccess } from "./gateway";
import type { ObjectHead, ObjectPlace, ObjectStore } from "./objects";

/** Buckets of an S3 server. */
export class S3Objects implements ObjectStore {
    readonly #client: S3Client;

    /** `ca`: the certificate authority of the server, PEM. */
    constructor({ endpoint, accessKeyId, secretAccessKey }: StorageAccess, ca: string) {
        // Said of Node 20 in every run, about versions of the SDK that are not installed.
        process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
        this.#client = new S3Client({
            endpoint,
            region: "us-east-1",
            forcePathStyle: true,
            credentials: { accessKeyId, secretAccessKey },
            requestChecksumCalculation: "WHEN_REQUIRED",
            responseChecksumValidation: "WHEN_REQUIRED",
            requestHandler: { httpsAgent: new https.Agent({ ca, keepAlive: true }) },
        });
    }

    async head({ bucket, key }: ObjectPlace): Promise<ObjectHead | undefined> {
        const found = await absentIfMissing(
            this.#client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })),
        );
        return (
            found && {
                etag: found.ETag?.replaceAll('"', "") ?? "",
                sizeBytes: found.ContentLength ?? 0,
                metadata: found.Metadata ?? {},
            }
        );
    }

    async get({ bucket, key }: ObjectPlace): Promise<Buffer | undefined> {
        const found = await absentIfMissing(
            this.#client.send(new GetObjectCommand({ Bucket: bucket, Key: key })),
        );
        return found?.Body && Buffer.from(await found.Body.transformToByteArray());
    }

    async put(
        { bucket, key }: ObjectPlace,
        content: Buffer,
        metadata: Readonly<Record<string, string>> = {},
    ): Promise<void> {
        await this.#client.send(
            new PutObjectCommand({ Bucket: bucket, Key: key, Body: content, Metadata: { ...metadata } }),
        );
    }

    async copy(from: ObjectPlace, to: ObjectPlace): Promise<void> {
        const source = `${from.bucket}/${encodeURIComponent(from.key).replaceAll("%2F", "/")}`;
        await this.#client.send(
            new CopyObjectCommand({ Bucket: to.bucket, Key: to.key, CopySource: source }),
        );
    }

    async remove({ bucket, key }: ObjectPlace): Promise<void> {
        await this.#client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    }

    async keys(bucket: string): Promise<string[]> {
        const keys: string[] = [];
        let after: string | undefined;
        do {
            const page = await this.#client.send(
                new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: after }),
            );
            keys.push(...(page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key])));
            after = page.NextContinuationToken;
        } while (after !== undefined);
        return keys.sort();
    }

    close(): void {
        this.#client.destroy();
    }
}

async function absentIfMissing<T>(answer: Promise<T>): Promise<T | undefined> {
    try {
        return await answer;
    } catch (error) {
        if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) return undefined;
        throw error;
    }
}
