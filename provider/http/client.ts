import { request, type Dispatcher } from "undici";
import { EdgeError } from "../resource/errors";
import { AdaptiveLimiter } from "./adaptiveLimiter";
import { backoff } from "./backoff";
import type { Clock } from "./clock";
import { makeDispatcher, type DispatcherOptions } from "./dispatcher";
import { explain, NoAnswer, type Advice } from "./failure";
import { Pace, type Rate } from "./pace";
import { redact } from "./redact";
import { retryAfter } from "./retryAfter";

export interface HttpOptions extends DispatcherOptions {
    /** How messages name the system: `EMF`. */
    readonly system: string;
    /** Paths of requests are appended to it. */
    readonly baseUrl: string;
    readonly clock: Clock;
    readonly advice: Advice;
    /** What must never appear in a text. */
    readonly secrets: () => Iterable<string>;
    /** Shared by all clients of one system. */
    readonly limiter?: AdaptiveLimiter;
    /** What the system bears by its own documentation. Default: only the limiter bounds it. */
    readonly rate?: Rate;
}

export interface HttpRequest {
    readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
    readonly path: string;
    readonly query?: Readonly<Record<string, string | number>>;
    /** Sent as JSON. */
    readonly body?: unknown;
    /** Sent as a form instead of JSON. */
    readonly form?: Readonly<Record<string, string>>;
    readonly headers?: Readonly<Record<string, string>>;
    readonly authorization?: string;
    readonly signal?: AbortSignal;
    /** For one attempt, in milliseconds. Default 30 s. */
    readonly timeLimit?: number;
    /** Attempts in all. Default 5. */
    readonly attempts?: number;
    /** How many redirects a GET or HEAD may follow. Default none. */
    readonly redirects?: number;
    /** The request can be repeated without harm. Default: every method but POST. */
    readonly idempotent?: boolean;
}

export interface HttpAnswer {
    readonly status: number;
    readonly headers: Readonly<Record<string, string | undefined>>;
    /** Parsed where it is JSON, undefined where it is not. */
    readonly json: unknown;
    readonly text: string;
}

const TIME_LIMIT = 30_000;
const ATTEMPTS = 5;
/** A server that asks for more than this is treated as one that is down. */
const LONGEST_RETRY_AFTER = 60_000;
const PASSING_STATUS: ReadonlySet<number> = new Set([502, 503, 504]);

/** A JSON client for one system: what is the same for all of them on the way out. */
export class HttpClient {
    private readonly base: URL;
    private readonly limiter: AdaptiveLimiter;
    private readonly pace: Pace | undefined;
    private agent?: Dispatcher;

    constructor(private readonly options: HttpOptions) {
        this.base = new URL(options.baseUrl);
        this.limiter = options.limiter ?? new AdaptiveLimiter();
        this.pace = options.rate && new Pace(options.rate, options.clock);
    }

    /** Answers of any status are returned; no answer at all throws. */
    async send(call: HttpRequest): Promise<HttpAnswer> {
        const { clock } = this.options;
        const attempts = call.attempts ?? ATTEMPTS;
        for (let attempt = 1; ; attempt++) {
            call.signal?.throwIfAborted();
            let wait = backoff(attempt, clock);
            try {
                const answer = await this.limiter.run(() => this.paced(call), call.signal);
                const asked = retryAfter(answer.headers["retry-after"], clock.now());
                if (attempt >= attempts || !mayRepeat(call, answer)) return answer;
                if ((asked ?? 0) > LONGEST_RETRY_AFTER) return answer;
                wait = Math.max(wait, asked ?? 0);
            } catch (error) {
                if (call.signal?.aborted) throw call.signal.reason as Error;
                const repeat =
                    error instanceof NoAnswer && error.passing && (error.neverSent || isIdempotent(call));
                if (attempt >= attempts || !repeat) throw error;
            }
            await clock.sleep(wait, call.signal);
        }
    }

    /** `GET /v1/projects/p/compute/os`: how messages name a request, without its query. */
    describe(call: Pick<HttpRequest, "method" | "path">): string {
        return this.clean(`${this.options.system}: ${call.method} ${this.url(call).pathname}`);
    }

    /** A text that may be shown. */
    clean(text: string): string {
        return redact(text, this.options.secrets());
    }

    async close(): Promise<void> {
        await this.agent?.close();
    }

