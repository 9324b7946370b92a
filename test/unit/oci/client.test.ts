import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { RegistryClient, type RegistryConnection } from "../../../provider/oci/client";
import { RegistryRefusal } from "../../../provider/oci/errors";
import { artifactManifest, digestOf, EMPTY, EMPTY_BLOB, readManifest } from "../../../provider/oci/manifest";
import { testHost } from "../../support/context";
import { Registry, REGISTRY_LOGIN, type RegistryOptions } from "../../support/registry";
import { needsTool } from "../../support/tools";
import { temporaryFolder } from "../image/fixtures";

const ADVICE = {
    endpoint: "publish.oci.repository",
    caFile: "edge-os:image.caFile",
    credentials: "EDGE_OS_IMAGE_… or docker login",
};
const REPOSITORY = "edge/ubuntu";
const CHUNK = 1024 * 1024;

describe("the registry client", () => {
    const closing: (() => unknown)[] = [];
    const folder = temporaryFolder();
    let registry: Registry;
    let client: RegistryClient;

    before(function () {
        needsTool(this, "docker-registry");
    });

    async function start(
        options: RegistryOptions = {},
        change: Partial<RegistryConnection> = {},
    ): Promise<void> {
        registry = await Registry.start(options);
        closing.push(() => registry.close());
        client = connect(change);
    }

    function connect(change: Partial<RegistryConnection> = {}, env: NodeJS.ProcessEnv = {}): RegistryClient {
        const host = testHost({ env: { HOME: folder.path("nobody"), ...env } });
        const made = new RegistryClient({ registry: registry.name, advice: ADVICE, ...change }, host);
        closing.push(() => made.close());
        return made;
    }

    afterEach(async () => {
        for (const close of closing.splice(0).reverse()) await close();
    });

    async function* chunks(bytes: Buffer, fails?: Error): AsyncGenerator<Buffer> {
        for (let at = 0; at < bytes.length; at += 300_001) yield bytes.subarray(at, at + 300_001);
        if (fails) throw fails;
    }

    const large = crypto.randomBytes(3 * CHUNK + 777);
    const blobOf = (bytes: Buffer): { digest: string; size: number } => ({
        digest: digestOf(bytes),
        size: bytes.length,
    });

    function push(
        bytes = large,
        options: Parameters<RegistryClient["pushBlob"]>[3] = {},
        fails?: Error,
    ): ReturnType<RegistryClient["pushBlob"]> {
        return client.pushBlob(REPOSITORY, blobOf(bytes), () => chunks(bytes, fails), {
            chunkBytes: CHUNK,
            ...options,
        });
    }

    async function read(bytes = large, range?: { start: number; end?: number }): Promise<Buffer> {
        const { body } = await client.getBlob(REPOSITORY, digestOf(bytes), range ? { range } : {});
        return Buffer.concat((await body.toArray()) as Buffer[]);
    }

    async function failure(work: Promise<unknown>): Promise<Error> {
        return work.then(
            () => new Error("did not fail"),
            (error: unknown) => error as Error,
        );
    }

    const sent = (method: string): number => registry.requests.filter((one) => one.method === method).length;

    it("stores an artifact, finds it again by tag and digest, and removes it", async () => {
        await start();
        await push(EMPTY_BLOB);
        await push();
        const layer = { ...blobOf(large), mediaType: "application/octet-stream" };
        const manifest = artifactManifest({
            artifactType: "application/vnd.test",
            layers: [layer],
            annotations: { a: "b" },
        });
        expect(await client.headManifest(REPOSITORY, "v1")).to.equal(undefined);
        const digest = await client.putManifest(REPOSITORY, "v1", manifest);
        expect(digest).to.equal(digestOf(manifest.bytes));
        for (const reference of ["v1", digest]) {
            const head = await client.headManifest(REPOSITORY, reference);
            expect(head).to.deep.equal({ digest, mediaType: manifest.mediaType });
        }
        const stored = await client.getManifest(REPOSITORY, "v1");
        expect(stored && readManifest(stored)).to.deep.include({
            ...{ config: EMPTY, layers: [layer], annotations: { a: "b" } },
        });
        expect(await tags()).to.deep.equal(["v1"]);
        await client.deleteManifest(REPOSITORY, digest);
        await client.deleteManifest(REPOSITORY, digest);
        expect(await client.headManifest(REPOSITORY, "v1")).to.equal(undefined);
    });

    async function tags(repository = REPOSITORY, pageSize = 100): Promise<string[]> {
        const found: string[] = [];
        for await (const tag of client.tags(repository, { pageSize })) found.push(tag);
        return found;
    }

    it("asks for every kind of manifest, always", async () => {
        await start();
        await push(EMPTY_BLOB);
        const digest = await client.putManifest(
            REPOSITORY,
            "v1",
            artifactManifest({ artifactType: "a/b", layers: [EMPTY] }),
        );
        await client.headManifest(REPOSITORY, "v1");
        await client.getManifest(REPOSITORY, digest);
        const asked = registry.requests.filter(
            ({ method, path: at }) => method !== "PUT" && at.includes("/manifests/"),
        );
        expect(asked).to.have.lengthOf(2);
        for (const { headers } of asked) expect(String(headers.accept).split(", ")).to.have.lengthOf(4);
    });

    it("reads tags page by page, and none of a repository that is not there", async () => {
        await start({ modern: true });
        expect(await tags()).to.deep.equal([]);
        await push(EMPTY_BLOB);
        const names = Array.from({ length: 11 }, (_, i) => `t${String(i).padStart(2, "0")}`);
        const manifest = artifactManifest({ artifactType: "a/b", layers: [EMPTY] });
        for (const name of names) await client.putManifest(REPOSITORY, name, manifest);
        const before = sent("GET");
        expect((await tags(REPOSITORY, 4)).sort()).to.deep.equal(names);
        expect(sent("GET") - before).to.equal(3);
    });

    it("pushes a blob in pieces, once, and reads ranges of it", async () => {
        await start();
        const seen: number[] = [];
        expect(await push(large, { onProgress: (done) => seen.push(done) })).to.equal("pushed");
        expect(sent("PATCH")).to.equal(4);
        expect(seen.at(-1)).to.equal(large.length);
        expect((await read()).equals(large)).to.equal(true);
        expect((await read(large, { start: 5, end: 105 })).equals(large.subarray(5, 105))).to.equal(true);
        expect((await read(large, { start: large.length - 3 })).equals(large.subarray(-3))).to.equal(true);
        expect(await push()).to.equal("there");
        expect(sent("PATCH")).to.equal(4);
    });

    it("mounts a blob that another repository has", async () => {
        await start();
        await push();
        const outcome = await client.pushBlob("edge/other", blobOf(large), () => chunks(large), {
            mountFrom: REPOSITORY,
        });
        expect(outcome).to.equal("mounted");
        expect(await client.headBlob("edge/other", digestOf(large))).to.equal(large.length);
    });

    for (const resumable of [true, false]) {
        it(`arrives over broken connections, ${resumable ? "going on in the middle" : "from the start where it must"}`, async () => {
            await start({ modern: resumable });
            const troubles = [undefined, "cut", "drop", { status: 503, code: "UNAVAILABLE" }] as const;
            let next = 0;
            registry.tap = (side, { method }) =>
                side === "before" && method === "PATCH" ? troubles[next++] : undefined;
            let reads = 0;
            const content = (): AsyncGenerator<Buffer> => {
                reads += 1;
                return chunks(large);
            };
            await client.pushBlob(REPOSITORY, blobOf(large), content, { chunkBytes: CHUNK });
            expect((await read()).equals(large)).to.equal(true);
            expect(reads).to.equal(resumable ? 1 : 2);
        });

        it(`arrives when answers are lost, ${resumable ? "going on in the middle" : "from the start where it must"}`, async () => {
            await start({ modern: resumable });
            const lost = new Set<string>();
            registry.tap = (side, { method }) => {
                const isWrite = ["PATCH", "PUT", "POST"].includes(method);
                if (side === "before" || !isWrite || lost.has(method)) return undefined;
                lost.add(method);
                return "drop";
            };
            expect(await push()).to.equal("pushed");
            expect([...lost].sort()).to.deep.equal(["PATCH", "POST", "PUT"]);
            expect((await read()).equals(large)).to.equal(true);
        });
    }

    it("is found without TLS on loopback also when its first answers are lost", async () => {
        await start();
        let lost = 0;
        registry.tap = (side) => (side === "after" && lost++ < 2 ? "drop" : undefined);
        expect(await client.headManifest(REPOSITORY, "v1")).to.equal(undefined);
        expect(lost).to.be.greaterThan(2);
    });

    it("stores nothing when the content fails at its very end, or has another digest", async () => {
        await start();
        expect((await failure(push(large, {}, new Error("changed meanwhile")))).message).to.equal(
            "changed meanwhile",
        );
        expect(registry.uploads(REPOSITORY)).to.deep.equal([]);
        const wrong = { digest: digestOf(EMPTY_BLOB), size: large.length };
        const error = await failure(
            client.pushBlob(REPOSITORY, wrong, () => chunks(large), { chunkBytes: CHUNK }),
        );
        expect(error).to.be.instanceOf(RegistryRefusal);
        expect(error.message).to.contain("another digest").and.contain("DIGEST_INVALID");
        expect(await client.headBlob(REPOSITORY, wrong.digest)).to.equal(undefined);
        expect(await client.headBlob(REPOSITORY, digestOf(large))).to.equal(undefined);
        expect(registry.uploads(REPOSITORY)).to.deep.equal([]);
    });

    it("leaves no upload behind when it is called off", async () => {
        await start({ modern: true });
        const controller = new AbortController();
        registry.tap = (side, { method }) => {
            if (side === "after" && method === "PATCH") controller.abort(new Error("called off"));
            return undefined;
        };
        expect((await failure(push(large, { signal: controller.signal }))).message).to.equal("called off");
        expect(registry.uploads(REPOSITORY)).to.deep.equal([]);
    });

    for (const auth of ["basic", "bearer"] as const) {
        describe(`with a login (${auth})`, () => {
            it("works, and explains a wrong one without showing it", async () => {
                await start({ auth }, { login: REGISTRY_LOGIN });
                await client.ping();
                await push();
                expect(await client.headBlob(REPOSITORY, digestOf(large))).to.equal(large.length);
                const wrong = connect({ login: { username: "edge", password: "not-the-password" } });
                const error = await failure(wrong.headManifest(REPOSITORY, "v1"));
                expect(error.message)
                    .to.contain(registry.name)
                    .and.contain("or docker login")
                    .and.contain("401");
                expect(error.message).not.to.contain("not-the-password");
            });

            it("explains a missing one", async () => {
                await start({ auth });
                const error = await failure(client.headManifest(REPOSITORY, "v1"));
                expect(error).to.be.instanceOf(RegistryRefusal).with.property("status", 401);
                expect(error.message).to.contain("EDGE_OS_IMAGE_…");
            });

            it("takes what docker login has left", async () => {
                await start({ auth });
                const home = folder.path(`home-${auth}`);
                const { username, password } = REGISTRY_LOGIN;
                const entry = { auth: Buffer.from(`${username}:${password}`).toString("base64") };
                writeConfig(home, { auths: { [registry.name]: entry } });
                expect(await connect({}, { HOME: home }).headManifest(REPOSITORY, "v1")).to.equal(undefined);
            });
        });
    }

    function writeConfig(home: string, config: object): void {
        fs.mkdirSync(path.join(home, ".docker"), { recursive: true });
        fs.writeFileSync(path.join(home, ".docker/config.json"), JSON.stringify(config));
    }

    it("asks a credential helper, which sees none of this process's secrets", async () => {
        await start({ auth: "bearer" });
        const home = folder.path("home-helper");
        const bin = folder.path("bin");
        fs.mkdirSync(bin, { recursive: true });
        const { password } = REGISTRY_LOGIN;
        const answer = JSON.stringify({ Username: "<token>", Secret: password });
        const script = `#!/bin/sh\nread server\nenv > ${home}/seen; echo "$server" >> ${home}/seen\necho '${answer}'\n`;
        fs.writeFileSync(path.join(bin, "docker-credential-test"), script, { mode: 0o755 });
        writeConfig(home, { credHelpers: { [registry.name]: "test" } });
        const env = { HOME: home, PATH: `${bin}:${process.env.PATH ?? ""}`, EDGE_OS_EMF_PASSWORD: "of-emf" };
        expect(await connect({}, env).headManifest(REPOSITORY, "v1")).to.equal(undefined);
        const seen = fs.readFileSync(path.join(home, "seen"), "utf8");
        expect(seen).to.contain(registry.name).and.not.to.contain("of-emf");
    });

    it("asks for no more than it needs, and explains what is not granted", async () => {
        await start({ auth: "bearer", grants: () => ["pull"] }, { login: REGISTRY_LOGIN });
        await client.headManifest(REPOSITORY, "v1");
        expect(registry.scopes).to.deep.equal([`repository:${REPOSITORY}:pull`]);
        const error = await failure(push());
        expect(error).to.be.instanceOf(RegistryRefusal);
        expect(registry.scopes).to.include(`repository:${REPOSITORY}:pull,push`);
    });

    it("speaks TLS with a registry of an own CA, also on loopback, and says how to name it", async () => {
        await start({ tls: true });
        expect((await failure(client.ping())).message).to.contain("edge-os:image.caFile");
        await connect({ ca: registry.ca }).ping();
    });

    it("says that nothing answers", async () => {
        await start();
        const nothing = connect({ registry: "127.0.0.1:1" });
        expect((await failure(nothing.ping())).message).to.contain("nothing answers at 127.0.0.1:1");
    });

    it("waits as long as it is asked to", async () => {
        await start();
        let left = 2;
        registry.tap = (side) =>
            side === "before" && left-- > 0 ? { status: 429, code: "TOOMANYREQUESTS" } : undefined;
        await client.ping();
        expect(left).to.be.lessThan(0);
    });
});
