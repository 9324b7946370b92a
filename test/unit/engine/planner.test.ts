import { expect } from "chai";
import {
    decide,
    inputsDuringReplacement,
    mustGoFirst,
    removals,
    stepsOf,
    type Decision,
    type Diff,
    type PlanInput,
} from "../../../lab/engine/planner";
import { dependents, deleteLayers } from "../../../lab/engine/graph";
import type { ResourceState } from "../../../lab/engine/resource";
import { UNKNOWN } from "../../../lab/engine/values";

const row = (urn: string, fields: Partial<ResourceState> = {}): ResourceState => ({
    urn,
    type: "t",
    custom: true,
    id: `${urn}-id`,
    inputs: {},
    outputs: {},
    provider: "p",
    ...fields,
});
const diff = (fields: Partial<Diff> = {}): Diff => ({
    changes: false,
    replaces: [],
    changed: [],
    deleteBeforeReplace: false,
    ...fields,
});
const REPLACE = { changes: true, replaces: ["image"] };

interface Case {
    name: string;
    old?: Partial<ResourceState> | null;
    next?: Partial<ResourceState>;
    diff?: Partial<Diff>;
    input?: Partial<PlanInput>;
    options?: Partial<PlanInput["options"]>;
    kind: Decision["kind"];
    steps: string[];
}

const CBD = ["create-replacement", "replace"];
const DBR = ["delete-replaced", "replace", "create-replacement"];

describe("engine planner", () => {
    const cases: Case[] = [
        { name: "a new resource", old: null, kind: "create", steps: ["create"] },
        { name: "nothing changed", kind: "same", steps: ["same"] },
        { name: "a change", diff: { changes: true }, kind: "update", steps: ["update"] },
        {
            name: "the last create was unfinished",
            old: { initErrors: ["x"] },
            kind: "update",
            steps: ["update"],
        },
        { name: "replaces", diff: REPLACE, kind: "replace", steps: CBD },
        { name: "replaces without changes", diff: { replaces: ["image"] }, kind: "same", steps: ["same"] },
        {
            name: "the provider wants delete first",
            diff: { ...REPLACE, deleteBeforeReplace: true },
            kind: "replace",
            steps: DBR,
        },
        {
            name: "the option wants delete first",
            diff: REPLACE,
            options: { deleteBeforeReplace: true },
            kind: "replace",
            steps: DBR,
        },
        {
            name: "the option beats the provider",
            diff: { ...REPLACE, deleteBeforeReplace: true },
            options: { deleteBeforeReplace: false },
            kind: "replace",
            steps: CBD,
        },
        {
            name: "the replacement of an earlier run is missing",
            old: { pendingReplacement: true },
            diff: { deleteBeforeReplace: true },
            kind: "replace",
            steps: ["replace", "create-replacement"],
        },
        {
            name: "deleted earlier in this run",
            input: { deletedEarlier: true },
            kind: "recreate",
            steps: ["replace", "create-replacement"],
        },
        { name: "what was read becomes managed", old: { external: true }, kind: "adopt", steps: CBD },
        { name: "another provider", old: { provider: "" }, kind: "replace", steps: CBD },
        {
            name: "replaceWith names a replaced resource",
            options: { replaceWith: ["urn:x"] },
            input: { replaced: new Set(["urn:x"]) },
            kind: "replace",
            steps: CBD,
        },
        {
            name: "replaceWith names another",
            options: { replaceWith: ["urn:x"] },
            kind: "same",
            steps: ["same"],
        },
        {
            name: "replaceOnChanges on a named change",
            diff: { changes: true, changed: ["desc"] },
            options: { replaceOnChanges: ["desc"] },
            kind: "replace",
            steps: CBD,
        },
        {
            name: "replaceOnChanges when the provider names no change, as with dynamic providers",
            diff: { changes: true },
            options: { replaceOnChanges: ["desc"] },
            kind: "update",
            steps: ["update"],
        },
        {
            name: "replaceOnChanges of an unfinished create",
            old: { initErrors: ["x"] },
            options: { replaceOnChanges: ["#initerror"] },
            kind: "replace",
            steps: CBD,
        },
    ];
    for (const { name, kind, steps, ...given } of cases) {
        it(`${name}: ${steps.join(", ")}`, () => {
            const decision = decide({
                old: given.old === null ? undefined : row("urn:a", given.old),
                next: row("urn:a", given.next),
                diff: diff(given.diff),
                options: { replaceOnChanges: [], replaceWith: [], ...given.options },
                deletedEarlier: false,
                replaced: new Set(),
                ...given.input,
            });
            expect(decision.kind).to.equal(kind);
            expect(stepsOf(decision)).to.deep.equal(steps);
        });
    }

    it("refuses the replacement only of what was and stays protected", () => {
        const refused = (was: boolean, is: boolean): unknown => {
            const decision = decide({
                old: row("urn:a", { protect: was }),
                next: row("urn:a", { protect: is }),
                diff: diff(REPLACE),
                options: { replaceOnChanges: [], replaceWith: [] },
                deletedEarlier: false,
                replaced: new Set(),
            });
            return decision.kind === "replace" && decision.refused;
        };
        expect([refused(true, true), refused(true, false), refused(false, true)]).to.deep.equal([
            true,
            false,
            false,
        ]);
    });

    it("takes the values that come from a replaced resource as unknown", () => {
        const user = row("urn:b", {
            inputs: { from: "a-1", own: 1 },
            propertyDependencies: { from: ["urn:a"], own: [] },
            replaceOnChanges: ["own"],
        });
        expect(inputsDuringReplacement(user, new Set(["urn:a"]))).to.deep.equal({ from: UNKNOWN, own: 1 });
        expect(inputsDuringReplacement(user, new Set(["urn:c"]))).to.equal(undefined);
        expect(mustGoFirst(user, diff({ changes: true }))).to.equal(false);
        expect(mustGoFirst(user, diff({ changes: true, replaces: ["from"] }))).to.equal(true);
        expect(mustGoFirst(user, diff({ changes: true, changed: ["own"] }))).to.equal(true);
    });

    it("removes what was not registered, once", () => {
        const rows = [
            row("urn:kept"),
            row("urn:gone"),
            row("urn:old", { delete: true }),
            row("urn:first", { delete: true }),
            row("urn:pending", { pendingReplacement: true }),
            row("urn:done"),
        ];
        const how = removals(rows, {
            isDone: (each) => each.urn === "urn:done",
            isDeletedAlready: (each) => each.urn === "urn:first",
            isRegistered: (urn) => urn === "urn:kept",
        });
        expect([...how].map(([each, removal]) => `${each.urn} ${removal}`)).to.deep.equal([
            "urn:gone delete",
            "urn:old delete-replaced",
            "urn:pending forget",
        ]);
    });
});

