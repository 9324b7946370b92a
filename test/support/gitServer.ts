import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as https from "node:https";
import type * as http from "node:http";
import * as os from "node:os";
import * as path from "node:path";
import { CertificateAuthority } from "../../lab/certificates";
import { bodyOf, listen, shut } from "./front";

export const GIT_LOGIN = { username: "edge", password: "git-secret-token" } as const;

/** Git's own server behind HTTPS with an own CA, which asks for a login; it also answers as `git.test`. */
export class GitServer {
    readonly requests: { host: string; authorization: string | undefined }[] = [];
    /** Where requests of a path that begins with `/moved` are sent on to. */
    movedTo = "";

    private constructor(
        private readonly server: https.Server,
        readonly port: number,
        readonly caFile: string,
        private readonly folder: string,
    ) {}

    /** Serves the repositories in a folder. */
    static async start(root: string): Promise<GitServer> {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-git-server-"));
        const authority = await CertificateAuthority.open(folder);
        const { certificate, key } = await authority.issue({ names: ["127.0.0.1", "localhost", "git.test"] });
        const caFile = path.join(folder, "authority.pem");
        fs.writeFileSync(caFile, authority.certificate);
        const server = https.createServer({ cert: certificate, key });
        const port = await listen(server);
        const state = new GitServer(server, port, caFile, folder);
        server.on("request", (request: http.IncomingMessage, response: http.ServerResponse) => {
            void state.serve(root, request, response).catch(() => response.destroy());
        });
        return state;
    }

    async close(): Promise<void> {
        await shut(this.server);
        fs.rmSync(this.folder, { recursive: true, force: true });
    }

    private async serve(
        root: string,
        request: http.IncomingMessage,
        response: http.ServerResponse,
    ): Promise<void> {
        const { url = "/", method = "GET", headers } = request;
        const { authorization } = headers;
        this.requests.push({ host: headers.host ?? "", authorization });
        if (url.startsWith("/moved/"))
            return void response
                .writeHead(302, { location: this.movedTo + url.slice("/moved".length) })
                .end();
        const { username, password } = GIT_LOGIN;
        const expected = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
        if (authorization !== expected)
            return void response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
        const [at = "", query = ""] = url.split("?", 2);
        const env = {
            ...{
                PATH: process.env.PATH,
                GIT_PROJECT_ROOT: root,
                GIT_HTTP_EXPORT_ALL: "1",
                REMOTE_USER: username,
            },
            ...{ PATH_INFO: at, QUERY_STRING: query, REQUEST_METHOD: method },
            ...{
                CONTENT_TYPE: headers["content-type"] ?? "",
                GIT_PROTOCOL: String(headers["git-protocol"] ?? ""),
            },
            ...(headers["content-encoding"] === undefined
                ? {}
                : { HTTP_CONTENT_ENCODING: headers["content-encoding"] }),
        };
        const child = spawn("git", ["-c", "safe.directory=*", "http-backend"], {
            env,
            stdio: ["pipe", "pipe", "ignore"],
        });
        // It does not read what it has no need of.
        child.stdin.once("error", () => undefined);
        child.stdin.end(await bodyOf(request));
        const chunks: Buffer[] = [];
        for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
        give(Buffer.concat(chunks), response);
    }
}

/** As a program of the Common Gateway Interface answers: lines of headers, an empty one, and the body. */
function give(answer: Buffer, response: http.ServerResponse): void {
    const end = answer.indexOf("\r\n\r\n");
    const lines = answer.toString("latin1", 0, end).split("\r\n");
    let status = 200;
    for (const line of lines) {
        const [name = "", value = ""] = line.split(/: (.*)/s);
        if (name === "Status") status = Number.parseInt(value, 10);
        else response.setHeader(name, value);
    }
    response.writeHead(status).end(answer.subarray(end + 4));
}
