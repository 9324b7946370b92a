import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import S3rver from "s3rver";
import { bodyOf, forward, type FrontAnswer, give, listen, shut } from "./front";
import { signatureProblem } from "./s3Signature";

/** Those that s3rver knows. */
export const S3_KEYS = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" } as const;

/** What a test may do to a request: nothing, break the connection, answer in the server's place. */
export type S3Interference =
    "drop" | { status: number; code: string; headers?: Record<string, string> } | undefined;

export interface S3Request {
    /** `PUT part`, `POST uploads`, `HEAD object`: as messages of a test name it. */
    readonly route: string;
    readonly bucket: string;
    readonly key: string;
    readonly headers: http.IncomingHttpHeaders;
}

export interface S3Options {
    buckets?: readonly string[];
    /** Served over TLS with these PEM texts. */
    tls?: { key: string; cert: string };
    /** The session token without which the keys are not taken. */
    sessionToken?: string;
    /** As older services: what a request says of its body is not looked at. */
    trusting?: boolean;
}

/**
 * A real S3 server, s3rver, behind a front with what it leaves out: signatures of version 4, the list of unfinished
 * uploads, their end, the refusal of parts that belong to none, and `If-Match`.
 */
export class S3Server {
    readonly requests: S3Request[] = [];
    /** Sees every request before it reaches the server, and every answer before it is given. */
    tap?: (side: "before" | "after", request: S3Request) => S3Interference;
    /** Changes a body on its way. */
    damage?: (request: S3Request, body: Buffer) => Buffer;

    private constructor(
        private readonly options: S3Options,
        private readonly folder: string,
        private readonly inner: S3rver,
        private readonly innerPort: number,
        private readonly front: http.Server,
    ) {}

    static async start(options: S3Options = {}): Promise<S3Server> {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-s3-"));
        const { buckets = ["images"], tls } = options;
        const inner = new S3rver({
            ...{ address: "127.0.0.1", port: 0, silent: true, directory: folder },
            configureBuckets: buckets.map((name) => ({ name, configs: [] })),
        });
        const { port } = await inner.run();
        const front = tls ? https.createServer(tls) : http.createServer();
        const server = new S3Server(options, folder, inner, port, front);
        front.on("request", (request, response) => {
            void server.serve(request, response).catch(() => response.destroy());
        });
        await listen(front);
        return server;
    }

    get endpoint(): string {
        const { port } = this.front.address() as AddressInfo;
        return `${this.options.tls ? "https" : "http"}://127.0.0.1:${port}`;
    }

    /** Keys and bytes of a bucket. */
    objects(bucket = "images"): Record<string, Buffer> {
        const root = path.join(this.folder, bucket);
        const suffix = "._S3rver_object";
        const files = fs.readdirSync(root, { recursive: true, encoding: "utf8" });
        return Object.fromEntries(
            files
                .filter((file) => file.endsWith(suffix))
                .map((file) => [file.slice(0, -suffix.length), fs.readFileSync(path.join(root, file))]),
        );
    }

    /** Unfinished uploads: their ids and keys. */
    uploads(bucket = "images"): { id: string; key: string; begun: Date }[] {
        const folder = this.uploadFolder(bucket);
        const ids = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
        return ids.map((id) => {
            const file = path.join(folder, id, "key");
            return { id, key: fs.readFileSync(file, "utf8"), begun: fs.statSync(file).mtime };
        });
    }

    /** Makes an unfinished upload as old as asked. */
    age(id: string, milliseconds: number, bucket = "images"): void {
        const then = new Date(Date.now() - milliseconds);
        fs.utimesSync(path.join(this.uploadFolder(bucket), id, "key"), then, then);
    }

    async close(): Promise<void> {
        await shut(this.front);
        await this.inner.close();
        fs.rmSync(this.folder, { recursive: true, force: true });
    }

    private uploadFolder(bucket: string): string {
        return this.inner.store.getResourcePath(bucket, undefined, "uploads");
    }

