import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { median, report } from "../support/bench";
import { edgeAppliance } from "../support/edgeAppliance";
import { succeeded } from "../support/fleet";
import { stackUnderTest, type StackUnderTest } from "../support/stack";

const ROUNDS = 9;
const TARGET = 2;

/** The unchanged preview of the example edge-appliance beside that of a program without resources, on the same engine. */
async function main(): Promise<void> {
    const { lab, stack } = await edgeAppliance();
    const empty = emptyProgram(stack.env);
    try {
        // What is booted before the push changes nothing of a preview.
        const program = path.join(stack.dir, "index.ts");
        fs.writeFileSync(program, fs.readFileSync(program, "utf8").replace("smokeTest:", "// smokeTest:"));
        succeeded(await stack.up());
        succeeded(await empty.up());
        const pairs = [];
        for (let round = 0; round < ROUNDS; round++)
            pairs.push({ ours: await timed(stack), baseline: await timed(empty) });
        const ratio = median(pairs.map(({ ours, baseline }) => ours / baseline));
        report({
            name: "canvos-preview",
            value: median(pairs.map(({ ours }) => ours)),
            unit: "s for the unchanged preview of examples/edge-appliance",
            baseline: `${median(pairs.map(({ baseline }) => baseline)).toFixed(2)} s: a program without resources`,
            ratio,
            target: `< ${TARGET} x the baseline, median of ${ROUNDS} interleaved pairs`,
            ok: ratio < TARGET,
        });
    } finally {
        stack.remove();
        empty.remove();
        await lab.close();
    }
}

/** Of the same form as the example: TypeScript, compiled when it is run. */
function emptyProgram(env: NodeJS.ProcessEnv): StackUnderTest {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-empty-"));
    try {
        fs.writeFileSync(path.join(dir, "Pulumi.yaml"), "name: empty\nruntime: nodejs\nmain: index.ts\n");
        fs.writeFileSync(path.join(dir, "index.ts"), "export const nothing = true;\n");
        return stackUnderTest({ program: { dir }, env });
    } finally {
        fs.rmSync(dir, { recursive: true, force: true });
    }
}

async function timed(stack: StackUnderTest): Promise<number> {
    const start = performance.now();
    const { changes } = succeeded(await stack.preview());
    if (Object.keys(changes).some((each) => each !== "same")) throw new Error(JSON.stringify(changes));
    return (performance.now() - start) / 1000;
}

void main();
