import * as crypto from "node:crypto";
import type { AddressInfo } from "node:net";
import * as net from "node:net";
import { expect } from "chai";
import { ImageError } from "../../../provider/image/check";
import { readImageSettings } from "../../../provider/image/settings";
import { HashedSource } from "../../../provider/image/source/hashed";
import { openOciArtifact } from "../../../provider/image/source/oci";
import { readOn } from "../../../provider/image/source/readOn";
import { openS3Object } from "../../../provider/image/source/s3";
import { type ImageSource, SourceChanged } from "../../../provider/image/source/source";
import { RegistryClient } from "../../../provider/oci/client";
import { artifactManifest, digestOf, EMPTY_BLOB } from "../../../provider/oci/manifest";
import { S3Client } from "../../../provider/s3/client";
import { testHost } from "../../support/context";
import { Registry } from "../../support/registry";
import { S3_KEYS, S3Server } from "../../support/s3";
import { needsTool } from "../../support/tools";

const SIZE = 1_500_000;
const IMAGE = crypto.createHash("shake256", { outputLength: SIZE }).update("stored").digest();
const DIGEST = crypto.createHash("sha256").update(IMAGE).digest("hex");
const advice = { endpoint: "e", caFile: "c", credentials: "k", region: "r", bucket: "b" };

/** Passes connections on to a port of this machine, and breaks those that `limit` gives a number of bytes. */
class BreakingRelay {
    /** Bytes that may come back over the connections to come. */
    limits: number[] = [];
    broken = 0;
    private readonly server = net.createServer();
    private readonly sockets = new Set<net.Socket>();

    constructor(private readonly target: number) {}

    async start(): Promise<number> {
        this.server.on("connection", (client) => this.relay(client));
        await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
        return (this.server.address() as AddressInfo).port;
    }

    async close(): Promise<void> {
        const closed = new Promise((resolve) => this.server.close(resolve));
        for (const socket of this.sockets) socket.destroy();
        await closed;
    }

    private relay(client: net.Socket): void {
        const upstream = net.connect(this.target, "127.0.0.1");
        for (const socket of [client, upstream]) {
            this.sockets.add(socket);
            socket.on("error", () => socket.destroy());
        }
        client.on("close", () => upstream.destroy());
        upstream.on("close", () => client.destroy());
        client.pipe(upstream);
        let passed = 0;
        upstream.on("data", (bytes) => {
            passed += bytes.length;
            const [limit] = this.limits;
            if (limit !== undefined && passed > limit) {
                this.limits.shift();
                this.broken++;
                client.destroy();
                return;
            }
            client.write(bytes);
        });
    }
}

async function digest(source: ImageSource): Promise<string> {
    const bytes = new HashedSource(readOn(source, { start: 0 }, { clock: testHost() }));
    await bytes.drain();
    expect(bytes.position).to.equal(SIZE);
    return bytes.sha256();
}

async function part(source: ImageSource, start: number, end: number): Promise<Buffer> {
    const parts = [];
    for await (const chunk of source.read({ start, end })) parts.push(chunk);
    return Buffer.concat(parts);
}

async function failure(work: Promise<unknown>): Promise<Error> {
    return work.then(
        () => {
            throw new Error("did not fail");
        },
        (error: unknown) => error as Error,
    );
}

