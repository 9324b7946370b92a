import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { CertificateAuthority } from "../../lab/certificates";

/** One file of an {@link ImageServer}, and how it is served. */
export interface ServedFile {
    bytes: Buffer;
    /** With its quotation marks. Default: none. */
    etag?: string;
    lastModified?: string;
    /** Default true. */
    ranges?: boolean;
    /** Without it the client sees the length only by the end. Default true. */
    contentLength?: boolean;
    contentEncoding?: string;
}

/** What a request gets instead of the plain answer; undefined for that. */
export interface Reaction {
    status?: number;
    headers?: Record<string, string>;
    /** The connection ends after so many bytes of the body. */
    breakAfter?: number;
    /** Nothing comes behind so many bytes of the body. */
    stallAfter?: number;
}

export interface SeenRequest {
    path: string;
    range: string | undefined;
    ifRange: string | undefined;
    authorization: string | undefined;
}

/** A web server as images lie on, with an own CA; `react` decides about each request before it is answered. */
export interface ImageServer {
    origin: string;
    port: number;
    caFile: string;
    files: Map<string, ServedFile>;
    requests: SeenRequest[];
    /** Bytes of bodies that were written. */
    sent: number;
    react: (request: SeenRequest, count: number) => Reaction | undefined;
    close(): Promise<void>;
}

export async function startImageServer(
    names = ["localhost", "127.0.0.1", "images.test"],
): Promise<ImageServer> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-server-"));
    const authority = await CertificateAuthority.open(folder);
    const { certificate, key } = await authority.issue({ names });
    const caFile = path.join(folder, "authority.pem");
    fs.writeFileSync(caFile, authority.certificate);
    const server = https.createServer({ cert: certificate, key });
    const port = await listen(server);
    const state: ImageServer = {
        origin: `https://127.0.0.1:${port}`,
        port,
        caFile,
        files: new Map(),
        requests: [],
        sent: 0,
        react: () => undefined,
        async close() {
            await close(server);
            fs.rmSync(folder, { recursive: true, force: true });
        },
    };
    server.on("request", (request: http.IncomingMessage, response: http.ServerResponse) => {
        const seen: SeenRequest = {
            path: request.url ?? "",
            range: request.headers.range,
            ifRange: request.headers["if-range"] as string | undefined,
            authorization: request.headers.authorization,
        };
        state.requests.push(seen);
        answer(state, seen, response, state.react(seen, state.requests.length) ?? {});
    });
    return state;
}

function answer(
    state: ImageServer,
    seen: SeenRequest,
    response: http.ServerResponse,
    reaction: Reaction,
): void {
    const file = state.files.get(seen.path.replace(/\?.*$/, ""));
    const status = reaction.status ?? (file ? 200 : 404);
    if (status !== 200 || !file) {
        response.writeHead(status, reaction.headers).end();
        return;
    }
    const { bytes, etag, lastModified } = file;
    const isSame = seen.ifRange === undefined || seen.ifRange === etag;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(seen.range ?? "") ?? [];
    const isPart = first !== undefined && file.ranges !== false && isSame;
    const start = isPart ? Number(first) : 0;
    const end = isPart && last ? Math.min(Number(last) + 1, bytes.length) : bytes.length;
    const headers: Record<string, string> = {
        ...(etag === undefined ? {} : { etag }),
        ...(lastModified === undefined ? {} : { "last-modified": lastModified }),
        ...(file.contentEncoding === undefined ? {} : { "content-encoding": file.contentEncoding }),
        ...(file.contentLength === false ? {} : { "content-length": String(Math.max(0, end - start)) }),
        ...reaction.headers,
    };
    if (isPart && start >= bytes.length) {
        response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
        return;
    }
    if (isPart) headers["content-range"] = `bytes ${start}-${end - 1}/${bytes.length}`;
    response.writeHead(isPart ? 206 : 200, headers);
    send(state, response, bytes.subarray(start, end), reaction);
}

function send(
    state: ImageServer,
    response: http.ServerResponse,
    body: Buffer,
    { breakAfter, stallAfter }: Reaction,
): void {
    const limit = Math.min(breakAfter ?? body.length, stallAfter ?? body.length, body.length);
    const step = 64 * 1024;
    const next = (at: number): void => {
        if (response.destroyed) return;
        if (at >= limit) {
            if (breakAfter !== undefined && breakAfter < body.length) response.destroy();
            else if (stallAfter === undefined || stallAfter >= body.length) response.end();
            return;
        }
        const piece = body.subarray(at, Math.min(at + step, limit));
        state.sent += piece.length;
        response.write(piece, () => next(at + piece.length));
    };
    next(0);
}

/** A proxy that finds every name on this machine, at the port that was asked for. */
export async function startProxy(): Promise<{ url: string; targets: string[]; close(): Promise<void> }> {
    const targets: string[] = [];
    const server = http.createServer();
    server.on("connect", (request, client: net.Socket, head: Buffer) => {
        const target = request.url ?? "";
        targets.push(target);
        const upstream = net.connect(Number(target.split(":")[1]), "127.0.0.1", () => {
            client.write("HTTP/1.1 200 Connection established\r\n\r\n");
            upstream.write(head);
            upstream.pipe(client).pipe(upstream);
        });
        upstream.on("error", () => client.destroy());
        client.on("error", () => upstream.destroy());
    });
    const port = await listen(server);
    return { url: `http://127.0.0.1:${port}`, targets, close: () => close(server) };
}

async function listen(server: http.Server): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
}

async function close(server: http.Server): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
}
