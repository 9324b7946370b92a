import * as http from "node:http";
import * as https from "node:https";

const MAX_REDIRECTS = 10;
const IDLE_TIMEOUT_MS = 30_000;

/** Why a download failed, in the words of the installer's HTTP client (Go's net/http). */
class DownloadError extends Error {
    constructor(url: string, reason: string) {
        super(`Get "${url}": ${reason}`);
        this.name = "DownloadError";
    }
}

/** What a download is made with. */
export interface DownloadOptions {
    /** The certificates trusted, PEM; nothing else is. */
    roots: readonly string[];
    headers?: Record<string, string>;
    signal?: AbortSignal;
}

/** Opens a URL as a machine being installed does: HTTPS alone, redirects followed, no other trust than `roots`. */
export async function download(url: string, options: DownloadOptions): Promise<http.IncomingMessage> {
    let target = url;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
        const response = await get(target, url, options);
        const { location } = response.headers;
        if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) {
            return response;
        }
        response.destroy();
        target = new URL(location, target).toString();
    }
    throw new DownloadError(url, `stopped after ${MAX_REDIRECTS} redirects`);
}

/** `503 Service Unavailable`, as Go prints a status. */
export function statusText({ statusCode = 0, statusMessage = "" }: http.IncomingMessage): string {
    return `${statusCode} ${statusMessage || (http.STATUS_CODES[statusCode] ?? "")}`.trim();
}

async function get(url: string, shown: string, options: DownloadOptions): Promise<http.IncomingMessage> {
    const target = URL.canParse(url) ? new URL(url) : undefined;
    if (target?.protocol !== "https:") {
        // The guide demands HTTPS, so a machine of the lab speaks nothing else.
        const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1] ?? "";
        throw new DownloadError(shown, `unsupported protocol scheme "${scheme.toLowerCase()}"`);
    }
    return new Promise((resolve, reject) => {
        const request = https.get(
            target,
            {
                agent: false,
                ca: [...options.roots],
                // Go trusts whatever is in the pool, also a server's own certificate that another one has signed.
                allowPartialTrustChain: true,
                ...(options.headers ? { headers: options.headers } : {}),
                ...(options.signal ? { signal: options.signal } : {}),
                timeout: IDLE_TIMEOUT_MS,
            },
            resolve,
        );
        request.on("timeout", () => request.destroy(Object.assign(new Error(), { code: "ETIMEDOUT" })));
        request.on("error", (error: NodeJS.ErrnoException) => {
            reject(options.signal?.aborted ? error : new DownloadError(shown, reasonOf(error, target)));
        });
    });
}

function reasonOf(error: NodeJS.ErrnoException, { hostname, port }: URL): string {
    const address = `${hostname}:${port || "443"}`;
    switch (error.code) {
        case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
        case "UNABLE_TO_GET_ISSUER_CERT":
        case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
        case "SELF_SIGNED_CERT_IN_CHAIN":
        case "DEPTH_ZERO_SELF_SIGNED_CERT":
        case "CERT_SIGNATURE_FAILURE":
            return "tls: failed to verify certificate: x509: certificate signed by unknown authority";
        case "CERT_HAS_EXPIRED":
        case "CERT_NOT_YET_VALID":
            return "tls: failed to verify certificate: x509: certificate has expired or is not yet valid";
        case "ERR_TLS_CERT_ALTNAME_INVALID":
            return `tls: failed to verify certificate: x509: certificate is valid for ${namesOf(error)}, not ${hostname}`;
        case "ECONNREFUSED":
            return `dial tcp ${address}: connect: connection refused`;
        case "ENOTFOUND":
        case "EAI_AGAIN":
            return `dial tcp: lookup ${hostname}: no such host`;
        case "ETIMEDOUT":
            return `dial tcp ${address}: i/o timeout`;
        case "ECONNRESET":
            return "EOF";
        case "EPROTO":
            return "tls: first record does not look like a TLS handshake";
        default:
            return error.message;
    }
}

/** The names in a certificate, from Node's refusal of it. */
function namesOf(error: NodeJS.ErrnoException): string {
    const { cert } = error as { cert?: { subjectaltname?: string } };
    return (cert?.subjectaltname ?? "").replace(/(DNS|IP Address):/g, "") || "another host";
}
