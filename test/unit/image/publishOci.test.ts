import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { expect } from "chai";
import { imageArtifact } from "../../../provider/image/publish/artifact";
import { OciPublisher } from "../../../provider/image/publish/oci";
import { fileSource, type PublishTask } from "../../../provider/image/publish/publisher";
import { RegistryClient } from "../../../provider/oci/client";
import { artifactManifest, EMPTY, EMPTY_BLOB, readManifest } from "../../../provider/oci/manifest";
import { testHost } from "../../support/context";
import { Registry } from "../../support/registry";
import { needsTool } from "../../support/tools";
import { MIB, temporaryFolder } from "./fixtures";

const sha256 = (bytes: Buffer): string => crypto.createHash("sha256").update(bytes).digest("hex");
const CONTENT = crypto.randomBytes(20 * MIB);
const NAME = "image-0011223344556677.img";
const REPOSITORY = "edge/ubuntu";
const ROW_A = "aaaaaaaaaaaa-11111111";
const ROW_B = "aaaaaaaaaaaa-22222222";
const ADVICE = { endpoint: "e", caFile: "f", credentials: "c" };

describe("publishing into a registry", () => {
    const folder = temporaryFolder();
    const file = { fileName: NAME, sha256: sha256(CONTENT), sizeBytes: CONTENT.length };
    let registry: Registry;
    let client: RegistryClient;
    let time = Date.parse("2026-11-01T00:00:00Z");

    before(function () {
        needsTool(this, "docker-registry");
    });
    beforeEach(async () => {
        fs.writeFileSync(folder.path("source.img"), CONTENT);
        registry = await Registry.start();
        const host = testHost({ env: { HOME: folder.path("nobody") } });
        client = new RegistryClient({ registry: registry.name, advice: ADVICE }, host);
    });
    afterEach(async () => {
        await client.close();
        await registry.close();
    });

    function publisher(tag?: string): OciPublisher {
        const place = {
            registry: registry.name,
            repository: REPOSITORY,
            ...(tag === undefined ? {} : { tag }),
        };
        return new OciPublisher(client, place, () => (time += 60_000));
    }

    function put(change: Partial<PublishTask> = {}, tag?: string): Promise<"published" | "taken"> {
        const source = fileSource(folder.path("source.img"));
        return publisher(tag).put({ ...file, source, claim: `${ROW_A}00000001`, ...change });
    }

    function release(claim: string, onRelease: "keep" | "remove" = "remove"): Promise<"removed" | "left"> {
        return publisher().release(file, claim, { onRelease });
    }

    async function tags(): Promise<string[]> {
        const found: string[] = [];
        for await (const tag of client.tags(REPOSITORY)) found.push(tag);
        return found.sort();
    }

    async function failure(work: Promise<unknown>): Promise<string> {
        return work.then(
            () => "did not fail",
            (error: unknown) => (error as Error).message,
        );
    }

    const sent = (method: string): number => registry.requests.filter((one) => one.method === method).length;
    const claimTag = (row: string): string => `edge-os-claim-${file.sha256.slice(0, 16)}-${row}`;

    it("makes an artifact whose digest is known before, and finds it again with one question", async () => {
        const { digest } = imageArtifact(file);
        expect(await put()).to.equal("published");
        expect(publisher().describe(file)).to.equal(`oci://${registry.name}/${REPOSITORY}@${digest}`);
        const stored = await client.getManifest(REPOSITORY, digest);
        const [layer] = (stored && readManifest(stored)?.layers) ?? [];
        expect(layer).to.deep.include({
            ...{ digest: `sha256:${file.sha256}`, size: file.sizeBytes },
            annotations: { "org.opencontainers.image.title": NAME },
        });
        expect(await tags()).to.deep.equal([claimTag(ROW_A), NAME, `${NAME}.sha256`].sort());
        const before = registry.requests.length;
        expect(await publisher().look(file)).to.deep.equal({ state: "there" });
        expect(registry.requests.slice(before).map(({ method }) => method)).to.deep.equal(["HEAD"]);
        const { body } = await client.getBlob(REPOSITORY, `sha256:${file.sha256}`);
        expect(sha256(Buffer.concat((await body.toArray()) as Buffer[]))).to.equal(file.sha256);
    });

    it("uploads nothing that is there already", async () => {
        await put();
        const pieces = sent("PATCH");
        expect(await put({ claim: `${ROW_B}00000001` })).to.equal("taken");
        expect(sent("PATCH")).to.equal(pieces);
    });

    it("makes nothing visible when the bytes are not the planned ones", async () => {
        fs.writeFileSync(folder.path("source.img"), Buffer.concat([CONTENT.subarray(1), Buffer.from("!")]));
        expect(await failure(put())).to.contain("changed since it was checked");
        expect(await tags()).to.deep.equal([claimTag(ROW_A)]);
        expect(await client.headBlob(REPOSITORY, `sha256:${file.sha256}`)).to.equal(undefined);
        expect(registry.uploads(REPOSITORY)).to.deep.equal([]);
    });

    it("reads the image anew when the registry has lost a broken upload", async () => {
        let left = 1;
        registry.tap = (side, { method }) =>
            side === "before" && method === "PATCH" && left-- > 0 ? "cut" : undefined;
        expect(await put()).to.equal("published");
        expect(await publisher().look(file)).to.deep.equal({ state: "there" });
    });

    it("moves a tag from image to image, and never away from something else", async () => {
        await put({}, "stable");
        const { digest } = imageArtifact(file);
        expect((await client.headManifest(REPOSITORY, "stable"))?.digest).to.equal(digest);
        const other = Buffer.from("another image");
        fs.writeFileSync(folder.path("source.img"), other);
        const next = {
            fileName: "image-8899aabbccddeeff.img",
            sha256: sha256(other),
            sizeBytes: other.length,
        };
        await put(next, "stable");
        expect((await client.headManifest(REPOSITORY, "stable"))?.digest).to.equal(
            imageArtifact(next).digest,
        );

        await client.pushBlob(REPOSITORY, { digest: EMPTY.digest, size: EMPTY.size }, async function* () {
            yield EMPTY_BLOB;
        });
        await client.putManifest(
            REPOSITORY,
            "app",
            artifactManifest({ artifactType: "a/b", layers: [EMPTY] }),
        );
        expect(await failure(put(next, "app")))
            .to.contain("publish.oci.tag")
            .and.contain("not moved");
    });

    it("removes the artifact with the last claim only, with all that stands beside it", async () => {
        await put({ extras: [{ suffix: ".manifest.json", bytes: Buffer.from('{"a":1}') }] });
        await put({ claim: `${ROW_B}00000001` });
        expect(await release(`${ROW_A}00000001`)).to.equal("left");
        expect(await publisher().look(file)).to.deep.equal({ state: "there" });
        expect(await release(`${ROW_B}00000001`)).to.equal("removed");
        expect(await tags()).to.deep.equal([]);
        expect(await publisher().look(file)).to.deep.equal({ state: "absent" });
    });

    it("tells what stands beside images, and since when, from which a changelog is made", async () => {
        const extrasOfNow = async (): Promise<[string, number, string][]> => {
            const found: [string, number, string][] = [];
            for await (const extra of publisher().extras(".manifest.json")) {
                found.push([extra.fileName, extra.publishedAt, (await extra.read()).toString()]);
            }
            return found;
        };
        const extras = [{ suffix: ".manifest.json" as const, bytes: Buffer.from('{"a":1}') }];
        await put({ extras });
        const [first, ...others] = await extrasOfNow();
        expect(others).to.deep.equal([]);
        expect(first?.[0]).to.equal(file.fileName);
        expect(first?.[1]).to.be.greaterThan(Date.parse("2026-11-01T00:00:00Z")).and.at.most(time);
        expect(first?.[2]).to.equal('{"a":1}');

        // Put there again it stays what it was; with another content it is new.
        await put({ extras, claim: `${ROW_B}00000001` });
        expect(await extrasOfNow()).to.deep.equal([first]);
        await put({ extras: [{ suffix: ".manifest.json", bytes: Buffer.from('{"a":2}') }] });
        const [changed] = await extrasOfNow();
        expect(changed?.[1]).to.be.greaterThan(first?.[1] ?? Infinity);
    });

    it("keeps the artifact when it is asked to", async () => {
        await put();
        expect(await release(`${ROW_A}00000001`, "keep")).to.equal("left");
        expect(await publisher().look(file)).to.deep.equal({ state: "there" });
        const claim = await client.getManifest(REPOSITORY, claimTag(ROW_A));
        expect(claim && readManifest(claim)?.annotations["pulumi-edge-os/claim"]).to.contain(
            '"released":true',
        );
    });
});
