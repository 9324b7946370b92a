import type { Readable } from "node:stream";
import { request, type Dispatcher } from "undici";
import { makeDispatcher, type DispatcherOptions } from "../http/dispatcher";
import { explain, type Advice, type NoAnswer } from "../http/failure";

/** A request as the SDK hands it over. */
interface Outgoing {
    readonly method: string;
    readonly protocol: string;
    readonly hostname: string;
    readonly port?: number;
    readonly path: string;
    readonly query?: Readonly<Record<string, string | string[] | null>>;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
}

/** An answer as the SDK takes it. */
interface Answer {
    readonly statusCode: number;
    readonly headers: Record<string, string>;
    readonly body: Readable;
}

/** Without a byte in either direction for so long, a connection counts as dead. */
const SILENCE = 60_000;

/** Sends the SDK's requests the way all others of this package go: same proxy, same certificates, same words. */
export class UndiciHandler {
    readonly metadata = { handlerProtocol: "http/1.1" };
    private dispatcher?: Dispatcher;

    constructor(
        private readonly options: DispatcherOptions,
        private readonly advice: Advice,
    ) {}

    async handle(outgoing: Outgoing, options?: { abortSignal?: unknown }): Promise<{ response: Answer }> {
        const url = urlOf(outgoing);
        this.dispatcher ??= makeDispatcher(url.hostname, this.options);
        const signal = options?.abortSignal as AbortSignal | undefined;
        try {
            const { statusCode, headers, body } = await request(url, {
                method: outgoing.method,
                headers: headersOf(outgoing),
                body: outgoing.body as Buffer | string | undefined,
                dispatcher: this.dispatcher,
                headersTimeout: SILENCE,
                bodyTimeout: SILENCE,
                ...(signal ? { signal } : {}),
            });
            return { response: { statusCode, headers: single(headers), body } };
        } catch (error) {
            if (signal?.aborted) throw signal.reason as Error;
            throw repeatable(explain(error, url, `${outgoing.method} ${url.pathname}`, this.advice));
        }
    }

    updateHttpClientConfig(): void {
        // Nothing of it can be changed once it is made.
    }

    httpHandlerConfigs(): Record<string, never> {
        return {};
    }

    destroy(): void {
        void this.dispatcher?.close();
    }
}

function urlOf({ protocol, hostname, port, path, query }: Outgoing): URL {
    const url = new URL(`${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`);
    // Set one by one they would be encoded once more in another way than they were signed in.
    const parts = Object.entries(query ?? {}).flatMap(([name, value]) =>
        listOf(value).map((item) => `${escaped(name)}=${escaped(item)}`),
    );
    url.search = parts.join("&");
    return url;
}

/** A parameter without a value is signed, and so sent, as an empty one. */
function listOf(value: string | string[] | null | undefined): string[] {
    return Array.isArray(value) ? value : [value ?? ""];
}

/** As signatures have it: stricter than `encodeURIComponent`. */
function escaped(text: string): string {
    return encodeURIComponent(text).replace(
        /[!'()*]/g,
        (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
    );
}

/** undici sets these itself, and knows no `Expect`. */
function headersOf({ headers }: Outgoing): Record<string, string> {
    const left = Object.entries(headers).filter(
        ([name]) => !["expect", "content-length", "connection"].includes(name.toLowerCase()),
    );
    return Object.fromEntries(left);
}

function single(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
    return Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, listOf(value).join(", ")]),
    );
}

/** The SDK repeats what carries this mark; all its requests may be. */
function repeatable(error: NoAnswer): NoAnswer {
    return error.passing ? Object.assign(error, { $retryable: { throttling: false } }) : error;
}
