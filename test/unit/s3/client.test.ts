import * as crypto from "node:crypto";
import { expect } from "chai";
import { S3Client } from "../../../provider/s3/client";
import {
    endpointProblem,
    parseS3Url,
    s3CredentialsFrom,
    type S3Connection,
} from "../../../provider/s3/connection";
import { S3Refusal } from "../../../provider/s3/errors";
import { testHost } from "../../support/context";
import { S3_KEYS, S3Server, type S3Options } from "../../support/s3";
import { tlsIdentity } from "../../support/tls";

const MIB = 1024 * 1024;
const PART = 5 * MIB;
const ADVICE = {
    endpoint: "publish.s3.endpoint",
    caFile: "edge-os:image.caFile",
    credentials: "EDGE_OS_IMAGE_S3_ACCESS_KEY_ID and …",
    region: "publish.s3.region",
    bucket: "publish.s3.bucket",
};

describe("the S3 client", () => {
    const closing: (() => unknown)[] = [];
    let server: S3Server;
    let client: S3Client;

    async function start(options: S3Options = {}, change: Partial<S3Connection> = {}): Promise<void> {
        server = await S3Server.start(options);
        client = connect(change);
        closing.push(() => server.close());
    }

    function connect(change: Partial<S3Connection> = {}): S3Client {
        const made = new S3Client(
            { endpoint: server.endpoint, credentials: S3_KEYS, advice: ADVICE, ...change },
            testHost(),
        );
        closing.push(() => made.close());
        return made;
    }

    afterEach(async () => {
        for (const close of closing.splice(0).reverse()) await close();
    });

    const large = crypto.randomBytes(2 * PART + 12345);
    const md5 = (bytes: Buffer): string => crypto.createHash("md5").update(bytes).digest("hex");

    /** In chunks of a size that fits no part. */
    async function* chunks(bytes: Buffer, fails?: Error): AsyncGenerator<Buffer> {
        for (let at = 0; at < bytes.length; at += 700_001) yield bytes.subarray(at, at + 700_001);
        if (fails) throw fails;
    }

    function putLarge(change: Partial<Parameters<S3Client["put"]>[3]> = {}, fails?: Error): Promise<unknown> {
        const options = { sizeBytes: large.length, partBytes: PART, ...change };
        return client.put("images", "large.img", chunks(large, fails), options);
    }

    async function failure(work: Promise<unknown>): Promise<Error> {
        return work.then(
            () => new Error("did not fail"),
            (error: unknown) => error as Error,
        );
    }

    const routes = (): string[] => server.requests.map(({ route }) => route);

    it("stores a small object in one request and reads it back", async () => {
        await start();
        const bytes = Buffer.from("an image");
        const metadata = { sha256: "00", claim: "a-b" };
        const done = await client.putBytes("images", "edge/a b+ü.img", bytes, {
            metadata,
            digests: ["sha256", "md5"],
        });
        expect(done).to.deep.include({ sizeBytes: 8, proven: true });
        expect(done.digests).to.deep.equal({
            sha256: crypto.createHash("sha256").update(bytes).digest("hex"),
            md5: md5(bytes),
        });
        expect(routes()).to.deep.equal(["PUT object"]);
        const found = await client.head("images", "edge/a b+ü.img");
        expect(found).to.deep.include({ sizeBytes: 8, metadata });
        expect((await client.getBytes("images", "edge/a b+ü.img"))?.toString()).to.equal("an image");
        const { body } = await client.get("images", "edge/a b+ü.img", { range: { start: 3, end: 5 } });
        expect((await body.toArray()).join("")).to.equal("im");
        expect(await client.getBytes("images", "other")).to.equal(undefined);
        expect(await client.head("images", "other")).to.equal(undefined);
        await client.remove("images", "edge/a b+ü.img");
        await client.remove("images", "edge/a b+ü.img");
        expect(server.objects()).to.deep.equal({});
    });

    it("refuses to read another content than the one asked for", async () => {
        await start();
        await client.putBytes("images", "a", Buffer.from("one"));
        const error = await failure(client.get("images", "a", { ifMatch: '"00"' }));
        expect(error).to.be.instanceOf(S3Refusal).with.property("status", 412);
    });

    it("stores a large object in parts, with its progress", async () => {
        await start();
        const seen: number[] = [];
        const begun: string[] = [];
        const done = await client.put("images", "large.img", chunks(large), {
            ...{ sizeBytes: large.length, partBytes: PART, digests: ["md5"] },
            onProgress: (bytes) => seen.push(bytes),
            onBegun: async (id) => void begun.push(id),
        });
        expect(server.objects()["large.img"]?.equals(large)).to.equal(true);
        expect(done).to.deep.include({ proven: true, digests: { md5: md5(large) } });
        expect(seen.at(-1)).to.equal(large.length);
        expect(seen).to.deep.equal([...seen].sort((a, b) => a - b));
        expect(begun).to.have.lengthOf(1);
        expect(routes().filter((route) => route === "PUT part")).to.have.lengthOf(3);
        expect(server.uploads()).to.deep.equal([]);
    });

    it("lists by the beginning of the key", async () => {
        await start();
        for (const key of ["a/1", "a/2", "b/1"]) await client.putBytes("images", key, Buffer.from(key));
        const keys: string[] = [];
        for await (const { key, sizeBytes } of client.list("images", "a/")) keys.push(`${key} ${sizeBytes}`);
        expect(keys).to.deep.equal(["a/1 3", "a/2 3"]);
    });

    it("makes nothing visible and leaves no part when the stream fails at its very end", async () => {
        await start();
        const error = await failure(putLarge({}, new Error("changed since it was checked")));
        expect(error.message).to.contain("changed since it was checked");
        expect(server.objects()).to.deep.equal({});
        expect(server.uploads()).to.deep.equal([]);
        expect(routes()).to.include("DELETE upload").and.not.to.include("POST upload");
    });

    it("makes nothing visible when the stream of a small object fails", async () => {
        await start();
        const error = await failure(
            client.put("images", "small", chunks(Buffer.from("x"), new Error("no")), { sizeBytes: 1 }),
        );
        expect(error.message).to.contain("no");
        expect(routes()).to.deep.equal([]);
    });

    it("leaves no part behind when it is called off in the middle", async () => {
        await start();
        const controller = new AbortController();
        server.tap = (side, { route }) => {
            if (side === "after" && route === "PUT part") controller.abort(new Error("called off"));
            return undefined;
        };
        const error = await failure(putLarge({ signal: controller.signal }));
        expect(error.message).to.equal("called off");
        expect(server.objects()).to.deep.equal({});
        expect(server.uploads()).to.deep.equal([]);
    });

    it("goes on after a 503, a broken connection and a lost answer", async () => {
        await start();
        const answers: Record<string, ("drop" | { status: number; code: string })[]> = {
            "PUT part": [{ status: 503, code: "SlowDown" }, "drop"],
            "POST uploads": [{ status: 500, code: "InternalError" }],
        };
        let lost = false;
        server.tap = (side, { route }) => {
            if (side === "before") return answers[route]?.shift();
            if (route !== "POST upload" || lost) return undefined;
            lost = true;
            return "drop";
        };
        await putLarge({ metadata: { claim: "mine" } });
        expect(lost).to.equal(true);
        expect(server.objects()["large.img"]?.equals(large)).to.equal(true);
        expect(server.uploads()).to.deep.equal([]);
    });

    it("sends a part again that arrives damaged, and does not claim what nothing proves", async () => {
        await start({ trusting: true });
        let left = 1;
        server.damage = ({ route }, body) => {
            if (route !== "PUT part" || left-- <= 0) return body;
            const other = Buffer.from(body);
            other[0] = (other[0] ?? 0) ^ 1;
            return other;
        };
        expect(await putLarge()).to.deep.include({ proven: true });
        expect(server.objects()["large.img"]?.equals(large)).to.equal(true);
        left = Infinity;
        expect(await putLarge()).to.deep.include({ proven: false });
    });

    it("has a damaged body refused by a service that looks at it", async () => {
        await start();
        server.damage = (_request, body) => (body.length === 3 ? Buffer.from("two") : body);
        const error = await failure(client.putBytes("images", "a", Buffer.from("one")));
        expect(error.message).to.contain("XAmzContentSHA256Mismatch");
        expect(server.objects()).to.deep.equal({});
    });

    it("finds and ends uploads that others have left", async () => {
        await start();
        server.tap = (side, { route }) =>
            side === "before" && ["PUT part", "DELETE upload"].includes(route)
                ? { status: 403, code: "AccessDenied" }
                : undefined;
        await failure(putLarge());
        delete server.tap;
        const found = [];
        for await (const upload of client.listUploads("images", "large")) found.push(upload);
        expect(found.map(({ key }) => key)).to.deep.equal(["large.img"]);
        for (const upload of found) {
            await client.abortUpload("images", upload);
            await client.abortUpload("images", upload);
        }
        expect(server.uploads()).to.deep.equal([]);
    });

    it("takes temporary credentials, and says when they are not good", async () => {
        await start({ sessionToken: "the-session" });
        client = connect({ credentials: { ...S3_KEYS, sessionToken: "the-session" } });
        await client.putBytes("images", "a", Buffer.from("one"));
        const error = await failure(
            connect({ credentials: { ...S3_KEYS, sessionToken: "another-session" } }).head("images", "a"),
        );
        expect(error.message).to.contain("S3 127.0.0.1").and.contain("EDGE_OS_IMAGE_S3_ACCESS_KEY_ID");
        expect(error.message).not.to.contain("another-session");
    });

    const refusals: [string, Partial<S3Connection>, string][] = [
        [
            "an unknown key",
            { credentials: { accessKeyId: "AKIAOTHER", secretAccessKey: "x-secret" } },
            "does not know the access key",
        ],
        [
            "a wrong secret",
            { credentials: { accessKeyId: "S3RVER", secretAccessKey: "x-secret" } },
            "secret key does not belong",
        ],
    ];
    for (const [name, change, text] of refusals) {
        it(`explains ${name}, without showing it`, async () => {
            await start({}, change);
            const { message } = await failure(client.putBytes("images", "a", Buffer.from("one")));
            expect(message).to.contain(text).and.contain("EDGE_OS_IMAGE_S3_ACCESS_KEY_ID");
            expect(message).not.to.contain("x-secret");
        });
    }

    it("explains a missing bucket, a forbidden act and an endpoint where nothing is", async () => {
        await start();
        const missing = await failure(client.putBytes("nowhere", "a", Buffer.from("one")));
        expect(missing.message).to.equal(
            `S3 ${new URL(server.endpoint).host}: put nowhere/a: there is no bucket nowhere: create it, or correct publish.s3.bucket (NoSuchBucket, status 404)`,
        );
        server.tap = () => ({ status: 403, code: "AccessDenied" });
        expect((await failure(client.head("images", "a"))).message).to.contain("may not do that");
        const nothing = connect({ endpoint: "http://127.0.0.1:1" });
        expect((await failure(nothing.head("images", "a"))).message).to.match(
            /^S3 127\.0\.0\.1:1: head images\/a: nothing answers at 127\.0\.0\.1:1: .*publish\.s3\.endpoint/,
        );
    });

    it("speaks TLS with a service of an own CA, and says how to name it", async () => {
        const tls = await tlsIdentity();
        await start({ tls });
        expect((await failure(client.head("images", "a"))).message).to.contain("edge-os:image.caFile");
        expect(await connect({ ca: tls.ca }).head("images", "a")).to.equal(undefined);
    });

    it("reads keys from the environment, its own first", () => {
        const aws = { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "B", AWS_SESSION_TOKEN: "C" };
        const own = { EDGE_OS_IMAGE_S3_ACCESS_KEY_ID: "D", EDGE_OS_IMAGE_S3_SECRET_ACCESS_KEY: "E" };
        const read = (env: Record<string, string>): unknown => s3CredentialsFrom(env, "EDGE_OS_IMAGE_S3");
        expect(read({ ...aws, ...own })).to.deep.equal({ accessKeyId: "D", secretAccessKey: "E" });
        expect(read(aws)).to.deep.equal({ accessKeyId: "A", secretAccessKey: "B", sessionToken: "C" });
        expect(read({ ...aws, AWS_PROFILE: "site" })).to.equal(undefined);
        expect(read({})).to.equal(undefined);
    });

    it("knows which addresses are sound", () => {
        expect(parseS3Url("s3://edge-images/a/b.img")).to.deep.equal({
            bucket: "edge-images",
            key: "a/b.img",
        });
        for (const bad of ["s3://edge-images", "s3://UPPER/x", "https://a/b"])
            expect(parseS3Url(bad)).to.equal(undefined);
        expect(endpointProblem("https://s3.example.com:9000")).to.equal(undefined);
        expect(endpointProblem("http://127.0.0.1:9000")).to.equal(undefined);
        expect(endpointProblem("http://s3.example.com")).to.equal("must use https");
        expect(endpointProblem("https://a:b@s3.example.com")).to.contain("user name");
        expect(endpointProblem("s3.example.com")).to.contain("must be a URL");
    });
});
