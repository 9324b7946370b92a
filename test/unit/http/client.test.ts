import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { HttpClient, type HttpRequest } from "../../../provider/http/client";
import { NoAnswer } from "../../../provider/http/failure";
import { AdaptiveLimiter } from "../../../provider/http/adaptiveLimiter";
import { Limiter } from "../../../provider/http/limiter";
import { startLab } from "../../../lab";
import { testHost, type TestHost } from "../../support/context";

type Answer = { status: number; headers?: Record<string, string>; body?: string } | "reset" | "silence";

/** A server that answers what it is told, one after the other, and remembers what it was asked. */
class Script {
    readonly requests: { method: string; url: string; headers: http.IncomingHttpHeaders; body: string }[] =
        [];
    private readonly server = http.createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
            const { method = "", url = "", headers } = request;
            this.requests.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
            const answer = this.answers.shift() ?? { status: 200, body: '{"ok":true}' };
            if (answer === "silence") return;
            if (answer === "reset") {
                request.socket.destroy();
                return;
            }
            response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
            response.end(answer.body ?? "{}");
        });
    });

    constructor(private readonly answers: Answer[] = []) {}

    get origin(): string {
        return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    }

    async start(): Promise<this> {
        await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
        return this;
    }

    async stop(): Promise<void> {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
    }
}

