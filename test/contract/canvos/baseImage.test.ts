import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { applianceImage } from "../../../provider/canvos/applianceImage.handler";
import { artifactManifest, digestOf } from "../../../provider/oci/manifest";
import { RegistryClient } from "../../../provider/oci/client";
import { messageOf } from "../../../provider/resource/errors";
import { CanvosMachine } from "../../support/canvos";
import { testHost } from "../../support/context";
import { errorOf } from "../../support/failure";

/** Asks for a login as a secret, as CanvOS's own folders do, in a stage that is not run: engines of tests have no network. */
const dockerfile = (base: string): string =>
    [
        `FROM ${base} AS attached`,
        "RUN --mount=type=secret,id=pro-attach-config pro attach --attach-config /run/secrets/pro-attach-config",
        `FROM ${base}`,
        "COPY release /etc/base-release",
        "",
    ].join("\n");

/** A client of this machine that has BuildKit, before one that lacks its plugin. */
function withBuildKit(): string {
    const { PATH = "" } = process.env;
    const hasPlugin = spawnSync("docker", ["buildx", "version"], { stdio: "ignore" }).status === 0;
    return hasPlugin ? PATH : `/usr/bin:${PATH}`;
}

describe("canvos.ApplianceImage: its base image", function () {
    this.timeout(60_000);
    let machine: CanvosMachine;

    before(async function () {
        machine = await CanvosMachine.start(this);
    });
    after(async () => {
        await (machine as CanvosMachine | undefined)?.close();
    });

    function client(): RegistryClient {
        const advice = { endpoint: "", caFile: "", credentials: "" };
        return new RegistryClient({ registry: machine.registry.name, advice }, testHost());
    }

    it("is built once from the checkout's folder, pushed, and built upon", async () => {
        machine.repository.git("checkout", "-q", "v4.8.10");
        const base = `${machine.registry.name}/edge/kairos-ubuntu:24.04`;
        const commit = machine.repository.commitFiles({
            "ubuntu-fips/24.04/Dockerfile.ubuntu24.04-fips": dockerfile(base),
            "ubuntu-fips/24.04/release": "validated",
            "ubuntu-fips/24.04/pro-attach-config.yaml": "token: REPLACE\nenable_services:\n  - fips-updates",
        });
        const given = machine.given({
            source: { git: machine.repository.folder, ref: commit },
            targets: ["build-provider-images"],
            arguments: { customTag: "base", baseImage: { build: "ubuntu-fips" }, peVersion: "v4.8.10" },
        });
        const bare = await machine.check(given);
        expect(bare.problems).to.deep.equal([]);
        const error = messageOf(await errorOf(applianceImage.create(bare.inputs, machine.context())));
        expect(error).to.match(/cannot build here:\n.*takes ubuntuProKey of the settings edge-os:canvos/);

        const env = { EDGE_OS_CANVOS_UBUNTU_PRO_KEY: "C1-the-key", PATH: withBuildKit() };
        const { inputs, outputs } = await machine.create(given, machine.context({}, "0", env));
        expect(inputs.baseImage).to.match(
            new RegExp(`^${machine.registry.name}/ubuntu-fips:24\\.04-[0-9a-f]{16}$`),
        );
        expect(inputs.inputHash).to.equal(bare.inputs.inputHash);
        expect(machine.engine.run("run", "--rm", inputs.systemUri, "/bin/cat", "/etc/base-release")).to.equal(
            "validated",
        );
        expect(machine.engine.run("history", "--no-trunc", inputs.baseImage)).to.not.contain("the-key");
        expect(outputs.durations.baseImage).to.be.greaterThanOrEqual(0);
        expect(Object.keys(outputs.durations.targets)).to.deep.equal(["build-provider-images"]);
        for (const step of ["checkout", "verify", "push"] as const)
            expect(outputs.durations[step], step).to.be.a("number");

        // Another build on the same base takes it as it is.
        const other = { ...given, arguments: { ...(given.arguments as object), branding: "Stores" } };
        const second = await machine.create(other, machine.context());
        expect(second.inputs.baseImage).to.equal(inputs.baseImage);
        expect(second.outputs.durations.baseImage).to.equal(undefined);
    });

    describe("given by its name", () => {
        const NAME = "edge/base";

        /** Any manifest is an image to whoever only asks for its digest. */
        async function push(tag: string, content: string): Promise<string> {
            const annotations = { "org.example.content": content };
            const manifest = artifactManifest({
                artifactType: "application/x-base",
                layers: [],
                annotations,
            });
            await client().pushBlob(
                NAME,
                { digest: digestOf(Buffer.from("{}")), size: 2 },

                async function* () {
                    yield Buffer.from("{}");
                },
            );
            return client().putManifest(NAME, tag, manifest);
        }

        function given(tag: string): Record<string, unknown> {
            return machine.given({ arguments: { baseImage: `${machine.registry.name}/${NAME}:${tag}` } });
        }

        it("is held to the digest it had, and a tag that was moved is told with both", async () => {
            const reference = `${machine.registry.name}/${NAME}:9`;
            const old = await push("9", "old");
            const first = await machine.check(given("9"));
            expect(first.problems).to.deep.equal([]);
            expect(first.inputs.baseImage).to.equal(`${reference}@${old}`);

            const now = await push("9", "new");
            const context = machine.context();
            const again = await machine.check(given("9"), context, first.inputs);
            expect(again.inputs.inputHash).to.equal(first.inputs.inputHash);
            expect(context.messages.warn.join("\n")).to.contain(
                `arguments.baseImage ${reference} has moved: it is ${now} now, and ${old} is what is built with`,
            );
            const fresh = await machine.check(given("9"));
            expect(fresh.inputs.inputHash, "for whoever has not built yet").to.not.equal(
                first.inputs.inputHash,
            );
        });

        it("must be in its registry", async () => {
            const { problems } = await machine.check(given("none"));
            expect(problems[0]).to.match(/^arguments\.baseImage \S+:none is not in its registry/);
        });

        it("is only a warning where the registry does not answer in a preview", async () => {
            const context = machine.context({ preview: true });
            const nowhere = machine.given({ arguments: { baseImage: "127.0.0.1:1/edge/base:9" } });
            const { problems } = await machine.check(nowhere, context);
            expect(problems).to.deep.equal([]);
            expect(context.messages.warn.join("\n")).to.contain("127.0.0.1:1");
        });
    });
});
