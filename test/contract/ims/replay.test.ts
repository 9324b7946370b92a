import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Recording, Scenario } from "../../../lab/ims/replay/recording";
import { replayScenario } from "../../../lab/ims/replay/replay";

const FILE = path.join(__dirname, "../data/ims/ims-recorded.json");
const { scenarios } = JSON.parse(fs.readFileSync(FILE, "utf8")) as Recording;

describe("the lab's IMS answers as the recorded service did", () => {
    for (const scenario of scenarios) {
        it(`${scenario.scenario} (${scenario.steps.length} steps)`, async () => {
            const failed = (await replayScenario(scenario))
                .filter(({ verdict }) => verdict === "failed")
                .map(({ step, differences }) => ({ step: step.step, differences }));
            expect(failed).to.deep.equal([]);
        });
    }

    it("notices a wrong answer, a missing object and an object too many", async () => {
        const wrong: Scenario = {
            scenario: "wrong",
            placeholders: {},
            steps: [
                {
                    step: "status",
                    request: { method: "GET", path: "/v3/images" },
                    response: { status: 404, contentType: "application/json" },
                },
                { step: "missing", expectObjects: { "boot-images": ["a"] } },
                { step: "put", putObjects: [{ bucket: "boot-images", key: "b", content: "" }] },
                { step: "too many", expectObjects: { "boot-images": [] } },
            ],
        };
        const outcomes = await replayScenario(wrong);
        expect(outcomes.map(({ verdict }) => verdict)).to.deep.equal([
            "failed",
            "failed",
            "exempt",
            "failed",
        ]);
    });
});