describe("the HTTP client", () => {
    const cleanUp: (() => Promise<unknown>)[] = [];
    afterEach(async () => {
        for (const step of cleanUp.splice(0).reverse()) await step();
    });

    async function scripted(
        ...answers: Answer[]
    ): Promise<{ script: Script; client: HttpClient; host: TestHost }> {
        const script = await new Script(answers).start();
        cleanUp.push(() => script.stop());
        const host = testHost();
        return { script, client: clientOf(script.origin, host), host };
    }

    function clientOf(
        baseUrl: string,
        host: TestHost,
        more: { ca?: string; limiter?: AdaptiveLimiter } = {},
    ): HttpClient {
        const client = new HttpClient({
            system: "Test",
            baseUrl,
            env: {},
            clock: host,
            advice: { endpoint: "the endpoint", caFile: "caFile" },
            secrets: () => ["s3cret"],
            ...more,
        });
        cleanUp.push(() => client.close());
        return client;
    }

    async function failure(promise: Promise<unknown>): Promise<Error> {
        try {
            await promise;
        } catch (error) {
            return error as Error;
        }
        throw new Error("did not fail");
    }

    const get: HttpRequest = { method: "GET", path: "/things" };
    const post: HttpRequest = { method: "POST", path: "/things", body: { a: 1 } };

    for (const answer of ["reset", { status: 502 }, { status: 503 }, { status: 504 }] as const) {
        const name = typeof answer === "string" ? answer : `HTTP ${answer.status}`;

        it(`repeats a GET after ${name}`, async () => {
            const { script, client } = await scripted(answer, answer);
            expect((await client.send(get)).json).to.deep.equal({ ok: true });
            expect(script.requests).to.have.lengthOf(3);
        });

        it(`does not repeat a POST after ${name}: it may have been done`, async () => {
            const { script, client } = await scripted(answer);
            const outcome = await client.send(post).catch((error: unknown) => error);
            if (answer === "reset")
                expect(outcome).to.be.instanceOf(NoAnswer).and.include({ neverSent: false });
            else expect(outcome).to.include({ status: answer.status });
            expect(script.requests).to.have.lengthOf(1);
        });
    }

    it("repeats even a POST after 429, which says that nothing was done", async () => {
        const { script, client } = await scripted({ status: 429, body: "null" });
        expect((await client.send(post)).status).to.equal(200);
        expect(script.requests.map(({ body }) => body)).to.deep.equal(['{"a":1}', '{"a":1}']);
    });

    it("waits as long as Retry-After asks, in seconds or as a date", async () => {
        const { client, host } = await scripted(
            { status: 429, headers: { "retry-after": "7" } },
            { status: 503, headers: { "retry-after": new Date(Date.now() + 60_000).toUTCString() } },
        );
        await client.send(get);
        expect(host.sleeps[0]).to.equal(7000);
        expect(host.sleeps[1]).to.be.within(45_000, 60_000);
    });

    it("backs off longer each time, and gives up in the end", async () => {
        const { script, client, host } = await scripted(...Array<Answer>(9).fill({ status: 503 }));
        expect((await client.send(get)).status).to.equal(503);
        expect(script.requests).to.have.lengthOf(5);
        expect(host.sleeps).to.have.lengthOf(4);
        for (const [i, wait] of host.sleeps.entries()) expect(wait).to.be.within(125 * 2 ** i, 250 * 2 ** i);
    });

    it("says where nothing answers, and that nothing was sent", async () => {
        const { script, host } = await scripted();
        const { origin } = script;
        await script.stop();
        const error = await failure(clientOf(origin, host).send(post));
        expect(error).to.be.instanceOf(NoAnswer).and.include({ neverSent: true });
        expect(error.message).to.match(
            /^Test: POST \/things: nothing answers at 127\.0\.0\.1:\d+: .* the endpoint right\?/,
        );
        expect(host.sleeps).to.have.lengthOf(4);
        cleanUp.splice(0);
    });

    it("shows the path and neither query nor secrets", async () => {
        const { client } = await scripted("reset");
        const error = await failure(
            client.send({
                ...post,
                path: "/a/s3cret/b",
                query: { token: "hidden" },
                authorization: "Bearer s3cret",
            }),
        );
        expect(error.message)
            .to.contain("POST /a/[secret]/b")
            .and.not.contain("hidden")
            .and.not.contain("s3cret");
    });

    it("follows no redirect unasked", async () => {
        const { script, client } = await scripted({ status: 302, headers: { location: "/other" } });
        expect((await client.send(get)).status).to.equal(302);
        expect(script.requests).to.have.lengthOf(1);
    });

    it("leaves the Authorization behind when a redirect leads elsewhere", async () => {
        const elsewhere = await scripted();
        const { script, client } = await scripted(
            { status: 302, headers: { location: "/here" } },
            { status: 302, headers: { location: `${elsewhere.script.origin}/there` } },
        );
        await client.send({ ...get, redirects: 3, authorization: "Bearer s3cret" });
        expect(script.requests.map(({ headers }) => headers.authorization)).to.deep.equal([
            "Bearer s3cret",
            "Bearer s3cret",
        ]);
        expect(elsewhere.script.requests[0]?.headers.authorization).to.equal(undefined);
    });

    it("limits the time of an attempt, and ends at once when cancelled", async () => {
        const { client } = await scripted("silence", "silence");
        const late = await failure(client.send({ ...post, timeLimit: 50 }));
        expect(late.message).to.contain("no answer").and.contain("within 0.05 s");
        const controller = new AbortController();
        const cancelled = failure(client.send({ ...get, signal: controller.signal }));
        controller.abort(new Error("cancelled"));
        expect((await cancelled).message).to.equal("cancelled");
    });

    it("never has more requests under way than its bound", async () => {
        let running = 0;
        let most = 0;
        const release: (() => void)[] = [];
        const server = http.createServer((_, response) => {
            most = Math.max(most, ++running);
            release.push(() => {
                running--;
                response.end("{}");
            });
            if (release.length >= 3) for (const answer of release.splice(0)) answer();
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        cleanUp.push(() => new Promise((resolve) => server.close(resolve)));
        const { port } = server.address() as AddressInfo;
        const client = clientOf(`http://127.0.0.1:${port}`, testHost(), {
            limiter: new AdaptiveLimiter(undefined, 3, 3),
        });
        await Promise.all(Array.from({ length: 12 }, () => client.send(get)));
        expect(most).to.equal(3);
    });

    it("names caFile when the CA is not known, and works with it", async () => {
        await using lab = await startLab({ emf: false });
        const host = testHost();
        const error = await failure(clientOf(lab.images.baseUrl, host).send(get));
        expect(error.message).to.contain("name the PEM file of its CA as caFile");
        expect(host.sleeps, "a wrong CA stays wrong").to.be.empty;
        expect((await clientOf(lab.images.baseUrl, host, { ca: lab.ca }).send(get)).status).to.equal(404);
        await Promise.all(cleanUp.splice(0).map((step) => step()));
    });

    it("says when a port does not speak TLS", async () => {
        const { script, host } = await scripted();
        const error = await failure(clientOf(script.origin.replace("http:", "https:"), host).send(get));
        expect(error.message).to.contain("does not speak TLS");
    });

    it("goes through the proxy of the environment, but not to this machine", async () => {
        const asked: string[] = [];
        const proxy = http.createServer().on("connect", (request, socket) => {
            asked.push(request.url ?? "");
            socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
        });
        await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
        cleanUp.push(() => new Promise((resolve) => proxy.close(resolve)));
        const env = {
            HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
            NO_PROXY: "b.test",
        };
        const options = {
            system: "Test",
            env,
            clock: testHost(),
            advice: { endpoint: "e", caFile: "c" },
            secrets: () => [],
        };
        for (const baseUrl of ["https://a.test", "https://b.test", "https://127.0.0.1:1"]) {
            const client = new HttpClient({ ...options, baseUrl });
            cleanUp.push(() => client.close());
            await failure(client.send({ ...get, attempts: 1 }));
        }
        expect(asked).to.deep.equal(["a.test:443"]);
    });
});

describe("the bound on requests", () => {
    it("lets go of one that is cancelled while it waits", async () => {
        const limiter = new Limiter(1);
        const gate: { open?: () => void } = {};
        const first = limiter.run(() => new Promise<void>((resolve) => (gate.open = resolve)));
        const controller = new AbortController();
        const second = limiter
            .run(() => Promise.resolve(), controller.signal)
            .catch((error: unknown) => error);
        controller.abort(new Error("cancelled"));
        expect(await second).to.have.property("message", "cancelled");
        const third = limiter.run(() => Promise.resolve("ran"));
        gate.open?.();
        await first;
        expect(await third).to.equal("ran");
    });
});
