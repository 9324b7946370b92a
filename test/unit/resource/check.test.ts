import { expect } from "chai";
import * as fc from "fast-check";
import { z } from "zod";
import { checkFields, checkInputs } from "../../../provider/resource/check";
import {
    defineResource,
    inputJsonSchema,
    type AnyResource,
    type System,
} from "../../../provider/resource/definition";
import { diffInputs } from "../../../provider/resource/diff";
import { closest, formatPath } from "../../../provider/resource/problem";
import { hasUnknown, leadsToUnknown, UNKNOWN } from "../../../provider/resource/unknown";
import { testContext } from "../../support/context";

const nowhere: System<null> = { name: "none", target: [], connect: () => null };

const lamp = defineResource({
    kind: "test.Lamp",
    system: nowhere,
    inputs: z.object({
        socket: z.string().meta({ replaces: true }),
        watts: z.number().int("must be a whole number").optional(),
        shades: z.array(z.object({ colour: z.string() })).default([]),
        adopt: z.boolean().optional().meta({ control: true }),
        brand: z.string().optional(),
        serial: z.string().optional().meta({ derived: true }),
    }),
    outputs: z.object({}),
    same: (olds, news) => (olds.brand?.toLowerCase() === String(news.brand).toLowerCase() ? ["brand"] : []),
    create: async () => ({ id: "1", outputs: {} }),
    read: async () => undefined,
    update: async () => ({}),
    delete: async () => undefined,
});

const wardrobe = defineResource({
    kind: "test.Wardrobe",
    system: nowhere,
    inputs: z.object({
        size: z.number().max(2),
        doors: z.number().int().min(1),
        notes: z.record(z.string(), z.string()),
        wood: z.enum(["oak", "pine"]),
        drawers: z.array(z.string()).min(1),
    }),
    outputs: z.object({}),
    create: async () => ({ id: "1", outputs: {} }),
    read: async () => undefined,
    update: async () => ({}),
    delete: async () => undefined,
});

describe("checkInputs", () => {
    const checked = (check: AnyResource["check"]) => (news: Record<string, unknown>) =>
        checkInputs({ ...lamp, check }, news, undefined, testContext({ client: null }));

    it("tells what the schema and what the check find together, with faulty fields unknown to the check", async () => {
        let seen: unknown;
        const { problems } = await checked(async (inputs) => {
            seen = inputs;
            return { problems: [{ path: ["socket"], message: "is not there" }] };
        })({ socket: "E27", watts: "40" });
        expect(problems).to.deep.equal([
            { path: ["watts"], message: "must be a number" },
            { path: ["socket"], message: "is not there" },
        ]);
        expect(seen).to.deep.include({ socket: "E27", watts: UNKNOWN });
    });

    it("keeps what the schema has found when a look-up fails beside it", async () => {
        const failing = checked(() => Promise.reject(new Error("no network")));
        expect((await failing({ socket: 1 })).problems).to.deep.equal([
            { path: ["socket"], message: "must be a string" },
        ]);
        const error = await failing({ socket: "E27" }).catch((thrown: unknown) => thrown);
        expect(String(error)).to.include("no network");
    });
});

describe("checkFields", () => {
    it("takes null for not given, and drops what the program may not set", () => {
        const { inputs, problems } = checkFields(lamp, { socket: "E27", watts: null, serial: "mine" });
        expect(problems).to.deep.equal([]);
        expect(inputs).to.deep.equal({ socket: "E27", shades: [] });
    });

    it("names a missing input, a wrong type and a wrong word in the user's terms", () => {
        const { problems } = checkFields(lamp, { watts: "40", bran: "x", zzzzzz: 1 });
        expect(problems).to.deep.equal([
            { path: ["socket"], message: "is required" },
            { path: ["watts"], message: "must be a number" },
            { path: [], message: 'there is no input "bran"; did you mean brand?' },
            {
                path: [],
                message: 'there is no input "zzzzzz"; allowed are socket, watts, shades, adopt, brand',
            },
        ]);
    });

    it("says limits, maps and missing words as a form does", () => {
        const { problems } = checkFields(wardrobe, { size: 3, doors: 0, notes: [1], drawers: [] });
        expect(problems).to.deep.equal([
            { path: ["size"], message: "must be at most 2" },
            { path: ["doors"], message: "must be at least 1" },
            { path: ["notes"], message: "must be a map" },
            { path: ["wood"], message: 'is required: must be "oak" or "pine"' },
            { path: ["drawers"], message: "must have at least 1 items" },
        ]);
    });

    it("never reports a fault that an unknown alone would cause", () => {
        const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
            tree: fc.oneof(
                { depthSize: "small" },
                fc.constant(UNKNOWN),
                fc.string(),
                fc.integer(),
                fc.array(tie("tree"), { maxLength: 3 }),
                fc.dictionary(fc.constantFrom("colour", "other"), tie("tree"), { maxKeys: 2 }),
            ),
        })).tree;
        fc.assert(
            fc.property(value, (shades) => {
                const { problems, inputs } = checkFields(lamp, { socket: UNKNOWN, shades });
                for (const { path } of problems) {
                    expect(leadsToUnknown({ shades }, path)).to.equal(false);
                }
                expect(inputs.socket).to.equal(UNKNOWN);
            }),
        );
    });
});

describe("diffInputs", () => {
    const diff = (olds: object, news: object) =>
        diffInputs(lamp, { socket: "E27", ...olds }, { socket: "E27", ...news });

    it("sees no difference in undefined, null, a steering input, or what the kind calls the same", () => {
        expect(diff({ watts: undefined, brand: "ACME" }, { watts: null, adopt: true, brand: "acme" }).changed)
            .to.be.empty;
    });

    it("takes an unknown for a change, since it may become one", () => {
        expect(diff({ watts: 40 }, { watts: UNKNOWN })).to.deep.equal({ changed: ["watts"], replaces: [] });
        expect(diff({}, { shades: [{ colour: UNKNOWN }] }).changed).to.deep.equal(["shades"]);
    });

    it("asks for a new object only for the fields that need one", () => {
        expect(diff({}, { socket: "E14", watts: 1 })).to.deep.equal({
            changed: ["socket", "watts"],
            replaces: ["socket"],
        });
    });

    it("is empty for equal inputs whatever they hold", () => {
        fc.assert(
            fc.property(fc.jsonValue(), (shades) => {
                expect(diff({ shades }, { shades: structuredClone(shades) }).changed).to.deep.equal([]);
            }),
        );
    });
});

describe("a definition", () => {
    it("refuses a name that is both input and output", () => {
        const outputs = z.object({ watts: z.number().optional() });
        expect(() => defineResource({ ...lamp, outputs })).to.throw("watts");
    });

    it("gives a JSON Schema of what a program may set", () => {
        expect(Object.keys((inputJsonSchema(lamp) as { properties: object }).properties)).to.deep.equal([
            "socket",
            "watts",
            "shades",
            "adopt",
            "brand",
        ]);
    });
});

describe("problem texts", () => {
    it("write a path as the program would", () => {
        expect(formatPath(["hosts", 2, "name"])).to.equal("hosts[2].name");
    });

    it("suggest a word only when it is close", () => {
        expect(closest("imgeUrl", ["imageUrl", "name"])).to.equal("imageUrl");
        expect(closest("colour", ["imageUrl", "name"])).to.equal(undefined);
    });
});

describe("unknown values", () => {
    it("are found at any depth", () => {
        expect(hasUnknown({ a: [{ b: UNKNOWN }] })).to.equal(true);
        expect(hasUnknown({ a: [{ b: 1 }] })).to.equal(false);
    });
});