    private async serve(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
        const url = new URL(incoming.url ?? "/", "http://s3");
        const [bucket = "", ...rest] = url.pathname.slice(1).split("/").map(decodeURIComponent);
        const request = {
            route: routeOf(incoming, url),
            bucket,
            key: rest.join("/"),
            headers: incoming.headers,
        };
        this.requests.push(request);
        if (this.interfere("before", request, response)) return;
        const sent = await bodyOf(incoming);
        const body = this.damage?.(request, sent) ?? sent;
        const fault = this.faultOf(incoming, url, body);
        const answer =
            fault ??
            this.ownAnswer(request, url) ??
            precondition(incoming, await forward(incoming, body, this.innerPort));
        if (this.interfere("after", request, response)) return;
        give(answer, response, incoming.method);
    }

    /** True when the request is dealt with. */
    private interfere(side: "before" | "after", request: S3Request, response: http.ServerResponse): boolean {
        const wish = this.tap?.(side, request);
        if (wish === undefined) return false;
        if (wish === "drop") response.destroy();
        else {
            const { status, headers, body } = refusal(wish.status, wish.code, "as the test wants it");
            response.writeHead(status, { ...headers, ...wish.headers, connection: "close" }).end(body);
        }
        return true;
    }

    private faultOf(incoming: http.IncomingMessage, url: URL, body: Buffer): FrontAnswer | undefined {
        const secrets = new Map<string, string>([[S3_KEYS.accessKeyId, S3_KEYS.secretAccessKey]]);
        const code = signatureProblem(incoming, url, body, {
            secrets,
            sessionToken: this.options.sessionToken,
            trusting: this.options.trusting === true,
        });
        return code === undefined ? undefined : refusal(code.startsWith("XAmz") ? 400 : 403, code, "refused");
    }

    private ownAnswer({ route, bucket, key }: S3Request, url: URL): FrontAnswer | undefined {
        const id = url.searchParams.get("uploadId");
        const upload =
            id === null ? undefined : this.uploads(bucket).find((one) => one.id === id && one.key === key);
        if (id !== null && !upload)
            return refusal(404, "NoSuchUpload", "The specified upload does not exist.");
        if (route === "DELETE upload" && id !== null) {
            fs.rmSync(path.join(this.uploadFolder(bucket), id), { recursive: true });
            return { status: 204, headers: {}, body: "" };
        }
        if (route !== "GET uploads" || !fs.existsSync(path.join(this.folder, bucket))) return undefined;
        const prefix = url.searchParams.get("prefix") ?? "";
        const found = this.uploads(bucket)
            .filter((one) => one.key.startsWith(prefix))
            .map(
                (one) =>
                    `<Upload><Key>${one.key}</Key><UploadId>${one.id}</UploadId><Initiated>${one.begun.toISOString()}</Initiated></Upload>`,
            );
        const body = `<ListMultipartUploadsResult><Bucket>${bucket}</Bucket><IsTruncated>false</IsTruncated>${found.join("")}</ListMultipartUploadsResult>`;
        return { status: 200, headers: { "content-type": "application/xml" }, body };
    }
}

function refusal(status: number, code: string, message: string): FrontAnswer {
    const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>${crypto.randomUUID()}</RequestId></Error>`;
    return { status, headers: { "content-type": "application/xml" }, body };
}

/** s3rver takes no notice of it. */
function precondition({ headers }: http.IncomingMessage, answer: FrontAnswer): FrontAnswer {
    const wanted = headers["if-match"];
    if (wanted === undefined || answer.headers.etag === wanted) return answer;
    return refusal(
        412,
        "PreconditionFailed",
        "At least one of the preconditions you specified did not hold.",
    );
}

function routeOf({ method = "" }: http.IncomingMessage, url: URL): string {
    const { searchParams, pathname } = url;
    if (searchParams.has("uploads")) return `${method} uploads`;
    if (searchParams.has("partNumber")) return `${method} part`;
    if (searchParams.has("uploadId")) return `${method} upload`;
    return pathname.slice(1).replace(/\/$/, "").includes("/") ? `${method} object` : `${method} bucket`;
}
