import { NoAnswer } from "../http/failure";
import { EdgeError } from "../resource/errors";
import type { Answer, Call } from "./transport";

export interface BlobOptions {
    readonly signal?: AbortSignal | undefined;
    /** Bytes that have arrived. */
    readonly onProgress?: (done: number) => void;
    /** Another repository of the registry that may have the blob already. */
    readonly mountFrom?: string;
    /** Sent in one request up to this size, and in pieces of it above. Default 16 MiB. */
    readonly chunkBytes?: number;
}

/** How an upload speaks to its registry. */
export interface Session {
    /** Where uploads of the repository begin. */
    readonly start: string;
    ask(
        method: Call["method"],
        at: string | URL,
        more: Pick<Call, "headers" | "body" | "attempts"> & { options?: { signal?: AbortSignal } },
    ): Promise<Answer>;
    refused(answer: Answer): Promise<Error>;
    /** Whether the registry has the blob whole. */
    isStored(): Promise<boolean>;
    /** Before the next attempt. */
    wait(attempt: number): Promise<void>;
}

interface Blob {
    readonly digest: string;
    readonly size: number;
}

const CHUNK = 16 * 1024 * 1024;
/** How often a piece is sent that does not arrive. */
const ATTEMPTS_AT_A_CHUNK = 5;

/** How often an upload begins. */
const UPLOADS = 3;

/** Older registries lose an upload with the first piece that is broken off. */
class UploadLost extends Error {
    constructor(readonly reason: Error) {
        super(reason.message);
    }
}

/** Uploads a blob. What was sent of it is given up when it cannot be finished; registries drop what is left after days. */
export async function pushBlob(
    session: Session,
    blob: Blob,
    content: () => AsyncIterable<Buffer>,
    options: BlobOptions,
): Promise<"pushed" | "mounted"> {
    for (let attempt = 1; ; attempt++) {
        try {
            return await uploadOnce(session, blob, content(), options);
        } catch (error) {
            if (!(error instanceof UploadLost)) throw error;
            if (attempt >= UPLOADS) throw error.reason;
            await session.wait(attempt);
        }
    }
}

async function uploadOnce(
    session: Session,
    blob: Blob,
    content: AsyncIterable<Buffer>,
    options: BlobOptions,
): Promise<"pushed" | "mounted"> {
    const opened = await open(session, blob, options);
    if (opened === "mounted") return opened;
    const upload = new BlobUpload(session, opened.location, options);
    try {
        for await (const chunk of pieces(content, Math.max(options.chunkBytes ?? CHUNK, opened.least))) {
            // The end of the content is seen before its last piece is handed out, which ends the upload.
            if (chunk.isLast) await upload.finish(blob, chunk.bytes);
            else await upload.append(chunk.bytes);
        }
    } catch (error) {
        await upload.giveUp();
        throw error;
    }
    return "pushed";
}

async function open(
    session: Session,
    { digest }: Blob,
    { mountFrom }: BlobOptions,
): Promise<"mounted" | { location: URL; least: number }> {
    const mount =
        mountFrom === undefined
            ? ""
            : `?${new URLSearchParams({ mount: digest, from: mountFrom }).toString()}`;
    // An upload that begins twice leaves an empty one, which costs nothing.
    const answer = await session.ask("POST", `${session.start}${mount}`, {
        headers: { "content-length": "0" },
    });
    if (answer.status === 201 && mount !== "") {
        answer.body.destroy();
        return "mounted";
    }
    if (answer.status !== 202) throw await session.refused(answer);
    answer.body.destroy();
    const least = Number(answer.headers["oci-chunk-min-length"] ?? 0);
    return { location: locationOf(answer), least: Number.isSafeInteger(least) ? least : 0 };
}

class BlobUpload {
    /** Bytes that the registry has. */
    private done = 0;

    constructor(
        private readonly session: Session,
        private location: URL,
        private readonly options: BlobOptions,
    ) {}

