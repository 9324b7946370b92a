import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { once } from "node:events";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { CertificateAuthority, type Identity } from "../../../lab/certificates";
import { checkServedImage } from "../../../provider/emf/osProfile.served";
import { probeFromSite, readAnswer } from "../../../provider/emf/siteProbe";
import type { Seen } from "../../../provider/emf/imageProbe";
import { testContext, type TestContext } from "../../support/context";
import { Sshd } from "../../support/sshd";
import { needsTool } from "../../support/tools";

const SIZE = 1234;

describe("the image of a profile, seen from a machine at a site", function () {
    this.timeout(60_000);
    let dir: string;
    let authority: CertificateAuthority;
    let identity: Identity;
    let server: https.Server;
    let site: Sshd;
    let answer: http.RequestListener;
    let asked: string[];

    before(async function () {
        needsTool(this, "sshd");
        needsTool(this, "curl");
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "site-"));
        authority = await CertificateAuthority.open(dir);
        identity = await authority.server("images");
        server = https.createServer(
            { cert: identity.certificate, key: identity.key },
            (request, response) => {
                asked.push(`${request.method ?? ""} ${request.headers.range ?? ""}`.trim());
                answer(request, response);
            },
        );
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        site = await Sshd.start();
    });
    beforeEach(() => {
        asked = [];
        answer = reply(200, { "content-length": SIZE, "content-type": "application/octet-stream" });
    });
    after(async () => {
        const started = { server, site, dir } as Partial<{ server: https.Server; site: Sshd; dir: string }>;
        started.server?.closeAllConnections();
        started.server?.close();
        await started.site?.[Symbol.asyncDispose]();
        if (started.dir !== undefined) fs.rmSync(started.dir, { recursive: true, force: true });
    });

    const url = (): string => `https://127.0.0.1:${(server.address() as net.AddressInfo).port}/it's u.raw.gz`;
    const from = (machine = site): string => `ssh://${machine.user}@127.0.0.1:${machine.port}`;
    const base64 = (pem: string): string => Buffer.from(pem).toString("base64");
    const ca = (): string => base64(authority.certificate);

    function context(
        options: { preview?: boolean; env?: Record<string, string> } = {},
    ): TestContext<undefined> {
        const env = { EDGE_OS_SSH_KEY: site.key.privateKey };
        return testContext({ client: undefined, env, ...options });
    }

    function probe(certificate: string | undefined, machine = site): Promise<Seen> {
        return probeFromSite(new URL(url()), certificate, from(machine), context(), undefined);
    }

    /** The same with each of the tools that a machine may have. */
    for (const tool of ["curl", "wget"] as const) {
        describe(`with ${tool}`, () => {
            let machine: Sshd;
            before(async function () {
                needsTool(this, tool);
                machine = await Sshd.start({ config: [`SetEnv PATH=${onlyWith(tool)} SHLVL=5`] });
                machine.authorize(site.key.publicKey);
            });
            after(async () => {
                await (machine as Sshd | undefined)?.[Symbol.asyncDispose]();
            });

            it("is served with size and kind, under the CA or its server's own certificate", async () => {
                const served = { answer: "served", size: SIZE, contentType: "application/octet-stream" };
                expect(await probe(ca(), machine)).to.deep.equal(served);
                expect(await probe(base64(identity.certificate), machine)).to.deep.equal(served);
                expect(new Set(asked)).to.deep.equal(new Set(["HEAD"]));
            });

            it("is not trusted without its CA", async () => {
                expect(await probe(undefined, machine)).to.include({ answer: "untrusted" });
                const stranger = await CertificateAuthority.open(path.join(dir, "stranger"));
                expect(await probe(base64(stranger.certificate), machine)).to.include({
                    answer: "untrusted",
                });
            });

            it("is asked for its first byte where its server answers no HEAD", async () => {
                answer = (request, response) => {
                    const headers = { "content-range": `bytes 0-0/${SIZE}`, "content-length": 1 };
                    if (request.method === "HEAD") reply(405)(request, response);
                    else response.writeHead(206, headers).end("x");
                };
                expect(await probe(ca(), machine)).to.include({ answer: "served", size: SIZE });
                expect(asked).to.include("GET bytes=0-0");
            });

            it("is refused, redirected to an open address, or behind nothing that answers", async () => {
                answer = reply(404);
                expect(await probe(ca(), machine)).to.deep.equal({ answer: "refused", status: 404 });
                answer = reply(403);
                expect(await probe(ca(), machine)).to.deep.equal({ answer: "refused", status: 403 });
                answer = (request, response) =>
                    request.url === "/there"
                        ? reply(200, { "content-length": SIZE })(request, response)
                        : reply(302, { location: "/there" })(request, response);
                expect(await probe(ca(), machine)).to.include({ answer: "served", size: SIZE });
                answer = reply(302, { location: "http://127.0.0.1:1/u" });
                expect(await probe(ca(), machine)).to.deep.equal({
                    answer: "redirected",
                    to: "http://127.0.0.1:1/u",
                });
                const nobody = new URL("https://127.0.0.1:1/u");
                const seen = await probeFromSite(nobody, undefined, from(machine), context(), undefined);
                expect(seen.answer === "none" && seen.reason).to.match(/refused|connect/i);
            });
        });
    }

    it("goes through the proxy that the machine has", async () => {
        const tunnels: string[] = [];
        const proxy = http.createServer();
        proxy.on("connect", (request: http.IncomingMessage, socket: net.Socket) => {
            tunnels.push(request.url ?? "");
            const { port } = server.address() as net.AddressInfo;
            const there = net.connect(port, "127.0.0.1", () => {
                socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
                there.pipe(socket).pipe(there);
            });
            there.on("error", () => socket.destroy());
            socket.on("error", () => there.destroy());
        });
        proxy.listen(0, "127.0.0.1");
        await once(proxy, "listening");
        const { port } = proxy.address() as net.AddressInfo;
        await using behind = await Sshd.start({
            config: [`SetEnv https_proxy=http://127.0.0.1:${port} SHLVL=5`],
        });
        behind.authorize(site.key.publicKey);
        try {
            expect(await probe(ca(), behind)).to.include({ answer: "served", size: SIZE });
            expect(tunnels).to.have.lengthOf(1);
        } finally {
            proxy.closeAllConnections();
            proxy.close();
        }
    });

    describe("in the check of a profile", () => {
        const inputs = (rest: object = {}): never =>
            ({ imageUrl: url(), tlsCaCert: undefined, probeFrom: from(), ...rest }) as never;

        it("says that it is served there; without such a machine, that it is seen from here only", async () => {
            const run = context({ preview: true });
            expect(await checkServedImage(inputs(), ca(), run, undefined)).to.be.empty;
            expect(run.messages.info).to.deep.equal([`${url()} is served to ${from()}`]);
            const alone = context({ preview: true });
            expect(await checkServedImage(inputs({ probeFrom: undefined }), ca(), alone, undefined)).to.be
                .empty;
            expect(alone.messages.info.join()).to.include(
                "is served (seen from here only: hosts at their sites",
            );
            expect([...run.messages.warn, ...alone.messages.warn]).to.be.empty;
        });

        it("warns of what only the site sees, and believes the site where this machine sees less", async () => {
            // Asked by Node with its own agent's header, and by curl with another.
            const both = answer;
            const isCurl = (request: http.IncomingMessage): boolean =>
                (request.headers["user-agent"] ?? "").startsWith("curl");
            answer = (request, response) => (isCurl(request) ? reply(403) : both)(request, response);
            const refusedThere = context();
            expect(await checkServedImage(inputs(), ca(), refusedThere, undefined)).to.be.empty;
            expect(refusedThere.messages.warn.join()).to.match(
                /is answered with HTTP 403.*\(seen from ssh:.*\)$/,
            );

            answer = (request, response) => (isCurl(request) ? both : reply(403))(request, response);
            const refusedHere = context();
            expect(await checkServedImage(inputs(), ca(), refusedHere, undefined)).to.be.empty;
            expect(refusedHere.messages.warn.join()).to.match(
                /HTTP 403.*\(seen from here, but it is served to ssh:.*\)$/,
            );
        });

        it("says so when the machine cannot be asked, and judges by what is seen from here", async () => {
            const run = context({ env: {} });
            expect(await checkServedImage(inputs(), ca(), run, undefined)).to.be.empty;
            expect(run.messages.warn.join()).to.match(
                /could not be looked at from ssh:.*there is no SSH key/,
            );
            answer = reply(404);
            const refused = context({ env: {} });
            const [problem] = await checkServedImage(inputs(), ca(), refused, undefined);
            expect(problem?.message).to.match(/HTTP 404.*seen from here only/);
        });
    });

    it("needs curl or wget", () => {
        expect(() => readAnswer("none\n== said\n", "ops@gate")).to.throw(
            "ops@gate has neither curl nor wget",
        );
    });

    /** A folder of commands in which only one of the two tools is. */
    function onlyWith(tool: string): string {
        const folder = path.join(dir, `only-${tool}`);
        fs.mkdirSync(folder);
        const places = (process.env.PATH ?? "").split(":");
        for (const name of [tool, "sh", "mktemp", "rm", "cat", "cp", "grep", "head", "echo", "kill"]) {
            const file = places
                .map((place) => path.join(place, name))
                .find((candidate) => fs.existsSync(candidate));
            if (file !== undefined) fs.symlinkSync(file, path.join(folder, name));
        }
        return folder;
    }
});

function reply(status: number, headers: http.OutgoingHttpHeaders = {}): http.RequestListener {
    return (_request, response) => response.writeHead(status, headers).end();
}
