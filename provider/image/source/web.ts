import { ImageError } from "../check";
import { type ByteRange, type ImageSource, SourceChanged } from "./source";
import { fileNameOf, webAddressProblem } from "./location";
import { LoginMissing, Refused, type WebAnswer, type WebClient } from "./webClient";

/** What a server says of the content behind an address, besides the bytes. */
interface Content {
    readonly size: number | undefined;
    readonly etag: string | undefined;
    readonly lastModified: string | undefined;
}

/** Opens the file behind an `https://` address with a request for its first byte. */
export async function openWebSource(
    location: string,
    client: WebClient,
    signal?: AbortSignal,
): Promise<ImageSource> {
    const url = imageUrl(location);
    // A HEAD would be refused where an address is signed for GET, and tells nothing of ranges that holds.
    const answer = await client.open(url, { range: "bytes=0-0" }, signal);
    answer.discard();
    if (answer.status === 416) throw new ImageError("is empty on its server");
    return new WebSource(url, client, answer);
}

function imageUrl(location: string): URL {
    const problem = webAddressProblem(location);
    if (problem !== undefined) throw new ImageError(problem);
    const url = new URL(location);
    url.hash = "";
    return url;
}

class WebSource implements ImageSource {
    readonly name: string;
    readonly fileName: string;
    readonly takesRanges: boolean;
    readonly identity: string | undefined;
    private readonly content: Content;
    /** Behind the redirects: the next request of another mirror could find another version. */
    private at: URL;

    constructor(
        private readonly url: URL,
        private readonly client: WebClient,
        opening: WebAnswer,
    ) {
        this.at = opening.url;
        this.name = client.describe(url);
        this.fileName = fileNameOf(url.href);
        this.content = contentOf(opening);
        this.takesRanges = opening.status === 206 && this.content.size !== undefined;
        const { etag, size } = this.content;
        this.identity =
            isStrong(etag) && size !== undefined
                ? ["web", url.href, etag, String(size)].join("\0")
                : undefined;
    }

    get size(): number | undefined {
        return this.content.size;
    }

    async *read({ start, end }: ByteRange, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
        const stop = end ?? this.size;
        const answer = await this.ask({ start, end: stop }, signal);
        try {
            this.assertSame(answer);
            yield* this.client.body(answer, stop === undefined ? undefined : stop - start, signal);
        } finally {
            answer.discard();
        }
    }

    async close(): Promise<void> {
        return Promise.resolve();
    }

    private async ask({ start, end }: ByteRange, signal?: AbortSignal): Promise<WebAnswer> {
        const { etag } = this.content;
        const isWhole = start === 0 && (end === undefined || end === this.size);
        const headers: Record<string, string> = {
            ...(isWhole ? {} : { range: `bytes=${start}-${end === undefined ? "" : end - 1}` }),
            ...(!isWhole && isStrong(etag) ? { "if-range": etag } : {}),
        };
        const answer = await this.answered(headers, signal);
        if (isWhole ? answer.status === 200 : startOf(answer) === start) return answer;
        answer.discard();
        // With another version a server answers `If-Range` with the whole of that.
        this.assertSame(answer);
        if (answer.status === 416) throw new SourceChanged("it is shorter than before");
        throw new ImageError(
            `${this.name} cannot be read in parts any more: its server answered a request for the bytes from ${start} with ${answer.status}`,
        );
    }

    /** From where the redirects led at first; a signed address ends some time, and is then asked for anew. */
    private async answered(headers: Record<string, string>, signal?: AbortSignal): Promise<WebAnswer> {
        if (this.at.href !== this.url.href) {
            try {
                return await this.client.get(this.at, headers, signal, this.url);
            } catch (error) {
                if (!(error instanceof Refused || error instanceof LoginMissing)) throw error;
            }
        }
        const answer = await this.client.get(this.url, headers, signal);
        this.at = answer.url;
        return answer;
    }

    private assertSame(answer: WebAnswer): void {
        const now = contentOf(answer);
        const { content } = this;
        const differs = (["size", "etag", "lastModified"] as const).find(
            (field) =>
                content[field] !== undefined && now[field] !== undefined && content[field] !== now[field],
        );
        if (differs === undefined) return;
        answer.discard();
        throw new SourceChanged(
            `${WORDS[differs]} was ${String(content[differs])} and is now ${String(now[differs])}`,
        );
    }
}

const WORDS = { size: "its size", etag: "its ETag", lastModified: "its time" } as const;

function contentOf({ status, headers }: WebAnswer): Content {
    const size =
        status === 200 ? headers["content-length"] : /\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1];
    return {
        size: size !== undefined && /^\d+$/.test(size) ? Number(size) : undefined,
        etag: headers.etag,
        lastModified: headers["last-modified"],
    };
}

function startOf({ status, headers }: WebAnswer): number | undefined {
    const start = /^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1];
    return status === 206 && start !== undefined ? Number(start) : undefined;
}

/** Only these stand for equal bytes. */
function isStrong(etag: string | undefined): etag is string {
    return etag !== undefined && /^"[^"]+"$/.test(etag);
}
