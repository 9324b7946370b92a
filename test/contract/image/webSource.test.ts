import * as crypto from "node:crypto";
import { expect } from "chai";
import { NoAnswer } from "../../../provider/http/failure";
import { UnavailableHere } from "../../../provider/resource/errors";
import { ImageError } from "../../../provider/image/check";
import { readImageSettings } from "../../../provider/image/settings";
import { HashedSource } from "../../../provider/image/source/hashed";
import { readOn, type ReadOnOptions } from "../../../provider/image/source/readOn";
import { type ImageSource, SourceChanged } from "../../../provider/image/source/source";
import { openWebSource } from "../../../provider/image/source/web";
import { WebClient } from "../../../provider/image/source/webClient";
import { testHost, type TestHost } from "../../support/context";
import { type ImageServer, startImageServer, startProxy } from "../../support/imageServer";

const SIZE = 1_500_000;
const IMAGE = crypto.createHash("shake256", { outputLength: SIZE }).update("image").digest();
const DIGEST = crypto.createHash("sha256").update(IMAGE).digest("hex");
const PATH = "/edge/disk.raw.gz";

async function failure(work: Promise<unknown>): Promise<Error> {
    return work.then(
        () => {
            throw new Error("did not fail");
        },
        (error: unknown) => error as Error,
    );
}

