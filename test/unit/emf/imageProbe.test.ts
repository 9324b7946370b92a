import * as fs from "node:fs";
import type * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { CertificateAuthority, type Identity } from "../../../lab/certificates";
import { probeImage, type Seen } from "../../../provider/emf/imageProbe";
import { checkServedImage } from "../../../provider/emf/osProfile.served";
import { UNKNOWN } from "../../../provider/resource/unknown";
import { testContext } from "../../support/context";

const SIZE = 1234;

describe("the image of a profile, seen from here", () => {
    let dir: string;
    let server: https.Server;
    let base: string;
    let authority: CertificateAuthority;
    let identity: Identity;
    let certificate: string;
    let ca: string;
    let answer: http.RequestListener;
    let asked: string[];

    before(async () => {
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "probe-"));
        authority = await CertificateAuthority.open(dir);
        identity = await authority.server("images");
        certificate = base64(identity.certificate);
        ca = base64(authority.certificate);
        server = https.createServer(
            { cert: identity.certificate, key: identity.key },
            (request, response) => {
                asked.push(`${request.method ?? ""} ${request.headers.range ?? ""}`.trim());
                answer(request, response);
            },
        );
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        base = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    beforeEach(() => {
        asked = [];
        answer = reply(200, { "content-length": SIZE, "content-type": "application/octet-stream" });
    });
    after(() => {
        server.close();
        fs.rmSync(dir, { recursive: true });
    });

    function probe(pinned: string | undefined = certificate, url = `${base}/u.raw.gz`): Promise<Seen> {
        return probeImage(new URL(url), pinned, new AbortController().signal);
    }

    it("is asked for its head, with the server's own certificate or its CA as all that is trusted", async () => {
        for (const pinned of [certificate, ca]) {
            expect(await probe(pinned)).to.include({ answer: "served", size: SIZE });
        }
        expect(asked).to.deep.equal(["HEAD", "HEAD"]);
    });

    it("is asked for its first byte where a server answers no HEAD", async () => {
        for (const status of [403, 405, 501]) {
            answer = (request, response) => {
                if (request.method === "HEAD") reply(status)(request, response);
                else
                    reply(206, { "content-range": `bytes 0-0/${SIZE}`, "content-length": 1 })(
                        request,
                        response,
                    );
            };
            expect(await probe()).to.include({ answer: "served", size: SIZE });
        }
        expect(asked).to.deep.include("GET bytes=0-0");
    });

    it("is not downloaded where a server takes no ranges", async () => {
        let sent = 0;
        answer = (request, response) => {
            if (request.method === "HEAD") {
                reply(405)(request, response);
                return;
            }
            response.writeHead(200, { "content-length": 1 << 30 });
            const chunk = Buffer.alloc(1 << 16);
            const more = (): void => {
                while (!response.destroyed && response.write(chunk)) sent += chunk.length;
                if (!response.destroyed) response.once("drain", more);
            };
            more();
        };
        expect(await probe()).to.include({ answer: "served", size: 1 << 30 });
        expect(sent).to.be.lessThan(64 << 20);
    });

    it("is followed to another address, over https only and not for ever", async () => {
        answer = (request, response) => {
            const hops = Number(/hop-(\d+)/.exec(request.url ?? "")?.[1] ?? 0);
            if (hops === 3) reply(200, { "content-length": SIZE })(request, response);
            else reply(302, { location: `/hop-${hops + 1}` })(request, response);
        };
        expect(await probe()).to.include({ answer: "served", size: SIZE });
        answer = reply(302, { location: "http://files.local/u" });
        expect(await probe()).to.deep.equal({ answer: "redirected", to: "http://files.local/u" });
        answer = reply(302, { location: "/again" });
        expect(await probe()).to.include({ answer: "redirected" });
    });

    it("is not trusted under another certificate, nor under another name", async () => {
        const url = new URL(`${base}/u.raw.gz`);
        const { signal } = new AbortController();
        expect(await probeImage(url, undefined, signal)).to.include({ answer: "untrusted" });
        const stranger = await CertificateAuthority.open(path.join(dir, "stranger"));
        expect(await probe(base64(stranger.certificate))).to.include({ answer: "untrusted" });
        const elsewhere = await authority.issue({ names: ["images.example.com"] });
        server.setSecureContext({ cert: elsewhere.certificate, key: elsewhere.key });
        try {
            for (const pinned of [base64(elsewhere.certificate), ca]) {
                const seen = await probe(pinned);
                expect(seen.answer === "untrusted" && seen.reason).to.match(/ALTNAME|is not for 127.0.0.1/);
            }
        } finally {
            server.setSecureContext({ cert: identity.certificate, key: identity.key });
        }
    });

    const FINDINGS: [what: string, listener: http.RequestListener, says: RegExp][] = [
        [
            "is not there",
            reply(404),
            /is answered with HTTP 404: publish it there first.*seen from here only/,
        ],
        ["needs a login", reply(403), /is answered with HTTP 403/],
        [
            "is a page",
            reply(200, { "content-type": "text/html; charset=utf-8" }),
            /a page \(text\/html; charset=utf-8\)/,
        ],
        [
            "has another size",
            reply(200, { "content-length": 99 }),
            /has 99 bytes there, but the image has 1234/,
        ],
    ];
    const inputs = { imageSizeBytes: SIZE, tlsCaCert: undefined } as never;

    for (const [what, listener, says] of FINDINGS) {
        it(`fails a new profile that ${what}, and is only said of one that exists`, async () => {
            answer = listener;
            const imageUrl = `${base}/u.raw.gz`;
            const given = { ...(inputs as object), imageUrl } as never;
            const context = testContext({ client: undefined });
            const problems = await checkServedImage(given, certificate, context, undefined);
            expect(problems.map(({ message }) => message).join()).to.match(says);
            expect(await checkServedImage(given, certificate, context, { imageUrl })).to.be.empty;
            expect(context.messages.warn.join()).to.match(says);
        });
    }

    it("is not expected in the preview of the run that publishes it", async () => {
        answer = reply(404);
        const given = { ...(inputs as object), imageUrl: `${base}/u.raw.gz` } as never;
        const context = testContext({ client: undefined, preview: true });
        expect(await checkServedImage(given, certificate, context, undefined)).to.be.empty;
        expect(context.messages.warn).to.be.empty;
        const alone = { imageUrl: `${base}/u.raw.gz` } as never;
        expect(await checkServedImage(alone, certificate, context, undefined)).to.have.lengthOf(1);
    });

    it("is a warning where its server is in trouble, or this machine cannot tell", async () => {
        const context = testContext({ client: undefined });
        const given = { imageUrl: `${base}/u.raw.gz` } as never;
        answer = reply(503);
        expect(await checkServedImage(given, certificate, context, undefined)).to.be.empty;
        const nobody = { imageUrl: "https://127.0.0.1:1/u.raw.gz" } as never;
        expect(await checkServedImage(nobody, undefined, context, undefined)).to.be.empty;
        expect(await checkServedImage(given, undefined, context, undefined)).to.be.empty;
        const [busy, unreachable, untrusted] = context.messages.warn;
        expect(busy).to.contain("HTTP 503");
        expect(unreachable).to.contain("cannot be reached").and.contain("ECONNREFUSED");
        expect(untrusted).to.contain("would not trust with this certificate");
    });

    it("is not looked for where URL or certificate are not known, or the release service has it", async () => {
        const context = testContext({ client: undefined });
        const unknown = { imageUrl: UNKNOWN } as never;
        const relative = { imageUrl: "files-edge-orch/repository/u.raw.gz" } as never;
        expect(await checkServedImage(unknown, certificate, context, undefined)).to.be.empty;
        expect(await checkServedImage(relative, certificate, context, undefined)).to.be.empty;
        expect(await checkServedImage({ imageUrl: `${base}/u` } as never, UNKNOWN, context, undefined)).to.be
            .empty;
        expect(asked).to.be.empty;
    });
});

function reply(status: number, headers: http.OutgoingHttpHeaders = {}): http.RequestListener {
    return (_request, response) => response.writeHead(status, headers).end();
}

function base64(pem: string): string {
    return Buffer.from(pem).toString("base64");
}
