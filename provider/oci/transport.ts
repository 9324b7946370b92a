import type { Readable } from "node:stream";
import { request, type Dispatcher } from "undici";
import { backoff } from "../http/backoff";
import { makeDispatcher } from "../http/dispatcher";
import { isLoopback } from "../http/loopback";
import { explain, NoAnswer } from "../http/failure";
import { redact } from "../http/redact";
import { retryAfter } from "../http/retryAfter";
import type { Host } from "../resource/context";
import { EdgeError } from "../resource/errors";
import type { RegistryAdvice } from "./errors";

export type RegistryHost = Pick<Host, "env" | "now" | "sleep" | "random">;

export interface Call {
    readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
    readonly url: URL;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Buffer | string;
    readonly signal?: AbortSignal | undefined;
    /** Attempts in all. Default 5; a request that is not safe to repeat has one. */
    readonly attempts?: number;
    /** How many redirects a GET or HEAD may follow. Default 5. */
    readonly redirects?: number;
}

export interface Answer {
    readonly status: number;
    readonly headers: Readonly<Record<string, string | undefined>>;
    /** Where it came from, behind redirects. */
    readonly url: URL;
    /** To be read to its end, or destroyed. */
    readonly body: Readable;
    text(): Promise<string>;
}

const ATTEMPTS = 5;
/** Without a byte in either direction for so long, a connection counts as dead. */
const SILENCE = 60_000;
const REDIRECTS = 5;
const LONGEST_RETRY_AFTER = 60_000;
const PASSING: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
/** More of an error's text is not read. */
const MOST_TEXT = 64 * 1024;

/** Requests to a registry and to the servers it points to: attempts, redirects, and failures in words. */
export class Transport {
    private readonly dispatchers = new Map<string, Dispatcher>();

    constructor(
        private readonly options: {
            readonly ca?: string;
            readonly advice: RegistryAdvice;
            readonly secrets: () => Iterable<string>;
        },
        private readonly host: RegistryHost,
    ) {}

    /** Answers of any status are returned; no answer at all throws. */
    async send(call: Call): Promise<Answer> {
        for (let attempt = 1; ; attempt++) {
            call.signal?.throwIfAborted();
            let wait = backoff(attempt, this.host);
            const isLast = attempt >= (call.attempts ?? ATTEMPTS);
            try {
                const answer = await this.follow(call);
                const asked = retryAfter(answer.headers["retry-after"], this.host.now()) ?? 0;
                if (isLast || !PASSING.has(answer.status) || asked > LONGEST_RETRY_AFTER) return answer;
                answer.body.destroy();
                wait = Math.max(wait, asked);
            } catch (error) {
                if (isLast || !(error instanceof NoAnswer) || !error.passing) throw error;
            }
            await this.host.sleep(wait, call.signal);
        }
    }

    /** A text that may be shown. */
    clean(text: string): string {
        return redact(text, this.options.secrets());
    }

    async close(): Promise<void> {
        await Promise.all([...this.dispatchers.values()].map((dispatcher) => dispatcher.close()));
    }

    private async follow(call: Call): Promise<Answer> {
        const { authorization, ...others } = call.headers ?? {};
        let { url } = call;
        for (let left = call.redirects ?? REDIRECTS; ; left--) {
            const isSame = url.origin === call.url.origin;
            const headers = {
                ...others,
                ...(isSame && authorization !== undefined ? { authorization } : {}),
            };
            const answer = await this.exchange({ ...call, url, headers });
            const to = answer.headers.location;
            const isRead = call.method === "GET" || call.method === "HEAD";
            if (!isRead || left === 0 || answer.status < 300 || answer.status >= 400 || to === undefined) {
                return answer;
            }
            answer.body.destroy();
            url = new URL(to, url);
            assertSecure(url, call.url);
        }
    }

    private async exchange({ method, url, headers, body, signal }: Call): Promise<Answer> {
        try {
            const response = await request(url, {
                ...{ method, headers: { ...headers }, dispatcher: this.dispatcher(url) },
                ...(body === undefined ? {} : { body }),
                ...(signal ? { signal } : {}),
                headersTimeout: SILENCE,
                bodyTimeout: SILENCE,
            });
            // A body that is given up on purpose is no failure that somebody has to see.
            response.body.on("error", () => undefined);
            return {
                status: response.statusCode,
                headers: single(response.headers),
                url,
                body: response.body,
                text: () => textOf(response.body),
            };
        } catch (error) {
            if (signal?.aborted) throw signal.reason as Error;
            throw this.explained(error, method, url);
        }
    }

    /** What undici threw, also while a body was read. */
    explained(error: unknown, method: string, url: URL): NoAnswer {
        const failure = explain(error, url, `${method} ${url.pathname}`, this.options.advice);
        return new NoAnswer(this.clean(failure.message), failure.neverSent, failure.passing);
    }

    private dispatcher({ origin, hostname }: URL): Dispatcher {
        const { ca } = this.options;
        const made =
            this.dispatchers.get(origin) ??
            makeDispatcher(hostname, { env: this.host.env, ...(ca === undefined ? {} : { ca }) });
        this.dispatchers.set(origin, made);
        return made;
    }
}

/** Over plain http only what never leaves this machine. */
export function assertSecure(url: URL, from: URL): void {
    if (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname))) return;
    throw new EdgeError(`${from.host} points to ${url.protocol}//${url.host}, which is not https: refused`);
}

async function textOf(body: Readable): Promise<string> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body) {
        chunks.push(chunk as Buffer);
        size += (chunk as Buffer).length;
        if (size > MOST_TEXT) break;
    }
    return Buffer.concat(chunks).toString("utf8");
}

function single(
    headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | undefined> {
    return Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.join(", ") : value,
        ]),
    );
}
