import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { runStack } from "../../../lab/engine";
import { identify } from "../../../lab/engine/liveness";
import {
    cliOnPath,
    engines,
    stackUnderTest,
    type CommandResult,
    type StackUnderTest,
} from "../../support/stack";

/** Resources whose provider keeps objects as files; `slow` waits for the file `go`, `log` shows a message. */
const PROGRAM = `
const pulumi = require("@pulumi/pulumi");
class Thing extends pulumi.CustomResource {
    constructor(name, props, opts) {
        super("pulumi-nodejs:dynamic/test:Thing", name, { size: undefined, ...props, name,
            __provider: 'exports.handler = () => require("./provider").provider;' }, opts);
    }
}
class Group extends pulumi.ComponentResource {
    constructor(name, opts) {
        super("test:index:Group", name, {}, opts);
        this.member = new Thing(name + "-member", { color: "red" }, { parent: this });
        this.registerOutputs({ member: this.member.id });
    }
}
module.exports = (() => {`;
const END = "})();";

const PROVIDER = `
const fs = require("fs"), path = require("path");
const dir = process.env.STORE;
fs.mkdirSync(dir, { recursive: true });
const file = (id) => path.join(dir, id);
const note = (text) => fs.appendFileSync(path.join(dir, "..", "calls"), text + "\\n");
exports.provider = {
    async check(_olds, news) { return { inputs: news, failures: [] }; },
    async diff(_id, olds, news) {
        return { changes: olds.color !== news.color || olds.kind !== news.kind, replaces: olds.kind === news.kind ? [] : ["kind"] };
    },
    async create(inputs) {
        note("create " + inputs.name);
        if (inputs.slow) {
            const waiting = path.join(dir, "..", "waiting");
            fs.writeFileSync(waiting + ".tmp", String(process.pid));
            fs.renameSync(waiting + ".tmp", waiting);
            while (!fs.existsSync(path.join(dir, "..", "go"))) await new Promise((next) => setTimeout(next, 20));
        }
        const id = inputs.name + "-" + Date.now();
        fs.writeFileSync(file(id), inputs.color ?? "");
        return { id, outs: { ...inputs, size: 1 } };
    },
    async read(id, props) {
        if (!fs.existsSync(file(id))) return {};
        const color = fs.readFileSync(file(id), "utf8");
        return { id, props: { ...props, color }, inputs: { name: props.name, color, ...(props.kind ? { kind: props.kind } : {}) } };
    },
    async update(id, olds, news) { note("update " + news.name); fs.writeFileSync(file(id), news.color ?? ""); return { outs: { ...news, size: 1 } }; },
    async delete(id, props) { note("delete " + props.name); fs.rmSync(file(id), { force: true }); },
};`;

