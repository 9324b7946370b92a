import { expect } from "chai";
import { createDisplay } from "../../../lab/engine/display/display";
import { tableLines } from "../../../lab/engine/display/live";
import { propertyLines, shortDiff } from "../../../lab/engine/display/properties";
import { Rows } from "../../../lab/engine/display/rows";
import { durationText } from "../../../lab/engine/display/words";
import type { DeploymentEvent, Severity, StepOp } from "../../../lab/engine/events";
import type { ResourceState } from "../../../lab/engine/resource";
import { secret, UNKNOWN, type PropertyMap } from "../../../lab/engine/values";

const STACK = "urn:pulumi:prod::stores::pulumi:pulumi:Stack::stores-prod";
const FLEET = "urn:pulumi:prod::stores::edge-os:index:HostFleet::fleet";
const HOST =
    "urn:pulumi:prod::stores::edge-os:index:HostFleet$pulumi-nodejs:dynamic/edge-os/emf:EdgeHost::sn1";

const row = (urn: string, inputs: PropertyMap = {}, fields: Partial<ResourceState> = {}): ResourceState => ({
    urn,
    type: urn.split("::")[2]?.split("$").pop() ?? "",
    custom: urn === HOST,
    parent: urn === HOST ? FLEET : urn === FLEET ? STACK : "",
    inputs,
    outputs: {},
    ...fields,
});
const step = (
    kind: "pre" | "outputs",
    op: StepOp,
    next?: ResourceState,
    old?: ResourceState,
    planning = false,
): DeploymentEvent => ({
    kind,
    step: { op, urn: (next ?? old)?.urn ?? "", old, new: next, internal: false },
    planning,
});
const message = (severity: Severity, text: string, urn?: string, ephemeral = false): DeploymentEvent => ({
    kind: "diagnostic",
    severity,
    message: text,
    urn,
    ephemeral,
});
const summary = (changes: Partial<Record<StepOp, number>>, planning = false): DeploymentEvent => ({
    kind: "summary",
    changes,
    seconds: 4.2,
    planning,
});
const RESULT = { succeeded: true, interrupted: false, changes: {} };

function show(events: DeploymentEvent[], dryRun = false, options: { detailed?: boolean } = {}): string {
    let text = "";
    const display = createDisplay({
        op: "up",
        dryRun,
        stack: "prod",
        detailed: options.detailed ?? false,
        write: (more) => (text += more),
    });
    display.start({ project: "stores", recovered: false, endedOrphans: [] });
    events.forEach((event) => display.event(event));
    display.end(RESULT);
    display.close();
    return text.replace(/\(\d+\.\d\ds\)/g, "(0.00s)");
}

