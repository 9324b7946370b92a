import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as zlib from "node:zlib";
import { expect } from "chai";
import { diskImage } from "../../../provider/image/diskImage.handler";
import { imageSystem } from "../../../provider/image/library";
import { checkInputs } from "../../../provider/resource/check";
import { UNKNOWN } from "../../../provider/resource/unknown";
import { UnavailableHere } from "../../../provider/resource/errors";
import { testContext, type TestContext, testHost } from "../../support/context";
import { type ImageServer, startImageServer } from "../../support/imageServer";
import { goodImage, MIB, temporaryFolder } from "../../unit/image/fixtures";

const sha256 = (bytes: Buffer): string => crypto.createHash("sha256").update(bytes).digest("hex");

type Library = ReturnType<typeof imageSystem.connect>;

/** A `DiskImage` whose source is on a web server, from its check to its publication. */
describe("a DiskImage from a web server", () => {
    const folder = temporaryFolder();
    let server: ImageServer;
    let good: Buffer;
    let count = 0;

    before(async () => {
        good = await goodImage();
    });
    beforeEach(async () => {
        server = await startImageServer();
    });
    afterEach(() => server.close());

    /** A run on a machine of its own, unless it shares the cache of an earlier one. */
    function run(options: { preview?: boolean; cache?: string } = {}): TestContext<Library> {
        const cache = options.cache ?? folder.path(`cache-${count++}`);
        const host = testHost({
            projectDir: folder.path(),
            config: { "edge-os:image": { caFile: server.caFile, cacheDirectory: cache } },
        });
        return testContext({
            client: imageSystem.connect({}, host),
            kind: "image.DiskImage",
            projectDir: folder.path(),
            preview: options.preview ?? true,
        });
    }

    function serve(path: string, bytes: Buffer, options: { etag?: string; ranges?: boolean } = {}): string {
        server.files.set(path, { bytes, etag: `"${sha256(bytes).slice(0, 8)}"`, ...options });
        return `${server.origin}${path}`;
    }

    const publish = { directory: "out", baseUrl: "https://images.example.com" };

    async function check(
        source: string,
        context = run(),
        { expect: expected, olds }: { expect?: object; olds?: Record<string, unknown> } = {},
    ): Promise<Awaited<ReturnType<typeof checkInputs>>> {
        server.sent = 0;
        return checkInputs(
            diskImage,
            { source, publish, ...(expected ? { expect: expected } : {}) },
            olds,
            context,
        );
    }

    it("whose digest stands in a checksum file beside it is held to that", async () => {
        const url = serve("/edge/ubuntu.raw", good);
        const sums = `${"0".repeat(64)} *other.raw\r\n${sha256(good)} *ubuntu.raw\r\n`;
        const checksums = serve("/edge/SHA256SUMS", Buffer.from(sums));
        const { inputs, problems } = await check(url, run(), { expect: { sha256: checksums } });
        expect(problems).to.deep.equal([]);
        expect(inputs).to.include({
            sha256: sha256(good),
            sizeBytes: good.length,
            virtualSizeBytes: good.length,
            format: "raw",
        });
        expect(inputs.url).to.match(/^https:\/\/images\.example\.com\/ubuntu-[0-9a-f]{16}\.raw$/);
        expect(server.sent)
            .to.be.lessThan(8 * MIB)
            .and.lessThan(good.length / 4);

        const missing = serve("/edge/OTHER", Buffer.from(`${"0".repeat(64)}  other.raw\n`));
        const refused = await check(url, run(), { expect: { sha256: missing } });
        expect(refused.problems).to.have.lengthOf(1);
        expect(refused.problems[0]).to.deep.include({ path: ["expect", "sha256"] });
        expect(refused.problems[0]?.message).to.include(
            `${server.origin}/edge/OTHER has no line for ubuntu.raw`,
        );
    });

    it("whose digest is not known is read whole, once", async () => {
        const url = serve("/ubuntu.raw", good);
        const cache = folder.path(`cache-${count++}`);
        const context = run({ cache });
        const first = await check(url, context);
        expect(context.messages.progress.at(-1)).to.match(/^verifying 100 % of \d+(\.\d)? MiB/);
        expect(first.problems).to.deep.equal([]);
        expect(first.inputs.sha256).to.equal(sha256(good));
        expect(server.sent)
            .to.be.greaterThan(good.length)
            .and.lessThan(good.length + 8 * MIB);

        const second = await check(url, run({ cache }));
        expect(second.inputs).to.deep.equal(first.inputs);
        expect(server.sent).to.equal(1);
    });

    it("without a version is read once for all rows of a run", async () => {
        const url = serve("/ubuntu.raw", good, { etag: undefined });
        const context = run();
        const both = await Promise.all([check(url, context), check(url, context), check(url, context)]);
        expect(both.map(({ inputs }) => inputs.sha256)).to.deep.equal(Array(3).fill(sha256(good)));
        expect(server.sent).to.be.lessThan(2 * good.length);
    });

    it("that is packed and whose digest is known is read once, whatever its server tells of versions", async () => {
        const bytes = zlib.gzipSync(good, { level: 1 });
        const url = serve("/u.raw.gz", bytes, { etag: undefined });
        const cache = folder.path(`cache-${count++}`);
        const expected = { sha256: sha256(bytes) };
        const first = await check(url, run({ cache }), { expect: expected });
        expect(first.problems).to.deep.equal([]);
        expect(server.sent).to.be.greaterThan(bytes.length);
        const second = await check(url, run({ cache }), { expect: expected });
        expect(second.inputs).to.deep.equal(first.inputs);
        expect(server.sent).to.equal(1);

        // What was not as expected is looked at again.
        const other = Buffer.from(bytes);
        other.writeUInt8(other.readUInt8(9) ^ 0xff, 9);
        const wrong = { sha256: sha256(other) };
        expect((await check(url, run({ cache }), { expect: wrong })).problems).to.have.lengthOf(1);
        serve("/u.raw.gz", other, { etag: undefined });
        expect((await check(url, run({ cache }), { expect: wrong })).problems).to.deep.equal([]);
    });

    it("with another digest than expected is refused", async () => {
        const bytes = zlib.gzipSync(good, { level: 1 });
        const { problems } = await check(serve("/u.raw.gz", bytes), run(), {
            expect: { sha256: "0".repeat(64) },
        });
        expect(problems.map(({ path }) => path)).to.deep.equal([["expect", "sha256"]]);
    });

    describe("is published", () => {
        async function created(
            context: TestContext<Library>,
            inputs: Record<string, unknown>,
        ): Promise<void> {
            await diskImage.create(inputs as Parameters<typeof diskImage.create>[0], context);
        }

        it("with exactly the bytes of the plan, over a connection that breaks", async () => {
            const url = serve("/ubuntu.raw", good);
            const context = run({ preview: false });
            const { inputs } = await check(url, context, { expect: { sha256: sha256(good) } });
            const requests = server.requests.length;
            server.react = (_request, nth) =>
                nth === requests + 2 ? { breakAfter: good.length >> 1 } : undefined;
            await created(context, inputs);
            const file = folder.path("out", String(inputs.fileName));
            expect(sha256(fs.readFileSync(file))).to.equal(sha256(good));
        });

        it("not at all when the server has other bytes than planned", async () => {
            const other = Buffer.from(good);
            other[good.length - 40 * MIB] = 0xee;
            const url = serve("/other.raw", other, { etag: '"same"' });
            const planned = sha256(Buffer.concat([good, Buffer.from("x")]));
            const context = run({ preview: false });
            const { inputs, problems } = await check(url, context, { expect: { sha256: planned } });
            expect(problems).to.deep.equal([]);
            const error = await created(context, inputs).then(
                () => undefined,
                (reason: unknown) => reason as Error,
            );
            expect(error?.message).to.include("nothing is published");
            expect(fs.existsSync(folder.path("out", String(inputs.fileName)))).to.equal(false);
        });
    });

    describe("that does not answer", () => {
        it("is a warning in a preview, with the values of the last run", async () => {
            const url = serve("/ubuntu.raw", good);
            const olds = { sha256: sha256(good), fileName: "ubuntu-0123.raw", sizeBytes: 17 };
            server.react = () => ({ status: 503 });
            const context = run();
            const { inputs, problems } = await check(url, context, { olds });
            expect(problems).to.deep.equal([]);
            expect(inputs).to.include({ ...olds, url: "https://images.example.com/ubuntu-0123.raw" });
            expect(inputs.format).to.equal(UNKNOWN);
            expect(context.messages.warn).to.deep.equal([
                `${url} answers 503: its server is busy or out of order, try again later`,
            ]);
        });

        it("fails an update", async () => {
            const url = serve("/ubuntu.raw", good);
            server.react = () => ({ status: 503 });
            const error = await check(url, run({ preview: false })).then(
                () => undefined,
                (reason: unknown) => reason as Error,
            );
            expect(error).to.be.instanceOf(UnavailableHere);
        });
    });

    it("refuses addresses it cannot take, saying why", async () => {
        for (const [source, reason] of [
            ["http://images.example.com/a.raw", "must use https"],
            ["https://joe:secret@images.example.com/a.raw", "must not hold a user name or password"],
            ["ftp://images.example.com/a.raw", "ftp://"],
        ] as const) {
            const { problems } = await check(source);
            expect(problems).to.have.lengthOf(1);
            expect(problems[0]?.message).to.include(reason).and.not.include("joe:secret");
        }
    });
});
