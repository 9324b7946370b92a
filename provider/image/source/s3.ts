import { NoAnswer } from "../../http/failure";
import { EdgeError, messageOf } from "../../resource/errors";
import type { S3Client } from "../../s3/client";
import { S3Refusal } from "../../s3/errors";
import { ImageError } from "../check";
import { fileNameOf } from "./location";
import { type ByteRange, type ImageSource, SourceChanged } from "./source";

interface Place {
    bucket: string;
    key: string;
    /** The service, which with bucket and key says which object is meant. */
    endpoint: string | undefined;
}

/** Opens an object of a bucket with a request for its head. */
export async function openS3Object(
    location: string,
    { bucket, key, endpoint }: Place,
    client: S3Client,
    signal?: AbortSignal,
): Promise<ImageSource> {
    const found = await client.head(bucket, key, { signal });
    if (!found) throw new ImageError("is not there: correct the address, or publish it first");
    const { sizeBytes, etag } = found;
    return {
        name: location,
        fileName: fileNameOf(location),
        size: sizeBytes,
        identity: ["s3", endpoint ?? "", bucket, key, etag, String(sizeBytes)].join("\0"),
        takesRanges: true,
        read: (range, cancel) => readObject(client, { bucket, key, etag, sizeBytes }, range, cancel),
        close: () => Promise.resolve(),
    };
}

interface Version {
    bucket: string;
    key: string;
    etag: string;
    sizeBytes: number;
}

async function* readObject(
    client: S3Client,
    { bucket, key, etag, sizeBytes }: Version,
    range: ByteRange,
    signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
    const { start, end = sizeBytes } = range;
    const isWhole = start === 0 && end === sizeBytes;
    try {
        const { body } = await client.get(bucket, key, {
            ...(isWhole ? {} : { range: { start, end } }),
            ifMatch: etag,
            signal,
        });
        let done = 0;
        for await (const chunk of body) {
            done += (chunk as Buffer).length;
            yield chunk as Buffer;
        }
        if (done === end - start) return;
        throw new NoAnswer(`s3://${bucket}/${key} sent ${done} bytes of ${end - start}`, false, true);
    } catch (error) {
        signal?.throwIfAborted();
        // 412 is the service's answer to `If-Match`, 416 and 404 to a shorter or removed one.
        if (error instanceof S3Refusal && [404, 412, 416].includes(error.status ?? 0)) {
            throw new SourceChanged();
        }
        if (error instanceof EdgeError) throw error;
        throw new NoAnswer(`s3://${bucket}/${key} broke off (${messageOf(error)})`, false, true);
    }
}
