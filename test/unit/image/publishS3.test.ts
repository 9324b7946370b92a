import * as childProcess from "node:child_process";
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { fileSource, type PublishTask } from "../../../provider/image/publish/publisher";
import { S3Publisher } from "../../../provider/image/publish/s3";
import { S3Client } from "../../../provider/s3/client";
import { testHost } from "../../support/context";
import { S3_KEYS, S3Server, type S3Options } from "../../support/s3";
import { MIB, temporaryFolder } from "./fixtures";

const sha256 = (bytes: Buffer): string => crypto.createHash("sha256").update(bytes).digest("hex");
const CONTENT = crypto.randomBytes(17 * MIB);
const SMALL = Buffer.from("a small image");
const NAME = "image-0011223344556677.img";
const KEY = `edge/${NAME}`;
const ROW_A = "aaaaaaaaaaaa-11111111";
const ROW_B = "aaaaaaaaaaaa-22222222";
const FOREIGN = "ffffffffffff-11111111";
const ADVICE = { endpoint: "e", caFile: "f", credentials: "c", region: "r", bucket: "b" };

const CHILD = `
const [endpoint, source, sha256, sizeBytes] = process.argv.slice(1);
const root = ${JSON.stringify(path.resolve(__dirname, "../../../provider"))};
const { S3Client } = require(root + "/s3/client");
const { S3Publisher } = require(root + "/image/publish/s3");
const { fileSource } = require(root + "/image/publish/publisher");
const host = { env: {}, now: Date.now, sleep: async () => undefined };
const client = new S3Client({ endpoint, credentials: ${JSON.stringify(S3_KEYS)}, advice: ${JSON.stringify(ADVICE)} }, host);
new S3Publisher(client, { bucket: "images", prefix: "edge", service: endpoint }, Date.now).put({
    ...{ fileName: "${NAME}", sha256, sizeBytes: Number(sizeBytes), claim: "${ROW_A}00000001" },
    source: fileSource(source),
});
`;

