import type * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import * as tls from "node:tls";
import { messageOf } from "../resource/errors";

/** What an image's server answers to this machine, asked with the certificates that hosts will have. */
export type Seen =
    | { answer: "served"; size: number | undefined; contentType: string | undefined }
    | { answer: "refused"; status: number }
    | { answer: "redirected"; to: string }
    | { answer: "untrusted"; reason: string }
    | { answer: "none"; reason: string };

const TIME_LIMIT = 5_000;
const MOST_REDIRECTS = 5;

/**
 * Asks for an image's head, and where a server does not do that for its first byte. `certificate` is base64 of PEM:
 * with one it is all that hosts trust, without one they trust public CAs.
 */
export async function probeImage(
    url: URL,
    certificate: string | undefined,
    signal: AbortSignal,
): Promise<Seen> {
    const trusted =
        certificate === undefined ? undefined : Buffer.from(certificate, "base64").toString("utf8");
    let at = url;
    for (let left = MOST_REDIRECTS; ; left--) {
        let seen: Reply;
        try {
            seen = await ask("HEAD", at, trusted, signal);
            // A store may sign for one method only, and some servers know no HEAD at all.
            if (seen.status >= 400 && seen.status !== 404) seen = await ask("GET", at, trusted, signal);
        } catch (error) {
            signal.throwIfAborted();
            return { answer: "none", reason: messageOf(error) };
        }
        if (seen.untrusted !== undefined) return { answer: "untrusted", reason: seen.untrusted };
        const { status, headers } = seen;
        if (
            status >= 300 &&
            status < 400 &&
            headers.location !== undefined &&
            URL.canParse(headers.location, at.href)
        ) {
            const next = new URL(headers.location, at);
            if (next.protocol !== "https:" || left === 0) return { answer: "redirected", to: next.href };
            at = next;
            continue;
        }
        if (status !== 200 && status !== 206) return { answer: "refused", status };
        return { answer: "served", size: sizeOf(headers), contentType: headers["content-type"] };
    }
}

interface Reply {
    status: number;
    headers: http.IncomingHttpHeaders;
    untrusted?: string;
}

function ask(
    method: "HEAD" | "GET",
    url: URL,
    trusted: string | undefined,
    signal: AbortSignal,
): Promise<Reply> {
    return new Promise((resolve, reject) => {
        const request = https.request(
            url,
            {
                method,
                agent: false,
                signal: AbortSignal.any([signal, AbortSignal.timeout(TIME_LIMIT)]),
                ...(method === "GET" ? { headers: { range: "bytes=0-0" } } : {}),
                // What any host trusts, and not what this machine was told to trust besides.
                ca: trusted === undefined ? [...tls.rootCertificates] : [trusted],
                // Judged below: a pinned certificate of the server itself is enough for hosts, but not for Node.
                rejectUnauthorized: false,
            },
            (response) => {
                resolve({ status: response.statusCode ?? 0, headers: response.headers });
                // A server that takes no ranges would send it all.
                response.destroy();
            },
        );
        request.once("socket", (socket) => {
            // Looked at while the handshake is fresh: behind the answer to a HEAD the connection is gone.
            if (!(socket instanceof tls.TLSSocket)) return;
            socket.once("secureConnect", () => {
                const untrusted = distrust(socket, url.hostname, trusted);
                if (untrusted === undefined) return;
                resolve({ status: 0, headers: {}, untrusted });
                request.destroy();
            });
        });
        request.once("error", (error) => {
            reject(
                request.destroyed && error.name === "TimeoutError"
                    ? new Error("no answer within 5 s")
                    : error,
            );
        });
        request.end();
    });
}

/** Why hosts would not trust the server; undefined when they would. */
function distrust(socket: tls.TLSSocket, hostname: string, trusted: string | undefined): string | undefined {
    if (socket.authorized) return undefined;
    const shown = socket.getPeerX509Certificate();
    const pinned = trusted?.match(/-----BEGIN CERTIFICATE-----([^-]*)-----END/)?.[1]?.replace(/\s/g, "");
    if (shown && shown.raw.toString("base64") === pinned) {
        const name = hostname.replace(/^\[(.*)\]$/, "$1");
        const fits = net.isIP(name) ? shown.checkIP(name) : shown.checkHost(name);
        return fits === undefined ? `its certificate is not for ${name}` : undefined;
    }
    return messageOf(socket.authorizationError);
}

function sizeOf(headers: http.IncomingHttpHeaders): number | undefined {
    const ranged = /^bytes 0-0\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1];
    const size = ranged ?? headers["content-length"];
    return size !== undefined && /^\d+$/.test(size) ? Number(size) : undefined;
}
