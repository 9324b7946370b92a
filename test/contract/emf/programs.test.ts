import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import { startLab, type Lab } from "../../../lab";
import { labConfig } from "../../support/emf";
import { publicKey } from "../../support/sshKeys";
import { engines, stackUnderTest, type CommandResult, type StackUnderTest } from "../../support/stack";

const SECRET = "correct-horse-battery";
const LIBRARIES = `
const pulumi = require("@pulumi/pulumi");
const { emf } = require("pulumi-edge-os");
const secret = new pulumi.Config("test").requireSecret("password");
`;

for (const engine of engines()) {
    describe(`EMF resources in a program, on the ${engine} engine`, function () {
        this.timeout(120_000);
        let lab: Lab;
        before(async () => {
            lab = await startLab({ images: false });
        });
        after(async () => lab.close());

        function stackOf(source: string): StackUnderTest {
            const { password, ...config } = labConfig(lab);
            return stackUnderTest({
                engine,
                program: { source: LIBRARIES + source },
                config: { "edge-os:emf": config },
                secrets: { "test:password": SECRET },
                env: { EDGE_OS_EMF_PASSWORD: password },
            });
        }

        /** Everything that a run shows or leaves behind, but for EMF itself. */
        function traces(stack: StackUnderTest, { stdout, events }: CommandResult): string {
            const files = fs
                .readdirSync(stack.stateDir, { recursive: true, encoding: "utf8" })
                .map((name) => path.join(stack.stateDir, name))
                .filter((file) => fs.statSync(file).isFile());
            return [
                stdout,
                JSON.stringify(events),
                ...files.map((file) => fs.readFileSync(file, "utf8")),
            ].join();
        }

        it("a custom config's secret content is nowhere in clear, whether it is made, refused or replaced", async () => {
            const program = (text: string): string =>
                `new emf.CustomConfig("base", { name: "base", config: pulumi.interpolate\`${text}\` });`;
            const good = "#cloud-config\\npassword: ${secret}\\n";
            await using stack = stackOf(program(good));
            const made = succeeded(await stack.up());
            expect((await lab.emf.list("customConfigs"))[0]?.config).to.contain(SECRET);
            expect(traces(stack, made)).not.to.contain(SECRET);

            stack.setProgram(LIBRARIES + program("#cloud-config\\npassword: [${secret}\\n"));
            const refused = await stack.preview();
            expect(refused.exitCode).not.to.equal(0);
            expect(refused.stdout).to.contain("not valid YAML");
            expect(traces(stack, refused)).not.to.contain(SECRET);

            stack.setProgram(LIBRARIES + program(`${good}user: ops\\n`));
            const quoting = { code: "InvalidArgument", message: `value "${SECRET}" is not allowed` };
            lab.emf.fault({ on: "POST customConfigs", do: "status", status: 400, body: quoting });
            const failed = await stack.up();
            expect(failed.exitCode).not.to.equal(0);
            expect(failed.stdout).to.contain("EMF refuses custom config");
            expect(traces(stack, failed)).not.to.contain(SECRET);
            lab.emf.clearFaults();

            const replaced = succeeded(await stack.up());
            expect(await lab.emf.list("customConfigs")).to.have.lengthOf(1);
            expect(traces(stack, replaced)).not.to.contain(SECRET);
            succeeded(await stack.destroy());
            expect(await lab.emf.list("customConfigs")).to.be.empty;
        });

        it("A → B (whose deletions fail) → A loses no account and no config, and leaves none behind", async () => {
            const keys = { a: publicKey("ssh-ed25519"), b: publicKey("ssh-ed25519") };
            const program = (version: "a" | "b"): string => `
new emf.LocalAccount("ops", { username: "ops-${version}", sshKey: "${keys[version]}" });
new emf.CustomConfig("base", { name: "base", config: "#cloud-config\\nversion: ${version}\\n" });
`;
            const made = async (): Promise<unknown[]> => [
                ...(await lab.emf.list("localAccounts")).map(({ username }) => username),
                ...(await lab.emf.list("customConfigs")).map(({ config }) => config),
            ];
            const before = await made();
            await using stack = stackOf(program("a"));
            succeeded(await stack.up());
            const first = await made();
            for (const path of ["localAccounts", "customConfigs"]) {
                lab.emf.fault({ on: `DELETE ${path}/*`, do: "status", status: 500 });
            }
            stack.setProgram(LIBRARIES + program("b"));
            expect((await stack.up()).exitCode).not.to.equal(0);
            expect(await made()).to.have.lengthOf(first.length + 2);
            lab.emf.clearFaults();

            stack.setProgram(LIBRARIES + program("a"));
            succeeded(await stack.up());
            expect(await made()).to.have.members(first);
            const again = succeeded(await stack.up({ args: ["--refresh"] }));
            expect(Object.keys(again.changes), again.stdout).to.deep.equal(["same"]);
            succeeded(await stack.destroy());
            expect(await made()).to.have.members(before);
        });

        it("get() reads what exists, and destroy leaves it", async () => {
            const region = await lab.emf.create("regions", { name: "north" });
            const key = publicKey("ssh-ed25519");
            await lab.emf.create("localAccounts", { username: "ops", sshKey: key });
            await lab.emf.create("customConfigs", {
                name: "base",
                config: `#cloud-config\npassword: ${SECRET}\n`,
            });
            const id = (name: string): string => JSON.stringify(`${lab.emf.projectUid}/${name}`);
            await using stack = stackOf(`
exports.region = emf.Region.get("north", ${JSON.stringify(region.resourceId)}).resourceId;
exports.key = emf.LocalAccount.get("ops", ${id("ops")}).sshKey;
exports.config = emf.CustomConfig.get("base", ${id("base")}).configName;
`);
            const result = succeeded(await stack.up());
            expect(result.outputs).to.deep.equal({ region: region.resourceId, key, config: "base" });
            expect(traces(stack, result)).not.to.contain(SECRET);
            succeeded(await stack.destroy());
            expect(await lab.emf.list("localAccounts")).to.have.lengthOf(1);
        });
    });
}

function succeeded(result: CommandResult): CommandResult {
    expect(result.exitCode, result.stdout).to.equal(0);
    return result;
}
