import type { S3Client } from "../s3/client";
import { EdgeError } from "../resource/errors";
import { isRecord } from "../resource/unknown";

/** Access to the system's S3 storage for a while, as its token service hands it out. */
export interface StorageAccess {
    readonly endpoint: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string;
    /** Milliseconds since the epoch. */
    readonly expiresAt: number;
}

/** Renewed this long before it expires: an upload takes its time. */
const MARGIN = 5 * 60_000;

/** Reads the answer of `PUT /apis/sts/token`. */
export function accessFrom(answer: unknown): StorageAccess {
    const given = isRecord(answer) && isRecord(answer.Credentials) ? answer.Credentials : {};
    const text = (name: string): string => {
        const value = given[name];
        if (typeof value === "string" && value !== "") return value;
        throw new EdgeError(`the storage's token service has answered without ${name}`);
    };
    const expires = typeof given.Expiration === "string" ? Date.parse(given.Expiration) : Number.NaN;
    return {
        endpoint: text("EndpointURL"),
        accessKeyId: text("AccessKeyId"),
        secretAccessKey: text("SecretAccessKey"),
        sessionToken: text("SessionToken"),
        expiresAt: Number.isNaN(expires) ? Number.POSITIVE_INFINITY : expires,
    };
}

/** A client of the storage that is made anew before its access runs out. */
export class Storage {
    #current?: Promise<{ client: S3Client; renewAt: number }>;
    readonly #clients: S3Client[] = [];

    constructor(
        private readonly ask: () => Promise<StorageAccess>,
        private readonly open: (access: StorageAccess) => S3Client,
        private readonly now: () => number,
    ) {}

    async client(): Promise<S3Client> {
        const current = await this.#current?.catch(() => undefined);
        if (current && this.now() < current.renewAt) return current.client;
        this.#current = this.renew();
        return (await this.#current).client;
    }

    /** Also those whose access has run out: something may still have been under way in them. */
    close(): void {
        for (const client of this.#clients) client.close();
    }

    private async renew(): Promise<{ client: S3Client; renewAt: number }> {
        const access = await this.ask();
        const client = this.open(access);
        this.#clients.push(client);
        const life = access.expiresAt - this.now();
        return { client, renewAt: this.now() + Math.max(life - MARGIN, life * 0.8) };
    }
}
