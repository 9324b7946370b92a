import { expect } from "chai";
import { once } from "node:events";
import * as fs from "node:fs";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { CertificateAuthority } from "../../../lab/certificates";
import { KubernetesClient } from "../../../provider/kubernetes/client";
import { testHost } from "../../support/context";
import { failure } from "../../support/failure";

const SECRET = "s3cret-token-of-the-cluster";

/** A server that lets nobody in without the token or a certificate of its own CA, and tells who came. */
describe("the Kubernetes client", () => {
    let dir: string;
    let server: https.Server;
    let origin: string;
    let authority: CertificateAuthority;
    let client: { certificate: string; key: string };
    let seen: { url: string; authorization: string | undefined; certificate: boolean; serverName: unknown }[];

    before(async () => {
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "kubeconfig-"));
        authority = await CertificateAuthority.open(path.join(dir, "ca"));
        const identity = await authority.issue({ names: ["kubernetes.example.com"] });
        client = await authority.issue({ names: ["admin"] });
        const trust = { requestCert: true, rejectUnauthorized: false, ca: authority.certificate };
        server = https.createServer(
            { cert: identity.certificate, key: identity.key, ...trust },
            (request, response) => {
                const socket = request.socket as unknown as {
                    getPeerCertificate(): object;
                    servername?: unknown;
                };
                const { authorization } = request.headers;
                const certificate = Object.keys(socket.getPeerCertificate()).length > 0;
                seen.push({
                    url: request.url ?? "",
                    authorization,
                    certificate,
                    serverName: socket.servername,
                });
                const isIn = authorization === `Bearer ${SECRET}` || certificate;
                response.writeHead(isIn ? 200 : 403, { "content-type": "application/json" });
                response.end(
                    JSON.stringify(isIn ? { items: [] } : { message: `no to ${authorization ?? "nobody"}` }),
                );
            },
        );
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
        write("ca.pem", authority.certificate);
    });
    beforeEach(() => {
        seen = [];
    });
    after(() => {
        server.close();
        fs.rmSync(dir, { recursive: true, force: true });
    });

    function write(name: string, content: string, mode = 0o600): string {
        const file = path.join(dir, name);
        fs.writeFileSync(file, content, { mode });
        return file;
    }

    function kubeconfig(user: object, cluster: object = {}): string {
        const target = {
            server: origin,
            "certificate-authority": "ca.pem",
            "tls-server-name": "kubernetes.example.com",
        };
        return write(
            "config",
            JSON.stringify({
                "current-context": "now",
                contexts: [
                    { name: "other", context: { cluster: "gone", user: "gone" } },
                    { name: "now", context: { cluster: "c", user: "u" } },
                ],
                clusters: [{ name: "c", cluster: { ...target, ...cluster } }],
                users: [{ name: "u", user }],
            }),
        );
    }

    async function pods(file: string, env: Record<string, string> = {}): Promise<unknown> {
        const options = { where: "edge-os:ims.kubeconfig", env, clock: testHost() };
        const kubernetes = await KubernetesClient.open(file, options);
        try {
            return await kubernetes.podsOfJob("ims", "cray-ims-1-create");
        } finally {
            await kubernetes.close();
        }
    }

    it("logs in with a token, to the server that the file names, and asks for the pods of one job", async () => {
        expect(await pods(kubeconfig({ token: SECRET }))).to.deep.equal([]);
        expect(seen).to.deep.equal([
            {
                url: "/api/v1/namespaces/ims/pods?labelSelector=job-name%3Dcray-ims-1-create",
                ...{ authorization: `Bearer ${SECRET}`, certificate: false },
                serverName: "kubernetes.example.com",
            },
        ]);
    });

    it("logs in with a token that is in a file beside it", async () => {
        write("token", `${SECRET}\n`);
        expect(await pods(kubeconfig({ tokenFile: "token" }))).to.deep.equal([]);
    });

    it("logs in with a client certificate, in the file or beside it", async () => {
        const base64 = (text: string): string => Buffer.from(text).toString("base64");
        const { certificate, key } = client;
        const inside = { "client-certificate-data": base64(certificate), "client-key-data": base64(key) };
        const data = {
            "certificate-authority": undefined,
            "certificate-authority-data": base64(authority.certificate),
        };
        expect(await pods(kubeconfig(inside, data))).to.deep.equal([]);
        write("admin.pem", certificate);
        write("admin.key", key);
        expect(
            await pods(kubeconfig({ "client-certificate": "admin.pem", "client-key": "admin.key" })),
        ).to.deep.equal([]);
        for (const one of seen) expect(one).to.include({ certificate: true, authorization: undefined });
    });

    it("logs in with a credential plugin, which gets nothing of this process but where to look", async () => {
        const script = `#!/bin/sh
env > ${path.join(dir, "told")}
echo '{"kind":"ExecCredential","status":{"token":"'$1'"}}'
`;
        write("plugin", script, 0o700);
        const exec = {
            ...{ apiVersion: "client.authentication.k8s.io/v1", command: "./plugin", args: [SECRET] },
            ...{ env: [{ name: "REGION", value: "north" }], provideClusterInfo: true },
        };
        const env = { HOME: "/home/ops", EDGE_OS_IMS_PASSWORD: "not for children" };
        expect(await pods(kubeconfig({ exec }), env)).to.deep.equal([]);
        const told = fs.readFileSync(path.join(dir, "told"), "utf8");
        expect(told)
            .to.include("REGION=north")
            .and.include("HOME=/home/ops")
            .and.include('"interactive":false');
        expect(told).to.include(`"server":"${origin}"`).and.not.include("not for children");
    });

    it("says what a plugin does wrong, and nothing of what it printed", async () => {
        const exec = (command: string, args: string[] = []): object => ({
            exec: { apiVersion: "client.authentication.k8s.io/v1", command, args },
        });
        const cases: [object, string][] = [
            [exec("no-such-plugin"), "the credential plugin no-such-plugin failed (it is not there)"],
            [exec("false"), "the credential plugin false failed (exit code 1)"],
            [exec("echo", [SECRET]), "the credential plugin echo has printed no ExecCredential"],
        ];
        for (const [user, told] of cases) expect(await failure(pods(kubeconfig(user)))).to.equal(told);
    });

    it("shows why the cluster refuses, without the token", async () => {
        const message = await failure(pods(kubeconfig({ token: `wrong-${SECRET}` })));
        expect(message).to.include("HTTP 403").and.include("no to Bearer").and.not.include(SECRET);
    });

    it("does not speak to a server of another name or another CA, whatever the file allows", async () => {
        const token = { token: SECRET };
        const skipped = { "insecure-skip-tls-verify": true, "certificate-authority": undefined };
        expect(await failure(pods(kubeconfig(token, skipped)))).to.include(
            "certificate-authority in edge-os:ims",
        );
        expect(await failure(pods(kubeconfig(token, { "tls-server-name": "other.example.com" })))).to.include(
            "certificate of the server is not for",
        );
        expect(seen).to.deep.equal([]);
    });

    it("says what a file lacks, and quotes nothing of it", async () => {
        await says(path.join(dir, "gone"), "gone cannot be read");
        await says(write("broken", `a: [${SECRET}`), "it is no YAML");
        await says(write("empty", "{}"), "current-context is missing");
        await says(kubeconfig({}), "user u has neither a token nor");
        await says(
            kubeconfig({ token: SECRET }, { server: "http://a" }),
            "cluster c: server is missing or not",
        );
        const context = fs
            .readFileSync(kubeconfig({ token: SECRET }), "utf8")
            .replace('"u","user"', '"v","user"');
        await says(write("renamed", context), 'it has no user named "u"');
    });

    async function says(file: string, told: string): Promise<void> {
        expect(await failure(pods(file)))
            .to.include(told)
            .and.not.include(SECRET);
    }
});
