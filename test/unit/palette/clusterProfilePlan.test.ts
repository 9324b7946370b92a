import { expect } from "chai";
import { PALETTE_CLAIM_KEY } from "../../../provider/palette/claims";
import { contentChanges, type ProfileContent } from "../../../provider/palette/clusterProfileContent";
import { nextVersion } from "../../../provider/palette/clusterProfileConverge";
import {
    editsOf,
    planProfile,
    type DesiredProfile,
    type ObservedProfile,
    type ProfilePlanContext,
} from "../../../provider/palette/clusterProfilePlan";

const CLAIM = "0123456789ab-ours";
const PACK = { name: "edge-k8s", tag: "1.34.2", registryUid: "r1", uid: "p1", values: "a: 1" };
const VARIABLE = { name: "site", default: "lab1" };
const SECRET = { name: "pin", default: "1234", sensitive: true };

const DESIRED: DesiredProfile = {
    ...{ name: "edge", version: "1.0.0", type: "cluster", cloud: "edge-native", tags: { env: "edge" } },
    packs: [{ ...PACK, type: "spectro" }],
    variables: [VARIABLE],
};

const OBSERVED: ObservedProfile = {
    ...{ name: "edge", version: "1.0.0", type: "cluster", cloud: "edge-native", isPublished: true },
    labels: { env: "edge", theirs: "1", [PALETTE_CLAIM_KEY]: CLAIM },
    annotations: {},
    packs: [{ ...PACK, manifests: [] }],
    variables: [{ name: "site", defaultValue: "lab1", format: "string", inputType: "text" }],
    users: [],
};

describe("the plan of a cluster profile", () => {
    const cases: [
        title: string,
        observed: Partial<ObservedProfile> | undefined,
        desired: Partial<DesiredProfile>,
        steps: string[],
        context?: Partial<ProfilePlanContext>,
    ][] = [
        ["from nothing", undefined, {}, ["create"]],
        ["of what is there", {}, {}, []],
        ["of a draft", { isPublished: false }, {}, ["publish"]],
        [
            "of other values",
            {},
            { packs: [{ ...PACK, type: "spectro", values: "a: 2" }] },
            ["writePacks", "publish"],
        ],
        ["of other blanks", {}, { packs: [{ ...PACK, type: "oci", values: "\na: 1 \n" }] }, []],
        [
            "of another variable",
            {},
            { variables: [{ ...VARIABLE, default: "lab2" }] },
            ["setVariables site=lab2"],
        ],
        [
            "of another variable that packs use",
            {},
            { variables: [{ name: "store" }], packs: [{ ...PACK, type: "spectro", values: "a: 2" }] },
            ["setVariables site=lab1 store=", "writePacks", "setVariables store=", "publish"],
        ],
        ["without a variable", {}, { variables: [] }, ["setVariables "]],
        [
            "of a sensitive variable, never seen",
            { variables: [{ name: "pin", defaultValue: "********", isSensitive: true }] },
            { variables: [SECRET] },
            ["setVariables pin=1234"],
        ],
        [
            "of a sensitive variable as the last run wrote it",
            { variables: [{ name: "pin", defaultValue: "********", isSensitive: true }] },
            { variables: [SECRET] },
            [],
            { previous: { variables: [SECRET], tags: { env: "edge" } } },
        ],
        ["of other tags", {}, { tags: { env: "lab" } }, ["describe env=lab theirs=1"]],
        ["without a tag", {}, { tags: {} }, ["describe theirs=1"], { previous: { tags: { env: "edge" } } }],
        ["without a tag that is not its own", {}, { tags: {} }, []],
        ["of one whose claim was wiped", { labels: { env: "edge" } }, {}, ["describe env=edge"]],
        ["of a description", {}, { description: "till" }, ["describe env=edge theirs=1 (till)"]],
        [
            "without a description",
            { annotations: { description: "till" } },
            {},
            ["describe env=edge theirs=1"],
            { previous: { description: "till" } },
        ],
    ];
    for (const [title, observed, desired, steps, context] of cases) {
        it(title, () => {
            const plan = planProfile(
                observed && { ...OBSERVED, ...observed },
                { ...DESIRED, ...desired },
                { claim: CLAIM, ...context },
            );
            const words = plan.map((step) => {
                if (step.do === "setVariables") {
                    const values = step.variables.map((one) => `${one.name}=${one.defaultValue ?? ""}`);
                    return `setVariables ${values.join(" ")}`;
                }
                if (step.do !== "describe") return step.do;
                expect(step.labels[PALETTE_CLAIM_KEY]).to.equal(CLAIM);
                const labels = Object.entries(step.labels).filter(([key]) => key !== PALETTE_CLAIM_KEY);
                const { description } = step.annotations;
                const text = `describe ${labels.map(([key, value]) => `${key}=${value}`).join(" ")}`;
                return description === undefined ? text : `${text} (${description})`;
            });
            expect(words).to.deep.equal(steps);
        });
    }

    it("never writes a mask back", () => {
        const variables = [{ name: "pin", defaultValue: "********", isSensitive: true }];
        const plan = planProfile(
            { ...OBSERVED, variables },
            { ...DESIRED, packs: [{ ...PACK, type: "spectro", values: "a: 2" }] },
            { claim: CLAIM },
        );
        expect(JSON.stringify(plan)).to.not.include("***");
    });

    it("tells every edit by its place, and no value", () => {
        const found: ObservedProfile = {
            ...OBSERVED,
            type: "infra",
            packs: [
                { ...PACK, values: "password: hunter2", manifests: [{ name: "m", content: "hunter2" }] },
                { ...PACK, name: "another", manifests: [] },
            ],
            variables: [{ name: "site", defaultValue: "hunter2", hidden: true }, { name: "more" }],
        };
        expect(editsOf(found, DESIRED)).to.deep.equal([
            "type is infra, and cluster is declared",
            "pack edge-k8s: values",
            "pack edge-k8s: manifests",
            "pack another was added",
            "variable site",
            "variable more was added",
        ]);
        expect(editsOf({ ...OBSERVED, packs: [] }, DESIRED)).to.deep.equal(["pack edge-k8s is gone"]);
        const other = { ...OBSERVED, packs: [{ ...PACK, uid: "p2", registryUid: "r2", manifests: [] }] };
        expect(editsOf(other, DESIRED)).to.deep.equal(["pack edge-k8s: another registry"]);
    });
});

