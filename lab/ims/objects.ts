import * as crypto from "node:crypto";

/** What HEAD tells of an object. */
export interface ObjectHead {
    /** Without quotes. */
    readonly etag: string;
    readonly sizeBytes: number;
    readonly metadata: Readonly<Record<string, string>>;
}

/** The S3 buckets behind the service, as far as it uses them. */
export interface ObjectStore {
    head(place: ObjectPlace): Promise<ObjectHead | undefined>;
    get(place: ObjectPlace): Promise<Buffer | undefined>;
    put(place: ObjectPlace, content: Buffer, metadata?: Readonly<Record<string, string>>): Promise<void>;
    /** Server-side copy, metadata included. */
    copy(from: ObjectPlace, to: ObjectPlace): Promise<void>;
    remove(place: ObjectPlace): Promise<void>;
    /** All keys of a bucket, sorted. */
    keys(bucket: string): Promise<string[]>;
}

export interface ObjectPlace {
    readonly bucket: string;
    readonly key: string;
}

/** `s3://bucket/key` in two parts; undefined for anything else. */
export function placeOf(path: unknown): ObjectPlace | undefined {
    const [, bucket, key] = typeof path === "string" ? (/^s3:\/\/([^/]+)\/(.+)$/.exec(path) ?? []) : [];
    return bucket === undefined || key === undefined ? undefined : { bucket, key };
}

export function pathOf({ bucket, key }: ObjectPlace): string {
    return `s3://${bucket}/${key}`;
}

/** Buckets in memory, for a replay and for tests of the REST part alone. */
export class MemoryObjects implements ObjectStore {
    readonly #buckets = new Map<string, Map<string, { content: Buffer; metadata: Record<string, string> }>>();

    constructor(buckets: readonly string[]) {
        for (const bucket of buckets) this.#buckets.set(bucket, new Map());
    }

    head({ bucket, key }: ObjectPlace): Promise<ObjectHead | undefined> {
        const object = this.#buckets.get(bucket)?.get(key);
        if (!object) return Promise.resolve(undefined);
        const etag = crypto.createHash("md5").update(object.content).digest("hex");
        return Promise.resolve({ etag, sizeBytes: object.content.length, metadata: object.metadata });
    }

    get({ bucket, key }: ObjectPlace): Promise<Buffer | undefined> {
        return Promise.resolve(this.#buckets.get(bucket)?.get(key)?.content);
    }

    put(place: ObjectPlace, content: Buffer, metadata: Readonly<Record<string, string>> = {}): Promise<void> {
        this.#buckets.get(place.bucket)?.set(place.key, { content, metadata: { ...metadata } });
        return Promise.resolve();
    }

    copy(from: ObjectPlace, to: ObjectPlace): Promise<void> {
        const object = this.#buckets.get(from.bucket)?.get(from.key);
        if (!object) return Promise.reject(new Error(`there is no object ${pathOf(from)}`));
        return this.put(to, object.content, object.metadata);
    }

    remove({ bucket, key }: ObjectPlace): Promise<void> {
        this.#buckets.get(bucket)?.delete(key);
        return Promise.resolve();
    }

    keys(bucket: string): Promise<string[]> {
        return Promise.resolve([...(this.#buckets.get(bucket)?.keys() ?? [])].sort());
    }
}
