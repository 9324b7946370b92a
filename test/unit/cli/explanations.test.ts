import { expect } from "chai";
import { explain, EXPLANATIONS } from "../../../cli/explanations";

describe("explanations", () => {
    it("find every text of their table by itself", () => {
        for (const explanation of EXPLANATIONS) {
            const text = explanation.text.replace(/<[a-z ]+>/g, "x1");
            const [best] = explain(text);
            expect(best?.explanation.text, text).to.equal(explanation.text);
        }
    });

    it("have a cause each, and steps where something is wrong", () => {
        for (const { text, cause, from, todo } of EXPLANATIONS) {
            expect(cause, text).to.match(/^\S.{10,}/);
            expect(from, text).to.not.equal("");
            if (/fail|error|mismatch|invalid|refused|denied/i.test(text))
                expect(todo, text).to.not.deep.equal([]);
        }
    });

    const table: [what: string, text: string, found: string[], values?: Record<string, string>][] = [
        [
            "the reason inside a step's failure, then the step",
            "Provisioning Failed: 3/9: Streaming OS image failed: error writing image to disk: Image SHA-256 hash mismatch",
            ["Image SHA-256 hash mismatch", "Provisioning Failed: <step>"],
        ],
        [
            "the values in the places",
            "Host Registration Failed due to mismatch of UUID, Reported UUID is: 4c4c4544-0051-3010-8034-b6c04f4e3233",
            ["Host Registration Failed due to mismatch of UUID, Reported UUID is: <uuid>"],
            { uuid: "4c4c4544-0051-3010-8034-b6c04f4e3233" },
        ],
        [
            "the special before the general, and not both",
            '{"code":"FailedPrecondition","message":"constraint failed: ERROR: duplicate key value violates unique constraint \\"host_resources_uuid_key\\" (SQLSTATE 23505)"}',
            ['unique constraint "host_resources_uuid_key"'],
        ],
        [
            "a text over several lines",
            "x509: certificate signed by\n    unknown authority",
            ["x509: certificate signed by unknown authority"],
        ],
        ["a word that is a status", "Error", ["Error"]],
        ["any case", "onboarding failed", ["Onboarding Failed"]],
        ["a step alone", "Streaming OS image", ["Streaming OS image"]],
        ["nothing of a word inside a sentence", "it is running, without an error", []],
        ["nothing of a part of a word", "Runningham", []],
        ["nothing of nothing", "", []],
    ];
    for (const [what, text, found, values] of table) {
        it(`find ${what}`, () => {
            const matches = explain(text);
            expect(matches.map(({ explanation }) => explanation.text)).to.deep.equal(found);
            if (values) expect(matches[0]?.values).to.deep.equal(values);
        });
    }
});
