import { expect } from "chai";
import * as fs from "node:fs";
import { CanvosMachine } from "../support/canvos";
import { stackUnderTest, type CommandResult, type StackUnderTest } from "../support/stack";

const PROGRAM = `
const pulumi = require("@pulumi/pulumi");
const { canvos } = require("pulumi-edge-os");
const given = JSON.parse(process.env.CANVOS_GIVEN);
const image = new canvos.ApplianceImage("stores", {
    ...given,
    userData: {
        stylus: {
            site: {
                paletteEndpoint: "api.example.com",
                edgeHostToken: pulumi.secret("registration-token-1"),
                projectName: "Default",
            },
        },
    },
});
exports.systemUri = image.systemUri;
exports.images = image.images;
exports.checksPassed = image.checksPassed;
exports.iso = image.iso;
`;

/** The engines differ in nothing that this resource sees; the embedded one starts faster. */
describe("a stack with an ApplianceImage", function () {
    this.timeout(180_000);
    let machine: CanvosMachine;
    let stack: StackUnderTest;

    before(async function () {
        machine = await CanvosMachine.start(this);
        stack = stackUnderTest({ program: { source: PROGRAM } });
        stack.env = {
            HOME: machine.project,
            EDGE_OS_CACHE_DIR: `${machine.work}/cache`,
            EDGE_OS_CANVOS_WORK_DIRECTORY: machine.work,
            EDGE_OS_CANVOS_LEAST_DISK_GB: "0",
            CANVOS_GIVEN: JSON.stringify(machine.given({ onDelete: "remove" })),
            ...machine.engine.env,
        };
    });
    after(async () => {
        (stack as StackUnderTest | undefined)?.remove();
        await (machine as CanvosMachine | undefined)?.close();
    });

    it("names the image in its preview, builds it, changes nothing after that, and takes it away", async () => {
        const preview = succeeded(await stack.preview());
        expect(preview.changes).to.include({ create: 2 });

        const up = succeeded(await stack.up());
        const { systemUri, images, checksPassed, iso } = up.outputs as {
            systemUri: string;
            images: { reference: string; digest: string }[];
            checksPassed: number;
            iso: { path: string };
        };
        expect(systemUri).to.match(/\/ubuntu:kubeadm-1\.34\.2-v4\.8\.10-demo[0-9a-f]{8}$/);
        expect(images[0]).to.deep.include({ reference: systemUri });
        expect(checksPassed).to.be.greaterThan(15);
        expect(fs.existsSync(iso.path)).to.equal(true);
        expect(JSON.stringify(up.resources), "the token, in clear").to.not.match(
            /[^\\]"registration-token-1/,
        );

        const again = succeeded(await stack.up());
        expect(again.changes).to.deep.equal({ same: 2 });

        succeeded(await stack.destroy());
        expect(fs.existsSync(iso.path)).to.equal(false);
        expect(machine.engine.run("image", "ls", "-q", systemUri)).to.equal("");
    });
});

function succeeded(result: CommandResult): CommandResult {
    expect(result.exitCode, result.stdout).to.equal(0);
    return result;
}