describe("an image in a bucket", () => {
    let server: S3Server;
    let relay: BreakingRelay;
    let client: S3Client;

    before(async () => {
        server = await S3Server.start();
        relay = new BreakingRelay(Number(new URL(server.endpoint).port));
        const endpoint = `http://127.0.0.1:${await relay.start()}`;
        client = new S3Client({ endpoint, credentials: S3_KEYS, advice }, testHost());
        await client.putBytes("images", "edge/disk.raw.gz", IMAGE);
    });
    after(async () => {
        client.close();
        await relay.close();
        await server.close();
    });

    function open(key = "edge/disk.raw.gz"): Promise<ImageSource> {
        const place = { bucket: "images", key, endpoint: server.endpoint };
        return openS3Object(`s3://images/${key}`, place, client);
    }

    it("is read whole and in parts, on behind a connection that breaks", async () => {
        const source = await open();
        expect(source).to.include({ fileName: "disk.raw.gz", size: SIZE, takesRanges: true });
        expect((await part(source, 1000, 2000)).equals(IMAGE.subarray(1000, 2000))).to.equal(true);
        // Also the one that is open already.
        relay.limits = [400_000, 300_000];
        expect(await digest(source)).to.equal(DIGEST);
        expect(relay.broken).to.equal(2);
    });

    it("is another when it is overwritten, which ends a reading under way", async () => {
        await client.putBytes("images", "changing.raw", IMAGE);
        const source = await open("changing.raw");
        await client.putBytes("images", "changing.raw", Buffer.concat([IMAGE, Buffer.alloc(512)]));
        expect((await open("changing.raw")).identity).to.not.equal(source.identity);
        expect(await failure(part(source, 0, 1000))).to.be.instanceOf(SourceChanged);
        expect(await failure(digest(source))).to.be.instanceOf(SourceChanged);
    });

    it("that is not there is a problem", async () => {
        const error = await failure(open("nothing.raw"));
        expect(error).to.be.instanceOf(ImageError);
        expect(error.message).to.include("is not there");
    });
});

describe("an image in a registry", () => {
    let registry: Registry;
    let relay: BreakingRelay;
    let client: RegistryClient;
    let name: string;

    before(async function () {
        needsTool(this, "docker-registry");
        registry = await Registry.start();
        relay = new BreakingRelay(Number(registry.name.split(":")[1]));
        name = `127.0.0.1:${await relay.start()}`;
        client = new RegistryClient({ registry: name, advice }, testHost());
    });
    after(async () => {
        // Where the tool is missing, none of them was started.
        const started: ({ close(): Promise<void> } | undefined)[] = [client, relay, registry];
        for (const one of started) await one?.close();
    });

    /** Pushes an artifact of files, and tells its digest. */
    async function push(tag: string, files: Record<string, Buffer>, titled = true): Promise<string> {
        const blobs = [...Object.values(files), EMPTY_BLOB];
        for (const bytes of blobs) {
            const blob = { digest: digestOf(bytes), size: bytes.length };
            await client.pushBlob("edge/ubuntu", blob, async function* () {
                yield bytes;
            });
        }
        const layers = Object.entries(files).map(([title, bytes]) => ({
            mediaType: "application/octet-stream",
            digest: digestOf(bytes),
            size: bytes.length,
            ...(titled ? { annotations: { "org.opencontainers.image.title": title } } : {}),
        }));
        const manifest = artifactManifest({ artifactType: "application/x-test", layers });
        return client.putManifest("edge/ubuntu", tag, manifest);
    }

    function open(reference: string): Promise<ImageSource> {
        return openOciArtifact(`oci://${name}/edge/ubuntu${reference}`, () => client);
    }

    it("is read whole and in parts, on behind a connection that breaks", async () => {
        const manifest = await push("24.04", { "ubuntu.raw.gz": IMAGE });
        for (const reference of [":24.04", `@${manifest}`]) {
            const source = await open(reference);
            expect(source).to.include({ fileName: "ubuntu.raw.gz", size: SIZE, sha256: DIGEST });
            expect(source.takesRanges).to.equal(true);
            expect((await part(source, 1000, 2000)).equals(IMAGE.subarray(1000, 2000))).to.equal(true);
            const before = relay.broken;
            relay.limits = [400_000, 300_000];
            expect(await digest(source)).to.equal(DIGEST);
            expect(relay.broken).to.equal(before + 2);
        }
    });

    it("is the layer that is named like one", async () => {
        await push("noted", { "notes.txt": Buffer.from("notes"), "disk.img": IMAGE });
        expect((await open(":noted")).sha256).to.equal(DIGEST);
    });

    it("needs no name where it is alone", async () => {
        await push("nameless", { "disk.img": IMAGE }, false);
        expect(await open(":nameless")).to.include({ fileName: "", sha256: DIGEST });
    });

    it("is refused where it cannot be told which layer it is", async () => {
        await push("two", { "a.raw": IMAGE, "b.raw": Buffer.from("b") });
        expect((await failure(open(":two"))).message).to.include("artifact of 2 layers (a.raw, b.raw)");
        await push("none", {});
        expect((await failure(open(":none"))).message).to.include("without layers");
    });

    it("that is not there is a problem", async () => {
        const error = await failure(open(":nothing"));
        expect(error).to.be.instanceOf(ImageError);
        expect(error.message).to.include("is not there");
    });
});

