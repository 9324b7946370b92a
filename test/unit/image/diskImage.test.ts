import * as fs from "node:fs";
import * as path from "node:path";
import type * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import type { z } from "zod";
import { diskImage } from "../../../provider/image/diskImage.handler";
import type { DiskImageArgs } from "../../../provider/image/diskImage";
import { imageSystem } from "../../../provider/image/library";
import { checkInputs, type CheckedInputs } from "../../../provider/resource/check";
import type { AnyResource } from "../../../provider/resource/definition";
import { diffInputs } from "../../../provider/resource/diff";
import { UNKNOWN } from "../../../provider/resource/unknown";
import { testContext, type TestContextOptions, testHost } from "../../support/context";
import { goodImage, temporaryFolder } from "./fixtures";

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Given = Pick<z.input<typeof diskImage.inputs>, "source" | "publish" | "expect" | "bootTest">;
// The compiler proves it: what programs may write is what the schema takes.
const argumentsMatchSchema: Same<pulumi.Unwrap<DiskImageArgs>, Given> = true;

type Inputs = z.output<typeof diskImage.inputs>;
type Client = ReturnType<typeof imageSystem.connect>;
const definition = diskImage as unknown as AnyResource;

describe("image.DiskImage", () => {
    const folder = temporaryFolder();
    let projectDir: string;
    let client: Client;
    let count = 0;

    beforeEach(async () => {
        projectDir = folder.path(`project-${count++}`);
        fs.mkdirSync(projectDir);
        fs.writeFileSync(path.join(projectDir, "ubuntu.img"), await goodImage());
        client = imageSystem.connect(
            {},
            testHost({ env: { EDGE_OS_CACHE_DIR: folder.path("cache") }, projectDir }),
        );
    });

    const ARGS = {
        source: "ubuntu.img",
        publish: { directory: "out", baseUrl: "https://images.example.com/edge/", onDelete: "remove" },
    };

    function context(
        options: Partial<TestContextOptions<Client>> = {},
    ): ReturnType<typeof testContext<Client>> {
        return testContext({ client, kind: "image.DiskImage", name: "ubuntu", projectDir, ...options });
    }

    function check(
        args: Record<string, unknown> = ARGS,
        { olds, ...options }: { olds?: Record<string, unknown> } & Partial<TestContextOptions<Client>> = {},
    ): Promise<CheckedInputs> {
        return checkInputs(definition, args, olds, context(options));
    }

    async function checked(args: Record<string, unknown> = ARGS): Promise<Inputs> {
        const { inputs, problems } = await check(args);
        expect(problems).to.deep.equal([]);
        return inputs as Inputs;
    }

    async function created(args: Record<string, unknown> = ARGS): Promise<{
        id: string;
        state: { inputs: Inputs; outputs: { claim: string; machine: string } };
    }> {
        const inputs = await checked(args);
        const { id, outputs } = await diskImage.create(inputs, context());
        return { id, state: { inputs, outputs } };
    }

    function published(directory = "out"): string[] {
        const folderPath = path.join(projectDir, directory);
        return fs.existsSync(folderPath)
            ? fs.readdirSync(folderPath).filter((name) => !/\.(json|sha256)$/.test(name))
            : [];
    }

    /** The same layout, other bytes. */
    function changeImage(): void {
        const file = path.join(projectDir, "ubuntu.img");
        const image = fs.readFileSync(file);
        image.write("Ubuntu 25.10", image.indexOf("Ubuntu 24.04"));
        fs.writeFileSync(file, image);
    }

    describe("check", () => {
        it("derives what dependents need in previews", async () => {
            const inputs = await checked();
            expect(inputs.sha256).to.match(/^[0-9a-f]{64}$/);
            expect(inputs).to.deep.include({
                fileName: `ubuntu-${inputs.sha256.slice(0, 16)}.img`,
                url: `https://images.example.com/edge/ubuntu-${inputs.sha256.slice(0, 16)}.img`,
                sizeBytes: 64 * 1024 * 1024,
                format: "raw",
                compression: "none",
                checksPassed: 16,
            });
            expect(published()).to.deep.equal([]);
        });

        it("reports every failed check of a bad image at once", async () => {
            const file = path.join(projectDir, "bad.raw");
            const image = Buffer.from(await goodImage());
            image.fill(0, 1024 * 1024, 1024 * 1024 + 512);
            fs.writeFileSync(file, image.subarray(0, image.length - 512));
            const { problems } = await check({ ...ARGS, source: "bad.raw" });
            expect(problems.map(({ path: at, message }) => [at[0], message.split(":")[0]])).to.deep.equal([
                ["source", "gpt.backup"],
                ["source", "esp.opens"],
            ]);
            expect(problems.map(({ message }) => message).join()).to.contain("cut off");
        });

        it("warns in a preview when the file is not here, and keeps the last values", async () => {
            const olds = (await checked()) as unknown as Record<string, unknown>;
            fs.rmSync(path.join(projectDir, "ubuntu.img"));
            const preview = context({ preview: true });
            const { inputs, problems } = await checkInputs(definition, ARGS, olds, preview);
            expect(problems).to.deep.equal([]);
            expect(inputs).to.deep.equal(olds);
            expect(preview.messages.warn.join()).to.contain("there is no file");
            const first = await check(ARGS, { preview: true });
            expect(first.inputs).to.include({ url: UNKNOWN, sha256: UNKNOWN });
        });

        it("fails in an update when the file is not here", async () => {
            const error = await check({ ...ARGS, source: "none.img" }).then(
                () => undefined,
                (thrown: unknown) => thrown as Error,
            );
            expect(error?.message).to.contain("none.img").and.to.contain("Build the image first");
        });

        it("leaves everything open while the source, or the place, is unknown", async () => {
            const noSource = await check({ ...ARGS, source: UNKNOWN }, { preview: true });
            expect(noSource.inputs).to.include({ url: UNKNOWN, sha256: UNKNOWN });
            const noPlace = await check(
                { ...ARGS, publish: { directory: "out", baseUrl: UNKNOWN } },
                { preview: true },
            );
            expect(noPlace.inputs.url).to.equal(UNKNOWN);
            expect(noPlace.inputs.sha256).to.match(/^[0-9a-f]{64}$/);
        });

        for (const [what, publish, message] of [
            ["http", { directory: "out", baseUrl: "http://h/x" }, "https"],
            ["a query", { directory: "out", baseUrl: "https://h/x?y" }, "query"],
            ["a password", { directory: "out", baseUrl: "https://u:p@h/x" }, "password"],
            ["no URL", { directory: "out", baseUrl: "images" }, "must be a URL"],
            ["a mistyped name", { directory: "out", baseURL: "https://h/x" }, "baseURL"],
        ] as const) {
            it(`refuses ${what} in publish`, async () => {
                const { problems } = await check({ ...ARGS, publish });
                expect(problems.map((problem) => problem.message).join()).to.contain(message);
            });
        }

        it("compares with what is expected", async () => {
            const { sha256 } = await checked();
            await checked({ ...ARGS, expect: { sha256: sha256.toUpperCase(), format: "raw" } });
            const { problems } = await check({
                ...ARGS,
                expect: { sha256: "0".repeat(64), format: "qcow2" },
            });
            expect(problems.map(({ path: at }) => at.join("."))).to.deep.equal([
                "expect.sha256",
                "expect.format",
            ]);
        });

        it("says that a folder or an empty file is no image", async () => {
            fs.mkdirSync(path.join(projectDir, "folder.img"));
            fs.writeFileSync(path.join(projectDir, "empty.img"), "");
            for (const source of ["folder.img", "empty.img"]) {
                const { problems } = await check({ ...ARGS, source });
                expect(problems[0]?.path, source).to.deep.equal(["source"]);
            }
        });
    });

    describe("diff", () => {
        it("replaces for other bytes, and only for them", async () => {
            const before = await checked();
            changeImage();
            const changed = await checked();
            expect(diffInputs(definition, before, changed).replaces).to.deep.equal(["sha256"]);
        });

        it("sees no change in another path to the same bytes, or in expectations", async () => {
            const before = await checked();
            fs.renameSync(path.join(projectDir, "ubuntu.img"), path.join(projectDir, "other.img"));
            const args = { ...ARGS, source: "other.img", expect: { format: "raw" } };
            const { inputs } = await check(args, { olds: before });
            expect(diffInputs(definition, before, inputs).changed).to.deep.equal([]);
        });

        it("updates in place when the image moves", async () => {
            const before = await checked();
            const moved = await checked({ ...ARGS, publish: { ...ARGS.publish, directory: "elsewhere" } });
            expect(diffInputs(definition, before, moved)).to.deep.equal({
                changed: ["publish"],
                replaces: [],
            });
        });
    });

    describe("the verbs", () => {
        it("publishes, finds it again, and removes it", async () => {
            const working = context();
            const inputs = await checked();
            const { id, outputs } = await diskImage.create(inputs, working);
            expect(id).to.equal(`sha256:${inputs.sha256}`);
            expect(published()).to.deep.equal([inputs.fileName]);
            expect(working.messages.progress.at(-1)).to.equal("16 checks passed, 64 MiB published");
            const state = { inputs, outputs };
            expect(await diskImage.read(id, state, context())).to.deep.equal({});
            await diskImage.delete(id, state, context());
            await diskImage.delete(id, state, context());
            expect(fs.readdirSync(path.join(projectDir, "out"))).to.deep.equal([]);
        });

        it("tells what happened to the published file behind its back", async () => {
            const { id, state } = await created();
            const file = path.join(projectDir, "out", state.inputs.fileName);
            fs.appendFileSync(file, "more");
            const drift = await diskImage.read(id, state, context());
            expect(drift?.inputs?.sizeBytes).to.equal(state.inputs.sizeBytes + 4);
            expect(drift?.inputs?.sha256).not.to.equal(state.inputs.sha256);
            fs.rmSync(file);
            expect(await diskImage.read(id, state, context())).to.equal(undefined);
        });

        it("cannot tell from another machine", async () => {
            const { id, state } = await created();
            fs.rmSync(path.join(projectDir, "out"), { recursive: true });
            const elsewhere = { ...state, outputs: { ...state.outputs, machine: "00000000" } };
            const working = context();
            expect(await diskImage.read(id, elsewhere, working)).to.deep.equal({});
            expect(working.messages.warn.join()).to.contain("cannot be told");
        });

        it("repairs a changed file by replacing it, and the old row's delete leaves the new one", async () => {
            const { state } = await created();
            fs.appendFileSync(path.join(projectDir, "out", state.inputs.fileName), "more");
            const again = await diskImage.create(state.inputs, context());
            await diskImage.delete("old", state, context());
            expect(published()).to.include(state.inputs.fileName);
            expect(
                await diskImage.read(again.id, { ...state, outputs: again.outputs }, context()),
            ).to.deep.equal({});
        });

        it("moves: the new place first, then the old one is cleared", async () => {
            const { id, state } = await created();
            const moved = await checked({ ...ARGS, publish: { ...ARGS.publish, directory: "elsewhere" } });
            await diskImage.update(id, state, moved, context());
            expect(published()).to.deep.equal([]);
            expect(published("elsewhere")).to.deep.equal([moved.fileName]);
        });

        it("loses nothing when A is replaced by B, which fails, and comes back", async () => {
            const a = await created();
            // B never comes; going back makes A's bytes anew, and then the old row goes.
            const again = await created();
            await diskImage.delete(a.id, a.state, context());
            expect(published()).to.deep.equal([a.state.inputs.fileName]);
            await diskImage.delete(again.id, again.state, context());
            expect(published()).to.deep.equal([]);
        });

        it("shares a file with another resource and with another stack", async () => {
            const mine = await created();
            const theirs = await diskImage.create(mine.state.inputs, context({ stack: "other" }));
            await diskImage.delete(mine.id, mine.state, context());
            expect(published()).to.deep.equal([mine.state.inputs.fileName]);
            await diskImage.delete(
                mine.id,
                { ...mine.state, outputs: theirs.outputs },
                context({ stack: "other" }),
            );
            expect(published()).to.deep.equal([]);
        });

        it("publishes nothing when the file was changed between check and create", async () => {
            const inputs = await checked();
            changeImage();
            const error = await diskImage.create(inputs, context()).then(
                () => undefined,
                (thrown: unknown) => thrown as Error,
            );
            expect(error?.message).to.contain("changed since it was checked");
            expect(published()).to.deep.equal([]);
        });
    });

    it("has the properties of its schema", () => {
        expect(argumentsMatchSchema).to.equal(true);
    });

    it("refuses settings it does not know", () => {
        const host = testHost({ config: { "edge-os:image": { spoolDir: "/x" } } });
        expect(() => imageSystem.connect({}, host)).to.throw("spoolDir");
    });
});
