import { expect } from "chai";
import { spawn } from "node:child_process";
import { startLab, type Lab } from "../../lab";
import { COMPLETE, EMPTY, fleetStates, inventory, quickstartStack } from "../support/quickstart";
import type { StackUnderTest } from "../support/stack";

const ALL = process.env.EDGE_OS_ALL_FAULTS === "1";
/** Fewer than an undisturbed `up` of the quickstart makes. */
const SAMPLE = [4, 9, 16, 24];

describe("an up of the quickstart whose engine is killed at an outgoing call", function () {
    this.timeout(ALL ? 1_800_000 : 300_000);
    let lab: Lab;
    let stack: StackUnderTest;

    beforeEach(async () => {
        lab = await startLab({ autoBoot: true, speed: 20 });
        stack = quickstartStack(lab);
    });
    afterEach(async () => {
        stack.remove();
        await lab.close();
    });

    const points = ALL ? Array.from({ length: 40 }, (_, i) => i + 1) : SAMPLE;
    for (const point of points) {
        for (const side of ["before", "after"] as const) {
            if (!ALL && side === "before" && point % 2 === 0) continue;
            it(`goes on where it stopped: killed ${side} call ${point}`, async () => {
                await upKilledAt(point, side);

                const again = await stack.up();
                expect(again.exitCode, again.stdout).to.equal(0);
                expect(await inventory(lab)).to.deep.equal(COMPLETE);
                expect(Object.values(await fleetStates(lab))).to.deep.equal([
                    "Running",
                    "Running",
                    "Running",
                ]);

                const destroyed = await stack.destroy();
                expect(destroyed.exitCode, destroyed.stdout).to.equal(0);
                expect(await inventory(lab)).to.deep.equal(EMPTY);
            });
        }
    }

    /** Kills the engine without warning; what it started lives on until the next run ends it. */
    async function upKilledAt(point: number, side: "before" | "after"): Promise<void> {
        const { file, args, env } = stack.commandLine("up");
        const engine = spawn(file, args, { env, stdio: "ignore" });
        let calls = 0;
        lab.emf.tap = (at) => {
            if (at === "before") calls += 1;
            if (at !== side || calls !== point) return undefined;
            engine.kill("SIGKILL");
            return "drop";
        };
        await new Promise((resolve) => engine.once("close", resolve));
        delete lab.emf.tap;
    }
});