describe("an image on a web server", () => {
    let server: ImageServer;
    let url: string;

    beforeEach(async () => {
        server = await startImageServer();
        server.files.set(PATH, { bytes: IMAGE, etag: '"one"' });
        url = `${server.origin}${PATH}`;
    });
    afterEach(() => server.close());

    interface Opened {
        source: ImageSource;
        host: TestHost;
    }

    function clientWith(options: { config?: object; env?: Record<string, string>; trust?: boolean } = {}): {
        client: WebClient;
        host: TestHost;
    } {
        const caFile = options.trust === false ? {} : { caFile: server.caFile };
        const host = testHost({
            config: { "edge-os:image": { ...caFile, ...options.config } },
            env: options.env ?? {},
        });
        return { client: new WebClient(readImageSettings(host), host), host };
    }

    async function open(address = url, options: Parameters<typeof clientWith>[0] = {}): Promise<Opened> {
        const { client, host } = clientWith(options);
        return { source: await openWebSource(address, client), host };
    }

    async function digest({ source, host }: Opened, options: Partial<ReadOnOptions> = {}): Promise<string> {
        const bytes = new HashedSource(readOn(source, { start: 0 }, { clock: host, ...options }));
        await bytes.drain();
        expect(bytes.position).to.equal(SIZE);
        return bytes.sha256();
    }

    it("is opened by its first byte alone", async () => {
        const { source } = await open(`${url}?signature=abc`);
        expect(source).to.include({ fileName: "disk.raw.gz", size: SIZE, takesRanges: true });
        expect(source.name).to.equal(url);
        expect(server.sent).to.equal(1);
    });

    it("has an identity only where its server gives a strong ETag", async () => {
        const { source } = await open();
        expect(source.identity).to.be.a("string");
        server.files.set(PATH, { bytes: IMAGE, etag: '"two"' });
        expect((await open()).source.identity).to.not.equal(source.identity);
        server.files.set(PATH, {
            bytes: IMAGE,
            etag: 'W/"one"',
            lastModified: "Sat, 21 Nov 2026 07:00:00 GMT",
        });
        expect((await open()).source.identity).to.equal(undefined);
    });

    it("is read whole, and in parts", async () => {
        const opened = await open();
        expect(await digest(opened)).to.equal(DIGEST);
        const parts = [];
        for await (const part of opened.source.read({ start: 1000, end: 2000 })) parts.push(part);
        expect(Buffer.concat(parts).equals(IMAGE.subarray(1000, 2000))).to.equal(true);
        expect(server.requests.at(-1)).to.include({ range: "bytes=1000-1999", ifRange: '"one"' });
    });

    it("is read on behind a connection that breaks, wherever it does", async () => {
        for (const at of [0, 1, 65_535, 65_536, 700_001, SIZE - 1]) {
            server.requests.length = 0;
            const opened = await open();
            server.react = (_request, count) => (count === 2 ? { breakAfter: at } : undefined);
            const breaks: number[] = [];
            const found = await digest(opened, { onBreak: (_failure, position) => breaks.push(position) });
            expect(found, `broken at ${at}`).to.equal(DIGEST);
            expect(breaks).to.have.lengthOf(1);
            expect(server.requests.at(-1)).to.include(
                breaks[0] === 0
                    ? { range: undefined }
                    : { range: `bytes=${breaks[0]}-${SIZE - 1}`, ifRange: '"one"' },
            );
        }
    });

    it("is read on for as long as each connection brings something", async () => {
        const opened = await open();
        server.react = () => ({ breakAfter: 100_000 });
        expect(await digest(opened)).to.equal(DIGEST);
        expect(server.requests.length).to.be.greaterThan(SIZE / 100_000);
    });

    it("is given up when connections bring nothing any more", async () => {
        const opened = await open();
        server.react = () => ({ breakAfter: 0 });
        expect(await failure(digest(opened))).to.be.instanceOf(NoAnswer);
        expect(server.requests).to.have.lengthOf(1 + 5);
        expect(opened.host.sleeps).to.have.lengthOf(4);
    });

    it("is read on when a connection stalls", async () => {
        const opened = await open();
        server.react = (_request, count) => (count === 2 ? { stallAfter: 500_000 } : undefined);
        const reasons: string[] = [];
        const found = await digest(opened, {
            stallLimit: 300,
            onBreak: ({ message }) => reasons.push(message),
        });
        expect(found).to.equal(DIGEST);
        expect(reasons).to.deep.equal([`${url} sent nothing for 0.3 s`]);
    });

    it("is refused when it changes in the middle", async () => {
        const other = crypto.randomBytes(SIZE);
        const versions = [
            [{ etag: '"one"' }, { etag: '"two"' }],
            [{ etag: 'W/"one"' }, { etag: 'W/"two"' }],
            [
                { lastModified: "Sat, 21 Nov 2026 07:00:00 GMT" },
                { lastModified: "Sat, 21 Nov 2026 07:00:01 GMT" },
            ],
        ];
        for (const [before, after] of versions) {
            server.react = () => undefined;
            server.files.set(PATH, { bytes: IMAGE, ...before });
            const opened = await open();
            const first = server.requests.length + 1;
            server.react = (_request, count) => {
                if (count === first) return { breakAfter: 200_000 };
                server.files.set(PATH, { bytes: other, ...after });
                return undefined;
            };
            const error = await failure(digest(opened));
            expect(error).to.be.instanceOf(SourceChanged);
            expect(error.message).to.include("was changed while it was read").and.include("is now");
        }
    });

    it("is refused when it becomes shorter in the middle", async () => {
        server.files.set(PATH, { bytes: IMAGE });
        const opened = await open();
        server.react = (_request, count) => {
            if (count === 2) return { breakAfter: 200_000 };
            server.files.set(PATH, { bytes: IMAGE.subarray(0, 100_000) });
            return undefined;
        };
        expect(await failure(digest(opened))).to.be.instanceOf(SourceChanged);
    });

    describe("of a server that takes no ranges", () => {
        beforeEach(() => server.files.set(PATH, { bytes: IMAGE, ranges: false }));

        it("is read anew from its start, and goes on where it broke", async () => {
            const opened = await open();
            expect(opened.source.takesRanges).to.equal(false);
            server.react = (_request, count) => (count < 5 ? { breakAfter: count * 150_000 } : undefined);
            expect(await digest(opened)).to.equal(DIGEST);
            expect(server.requests.slice(1).map(({ range }) => range)).to.deep.equal(
                Array(4).fill(undefined),
            );
        });

        it("is refused when what was read already is not the same the next time", async () => {
            const opened = await open();
            server.react = (_request, count) => {
                if (count === 2) return { breakAfter: 700_000 };
                const changed = Buffer.from(IMAGE);
                changed[3] = (changed[3] ?? 0) ^ 1;
                server.files.set(PATH, { bytes: changed, ranges: false });
                return undefined;
            };
            expect(await failure(digest(opened))).to.be.instanceOf(SourceChanged);
        });

        it("is read when only its end tells its length", async () => {
            server.files.set(PATH, { bytes: IMAGE, ranges: false, contentLength: false });
            const opened = await open();
            expect(opened.source.size).to.equal(undefined);
            server.react = (_request, count) => (count === 2 ? { breakAfter: 700_000 } : undefined);
            expect(await digest(opened)).to.equal(DIGEST);
        });
    });

    it("is waited for as long as a busy server asks", async () => {
        const opened = await open();
        server.react = (_request, count) =>
            count === 2 ? { status: 503, headers: { "retry-after": "7" } } : undefined;
        expect(await digest(opened)).to.equal(DIGEST);
        expect(opened.host.sleeps).to.deep.equal([7000]);
    });

    it("is asked for a few times while it is opened", async () => {
        server.react = (_request, count) => (count < 3 ? { status: 502 } : undefined);
        expect((await open()).source.size).to.equal(SIZE);
        server.react = () => ({ status: 502 });
        const error = await failure(open());
        expect(error).to.be.instanceOf(UnavailableHere);
        expect(error.message).to.include("answers 502");
    });

    it("that is packed on the way is refused: hosts would hash other bytes", async () => {
        server.files.set(PATH, { bytes: IMAGE, contentEncoding: "gzip" });
        expect((await failure(open())).message).to.include("Content-Encoding: gzip");
    });

    it("stops at once when it is cancelled", async () => {
        const opened = await open();
        const cancel = new AbortController();
        server.react = () => ({ stallAfter: 300_000 });
        const reason = new Error("cancelled by the user");
        const bytes = new HashedSource(
            readOn(opened.source, { start: 0 }, { clock: opened.host, signal: cancel.signal }),
            (position) => {
                if (position === 300_000) cancel.abort(reason);
            },
        );
        expect(await failure(bytes.drain())).to.equal(reason);
    });

    describe("and its address", () => {
        it("must be https and hold no login", async () => {
            const plain = await failure(open("http://images.test/a.raw"));
            expect(plain).to.be.instanceOf(ImageError);
            expect(plain.message).to.include("must use https");
            const login = await failure(open("https://joe:tops3cret@images.test/a.raw"));
            expect(login.message).to.include("must not hold a user name").and.not.include("tops3cret");
            expect(server.requests).to.deep.equal([]);
        });

        it("is told to be wrong where there is nothing", async () => {
            const error = await failure(open(`${server.origin}/nothing.raw`));
            expect(error).to.be.instanceOf(ImageError);
            expect(error.message).to.include("is not there").and.include("404");
        });
    });

    describe("behind redirects", () => {
        let other: ImageServer;

        beforeEach(async () => {
            other = await startImageServer();
        });
        afterEach(() => other.close());

        it("is read where they lead, and asked for there again", async () => {
            server.react = ({ path }) =>
                path === "/latest.raw.gz" ? { status: 302, headers: { location: PATH } } : undefined;
            const opened = await open(`${server.origin}/latest.raw.gz`);
            expect(opened.source.fileName).to.equal("latest.raw.gz");
            expect(await digest(opened)).to.equal(DIGEST);
            expect(server.requests.map(({ path }) => path)).to.deep.equal(["/latest.raw.gz", PATH, PATH]);
        });

        it("is asked for anew when the place they led to does not last", async () => {
            server.react = ({ path }, count) => {
                if (path === "/latest.raw.gz") {
                    return { status: 307, headers: { location: `${PATH}?signature=${count}` } };
                }
                return path.endsWith("=1") && count > 2 ? { status: 403 } : undefined;
            };
            const opened = await open(`${server.origin}/latest.raw.gz`);
            expect(await digest(opened)).to.equal(DIGEST);
            expect(server.requests.map(({ path }) => path)).to.deep.equal([
                "/latest.raw.gz",
                `${PATH}?signature=1`,
                `${PATH}?signature=1`,
                "/latest.raw.gz",
                `${PATH}?signature=4`,
            ]);
        });

        it("shows its login to no other server", async () => {
            other.files.set(PATH, { bytes: IMAGE, etag: '"one"' });
            server.react = () => ({ status: 302, headers: { location: `${other.origin}${PATH}` } });
            const both = `${server.caFile}.both`;
            const { readFileSync, writeFileSync } = await import("node:fs");
            writeFileSync(both, readFileSync(server.caFile, "utf8") + readFileSync(other.caFile, "utf8"));
            const origins = { [server.origin]: { token: "tops3cret" }, [other.origin]: { token: "another" } };
            const opened = await open(url, { config: { caFile: both, origins } });
            expect(await digest(opened)).to.equal(DIGEST);
            expect(server.requests.map(({ authorization }) => authorization)).to.deep.equal([
                "Bearer tops3cret",
            ]);
            expect(other.requests).to.have.lengthOf(2);
            expect(other.requests.map(({ authorization }) => authorization)).to.deep.equal([
                undefined,
                undefined,
            ]);
        });

        it("is refused when they lead to plain http", async () => {
            server.react = () => ({ status: 302, headers: { location: "http://images.test/a.raw" } });
            expect((await failure(open())).message).to.include("redirected to plain http, at images.test");
        });

        it("is refused when they lead round and round", async () => {
            server.react = () => ({ status: 301, headers: { location: PATH } });
            expect((await failure(open())).message).to.include("redirected more than 5 times");
            expect(server.requests).to.have.lengthOf(6);
        });
    });

    describe("that wants a login", () => {
        const right = `Basic ${Buffer.from("joe:tops3cret").toString("base64")}`;

        beforeEach(() => {
            server.react = ({ authorization }) => (authorization === right ? undefined : { status: 401 });
        });

        it("gets the one of its origin, from configuration and environment", async () => {
            const origins = { [server.origin]: { username: "joe", password: "tops3cret" } };
            expect((await open(url, { config: { origins } })).source.size).to.equal(SIZE);
            const prefix = `EDGE_OS_IMAGE_127_0_0_1_${server.port}`;
            const split = { [server.origin]: { username: "joe" } };
            const env = { [`${prefix}_PASSWORD`]: "tops3cret" };
            expect((await open(url, { config: { origins: split }, env })).source.size).to.equal(SIZE);
        });

        it("is only missing here when there is none, and says where to set it", async () => {
            const error = await failure(open());
            expect(error).to.be.instanceOf(UnavailableHere);
            expect(error.message)
                .to.include("wants a login (401)")
                .and.include(`edge-os:image.origins["${server.origin}"]`)
                .and.include(`EDGE_OS_IMAGE_127_0_0_1_${server.port}_TOKEN`);
        });

        it("is a failure when the one that is set is wrong, which no text shows", async () => {
            const origins = { [server.origin]: { username: "joe", password: "wr0ng-one" } };
            const error = await failure(open(url, { config: { origins } }));
            expect(error).to.be.instanceOf(ImageError);
            expect(error.message).to.include("refuses the login that is set").and.not.include("wr0ng-one");
        });

        it("never gets that of another origin", async () => {
            const origins = { "https://localhost": { token: "t0ken" } };
            await failure(open(url, { config: { origins } }));
            expect(server.requests.map(({ authorization }) => authorization)).to.deep.equal([undefined]);
        });
    });

    describe("with a certificate", () => {
        it("of an unknown CA says how to trust it", async () => {
            const error = await failure(open(url, { trust: false }));
            expect(error).to.be.instanceOf(UnavailableHere);
            expect(error.message).to.include("edge-os:image.caFile or EDGE_OS_IMAGE_CA_FILE");
            expect(server.requests).to.deep.equal([]);
        });

        it("of a CA that the environment names is trusted", async () => {
            const env = { EDGE_OS_IMAGE_CA_FILE: server.caFile };
            expect((await open(url, { trust: false, env })).source.size).to.equal(SIZE);
        });

        it("for another name says so", async () => {
            const elsewhere = await startImageServer(["images.test"]);
            try {
                const error = await failure(
                    open(`${elsewhere.origin}${PATH}`, { config: { caFile: elsewhere.caFile } }),
                );
                expect(error.message).to.include("is not for 127.0.0.1");
            } finally {
                await elsewhere.close();
            }
        });
    });

    it("is reached through the proxy of the environment", async () => {
        const proxy = await startProxy();
        try {
            const address = `https://images.test:${server.port}${PATH}`;
            const opened = await open(address, { env: { https_proxy: proxy.url } });
            expect(await digest(opened)).to.equal(DIGEST);
            expect(proxy.targets).to.include(`images.test:${server.port}`);
        } finally {
            await proxy.close();
        }
    });
});