describe("publishing into a bucket", () => {
    const folder = temporaryFolder();
    let server: S3Server;
    let publisher: S3Publisher;
    let client: S3Client;
    let content: Buffer;

    async function start(options: S3Options = {}): Promise<void> {
        content = CONTENT;
        fs.writeFileSync(folder.path("source.img"), content);
        server = await S3Server.start(options);
        client = new S3Client(
            { endpoint: server.endpoint, credentials: S3_KEYS, advice: ADVICE },
            testHost(),
        );
        const place = { bucket: "images", prefix: "edge", service: server.endpoint };
        publisher = new S3Publisher(client, place, () => Date.now());
    }
    afterEach(async () => {
        client.close();
        await server.close();
    });

    function use(bytes: Buffer): void {
        content = bytes;
        fs.writeFileSync(folder.path("source.img"), bytes);
    }

    const file = (): { fileName: string; sha256: string; sizeBytes: number } => ({
        fileName: NAME,
        sha256: sha256(content),
        sizeBytes: content.length,
    });

    function put(change: Partial<PublishTask> = {}): Promise<"published" | "taken"> {
        const source = fileSource(folder.path("source.img"));
        return publisher.put({ ...file(), source, claim: `${ROW_A}00000001`, ...change });
    }

    function release(claim: string, onRelease: "keep" | "remove" = "remove"): Promise<"removed" | "left"> {
        return publisher.release(file(), claim, { onRelease });
    }

    async function failure(work: Promise<unknown>): Promise<string> {
        return work.then(
            () => "did not fail",
            (error: unknown) => (error as Error).message,
        );
    }

    const keys = (): string[] => Object.keys(server.objects()).sort();
    const sent = (route: string): number => server.requests.filter((one) => one.route === route).length;
    const claimKey = (row: string): string => `${KEY}.${row}.claim.json`;

    it("puts the bytes there in parts, with what says so, and finds them again with one question", async () => {
        await start();
        const seen: number[] = [];
        expect(await put({ onProgress: ({ done }) => seen.push(done) })).to.equal("published");
        expect(keys()).to.deep.equal([KEY, `${KEY}.sha256`, claimKey(ROW_A)].sort());
        expect(server.objects()[KEY]?.equals(CONTENT)).to.equal(true);
        expect(server.objects()[`${KEY}.sha256`]?.toString()).to.equal(`${sha256(CONTENT)}  ${NAME}\n`);
        expect(seen.at(-1)).to.equal(CONTENT.length);
        expect((await client.head("images", KEY))?.metadata).to.deep.equal({
            sha256: sha256(CONTENT),
            "pulumi-edge-os-claim": `${ROW_A}00000001`,
        });
        const before = server.requests.length;
        expect(await publisher.look(file())).to.deep.equal({ state: "there" });
        expect(server.requests.slice(before).map(({ route }) => route)).to.deep.equal(["HEAD object"]);
    });

    it("shows what stands beside its images, with the time it was put there", async () => {
        await start();
        const began = Date.now() - 2_000; // the service tells whole seconds
        await put({ extras: [{ suffix: ".manifest.json", bytes: Buffer.from("{}") }] });
        const found = [];
        for await (const extra of publisher.extras(".manifest.json")) {
            expect(extra.publishedAt).to.be.greaterThan(began);
            found.push({ fileName: extra.fileName, place: extra.place, text: String(await extra.read()) });
        }
        const place = `s3://images/${KEY}.manifest.json`;
        expect(found).to.deep.equal([{ fileName: NAME, place, text: "{}" }]);
    });

    it("uploads nothing that is there already", async () => {
        await start();
        await put();
        const parts = sent("PUT part");
        expect(await put({ claim: `${ROW_B}00000001` })).to.equal("taken");
        expect(sent("PUT part")).to.equal(parts);
    });

    it("makes nothing visible when the bytes are not the planned ones", async () => {
        await start();
        const planned = file();
        use(Buffer.concat([CONTENT.subarray(1), Buffer.from("!")]));
        expect(await failure(put(planned))).to.contain("changed since it was checked");
        expect(keys()).to.deep.equal([claimKey(ROW_A)]);
        expect(server.uploads()).to.deep.equal([]);
        expect(sent("POST upload")).to.equal(0);
    });

    it("leaves no part behind when it is called off in the middle", async () => {
        await start();
        const controller = new AbortController();
        server.tap = (side, { route }) => {
            if (side === "after" && route === "PUT part") controller.abort(new Error("called off"));
            return undefined;
        };
        expect(await failure(put({ signal: controller.signal }))).to.equal("called off");
        expect(server.uploads()).to.deep.equal([]);
        expect(keys()).not.to.include(KEY);
    });

    it("cleans up after a run that was killed in the middle, and finishes", async () => {
        await start();
        const child = childProcess.spawn(
            process.execPath,
            [
                ...["-r", "ts-node/register/transpile-only", "-e", CHILD],
                ...[server.endpoint, folder.path("source.img"), sha256(CONTENT), String(CONTENT.length)],
            ],
            { stdio: "ignore" },
        );
        const exited = new Promise((resolve) => child.once("exit", resolve));
        server.tap = (side, { route }) => {
            if (side === "after" && route === "PUT part") child.kill("SIGKILL");
            return undefined;
        };
        await exited;
        delete server.tap;
        expect(child.signalCode).to.equal("SIGKILL");
        expect(server.uploads()).to.have.lengthOf(1);
        expect(keys()).not.to.include(KEY);

        expect(await put({ claim: `${ROW_A}00000002` })).to.equal("published");
        expect(server.uploads()).to.deep.equal([]);
        expect(await release(`${ROW_A}00000002`)).to.equal("removed");
        expect(keys()).to.deep.equal([]);
    });

    it("ends uploads of its own that are a day old, and leaves those of others and the young", async () => {
        await start();
        server.tap = (side, { route }) =>
            side === "before" && ["PUT part", "DELETE upload"].includes(route)
                ? { status: 403, code: "AccessDenied" }
                : undefined;
        async function* two(): AsyncGenerator<Buffer> {
            yield CONTENT;
        }
        for (const key of [
            "edge/old-0123456789abcdef.raw.gz",
            "edge/young-0123456789abcdef.img",
            "edge/movie.mp4",
        ]) {
            await failure(client.put("images", key, two(), { sizeBytes: CONTENT.length }));
        }
        delete server.tap;
        for (const { id, key } of server.uploads())
            if (!key.includes("young")) server.age(id, 25 * 3600 * 1000);
        use(SMALL);
        await put();
        const left = server.uploads().map(({ key }) => key);
        expect(left.sort()).to.deep.equal(["edge/movie.mp4", "edge/young-0123456789abcdef.img"]);
    });

    it("removes again what a service has stored damaged", async () => {
        await start({ trusting: true });
        server.damage = ({ route }, body) => {
            if (route !== "PUT part") return body;
            const other = Buffer.from(body);
            other[0] = (other[0] ?? 0) ^ 1;
            return other;
        };
        expect(await failure(put())).to.contain("is not what was sent");
        expect(keys()).to.deep.equal([claimKey(ROW_A)]);
        delete server.damage;
        expect(await put({ claim: `${ROW_A}00000002` })).to.equal("published");
    });

    it("goes on after a 503 in the middle", async () => {
        await start();
        let left = 2;
        server.tap = (side, { route }) =>
            side === "before" && route === "PUT part" && left-- > 0
                ? { status: 503, code: "SlowDown" }
                : undefined;
        expect(await put()).to.equal("published");
        expect(server.objects()[KEY]?.equals(CONTENT)).to.equal(true);
    });

    it("never overwrites other content that is not its own, and repairs its own", async () => {
        await start();
        use(SMALL);
        await client.putBytes("images", KEY, Buffer.from("precious"));
        expect(await failure(put())).to.contain("not overwritten");
        expect(server.objects()[KEY]?.toString()).to.equal("precious");
        await client.remove("images", KEY);
        await put();
        await client.putBytes("images", KEY, Buffer.from("damaged"));
        expect(await publisher.look(file())).to.deep.equal({
            state: "changed",
            sha256: "unknown",
            sizeBytes: 7,
        });
        expect(await put({ claim: `${ROW_A}00000002` })).to.equal("published");
        expect(server.objects()[KEY]?.equals(SMALL)).to.equal(true);
    });

    it("takes the same bytes that somebody else has put there, and leaves them", async () => {
        await start();
        use(SMALL);
        await client.putBytes("images", KEY, SMALL);
        expect(await put()).to.equal("taken");
        expect(await release(`${ROW_A}00000001`)).to.equal("left");
        expect(keys()).to.include(KEY);
    });

    it("removes the object with the last claim only, with all that stands beside it", async () => {
        await start();
        use(SMALL);
        await put({ extras: [{ suffix: ".manifest.json", bytes: Buffer.from("{}") }] });
        await put({ claim: `${ROW_B}00000001` });
        await put({ claim: `${FOREIGN}00000001` });
        expect(await release(`${ROW_A}00000001`)).to.equal("left");
        expect(await release(`${FOREIGN}00000001`)).to.equal("left");
        expect(await release(`${ROW_B}00000001`)).to.equal("removed");
        expect(keys()).to.deep.equal([]);
    });

    it("keeps the object when it is asked to, and leaves what a newer generation of the row has taken over", async () => {
        await start();
        use(SMALL);
        await put();
        await put({ claim: `${ROW_A}00000002` });
        expect(await release(`${ROW_A}00000001`)).to.equal("left");
        expect(await release(`${ROW_A}00000002`, "keep")).to.equal("left");
        expect(keys()).to.include(KEY);
        expect(server.objects()[claimKey(ROW_A)]?.toString()).to.contain('"released":true');
    });

    it("tells what is gone", async () => {
        await start();
        expect(await publisher.look(file())).to.deep.equal({ state: "absent" });
    });
});