// Expected texts are those of the CLI 3.259.0 for the same events, but where said otherwise.
describe("engine display", () => {
    it("marks changed properties as the CLI does", () => {
        const before = {
            arid: "a-1",
            bnorm: "OF",
            deep: { x: ["D", "l"] },
            pw: secret("p"),
            gone: 1,
            same: true,
        };
        const after = {
            arid: UNKNOWN,
            bnorm: "OF",
            deep: { x: ["D2", "l"] },
            pw: secret("q"),
            same: true,
            add: [1],
        };
        expect(propertyLines(before, after, 1, true)).to.deep.equal([
            "  + add  : [",
            "  +     [0]: 1",
            "    ]",
            '  ~ arid : "a-1" => [unknown]',
            '    bnorm: "OF"',
            "  ~ deep : {",
            "      ~ x: [",
            '          ~ [0]: "D" => "D2"',
            '            [1]: "l"',
            "        ]",
            "    }",
            "  - gone : 1",
            "  ~ pw   : [secret] => [secret]",
            "    same : true",
        ]);
        expect(propertyLines(before, before, 1, false)).to.deep.equal([]);
    });

    it("names changed properties on the row, without internal ones", () => {
        expect(shortDiff({ a: 1, b: 2, __provider: "x" }, { a: 2, c: 3, __provider: "y" }, [], [])).to.equal(
            "diff: +c-b~a",
        );
        expect(shortDiff({ a: 1, b: 1 }, { a: 2, b: 2 }, [], ["b"])).to.equal("diff: ~b");
        expect(shortDiff({ __provider: "x" }, { __provider: "y" }, [], [])).to.equal("");
        expect(shortDiff({}, {}, ["protect"], [])).to.equal("diff: ~protect");
    });

    it("rounds the duration up", () => {
        expect([0, 4.2, 59.1, 65, 3600].map(durationText)).to.deep.equal([
            "0s",
            "5s",
            "1m0s",
            "1m5s",
            "1h0m0s",
        ]);
    });

    it("writes plain lines, diagnostics and the summary in the CLI's words", () => {
        const [old, next] = [row(HOST, { metadata: { a: 1 } }), row(HOST, { metadata: { a: 2 } })];
        const text = show([
            step("pre", "same", row(STACK), row(STACK)),
            step("pre", "update", next, old),
            message("info", "registered", HOST, true),
            message("warning", "careful\nnow", HOST),
            step("outputs", "update", next, old),
            summary({ update: 1, create: 9, same: 3, replace: 1 }),
        ]);
        expect(text).to.equal(
            [
                "Updating (prod):",
                "",
                "    pulumi:pulumi:Stack stores-prod running",
                " ~  pulumi-nodejs:dynamic/edge-os/emf:EdgeHost sn1 updating (0s) [diff: ~metadata]",
                " ~  pulumi-nodejs:dynamic/edge-os/emf:EdgeHost sn1 updating (0s) [diff: ~metadata]; registered",
                " ~  pulumi-nodejs:dynamic/edge-os/emf:EdgeHost sn1 updating (0s) [diff: ~metadata]; warning: careful",
                " ~  pulumi-nodejs:dynamic/edge-os/emf:EdgeHost sn1 updated (0.00s) [diff: ~metadata]; warning: careful",
                "    pulumi:pulumi:Stack stores-prod",
                "Diagnostics:",
                "  pulumi-nodejs:dynamic/edge-os/emf:EdgeHost (sn1):",
                "    warning: careful",
                "    now",
                "",
                "Resources:",
                "    + 9 created",
                "    ~ 1 updated",
                "    +-1 replaced",
                "    11 changes. 3 unchanged",
                "",
                "Duration: 5s",
                "",
                "",
            ].join("\n"),
        );
    });

    it("says what a preview would do", () => {
        const text = show(
            [
                step("pre", "create", row(STACK), undefined, true),
                step("pre", "create", row(HOST), undefined, true),
                step("outputs", "create", row(HOST), undefined, true),
                summary({ create: 2, delete: 1 }, true),
            ],
            true,
        );
        expect(text).to.include(" +  pulumi-nodejs:dynamic/edge-os/emf:EdgeHost sn1 create\n");
        expect(text).to.include("Resources:\n    + 2 to create\n    - 1 to delete\n    3 changes\n");
        expect(text).to.not.include("Duration");
    });

    it("shows a failed check on the row of its resource, which has no step yet", () => {
        const text = show([message("error", "name is taken", HOST), summary({})], true);
        expect(text).to.include(
            "  pulumi-nodejs:dynamic/edge-os/emf:EdgeHost (sn1):\n    error: name is taken\n",
        );
    });

    it("shows failures, and counts them", () => {
        const text = show([
            step("pre", "create", row(HOST)),
            message("error", "the site is gone", HOST),
            { kind: "failed", step: { op: "create", urn: HOST, new: row(HOST), internal: false } },
            summary({ same: 1 }),
        ]);
        expect(text).to.include("**creating failed**");
        expect(text).to.include("    error: the site is gone\n");
        expect(text).to.include("Resources:\n    1 unchanged\n    1 errored\n");
    });

    it("shows the differences in detail when asked, secrets by their name", () => {
        const [old, next] = [
            row(HOST, { token: secret("old"), site: "a" }),
            row(HOST, { token: secret("new"), site: "b" }),
        ];
        const text = show([step("pre", "update", next, old), step("outputs", "update", next, old)], false, {
            detailed: true,
        });
        expect(text).to.include('      ~ site : "a" => "b"\n      ~ token: [secret] => [secret]\n');
        expect(text).to.not.match(/old|new/);
    });

    it("draws a tree on a terminal, with the latest message of each row", () => {
        let now = 0;
        const rows = new Rows({ dryRun: false, isTerminal: true, now: () => now });
        rows.stackName = "stores-prod";
        const events: DeploymentEvent[] = [
            step("pre", "create", row(STACK)),
            step("pre", "create", row(FLEET)),
            step("pre", "create", row(HOST)),
            message("info", "provisioning 4/9: streaming OS image", HOST, true),
        ];
        events.forEach((event) => rows.record(event));
        now = 12_000;
        expect(tableLines(rows, "..").map((line) => line.trimEnd())).to.deep.equal([
            "     Type                                              Name         Status            Info",
            " +   pulumi:pulumi:Stack                               stores-prod  creating (12s)..",
            " +   └─ edge-os:index:HostFleet                        fleet        creating (12s)..",
            " +      └─ pulumi-nodejs:dynamic/edge-os/emf:EdgeHost  sn1          creating (12s)..  provisioning 4/9: streaming OS image",
        ]);
        rows.record(step("outputs", "create", row(HOST)));
        rows.finish();
        const done = tableLines(rows, "").map((line) => line.trimEnd());
        expect(done[3]).to.match(/EdgeHost +sn1 +created \(12s\)$/);
    });

    it("redraws in place and ends below the rows", () => {
        let text = "";
        const display = createDisplay({
            op: "up",
            dryRun: false,
            stack: "prod",
            detailed: false,
            write: (more) => (text += more),
            terminal: { columns: 60, rows: 10 },
        });
        display.start({ project: "stores", recovered: true, endedOrphans: [7] });
        display.event(step("pre", "create", row(STACK)));
        display.end(RESULT);
        display.close();
        expect(text).to.include("completed from the journal").and.to.include("ended: 7.");
        expect(text.split("\n").every((line) => line.length <= 80)).to.equal(true);
        expect(text.endsWith("\n\n")).to.equal(true);
    });
});
