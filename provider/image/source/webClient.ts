import type { Readable } from "node:stream";
import { type Dispatcher, request } from "undici";
import { backoff } from "../../http/backoff";
import { makeDispatcher } from "../../http/dispatcher";
import { explain, NoAnswer } from "../../http/failure";
import { redact } from "../../http/redact";
import { retryAfter } from "../../http/retryAfter";
import type { Host } from "../../resource/context";
import { UnavailableHere } from "../../resource/errors";
import { ImageError } from "../check";
import { authorizationOf, type ImageSettings } from "../settings";

/** An answer whose body has not been read yet: 200, 206 or 416. */
export interface WebAnswer {
    readonly status: number;
    readonly headers: Readonly<Record<string, string | undefined>>;
    /** Behind all redirects. */
    readonly url: URL;
    readonly stream: Readable;
    /** Ends what is left of it. */
    discard(): void;
}

/** The server said no: a wrong address, a login it does not take. Asking again will not help. */
export class Refused extends ImageError {}

/** The server wants a login, and there is none on this machine. */
export class LoginMissing extends UnavailableHere {}

const HEADERS_LIMIT = 20_000;
const MOST_REDIRECTS = 5;
const ATTEMPTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Reads files of web servers, and shows a login to none but the server it was set for. */
export class WebClient {
    private readonly dispatchers = new Map<string, Dispatcher>();

    constructor(
        private readonly settings: ImageSettings,
        private readonly host: Pick<Host, "env" | "now" | "sleep" | "random">,
    ) {}

    /** As messages name it: queries hold signatures. */
    describe(url: URL): string {
        return `${url.origin}${url.pathname}`;
    }

    /** `first` is the address that the user gave, where that one led here. */
    async get(
        url: URL,
        headers: Readonly<Record<string, string>>,
        signal?: AbortSignal,
        first = url,
    ): Promise<WebAnswer> {
        let at = url;
        for (let left = MOST_REDIRECTS; ; left--) {
            const answer = await this.exchange(at, headers, first, signal);
            const { status } = answer;
            if (status === 200 || status === 206 || status === 416) {
                assertUnpacked(answer);
                return answer;
            }
            answer.discard();
            const to = answer.headers.location;
            if (!REDIRECTS.has(status) || to === undefined) throw this.refusal(answer, first);
            at = this.redirected(at, to, left);
        }
    }

    /** `get`, again after a failure that may pass. */
    async open(
        url: URL,
        headers: Readonly<Record<string, string>>,
        signal?: AbortSignal,
    ): Promise<WebAnswer> {
        for (let attempt = 1; ; attempt++) {
            try {
                return await this.get(url, headers, signal);
            } catch (error) {
                if (!(error instanceof NoAnswer) || !error.passing || attempt >= ATTEMPTS) throw error;
                if ((error.wait ?? 0) > HEADERS_LIMIT) throw error;
                await this.host.sleep(Math.max(error.wait ?? 0, backoff(attempt, this.host)), signal);
            }
        }
    }

    /** The bytes of an answer; fewer than expected are a broken connection. */
    async *body(
        answer: WebAnswer,
        length: number | undefined,
        signal?: AbortSignal,
    ): AsyncGenerator<Buffer, void, undefined> {
        let done = 0;
        try {
            for await (const chunk of answer.stream) {
                done += (chunk as Buffer).length;
                yield chunk as Buffer;
            }
        } catch (error) {
            throw this.failure(error, answer.url, signal);
        }
        if (length === undefined || done === length) return;
        const name = this.describe(answer.url);
        throw new NoAnswer(`${name} sent ${done} bytes of ${length}`, false, true);
    }