describe("the embedded engine's lifecycle", function () {
    this.timeout(120_000);
    const stacks: StackUnderTest[] = [];

    function newStack(
        body: string,
        options: Partial<Parameters<typeof stackUnderTest>[0]> = {},
    ): StackUnderTest {
        const stack = stackUnderTest({ program: { source: PROGRAM + body + END }, ...options });
        fs.writeFileSync(path.join(stack.dir, "provider.js"), PROVIDER);
        stack.env = { ...stack.env, STORE: path.join(stack.dir, "..", "store") };
        stacks.push(stack);
        return stack;
    }
    const worldFile = (stack: StackUnderTest, name: string): string => path.join(stack.dir, "..", name);
    const ops = (result: CommandResult): string[] =>
        result.operations.map(({ op, name }) => `${op} ${name}`).sort();

    afterEach(() => {
        for (const stack of stacks.splice(0)) {
            stack.remove();
        }
    });

    for (const engine of engines()) {
        it(`refreshes as part of up, preview and destroy where the project says so (${engine})`, async () => {
            const stack = newStack(
                `new Thing("a", { color: "red" }); new Thing("b", { color: "red" }); return {};`,
                {
                    engine,
                    refreshAlways: true,
                },
            );
            await stack.up();
            const [a = "", b = ""] = fs.readdirSync(worldFile(stack, "store")).sort();
            fs.writeFileSync(path.join(worldFile(stack, "store"), a), "blue");
            fs.rmSync(path.join(worldFile(stack, "store"), b));

            const expected = [
                "create b",
                "refresh a",
                "refresh b",
                "refresh test-dev",
                "same test-dev",
                "update a",
            ];
            const preview = await stack.preview();
            expect(ops(preview)).to.deep.equal(expected);
            expect(preview.resources.map(({ id }) => id)).to.include(b, "a preview changes nothing");
            const up = await stack.up();
            expect(ops(up)).to.deep.equal(expected);
            expect(up.changes).to.deep.equal({ create: 1, same: 1, update: 1 });
            expect(up.stdout).to.include("    + 1 created\n    ~ 1 updated\n    2 changes. 1 unchanged\n");
            expect(fs.readdirSync(worldFile(stack, "store"))).to.have.lengthOf(2);

            const destroy = await stack.destroy();
            expect(destroy.exitCode).to.equal(0);
            expect(destroy.resources).to.deep.equal([]);
            expect(ops(destroy).filter((each) => each.startsWith("delete"))).to.have.lengthOf(3);
        });

        it(`shows drift and what it does about it in the same words (${engine})`, async () => {
            const stack = newStack(`new Thing("a", { color: "red" }); return { color: "red" };`, { engine });
            expect((await stack.up()).stdout).to.include("Resources:\n    + 2 created\n\nDuration: ");
            const [a = ""] = fs.readdirSync(worldFile(stack, "store"));
            fs.writeFileSync(path.join(worldFile(stack, "store"), a), "blue");
            const refresh = await stack.refresh();
            expect(refresh.stdout).to.match(/ ~ {2}pulumi-nodejs:dynamic\/test:Thing a .*\[diff: ~color\]/);
            expect(refresh.stdout).to.include("Resources:\n    ~ 1 updated\n    1 unchanged\n");
            const preview = await stack.preview();
            expect(preview.stdout).to.match(
                / ~ {2}pulumi-nodejs:dynamic\/test:Thing a update \[diff: ~color\]/,
            );
            expect(preview.stdout).to.include("Resources:\n    ~ 1 to update\n    1 unchanged\n");
            expect((await stack.up()).stdout).to.include(
                'Outputs:\n    color: "red"\n\nResources:\n    ~ 1 updated\n',
            );
        });
    }

    it("writes a state that the CLI takes over, and takes over the CLI's", async function () {
        if (cliOnPath() === undefined) {
            this.skip();
        }
        const body = (color: string): string => `
            const a = new Thing("a", { color: ${color}, token: pulumi.secret("hush") });
            new Group("g");
            new Thing("b", { color: a.id, note: { deep: [pulumi.secret("x")] } }, { dependsOn: [a], protect: false });
            return { id: a.id, secret: pulumi.secret("s") };`;
        const stack = newStack(body(`"red"`), {
            secrets: { "test:password": "pw" },
            config: { "test:list": [1, 2] },
        });
        const made = await stack.up();
        for (const round of ["cli", "embedded"] as const) {
            stack.engine = round;
            const unchanged = await stack.preview({ args: ["--expect-no-changes"] });
            expect(unchanged.exitCode, unchanged.stdout).to.equal(0);
            const refreshed = await stack.refresh({ args: ["--expect-no-changes"] });
            expect(refreshed.exitCode, refreshed.stdout).to.equal(0);
            stack.setProgram(PROGRAM + body(`"${round}"`) + END);
            expect((await stack.up()).changes).to.deep.equal({ same: 4, update: 1 });
        }
        stack.engine = "cli";
        const gone = await stack.destroy();
        expect(gone.exitCode, gone.stdout).to.equal(0);
        expect(made.outputs).to.have.keys("id", "secret");
        expect(fs.readdirSync(worldFile(stack, "store"))).to.deep.equal([]);
    });

    /** Starts `up` in a process of its own and waits until its provider is in the middle of a create. */
    async function startAndWait(stack: StackUnderTest): Promise<{ engine: ChildProcess; out: () => string }> {
        fs.rmSync(worldFile(stack, "waiting"), { force: true });
        const { file, args, env } = stack.commandLine("up");
        const engine = spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe"] });
        let out = "";
        engine.stdout.on("data", (text: Buffer) => (out += text.toString()));
        engine.stderr.on("data", (text: Buffer) => (out += text.toString()));
        await until(() => fs.existsSync(worldFile(stack, "waiting")) || engine.exitCode !== null);
        expect(engine.exitCode, out).to.equal(null);
        return { engine, out: () => out };
    }

    const SLOW = `
        const a = new Thing("a", { color: "red" });
        const slow = new Thing("slow", { color: "red", slow: true }, { dependsOn: [a] });
        return {};`;

    it("goes on after a kill: nothing lost, nothing twice, no process left, and the CLI kept out meanwhile", async () => {
        const stack = newStack(SLOW);
        const { engine } = await startAndWait(stack);
        const provider = Number(fs.readFileSync(worldFile(stack, "waiting"), "utf8"));
        engine.kill("SIGKILL");
        await once(engine, "exit");
        expect(fs.existsSync(`${stack.checkpointFile}.journal`)).to.equal(true);
        expect(identify(provider), "the provider outlives its engine").to.be.an("object");
        if (cliOnPath() !== undefined) {
            stack.engine = "cli";
            expect((await stack.refresh()).stdout).to.include("the stack is currently locked by 1 lock(s)");
            stack.engine = "embedded";
        }

        const orphanEnded = until(() => identify(provider) === undefined).then(() => {
            fs.writeFileSync(worldFile(stack, "go"), "");
        });
        const [next] = await Promise.all([stack.up(), orphanEnded]);
        expect(fs.readdirSync(worldFile(stack, "store")).map((id) => id.split("-")[0])).to.have.members([
            "a",
            "slow",
        ]);
        expect(next.exitCode, next.stdout).to.equal(0);
        expect(next.stdout).to.include("completed from the journal of an interrupted run");
        expect(ops(next)).to.deep.equal(["create slow", "same a", "same test-dev"]);
        expect((await stack.export()).pending_operations?.map(({ type }) => type)).to.deep.equal([
            "creating",
        ]);
        expect(fs.existsSync(`${stack.checkpointFile}.journal`)).to.equal(false);
        if (cliOnPath() !== undefined) {
            stack.engine = "cli";
            const preview = await stack.preview();
            expect(preview.exitCode, preview.stdout).to.equal(0);
        }
    });

    it("ends a running step properly when interrupted, and starts no other", async () => {
        const stack = newStack(
            SLOW.replace("return", `slow.id.apply((id) => new Thing("later", { note: id })); return`),
        );
        const { engine, out } = await startAndWait(stack);
        engine.kill("SIGINT");
        await until(() => out().includes("interrupted"));
        fs.writeFileSync(worldFile(stack, "go"), "");
        const [code] = (await once(engine, "exit")) as [number];
        expect(code, out()).to.equal(1);
        const rows = (await stack.export()).resources ?? [];
        const names = rows.map(({ urn }) => urn.split("::").pop());
        expect(names).to.include.members(["a", "slow"]).and.to.not.include("later");
        expect((await stack.up()).changes).to.deep.equal({ create: 1, same: 3 });
    });

    it("ends the running step too when interrupted twice", async () => {
        const stack = newStack(SLOW);
        const { engine, out } = await startAndWait(stack);
        engine.kill("SIGINT");
        await until(() => out().includes("interrupted"));
        engine.kill("SIGINT");
        const [code] = (await once(engine, "exit")) as [number];
        expect(code, out()).to.equal(1);
        fs.writeFileSync(worldFile(stack, "go"), "");
        const next = await stack.up();
        expect(next.exitCode, next.stdout).to.equal(0);
        expect(next.changes).to.deep.equal({ create: 1, same: 2 });
    });

    const refused: [string, string, string][] = [
        ["import", `new Thing("a", {}, { import: "x" });`, "the option `import`"],
        ["transforms", `new Thing("a", {}, { transforms: [(args) => undefined] });`, "`transforms`"],
        [
            "stack transforms",
            `pulumi.runtime.registerResourceTransform(() => undefined); new Thing("a", {});`,
            "Transform",
        ],
        ["hooks", `new Thing("a", {}, { hooks: { beforeCreate: [async () => {}] } });`, "hook"],
        [
            "another package",
            `new pulumi.CustomResource("aws:s3/bucket:Bucket", "a", {});`,
            'the package "aws"',
        ],
        ["stack references", `new pulumi.StackReference("other");`, "StackReference"],
        ["invokes", `pulumi.runtime.invoke("aws:index:getRegion", {});`, "the function aws:index:getRegion"],
        ["assets", `new Thing("a", { file: new pulumi.asset.StringAsset("x") });`, 'the asset in "file"'],
    ];
    for (const [what, statement, message] of refused) {
        it(`refuses ${what} with a message that says so`, async () => {
            const stack = newStack(`${statement} return {};`);
            const result = await stack.up();
            expect(result.exitCode).to.equal(1);
            const errors = result.diagnostics.filter(({ severity }) => severity === "error");
            expect(errors.map((each) => each.message).join("\n")).to.include(message);
            expect(result.stdout).to.include("not supported by the embedded engine");
            expect(result.stdout).to.not.match(/\n +at /);
        });
    }

    it("tells the events and outputs of a run to its caller", async () => {
        const stack = newStack(`new Group("g"); return { open: 1, hidden: pulumi.secret({ a: "s" }) };`);
        const seen: string[] = [];
        const result = await runStack({
            op: "up",
            workDir: stack.dir,
            stack: "dev",
            stateDir: stack.stateDir,
            env: { ...process.env, PULUMI_CONFIG_PASSPHRASE: "", ...stack.env },
            onEvent: (event) => {
                seen.push(...Object.keys(event).filter((key) => key.endsWith("Event")));
                expect(JSON.stringify(event)).to.not.include(`"s"`);
            },
        });
        expect(result).to.deep.include({ succeeded: true, changes: { create: 3 } });
        expect(result.outputs).to.deep.equal({
            open: { value: 1, secret: false },
            hidden: { value: { a: "s" }, secret: true },
        });
        expect(seen[0]).to.equal("preludeEvent");
        expect(seen).to.include.members(["resourcePreEvent", "resOutputsEvent"]);
        expect(seen.pop()).to.equal("summaryEvent");
    });

    it("previews without writing anything", async () => {
        const stack = newStack(`new Thing("a", { color: "red" }); return {};`);
        const before = listFiles(stack.dir);
        const preview = await stack.preview();
        expect(preview.stdout).to.include("    + 2 to create\n");
        expect(listFiles(stack.dir)).to.deep.equal(before);
        expect(listFiles(stack.stateDir).filter((file) => !file.includes("embedded-engine"))).to.deep.equal(
            [],
        );
    });

    it("fails where no changes were expected and some were made", async () => {
        const stack = newStack(`new Thing("a", { color: "red" }); return {};`);
        const result = await stack.preview({ args: ["--expect-no-changes"] });
        expect(result.exitCode).to.equal(7);
        expect(result.stdout).to.include("no changes were expected");
    });
});

function listFiles(folder: string): string[] {
    return (fs.readdirSync(folder, { recursive: true }) as string[])
        .filter((name) => fs.statSync(path.join(folder, name)).isFile())
        .sort();
}

async function until(condition: () => boolean): Promise<void> {
    const end = Date.now() + 30_000;
    while (!condition()) {
        if (Date.now() > end) {
            throw new Error("the condition did not come true within 30 s");
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}
