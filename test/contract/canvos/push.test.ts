import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import type { DockerEngine } from "../../../lab/canvos/dockerEngine";
import { Docker } from "../../../provider/canvos/docker";
import { readRegistryImage } from "../../../provider/canvos/layers.registry";
import { readImageArchive } from "../../../provider/canvos/layers.archive";
import { type PushTools, pushImage } from "../../../provider/canvos/push";
import { RegistryClient } from "../../../provider/oci/client";
import { testContext, testHost } from "../../support/context";
import { startDocker } from "../../support/docker";
import { failure } from "../../support/failure";
import { Registry, REGISTRY_LOGIN } from "../../support/registry";
import { needsTool } from "../../support/tools";
import { temporaryFolder } from "../../unit/image/fixtures";

const ADVICE = { endpoint: "arguments.imageRegistry", caFile: "caFile", credentials: "docker login" };

describe("images of Docker", function () {
    this.timeout(60_000);
    const folder = temporaryFolder();
    let engine: DockerEngine;
    let registry: Registry;
    let count = 0;

    before(async function () {
        needsTool(this, "docker-registry");
        engine = await startDocker(this);
        registry = await Registry.start({ auth: "basic" });
    });
    after(async () => {
        await (registry as Registry | undefined)?.close();
        await (engine as DockerEngine | undefined)?.close();
    });
    afterEach(() => delete registry.tap);

    function tools(): PushTools & { slept: number } {
        const auth = Buffer.from(`${REGISTRY_LOGIN.username}:${REGISTRY_LOGIN.password}`).toString("base64");
        fs.writeFileSync(
            folder.path("config.json"),
            JSON.stringify({ auths: { [registry.name]: { auth } } }),
        );
        const docker = new Docker({ ...process.env, ...engine.env, DOCKER_CONFIG: folder.path() });
        const client = new RegistryClient(
            { registry: registry.name, login: REGISTRY_LOGIN, advice: ADVICE },
            testHost(),
        );
        return Object.assign(testContext({ client: undefined }), { docker, registry: client });
    }

    /** A small image under a tag of its own. */
    async function image(content: string, reference = `${registry.name}/edge/ubuntu:v${++count}`) {
        const root = folder.path(`root-${++count}`);
        fs.mkdirSync(path.join(root, "etc"), { recursive: true });
        fs.writeFileSync(path.join(root, "etc/name"), content);
        engine.importFolder(root, reference);
        const dockerImageId = await tools().docker.imageId(reference);
        return { reference, dockerImageId: dockerImageId ?? "" };
    }

    it("are pushed with the digest that the registry has, and the second time left as they are", async () => {
        const built = await image("one");
        const first = await pushImage(built, tools());
        expect(first.was).to.equal("pushed");
        const tag = built.reference.slice(built.reference.lastIndexOf(":") + 1);
        expect(await tools().registry.headManifest("edge/ubuntu", tag)).to.include({ digest: first.digest });
        registry.requests.length = 0;
        expect(await pushImage(built, tools())).to.deep.equal({ ...first, was: "there" });
        expect(registry.requests.every(({ method }) => method === "GET")).to.equal(true);
    });

    it("never overwrite a tag that has another image", async () => {
        const first = await image("first");
        const { digest } = await pushImage(first, tools());
        const second = await image("second", first.reference);
        expect(await failure(pushImage(second, tools())))
            .to.contain("with another image")
            .and.to.contain(digest);
        const tag = first.reference.slice(first.reference.lastIndexOf(":") + 1);
        expect((await tools().registry.headManifest("edge/ubuntu", tag))?.digest).to.equal(digest);
    });

    it("are pushed again when the registry fails at the end", async () => {
        const built = await image("again");
        let failures = 2;
        registry.tap = (side, { method, path: at }) => {
            const isEnd = side === "before" && method === "PUT" && at.includes("/manifests/");
            return isEnd && failures-- > 0 ? { status: 503, code: "UNAVAILABLE" } : undefined;
        };
        const used = tools();
        expect((await pushImage(built, used)).was).to.equal("pushed");
        expect(used.slept).to.be.greaterThan(0);
    });

    it("are known to have arrived when only the answer was lost", async () => {
        const built = await image("lost answer");
        let failures = 1;
        registry.tap = (side, { method, path: at }) => {
            const isEnd = side === "after" && method === "PUT" && at.includes("/manifests/");
            return isEnd && failures-- > 0 ? { status: 502, code: "BAD_GATEWAY" } : undefined;
        };
        expect((await pushImage(built, tools())).was).to.equal("pushed");
    });

    it("are given up after some attempts, with the registry's words", async () => {
        const built = await image("never");
        registry.tap = (_side, { method, path: at }) =>
            method === "PUT" && at.includes("/manifests/") ? { status: 500, code: "UNKNOWN" } : undefined;
        expect(await failure(pushImage(built, tools()))).to.match(/docker push .*failed.*500/s);
    });

    it("are not pushed again when the login is refused", async () => {
        const built = await image("denied");
        const used = tools();
        fs.writeFileSync(folder.path("config.json"), "{}");
        expect(await failure(pushImage(built, used))).to.match(
            /no basic auth credentials|unauthorized|denied/i,
        );
        expect(used.slept).to.equal(0);
    });

    it("are not pushed when the tag is another image's by now", async () => {
        const built = await image("built");
        await image("of another build", built.reference);
        expect(await failure(pushImage(built, tools()))).to.contain("another build");
    });

    it("are read the same from Docker and from the registry, as a container sees them", async () => {
        const context = folder.path("context");
        fs.mkdirSync(context, { recursive: true });
        fs.copyFileSync("/bin/busybox", path.join(context, "busybox"));
        fs.writeFileSync(
            path.join(context, "Dockerfile"),
            [
                "FROM scratch",
                "COPY busybox /bin/busybox",
                'RUN ["/bin/busybox", "sh", "-c", "cd / && /bin/busybox mkdir -p usr/lib d/e && /bin/busybox ln -s usr/lib lib && echo 1 >d/a && echo 2 >d/e/b && echo 3 >gone && /bin/busybox ln d/a hard"]',
                'RUN ["/bin/busybox", "sh", "-c", "/bin/busybox rm -r /gone /d && /bin/busybox mkdir /d && echo 4 >/d/new && echo 5 >/lib/file && /bin/busybox chmod 4711 /lib/file"]',
            ].join("\n"),
        );
        const reference = `${registry.name}/edge/layers:v1`;
        engine.run("build", "-q", "-t", reference, context);
        const listing = [
            "/bin/busybox",
            "find",
            "/",
            "-xdev",
            "-type",
            "f",
            "-not",
            "-path",
            "/etc/*",
            "-not",
            "-path",
            "/.dockerenv",
            "-not",
            "-path",
            "/dev/*",
            "-exec",
            "/bin/busybox",
            "stat",
            "-c",
            "%n %a",
            "{}",
            ";",
        ];
        const seen = engine
            .run("run", "--rm", reference, ...listing)
            .split("\n")
            .sort();

        const used = tools();
        const id = (await used.docker.imageId(reference)) ?? "";
        await pushImage({ reference, dockerImageId: id }, used);
        const { output } = used.docker.stream(["save", id]);
        const saved = await readImageArchive(output as AsyncIterable<Buffer>);
        const stored = await readRegistryImage({
            client: used.registry,
            repository: "edge/layers",
            reference: "v1",
            architecture: "amd64",
        });
        if (!stored) throw new Error("the registry has no such image");
        for (const read of [saved, stored]) {
            const found: string[] = [];
            const walk = async (at: string): Promise<void> => {
                for (const name of await read.tree.list(at)) {
                    const file = `${at === "/" ? "" : at}/${name}`;
                    const entry = await read.tree.linkEntry(file);
                    if (entry?.kind === "folder") await walk(file);
                    else if (entry?.kind === "file") found.push(`${file} ${entry.mode.toString(8)}`);
                }
            };
            await walk("/");
            expect(found.filter((line) => !line.startsWith("/etc/")).sort()).to.deep.equal(seen);
            expect(read.configDigest).to.equal(id);
            read.close();
        }
    });
});
