import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Recording } from "../../../lab/emf/replay/recording";
import { replayScenario, scenariosOf } from "../../../lab/emf/replay/replay";

const FILE = path.join(__dirname, "../data/emf/emf-recorded.json");
const recording = JSON.parse(fs.readFileSync(FILE, "utf8")) as Recording;

describe("the lab's EMF answers as the recorded backend did", () => {
    for (const [scenario, steps] of scenariosOf(recording.cases)) {
        it(`${scenario} (${steps.length} steps)`, async () => {
            const outcomes = await replayScenario(steps);
            const failed = outcomes
                .filter(({ verdict }) => verdict === "failed")
                .map(({ step, differences }) => ({ step: step.step, differences }));
            expect(failed).to.deep.equal([]);
        });
    }

    it("and words what the API description refuses as it did", async () => {
        const reworded: string[] = [];
        for (const [scenario, steps] of scenariosOf(recording.cases)) {
            for (const { step, otherWording } of await replayScenario(steps)) {
                const text = JSON.stringify(step.response?.body ?? "");
                const byDescription = /doesn't match schema|Schema:\\n/.test(text);
                if (otherWording && byDescription) reworded.push(`${scenario} ${step.step}: ${text}`);
            }
        }
        expect(reworded).to.deep.equal([]);
    });

    it("notices a wrong answer", async () => {
        const [first] = scenariosOf(recording.cases).get("os-create-minimal") ?? [];
        const wrong = { ...first, response: { status: 200, body: { OperatingSystemResources: [{}] } } };
        const [outcome] = await replayScenario([wrong as Recording["cases"][number]]);
        expect(outcome?.verdict).to.equal("failed");
        expect(outcome?.differences).to.have.lengthOf.at.least(1);
    });
});
