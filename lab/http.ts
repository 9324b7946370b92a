/** A request as it comes from the wire, free of any transport. */
export interface ApiRequest {
    readonly method: string;
    /** Path and query as they were sent, not decoded. */
    readonly url: string;
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string | undefined>>;
    readonly body?: Buffer;
    /** Whose rate limit counts; requests without an address share one. */
    readonly address?: string;
}

/** The answer to a request. */
export interface ApiResponse {
    readonly status: number;
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Buffer;
}

/** A JSON answer. */
export function json(status: number, value: unknown): ApiResponse {
    return {
        status,
        headers: { "content-type": "application/json" },
        body: Buffer.from(`${JSON.stringify(value)}\n`),
    };
}

/** A plain-text answer. */
export function plainText(status: number, text: string): ApiResponse {
    return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body: Buffer.from(text) };
}

/** An answer without a body. */
export function empty(status: number): ApiResponse {
    return { status, headers: {}, body: Buffer.alloc(0) };
}

/** A path segment without its escapes; undefined when an escape is broken. */
export function decodeSegment(segment: string): string | undefined {
    try {
        return decodeURIComponent(segment);
    } catch {
        return undefined;
    }
}
