import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { expect } from "chai";
import { findUnusedImages, type UnusedImage } from "../../../cli/pruneImages";
import type { EmfClient } from "../../../provider/emf/client";
import type { Publication } from "../../../provider/image/diskImage.publish";
import { imageSystem } from "../../../provider/image/library";
import { fileSource } from "../../../provider/image/publish/publisher";
import { testHost, type TestHost } from "../../support/context";
import { S3_KEYS, S3Server } from "../../support/s3";
import { Registry } from "../../support/registry";
import { needsTool } from "../../support/tools";
import { temporaryFolder } from "../image/fixtures";

const OWNER = "aaaaaaaaaaaa";
const sha256 = (text: string): string => crypto.createHash("sha256").update(text).digest("hex");
const nameOf = (text: string): string => `image-${sha256(text).slice(0, 16)}.img`;

describe("published images that nothing uses", () => {
    const folder = temporaryFolder();
    let server: S3Server;
    let registry: Registry | undefined;
    let host: TestHost;

    beforeEach(async () => {
        server = await S3Server.start();
        host = testHost({
            projectDir: folder.path("."),
            env: {
                HOME: folder.path("."),
                EDGE_OS_CACHE_DIR: folder.path("cache"),
                EDGE_OS_IMAGE_S3_ACCESS_KEY_ID: S3_KEYS.accessKeyId,
                EDGE_OS_IMAGE_S3_SECRET_ACCESS_KEY: S3_KEYS.secretAccessKey,
            },
        });
    });
    afterEach(async () => {
        await server.close();
        await registry?.close();
        registry = undefined;
    });

    const places: Record<string, () => Promise<Publication>> = {
        folder: async () => ({ directory: "out", baseUrl: "https://images.example.com" }),
        bucket: async () => ({
            s3: {
                ...{ bucket: "images", prefix: "edge", endpoint: server.endpoint },
                baseUrl: "https://images.example.com",
            },
        }),
        registry: async () => {
            registry = await Registry.start();
            return { oci: { repository: `oci://${registry.name}/edge/ubuntu` } };
        },
    };

    for (const [kind, placeOf] of Object.entries(places)) {
        it(`are found in a ${kind}, and removed where they are the stack's own`, async function () {
            if (kind === "registry") needsTool(this, "docker-registry");
            const publish = await placeOf();
            const publisher = imageSystem.connect({}, host).publisher(publish, host.projectDir);
            const put = async (text: string, owner = OWNER): Promise<void> => {
                const source = folder.path("source");
                fs.writeFileSync(source, text);
                await publisher.put({
                    ...{ fileName: nameOf(text), sha256: sha256(text), sizeBytes: text.length },
                    ...{ source: fileSource(source), claim: `${owner}-${sha256(text).slice(0, 16)}` },
                });
            };
            for (const text of ["in the stack", "in a profile", "old"]) await put(text);
            await put("of others", "ffffffffffff");

            const row = {
                urn: "urn:pulumi:dev::project::pulumi-nodejs:dynamic/edge-os/image:DiskImage::disk",
                type: "pulumi-nodejs:dynamic/edge-os/image:DiskImage",
                outputs: { publish, fileName: nameOf("in the stack") },
            };
            const profile = { imageUrl: "https://elsewhere/x.img", sha256: sha256("in a profile") };
            const client = { list: async () => [profile] } as unknown as EmfClient;
            const stack = { owner: OWNER, export: { project: "project", stack: "dev", rows: [row] } };
            const find = (): Promise<UnusedImage[]> => findUnusedImages(client, stack, host);

            const found = await find();
            const shown = found.map(({ name, standing }) => `${name} ${standing}`).sort();
            expect(shown).to.deep.equal([`${nameOf("old")} old`, `${nameOf("of others")} foreign`].sort());
            const old = found.find(({ standing }) => standing === "old");
            expect(await old?.remove()).to.equal("removed");
            expect((await find()).map(({ name }) => name)).to.deep.equal([nameOf("of others")]);
            expect(await findUnusedImages(client, undefined, host)).to.deep.equal([]);
        });
    }
});