describe("the settings of images", () => {
    it("name the S3 service, the environment before the configuration", () => {
        const config = { "edge-os:image": { s3: { endpoint: "https://one.example.com", region: "north" } } };
        expect(readImageSettings(testHost({ config })).s3).to.deep.equal({
            endpoint: "https://one.example.com",
            region: "north",
        });
        const env = { EDGE_OS_IMAGE_S3_ENDPOINT: "https://two.example.com" };
        expect(readImageSettings(testHost({ config, env })).s3.endpoint).to.equal("https://two.example.com");
    });

    it("take half a pair of keys from each place, and refuse half a pair", () => {
        const config = { "edge-os:image": { s3: { accessKeyId: "AK", sessionToken: "of-AK" } } };
        const env = { EDGE_OS_IMAGE_S3_SECRET_ACCESS_KEY: "tops3cret" };
        expect(readImageSettings(testHost({ config, env })).s3.credentials).to.deep.equal({
            accessKeyId: "AK",
            secretAccessKey: "tops3cret",
            sessionToken: "of-AK",
        });
        expect(() => readImageSettings(testHost({ config }))).to.throw(
            "edge-os:image.s3 has accessKeyId without secretAccessKey: set EDGE_OS_IMAGE_S3_SECRET_ACCESS_KEY or",
        );
        expect(() => readImageSettings(testHost({ env })))
            .to.throw("edge-os:image.s3 has secretAccessKey without accessKeyId")
            .with.property("message")
            .that.does.not.include("tops3cret");
        const other = { ...env, EDGE_OS_IMAGE_S3_ACCESS_KEY_ID: "OTHER" };
        // The token belongs to the key beside it.
        expect(readImageSettings(testHost({ config, env: other })).s3.credentials).to.deep.equal({
            accessKeyId: "OTHER",
            secretAccessKey: "tops3cret",
        });
    });

    it("that are wrong are told by their place, and never show a secret", () => {
        for (const [settings, reason] of [
            [
                { origins: { "http://a.example.com": { token: "tops3cret" } } },
                "must be the start of an address",
            ],
            [
                { origins: { "https://a.example.com/x": { token: "tops3cret" } } },
                "must be the start of an address",
            ],
            [
                { origins: { "https://a.example.com": { token: "tops3cret", username: "joe" } } },
                "either a token",
            ],
            [{ origins: { "https://a.example.com": { secret: "tops3cret" } } }, 'has no "secret"'],
            [{ s3: { endpoint: "http://s3.example.com" } }, "must use https"],
        ] as const) {
            const host = testHost({ config: { "edge-os:image": settings } });
            expect(() => readImageSettings(host), JSON.stringify(settings))
                .to.throw("image settings (edge-os:image):")
                .with.property("message")
                .that.includes(reason)
                .and.not.includes("tops3cret");
        }
    });

    it("warn of a login in clear text, where that can be seen", () => {
        const config = { "edge-os:image": { origins: { "https://a.example.com": { token: "tops3cret" } } } };
        const open = testHost({ config, env: { PULUMI_CONFIG_SECRET_KEYS: "[]" } });
        readImageSettings(open);
        expect(open.warnings).to.have.lengthOf(1);
        expect(open.warnings[0]).to.include("EDGE_OS_IMAGE_A_EXAMPLE_COM_TOKEN").and.not.include("tops3cret");
        const secret = testHost({ config, env: { PULUMI_CONFIG_SECRET_KEYS: '["edge-os:image"]' } });
        readImageSettings(secret);
        expect(secret.warnings).to.deep.equal([]);
    });
});