    private async exchange(
        url: URL,
        headers: Readonly<Record<string, string>>,
        first: URL,
        signal: AbortSignal | undefined,
    ): Promise<WebAnswer> {
        const login = url.origin === first.origin ? this.settings.credentials(first) : undefined;
        try {
            const response = await request(url, {
                method: "GET",
                dispatcher: this.dispatcher(url),
                ...(signal ? { signal } : {}),
                headersTimeout: HEADERS_LIMIT,
                bodyTimeout: 0, // the reader of the body knows when it is waiting
                headers: {
                    ...headers,
                    // The digest is of the file's own bytes, and ranges are counted in them.
                    "accept-encoding": "identity",
                    ...(login ? { authorization: authorizationOf(login) } : {}),
                },
            });
            const stream = response.body;
            stream.on("error", () => undefined); // told to whoever reads it; discarded, nobody does
            return {
                status: response.statusCode,
                headers: single(response.headers),
                url,
                stream,
                discard() {
                    if (!stream.readableDidRead)
                        void stream.dump({ limit: 16 * 1024 }).catch(() => undefined);
                },
            };
        } catch (error) {
            throw this.failure(error, url, signal);
        }
    }

    private redirected(from: URL, to: string, left: number): URL {
        const name = this.describe(from);
        if (!URL.canParse(to, from.href)) throw new Refused(`is redirected from ${name} to no address`);
        const next = new URL(to, from);
        if (next.protocol !== "https:") {
            throw new Refused(
                `is redirected to plain ${next.protocol.slice(0, -1)}, at ${next.host}: refused, since anybody on the way could send other bytes`,
            );
        }
        if (left === 0) throw new Refused(`is redirected more than ${MOST_REDIRECTS} times`);
        next.username = next.password = "";
        return next;
    }

    private refusal({ status, url, headers }: WebAnswer, first: URL): Error {
        const by = url.origin === first.origin ? "its server" : `${url.host}, where it is redirected to,`;
        if (PASSING.has(status)) {
            const wait = retryAfter(headers["retry-after"], this.host.now());
            const text = `${this.describe(url)} answers ${status}: its server is busy or out of order, try again later`;
            return new NoAnswer(text, false, true, wait);
        }
        if (status === 404 || status === 410) {
            return new Refused(
                `is not there: ${by} answers ${status}. Correct the address, or publish it first`,
            );
        }
        if (status !== 401 && status !== 403) return new Refused(`cannot be read: ${by} answers ${status}`);
        if (url.origin !== first.origin) {
            return new Refused(
                `cannot be read: ${by} answers ${status}. A login goes to ${first.host} only: name the address there, or a public one`,
            );
        }
        const where = this.settings.whereCredentials(first);
        return this.settings.credentials(first)
            ? new Refused(`cannot be read: ${by} refuses the login that is set (${status}): check ${where}`)
            : new LoginMissing(`${this.describe(url)}: ${by} wants a login (${status}): set ${where}`);
    }

    private failure(error: unknown, url: URL, signal: AbortSignal | undefined): unknown {
        if (signal?.aborted) return signal.reason;
        const advice = { endpoint: "the address", caFile: this.settings.whereCa };
        const { message, neverSent, passing } = explain(error, url, this.describe(url), advice);
        return new NoAnswer(redact(message, this.settings.secrets()), neverSent, passing);
    }

    private dispatcher({ hostname }: URL): Dispatcher {
        const known = this.dispatchers.get(hostname);
        if (known) return known;
        const ca = this.settings.ca();
        const made = makeDispatcher(hostname, { env: this.host.env, ...(ca === undefined ? {} : { ca }) });
        this.dispatchers.set(hostname, made);
        return made;
    }
}

/** A server that packs on the way sends other bytes than its file has, and hosts would hash those. */
function assertUnpacked(answer: WebAnswer): void {
    const encoding = answer.headers["content-encoding"] ?? "identity";
    if (encoding === "identity") return;
    answer.discard();
    throw new Refused(
        `is packed by its server on the way (Content-Encoding: ${encoding}): turn that off there for images, since hosts would get other bytes than were checked`,
    );
}

function single(
    headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | undefined> {
    return Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
    );
}