describe("the content of a profile's version", () => {
    const content: ProfileContent = {
        ...{ type: "cluster", cloud: "edge-native", packUids: { a: "u1", b: "u2" } },
        packs: [
            { name: "a", tag: "1.0.0", values: "x: 1" },
            { name: "b", tag: "1.0.0", registry: "R" },
        ],
        variables: [{ name: "site", default: "lab1" }, SECRET],
    };
    const [a, b] = content.packs;
    if (!a || !b) throw new Error("two packs");

    const cases: [title: string, change: Partial<ProfileContent>, changes: string[]][] = [
        ["stays", {}, []],
        ["has another registry's spelling", { packs: [a, { ...b, registry: "uid-of-r" }] }, []],
        [
            "has another sensitive default",
            {
                variables: [
                    { name: "site", default: "lab1" },
                    { ...SECRET, default: "5" },
                ],
            },
            [],
        ],
        ["knows what is in its image", { packs: [{ ...a, kubernetesVersions: ["1.34.2"] }, b] }, []],
        [
            "has another pack version",
            { packs: [{ ...a, tag: "1.1.0" }, b], packUids: { a: "u9", b: "u2" } },
            ["pack a: version 1.0.0 becomes 1.1.0"],
        ],
        ["has another registry", { packUids: { a: "u1", b: "u9" } }, ["pack b: registry"]],
        ["has other values", { packs: [{ ...a, values: "x: 2" }, b] }, ["pack a: values"]],
        ["has overrides", { packs: [a, { ...b, overrides: "y: 1" }] }, ["pack b: overrides"]],
        [
            "has manifests",
            { packs: [a, { ...b, manifests: [{ name: "m", content: "c" }] }] },
            ["pack b: manifests"],
        ],
        ["has one pack more", { packs: [a, b, { name: "c" }] }, ["pack c is new"]],
        ["has one pack less", { packs: [a] }, ["pack b goes"]],
        ["has another order", { packs: [b, a] }, ["order of the packs"]],
        ["has other variables", { variables: [] }, ["variables"]],
        [
            "has another type",
            { type: "add-on", cloud: "all" },
            ["type: cluster becomes add-on", "cloud: edge-native becomes all"],
        ],
    ];
    for (const [title, change, changes] of cases) {
        it(title, () => {
            expect(contentChanges(content, { ...content, ...change })).to.deep.equal(changes);
        });
    }

    it("goes on with the next version", () => {
        expect(["1.0.0", "2.3.9", "1.0.0-rc.1"].map(nextVersion)).to.deep.equal(["1.0.1", "2.3.10", "1.0.1"]);
    });
});
