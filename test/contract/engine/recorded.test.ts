import { expect } from "chai";
import { cliOnPath } from "../../support/stack";
import { isUncounted, readRecording, runList, type Step } from "./replay";

/**
 * After a failing step, what still runs in parallel is a race in the CLI too: of these scenarios, where they fail,
 * operations and provider calls are not compared.
 */
const RACES = new Set([
    "badcheck",
    "hard",
    "partial",
    "partialupd",
    "hardupd",
    "protrepl",
    "protgone",
    "dup",
]);

function compare(got: Step, want: Step): void {
    const what = `${want.command ?? ""} ${want.scenario ?? ""}`;
    expect(got.exit, `${what}: exit code`).to.equal(want.exit);
    expect(got.state?.resources, `${what}: state`).to.deep.equal(want.state?.resources);
    expect(got.state?.pending, `${what}: pending operations`).to.deep.equal(want.state?.pending);
    expect(counted(got), `${what}: diagnostics`).to.deep.equal(counted(want));
    if (want.exit === 0 || !RACES.has(want.scenario ?? "")) {
        expect(got.operations, `${what}: operations`).to.deep.equal(want.operations);
        expect(got.providerCalls, `${what}: provider calls`).to.deep.equal(want.providerCalls);
    }
}

function counted(step: Step): string[] {
    return (
        (step.diagnostics ?? [])
            .filter((line) => !isUncounted(line))
            // The CLI shows a secret here.
            .map((line) => line.replace(/value \{.*\}/, "value {}"))
    );
}

for (const file of ["recorded.json", "recorded-more.json"]) {
    describe(`the embedded engine against the recorded CLI (${file})`, function () {
        this.timeout(180_000);
        for (const [name, steps] of Object.entries(readRecording(file).lists)) {
            it(`does the same in "${name}" (${steps.length} steps)`, async () => {
                let index = 0;
                for await (const got of runList(steps, "embedded")) {
                    compare(got, steps[index++] ?? {});
                }
                expect(index).to.equal(steps.length);
            });
        }
    });
}

// The recordings themselves against the CLI at hand: slow, and of use only when a new CLI comes out.
if (process.env.EDGE_OS_TEST_ORACLE === "1") {
    describe("the CLI on PATH against its recordings", function () {
        this.timeout(600_000);
        before(function () {
            if (cliOnPath() === undefined) {
                this.skip();
            }
        });
        for (const [name, steps] of Object.entries(readRecording("recorded.json").lists)) {
            it(`does the same in "${name}"`, async () => {
                let index = 0;
                for await (const got of runList(steps, "cli")) {
                    compare(got, steps[index++] ?? {});
                }
            });
        }
    });
}
