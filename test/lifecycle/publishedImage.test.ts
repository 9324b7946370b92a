import { DeleteObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as zlib from "node:zlib";
import { buildQuickstartImage } from "../../examples/quickstart/image";
import { Registry } from "../support/registry";
import { S3_KEYS, S3Server } from "../support/s3";
import { type CommandResult, stackUnderTest, type StackUnderTest } from "../support/stack";
import { needsTool } from "../support/tools";

/** A place that images are published to, and what can be done there behind the stack's back. */
interface Place {
    /** `publish` of the program, without `onDelete`. */
    publish: object;
    env: NodeJS.ProcessEnv;
    /** Of the images in it, by the digits in their names. */
    images: () => Promise<string[]>;
    remove: (fileName: string) => Promise<void>;
    close(): Promise<void>;
}

async function s3(): Promise<Place> {
    const server = await S3Server.start();
    const client = new S3Client({
        ...{ endpoint: server.endpoint, region: "us-east-1", forcePathStyle: true, credentials: S3_KEYS },
        ...{ requestChecksumCalculation: "WHEN_REQUIRED" as const },
    });
    return {
        publish: {
            s3: { bucket: "images", endpoint: server.endpoint, baseUrl: "https://images.example.com" },
        },
        env: {
            EDGE_OS_IMAGE_S3_ACCESS_KEY_ID: S3_KEYS.accessKeyId,
            EDGE_OS_IMAGE_S3_SECRET_ACCESS_KEY: S3_KEYS.secretAccessKey,
        },
        images: async () => Object.keys(server.objects()).filter(isImage).sort(),
        async remove(key) {
            await client.send(new DeleteObjectCommand({ Bucket: "images", Key: key }));
        },
        async close() {
            client.destroy();
            await server.close();
        },
    };
}

async function oci(): Promise<Place> {
    const registry = await Registry.start();
    const api = `http://${registry.name}/v2/edge/images`;
    const accept = "application/vnd.oci.image.manifest.v1+json";
    return {
        publish: { oci: { repository: `oci://${registry.name}/edge/images` } },
        env: {},
        async images() {
            const answer = await fetch(`${api}/tags/list`);
            const { tags } = (await answer.json()) as { tags: string[] | null };
            return (tags ?? []).filter(isImage).sort();
        },
        async remove(tag) {
            const { headers } = await fetch(`${api}/manifests/${tag}`, {
                method: "HEAD",
                headers: { accept },
            });
            const digest = headers.get("docker-content-digest") ?? "";
            expect((await fetch(`${api}/manifests/${digest}`, { method: "DELETE" })).status).to.equal(202);
        },
        close: () => registry.close(),
    };
}

function isImage(name: string): boolean {
    return /^edge-[0-9a-f]{16}\.raw\.gz$/.test(name);
}

/** From its first publication to the last, through an engine, a provider process and a server of the real kind. */
describe("a DiskImage published to", function () {
    this.timeout(180_000);
    let folder: string;
    let good: Buffer;
    let place: Place | undefined;
    let stack: StackUnderTest | undefined;

    before(async () => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "published-image-"));
        good = fs.readFileSync(await buildQuickstartImage(path.join(folder, "edge.raw")));
    });
    afterEach(async () => {
        stack?.remove();
        await place?.close();
        stack = place = undefined;
    });
    after(() => fs.rmSync(folder, { recursive: true, force: true }));

    /** Another level of compression, other bytes. */
    function build(level: number): void {
        fs.writeFileSync(path.join(folder, "edge.raw.gz"), zlib.gzipSync(good, { level }));
    }

    function program(publish: object): string {
        const args = { source: path.join(folder, "edge.raw.gz"), publish };
        return `const { image } = require("pulumi-edge-os");
const edge = new image.DiskImage("edge", ${JSON.stringify(args)});
exports.fileName = edge.fileName;
exports.url = edge.url;`;
    }

    function done({ exitCode, stdout, operations }: CommandResult): string[] {
        expect(exitCode, stdout).to.equal(0);
        return operations.filter(({ name }) => name === "edge").map(({ op }) => op);
    }

    for (const [name, start] of [
        ["S3", s3],
        ["a registry", oci],
    ] as const) {
        it(`${name} appears, is replaced by its next version, repaired, and kept or removed as asked`, async function () {
            if (name === "a registry") needsTool(this, "docker-registry");
            const { publish, env, images, remove } = (place = await start());
            build(1);
            const cache = path.join(folder, `cache-${name.replace(" ", "-")}`);
            stack = stackUnderTest({
                program: { source: program(publish) },
                env: { ...env, EDGE_OS_CACHE_DIR: cache },
            });

            const first = await stack.up();
            expect(done(first)).to.deep.equal(["create"]);
            const firstName = String(first.outputs.fileName);
            expect(await images()).to.deep.equal([firstName]);
            expect(done(await stack.up())).to.deep.equal(["same"]);

            build(9);
            const second = await stack.up();
            expect(done(second)).to.include("create-replacement").and.not.include("update");
            const secondName = String(second.outputs.fileName);
            expect(second.outputs.url).to.not.equal(first.outputs.url);
            // A host that has not booted yet may still need the old one.
            expect(await images()).to.deep.equal([firstName, secondName].sort());

            await remove(secondName);
            const refreshed = await stack.refresh();
            expect(done(refreshed)).to.deep.equal(["refresh"]);
            expect(refreshed.changes).to.include({ delete: 1 });
            expect(refreshed.resources.some(({ urn }) => urn.endsWith("::edge"))).to.equal(false);
            const repaired = await stack.up();
            expect(done(repaired)).to.deep.equal(["create"]);
            expect(repaired.outputs.url).to.equal(second.outputs.url);
            expect(await images()).to.deep.equal([firstName, secondName].sort());

            stack.setProgram(program({ ...publish, onDelete: "remove" }));
            expect(done(await stack.up())).to.deep.equal(["update"]);
            expect(done(await stack.destroy())).to.deep.equal(["delete"]);
            expect(await images()).to.deep.equal([firstName]);
        });
    }
});
