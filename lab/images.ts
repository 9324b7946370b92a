import * as fs from "node:fs";
import type * as http from "node:http";
import * as path from "node:path";
import { pipeline } from "node:stream/promises";

/** The part of a file that a request asks for; `"unsatisfiable"` when it lies behind the end. */
type ByteRange = { start: number; end: number } | "unsatisfiable" | undefined;

/**
 * Serves the files of a directory as any HTTPS host does: GET and HEAD, strong ETags, single byte ranges with
 * If-Range, If-None-Match. It stands for the place where a user's images are published.
 */
export function serveDirectory(directory: string): http.RequestListener {
    return (request, response) => {
        serveFile(directory, request, response).catch(() => {
            // The client went away, or the file was removed under way: there is nobody to tell.
            response.destroy();
        });
    };
}

async function serveFile(
    directory: string,
    request: http.IncomingMessage,
    response: http.ServerResponse,
): Promise<void> {
    if (request.method !== "GET" && request.method !== "HEAD") {
        end(response, 405, { Allow: "GET, HEAD" });
        return;
    }
    const file = await open(directory, request.url ?? "/");
    if (!file) {
        end(response, 404);
        return;
    }
    try {
        await answer(file, request, response);
    } finally {
        await file.close();
    }
}

async function answer(
    file: fs.promises.FileHandle,
    request: http.IncomingMessage,
    response: http.ServerResponse,
): Promise<void> {
    const stat = await file.stat({ bigint: true });
    const size = Number(stat.size);
    const etag = `"${stat.ino.toString(16)}-${stat.size.toString(16)}-${stat.mtimeNs.toString(16)}"`;
    const headers: http.OutgoingHttpHeaders = {
        ETag: etag,
        "Last-Modified": stat.mtime.toUTCString(),
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
    };
    if (request.headers["if-none-match"] === etag) {
        end(response, 304, headers);
        return;
    }
    const ifRange = request.headers["if-range"];
    const range =
        ifRange === undefined || ifRange === etag ? byteRange(request.headers.range, size) : undefined;
    if (range === "unsatisfiable") {
        end(response, 416, { "Content-Range": `bytes */${size}` });
        return;
    }
    const { start, end: last } = range ?? { start: 0, end: size - 1 };
    headers["Content-Length"] = last - start + 1;
    if (range) {
        headers["Content-Range"] = `bytes ${start}-${last}/${size}`;
    }
    response.writeHead(range ? 206 : 200, headers);
    if (request.method === "HEAD" || last < start) {
        response.end();
        return;
    }
    await pipeline(
        file.createReadStream({ start, end: last, highWaterMark: 1 << 20, autoClose: false }),
        response,
    );
}

async function open(directory: string, url: string): Promise<fs.promises.FileHandle | undefined> {
    let name: string;
    try {
        name = decodeURIComponent(url.split("?", 1)[0] ?? "");
    } catch {
        return undefined;
    }
    const root = path.resolve(directory);
    const wanted = path.resolve(root, `.${path.posix.normalize(`/${name}`)}`);
    if (name.includes("\0") || !wanted.startsWith(root + path.sep)) {
        return undefined;
    }
    const file = await fs.promises.open(wanted, "r").catch(() => undefined);
    if (file && !(await file.stat()).isFile()) {
        await file.close();
        return undefined;
    }
    return file;
}

/** The single range of a Range header. Several ranges, and other units, are answered with the whole file. */
function byteRange(header: string | undefined, size: number): ByteRange {
    const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
    if (!match || (match[1] === "" && match[2] === "")) {
        return undefined;
    }
    const [, first = "", last = ""] = match;
    const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
    const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
    if (last !== "" && first !== "" && Number(last) < Number(first)) {
        return undefined;
    }
    return start > end ? "unsatisfiable" : { start, end };
}

function end(response: http.ServerResponse, status: number, headers: http.OutgoingHttpHeaders = {}): void {
    response.writeHead(status, { "Content-Length": 0, ...headers });
    response.end();
}