    private async paced(call: HttpRequest): Promise<HttpAnswer> {
        await this.pace?.turn(call.signal);
        const sent = this.limiter.sent(kindOf(call));
        const answer = await this.attempt(call);
        if (asksForLess(answer)) this.limiter.refused(sent);
        else if (answer.status < 500) this.limiter.answered(sent);
        return answer;
    }

    private async attempt(call: HttpRequest): Promise<HttpAnswer> {
        let url = this.url(call);
        let { authorization } = call;
        for (let left = call.redirects ?? 0; ; left--) {
            const answer = await this.exchange(call, url, authorization);
            const to = answer.headers.location;
            const follow = left > 0 && answer.status >= 300 && answer.status < 400 && to !== undefined;
            if (!follow || (call.method !== "GET" && call.method !== "HEAD")) return answer;
            const next = new URL(to, url);
            if (url.protocol === "https:" && next.protocol !== "https:") {
                throw new EdgeError(
                    `${this.describe(call)} is redirected to plain http, at ${next.host}: refused`,
                );
            }
            if (next.origin !== url.origin) authorization = undefined;
            url = next;
        }
    }

    private async exchange(call: HttpRequest, url: URL, authorization?: string): Promise<HttpAnswer> {
        const timeLimit = AbortSignal.timeout(call.timeLimit ?? TIME_LIMIT);
        const signal = call.signal ? AbortSignal.any([call.signal, timeLimit]) : timeLimit;
        const [contentType, body] = payload(call);
        try {
            const response = await request(url, {
                method: call.method,
                dispatcher: this.dispatcher(),
                signal,
                headersTimeout: 0, // the signal bounds the whole exchange
                bodyTimeout: 0,
                headers: {
                    accept: "application/json",
                    ...(contentType === undefined ? {} : { "content-type": contentType }),
                    ...(authorization === undefined ? {} : { authorization }),
                    ...call.headers,
                },
                body,
            });
            const text = await response.body.text();
            return {
                status: response.statusCode,
                headers: single(response.headers),
                json: parsed(text),
                text,
            };
        } catch (error) {
            if (call.signal?.aborted) throw call.signal.reason as Error;
            const what = this.describe(call);
            if (timeLimit.aborted) {
                const seconds = (call.timeLimit ?? TIME_LIMIT) / 1000;
                throw new NoAnswer(`${what}: no answer from ${url.host} within ${seconds} s`, false, true);
            }
            const failure = explain(error, url, what, this.options.advice);
            throw new NoAnswer(this.clean(failure.message), failure.neverSent, failure.passing);
        }
    }

    private url(call: Pick<HttpRequest, "path"> & Partial<Pick<HttpRequest, "query">>): URL {
        const url = new URL(this.base);
        url.pathname = `${this.base.pathname.replace(/\/$/, "")}${call.path}`;
        for (const [name, value] of Object.entries(call.query ?? {}))
            url.searchParams.set(name, String(value));
        return url;
    }

    private dispatcher(): Dispatcher {
        this.agent ??= makeDispatcher(this.base.hostname, this.options);
        return this.agent;
    }
}

function isIdempotent(call: HttpRequest): boolean {
    return call.idempotent ?? call.method !== "POST";
}

/** Method and path without what differs from object to object. */
function kindOf({ method, path }: HttpRequest): string {
    return `${method} ${path.replace(/[^/]*\d[^/]*/g, "*")}`;
}

function asksForLess({ status, headers }: HttpAnswer): boolean {
    return status === 429 || (status === 503 && headers["retry-after"] !== undefined);
}

/** 429 says that nothing was done. */
function mayRepeat(call: HttpRequest, answer: HttpAnswer): boolean {
    return answer.status === 429 || (PASSING_STATUS.has(answer.status) && isIdempotent(call));
}

function payload(call: HttpRequest): [contentType: string | undefined, body: string | undefined] {
    if (call.form) return ["application/x-www-form-urlencoded", new URLSearchParams(call.form).toString()];
    if (call.body === undefined) return [undefined, undefined];
    return ["application/json", JSON.stringify(call.body)];
}

function parsed(text: string): unknown {
    try {
        return JSON.parse(text) as unknown;
    } catch {
        return undefined;
    }
}

function single(
    headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | undefined> {
    return Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
    );
}