describe("engine graph", () => {
    const provider = row("urn:p", { type: "pulumi:providers:x", provider: "" });
    const stack = row("urn:stack", { custom: false, provider: "" });
    const component = row("urn:c", { custom: false, provider: "", parent: "urn:stack" });
    const child = row("urn:child", { parent: "urn:c", provider: "urn:p::1" });
    const grandchild = row("urn:grandchild", { parent: "urn:child", provider: "urn:p::1" });
    const user = row("urn:user", { parent: "urn:stack", dependencies: ["urn:c"], provider: "urn:p::1" });
    const property = row("urn:prop", { propertyDependencies: { x: ["urn:user"] }, provider: "urn:p::1" });
    const rows = [provider, stack, component, child, grandchild, user, property];
    const names = (list: ResourceState[]): string[] => list.map(({ urn }) => urn.slice(4));

    it("deletes users before what they use, and a component's children before nobody's user is left", () => {
        const layers = deleteLayers(rows, new Set(rows)).map((layer) => names(layer).sort());
        expect(layers).to.deep.equal([["prop"], ["user"], ["grandchild"], ["child"], ["c"], ["p", "stack"]]);
    });

    it("finds direct and indirect dependents, not children", () => {
        expect(names(dependents(rows, component, new Set()))).to.deep.equal(["user", "prop"]);
        expect(names(dependents(rows, component, new Set(["urn:user"])))).to.deep.equal([]);
        expect(names(dependents(rows, provider, new Set()))).to.deep.equal([
            "child",
            "grandchild",
            "user",
            "prop",
        ]);
    });
});
