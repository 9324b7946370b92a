import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { InitFailure, ProviderProcess } from "../../support/providerProcess";

const PROVIDER = `exports.handler = () => require(${JSON.stringify(path.join(__dirname, "boxKind.ts"))}).provider();`;
const URN = "urn:pulumi:prod::project::pulumi-nodejs:dynamic/edge-os/test:Box::box";
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

type Properties = Record<string, unknown>;

describe("a resource in the stock dynamic-provider process", () => {
    let provider: ProviderProcess;
    let folder: string;

    beforeEach(async () => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "box-"));
        provider = await ProviderProcess.start({ typescript: true, env: { BOX_FOLDER: folder } });
        await provider.configure({ "edge-os:shelf": "large" });
    });
    afterEach(async () => {
        await provider[Symbol.asyncDispose]();
        fs.rmSync(folder, { recursive: true });
    });

    const inputs = (more: Properties = {}, context: Properties = {}): Properties => ({
        name: "first",
        ...more,
        __provider: PROVIDER,
        __ctx: { urn: URN, ...context },
    });

    it("gives two concurrent first calls the same configuration", async () => {
        const [one, two] = await Promise.all([
            provider.check({}, inputs()),
            provider.check({}, inputs({ name: "second" })),
        ]);
        expect(one.inputs.label).to.equal("first/large");
        expect(two.inputs.label).to.equal("second/large");
    });

    it("fills in defaults and derived values, and keeps the provider's name", async () => {
        const { inputs: checked, failures } = await provider.check({}, inputs());
        expect(failures).to.deep.equal([]);
        expect(checked).to.deep.include({
            name: "first",
            colour: "red",
            label: "first/large",
            __provider: PROVIDER,
        });
    });

    it("lets unknown values through at any depth and still finds the faults beside them", async () => {
        const { inputs: checked, failures } = await provider.check(
            {},
            inputs({ name: UNKNOWN, tags: { zone: UNKNOWN }, items: [{ weight: UNKNOWN }, { weight: -1 }] }),
        );
        expect(failures).to.deep.equal([{ property: "items", reason: "[1].weight: must be > 0" }]);
        expect(checked).to.deep.include({ name: UNKNOWN, tags: { zone: UNKNOWN } });
    });

    it("reports every fault together, on the top-level property with the path inside it", async () => {
        const { failures } = await provider.check(
            {},
            inputs({ name: "x", colour: "green", items: [{ weight: "5" }], color: "red" }),
        );
        expect(failures).to.deep.equal([
            { property: "name", reason: "must have at least 2 characters" },
            { property: "colour", reason: 'must be "red" or "blue"' },
            { property: "items", reason: "[0].weight: must be a number" },
            { property: "", reason: 'there is no input "color"; did you mean colour?' },
        ]);
    });

    it("never points the engine at a secret, and takes its value out of the reason", async () => {
        const { failures } = await provider.check({}, inputs({ act: "forbidden" }, { secrets: ["act"] }));
        expect(failures[0]).to.deep.equal({
            property: "",
            reason: 'act: is "[secret]", which is not allowed',
        });
        expect(JSON.stringify(failures)).not.to.contain("forbidden");
    });

    it("warns in a preview about what is only missing here, and fails in the update", async () => {
        await using bare = await ProviderProcess.start({ typescript: true, env: { BOX_FOLDER: "" } });
        await bare.configure();

        const preview = await bare.check({}, inputs({}, { preview: true }));
        expect(preview.failures).to.deep.equal([]);
        expect(preview.inputs.label).to.equal("first/unseen");
        expect((await bare.logged((line) => line.severity === 2)).text).to.contain("set BOX_FOLDER");

        // What a hundred rows lack alike is said once.
        await bare.check({}, inputs({ name: "second" }, { preview: true, urn: `${URN}-2` }));

        const update = await bare.check({}, inputs());
        expect(update.failures).to.deep.equal([
            { property: "", reason: "there is no shelf: set BOX_FOLDER" },
        ]);
        expect(bare.log.filter(({ severity }) => severity === 2)).to.have.lengthOf(1);
    });

    it("tells changed from unchanged by declared fields, and what needs a new object", async () => {
        const { outs } = await provider.create((await provider.check({}, inputs())).inputs);
        const same = (await provider.check({}, inputs())).inputs;
        expect(await provider.diff("first", outs, same)).to.deep.equal({ changes: false, replaces: [] });
        const blue = (await provider.check({}, inputs({ colour: "blue" }))).inputs;
        expect(await provider.diff("first", outs, blue)).to.deep.equal({ changes: true, replaces: [] });
        const renamed = (await provider.check({}, inputs({ name: "other" }))).inputs;
        expect((await provider.diff("first", outs, renamed)).replaces).to.deep.equal(["name"]);
    });

    it("creates, reads drift into the inputs, updates, keeps older outputs, deletes and reports it gone", async () => {
        const { inputs: checked } = await provider.check({}, inputs());
        const { id, outs } = await provider.create(checked);
        expect(id).to.equal("first");
        expect(outs).to.not.have.property("content"); // undefined has no place in the protocol
        expect(outs).to.deep.include({ shelfSize: "large", __provider: PROVIDER });

        fs.writeFileSync(path.join(folder, "first"), "blue");
        const drifted = await provider.read(id, outs);
        expect(drifted.inputs).to.deep.include({ name: "first", colour: "blue", __provider: PROVIDER });
        expect((await provider.diff(id, drifted.props, checked)).changes).to.equal(true);

        const updated = await provider.update(id, drifted.props, checked);
        expect(fs.readFileSync(path.join(folder, "first"), "utf8")).to.equal("red");
        expect(updated.outs).to.deep.include({ colour: "red", content: "updated", shelfSize: "large" });

        await provider.delete(id, updated.outs);
        expect(fs.readdirSync(folder)).to.deep.equal([]);
        expect((await provider.read(id, updated.outs)).id).to.equal("");
    });

    it("keeps what a half-made create reached, so that update continues and delete removes it", async () => {
        const { inputs: checked } = await provider.check({}, inputs({ act: "half" }));
        const failure = await caught<InitFailure>(provider.create(checked));
        expect(failure).to.be.instanceOf(InitFailure);
        expect(failure.reasons).to.deep.equal(["the lid is missing"]);
        expect(failure.id).to.equal("first");
        expect(failure.properties).to.deep.include({ note: "no lid", name: "first", __provider: PROVIDER });

        const fixed = (await provider.check({}, inputs({ colour: "blue" }))).inputs;
        const { outs } = await provider.update("first", failure.properties, fixed);
        expect(fs.readFileSync(path.join(folder, "first"), "utf8")).to.equal("blue");
        await provider.delete("first", outs);
        expect(fs.readdirSync(folder)).to.deep.equal([]);
    });

    it("keeps the old state of a failed update and marks it for another look", async () => {
        const { id, outs } = await provider.create((await provider.check({}, inputs())).inputs);
        const bad = (await provider.check({}, inputs({ colour: "blue", act: "throw" }))).inputs;
        const failure = await caught<InitFailure>(provider.update(id, outs, bad));
        expect(failure.reasons).to.deep.equal(["the shelf is locked"]);
        expect(failure.properties).to.deep.include({ colour: "red", __provider: PROVIDER });
    });

    it("says a plain failure in one line, without a stack", async () => {
        const { inputs: checked } = await provider.check({}, inputs({ act: "throw" }));
        expect((await caught(provider.create(checked))).message).to.equal("the shelf is full");
        // The engine shows it on the row; printed by the host, it would come a second time.
        expect(provider.output).to.deep.equal([]);
    });

    it("tells a reason that stops many rows in full once", async () => {
        const stopped = async (urn: string): Promise<string> => {
            const { inputs: checked } = await provider.check({}, inputs({ act: "throw" }, { urn }));
            return (await caught(provider.create(checked))).message;
        };
        expect(await stopped(URN)).to.equal("the shelf is full");
        expect(await stopped(`${URN}-2`)).to.equal('stopped by the same error as test.Box "box"');
        expect(await stopped(URN)).to.equal("the shelf is full");
    });

    it("never points the engine at a URL with a password", async () => {
        const { failures } = await provider.check(
            {},
            inputs({ colour: "https://ops:hunter2@files.example" }),
        );
        expect(failures).to.deep.equal([{ property: "", reason: 'colour: must be "red" or "blue"' }]);
    });

    it("never points the engine at a value with a token in it that no one has called a secret", async () => {
        const text = await provider.check({}, inputs({ colour: "site:\n  edgeHostToken: the-token\n" }));
        expect(text.failures).to.deep.equal([{ property: "", reason: 'colour: must be "red" or "blue"' }]);
        const tags = { edgeHostToken: "the-token", weight: 3 };
        const [failure] = (await provider.check({}, inputs({ tags }))).failures;
        expect(failure?.property).to.equal("");
        expect(failure?.reason).to.match(/^tags\.weight: /);
    });

    it("shows progress on the resource's own row", async () => {
        await provider.create((await provider.check({}, inputs())).inputs);
        const line = await provider.logged((logged) => logged.ephemeral);
        expect(line).to.deep.include({ urn: URN, text: "1/2 folding" });
    });

    it("ends with the last line of a burst, which stays in the row", async () => {
        await provider.create((await provider.check({}, inputs())).inputs);
        await provider.logged(({ ephemeral, text }) => ephemeral && text === "2/2 folded");
    });

    it("stops a running verb when the engine cancels", async () => {
        const { inputs: checked } = await provider.check({}, inputs({ act: "wait" }));
        const running = caught(provider.create(checked));
        await provider.logged((line) => line.ephemeral);
        await provider.cancel();
        expect((await running).message).to.equal("cancelled");
    });

    it("stops a running verb on SIGINT, answers the engine, and ends", async () => {
        const { inputs: checked } = await provider.check({}, inputs({ act: "wait" }));
        const running = caught(provider.create(checked));
        await provider.logged((line) => line.ephemeral);
        provider.kill("SIGINT");
        expect((await running).message).to.equal("cancelled");
        expect(await provider.exited()).to.equal(130);
    });

    it("honours customTimeouts, which the engine does not hand to dynamic providers", async () => {
        const { inputs: checked } = await provider.check(
            {},
            inputs({ act: "wait" }, { timeouts: { create: "50ms" } }),
        );
        expect((await caught(provider.create({ ...checked }))).message).to.contain("time limit of 0.05 s");
    });

    it("reads the state of an older package version", async () => {
        const old = { name: "first", color: "blue", shelfSize: "large", __version: 1, __provider: PROVIDER };
        const news = (await provider.check({}, inputs({ colour: "blue" }))).inputs;
        const { changes } = await provider.diff("first", { ...old, label: news.label }, news);
        expect(changes).to.equal(false);
    });
});

describe("the provider text in every state", () => {
    it("loads the built package by name and finds each kind", async () => {
        await using provider = await ProviderProcess.start();
        await provider.configure();
        const text =
            'exports.handler = () => require("pulumi-edge-os/provider-runtime").provider("emf.Region");';
        const { failures } = await provider.check(
            {},
            { __provider: text, __ctx: { urn: "", preview: true } },
        );
        expect(failures).to.deep.equal([{ property: "name", reason: "is required" }]);
    });

    it("says what to do about a kind this version does not know", async () => {
        await using provider = await ProviderProcess.start();
        await provider.configure();
        const text =
            'exports.handler = () => require("pulumi-edge-os/provider-runtime").provider("emf.Moon");';
        const error = await caught(provider.check({}, { __provider: text }));
        expect(error.message).to.contain("emf.Moon").and.to.contain("update the package");
    });
});

async function caught<E extends Error>(promise: Promise<unknown>): Promise<E> {
    try {
        await promise;
    } catch (error) {
        return error as E;
    }
    throw new Error("expected a failure");
}