    async append(bytes: Buffer): Promise<void> {
        const start = this.done;
        const end = start + bytes.length;
        for (let attempt = 1; this.done < end; attempt++) {
            const isLast = attempt >= ATTEMPTS_AT_A_CHUNK;
            const answer = await this.send(bytes.subarray(this.done - start), isLast);
            if (answer?.status === 202 || answer?.status === 204) {
                answer.body.destroy();
                this.location = locationOf(answer);
                this.done = end;
                continue;
            }
            if (answer && (isLast || !mayPass(answer))) throw await this.session.refused(answer);
            answer?.body.destroy();
            await this.session.wait(attempt);
            await this.askHowFar(start, end);
        }
        this.options.onProgress?.(this.done);
    }

    async finish({ digest }: Blob, last: Buffer): Promise<void> {
        // Where there were pieces before, the last is one like them: not every registry takes bytes with the end.
        if (this.done > 0 && last.length > 0) await this.append(last);
        const isWhole = this.done === 0;
        const url = new URL(this.location);
        url.searchParams.set("digest", digest);
        const answer = await this.session.ask("PUT", url, {
            headers: { "content-type": "application/octet-stream" },
            body: isWhole ? last : Buffer.alloc(0),
        });
        const isStored = answer.status === 201 || answer.status === 204;
        // An end whose answer was lost is sent again, and then there is no such upload any more.
        if (!isStored && !(answer.status === 404 && (await this.session.isStored()))) {
            throw await this.session.refused(answer);
        }
        answer.body.destroy();
        this.options.onProgress?.(isWhole ? last.length : this.done);
    }

    /** Whatever becomes of it: the failure that led here is the one to tell. */
    async giveUp(): Promise<void> {
        const answer = await this.session
            .ask("DELETE", this.location, { options: {}, attempts: 1 })
            .catch(() => undefined);
        answer?.body.destroy();
    }

    /** One attempt at a piece: what became of it is asked before it is sent again. */
    private async send(bytes: Buffer, isLast: boolean): Promise<Answer | undefined> {
        const headers = {
            "content-type": "application/octet-stream",
            "content-range": `${this.done}-${this.done + bytes.length - 1}`,
        };
        try {
            return await this.session.ask("PATCH", this.location, { headers, body: bytes, attempts: 1 });
        } catch (error) {
            if (isLast || !(error instanceof NoAnswer) || !error.passing) throw error;
            return undefined;
        }
    }

    /** How much of a piece has arrived, to go on from there. */
    private async askHowFar(start: number, end: number): Promise<void> {
        const answer = await this.session.ask("GET", this.location, {});
        if (answer.status !== 204) throw new UploadLost(await this.session.refused(answer));
        answer.body.destroy();
        // `0-0` is said both of one byte and of none.
        const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(answer.headers.range ?? "")?.[1] ?? 0);
        const arrived = last === 0 ? 0 : last + 1;
        if (arrived < start || arrived > end) throw new UploadLost(await this.session.refused(answer));
        this.location = locationOf(answer, this.location);
        this.done = arrived;
    }
}

function mayPass({ status }: Answer): boolean {
    return status >= 500 || [408, 416, 429].includes(status);
}

function locationOf({ headers, url }: Answer, fallback?: URL): URL {
    const { location } = headers;
    if (location === undefined && fallback) return fallback;
    if (location === undefined) throw new EdgeError(`${url.host} does not say where to send the blob to`);
    return new URL(location, url);
}

/** Cuts a stream into pieces of one size, of which the last is known to be the last. */
async function* pieces(
    content: AsyncIterable<Buffer>,
    size: number,
): AsyncGenerator<{ bytes: Buffer; isLast: boolean }> {
    let held: Buffer[] = [];
    let length = 0;
    for await (const chunk of content) {
        held.push(chunk);
        length += chunk.length;
        while (length > size) {
            const all = Buffer.concat(held);
            yield { bytes: all.subarray(0, size), isLast: false };
            held = [all.subarray(size)];
            length -= size;
        }
    }
    yield { bytes: Buffer.concat(held), isLast: true };
}
