import { expect } from "chai";
import * as fc from "fast-check";
import { ignoreChanges, parseDuration, parsePath, pathCovers } from "../../../lab/engine/paths";
import {
    annotateSecrets,
    changedKeys,
    equal,
    fromProgram,
    hasSecret,
    hasUnknown,
    isSecret,
    keepSecrets,
    redact,
    reveal,
    secret,
    SIGNATURE,
    Signatures,
    toProvider,
    UNKNOWN,
    type PropertyMap,
    type Value,
} from "../../../lab/engine/values";

const output = (fields: PropertyMap): PropertyMap => ({ [SIGNATURE]: Signatures.output, ...fields });
const reference = (fields: PropertyMap): PropertyMap => ({ [SIGNATURE]: Signatures.resource, ...fields });

/** Values as they stand in states: without undefined, which JSON does not have. */
const { value: anyValue } = fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
        { maxDepth: 3, depthSize: "small" },
        fc.constantFrom<Value>(null, true, 0, "", "text", UNKNOWN),
        fc.integer(),
        fc.string(),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(fc.string({ maxLength: 4 }), tie("value"), { maxKeys: 3 }),
        tie("value").map(secret),
    ),
}));

describe("engine values", () => {
    it("turns output values into plain, secret and unknown values and collects their dependencies", () => {
        const dependencies = new Set<string>();
        const value = fromProgram(
            {
                plain: output({ value: "a", dependencies: ["urn:a"] }),
                hidden: [output({ value: "b", secret: true, dependencies: ["urn:b"] })],
                unknown: output({ dependencies: [] }),
                sentinel: "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
            },
            dependencies,
        );
        expect(value).to.deep.equal({
            plain: "a",
            hidden: [secret("b")],
            unknown: UNKNOWN,
            sentinel: UNKNOWN,
        });
        expect([...dependencies]).to.deep.equal(["urn:a", "urn:b"]);
    });

    it("gives the provider neither secret marks nor references", () => {
        const value = toProvider({
            hidden: secret({ deep: secret("x") }),
            custom: reference({ urn: "urn:a", id: "id-1" }),
            uncreated: reference({ urn: "urn:a", id: "" }),
            component: reference({ urn: "urn:c" }),
            nothing: null,
        });
        expect(value).to.deep.equal({
            hidden: { deep: "x" },
            custom: "id-1",
            uncreated: UNKNOWN,
            component: "urn:c",
            nothing: null,
        });
    });

    it("marks in an answer what was secret in the question", () => {
        const answer: PropertyMap = {
            plain: 1,
            token: "t",
            object: { deep: "d", other: 2 },
            list: ["a", "b"],
        };
        annotateSecrets(answer, {
            plain: 1,
            token: secret("t"),
            object: { deep: secret("d"), other: 2 },
            list: ["a", secret("b")],
            gone: secret("g"),
        });
        expect(answer).to.deep.equal({
            plain: 1,
            token: secret("t"),
            object: { deep: secret("d"), other: 2 },
            list: secret(["a", "b"]),
        });
    });

    it("tells a secret from the same value in clear", () => {
        expect(equal(secret("a"), "a")).to.equal(false);
        expect(equal(secret("a"), secret("a"))).to.equal(true);
        expect(equal(null, undefined)).to.equal(true);
        expect(equal({ a: 1 }, { a: 1, b: undefined })).to.equal(true);
        expect(changedKeys({ a: 1, b: 2, c: 3 }, { a: 1, b: secret(2), d: 4 })).to.have.members([
            "b",
            "c",
            "d",
        ]);
    });

    it("keeps the identity of unchanged secrets at any depth, and of no changed one", () => {
        const before = { token: secret("a"), deep: { list: [secret("b"), secret("c")] } };
        const after = keepSecrets(
            { token: secret("a"), deep: { list: [secret("b"), secret("new")] } },
            before,
        );
        expect(after.token).to.equal(before.token);
        expect((after.deep as typeof before.deep).list[0]).to.equal(before.deep.list[0]);
        expect((after.deep as typeof before.deep).list[1]).to.deep.equal(secret("new"));
    });

    it("is equal to itself, after keeping secrets, and after a round trip through JSON", () => {
        fc.assert(
            fc.property(anyValue, (value) => {
                const copy = JSON.parse(JSON.stringify(value)) as Value;
                expect(equal(value, copy)).to.equal(true);
                expect(equal(keepSecrets({ value: copy }, { value }), { value })).to.equal(true);
            }),
        );
    });

    it("shows and reveals without a secret mark left", () => {
        fc.assert(
            fc.property(anyValue, (value) => {
                expect(hasSecret(reveal(value))).to.equal(false);
                expect(hasSecret(redact(value))).to.equal(false);
                expect(hasUnknown(redact(value))).to.equal(false);
                expect(isSecret(secret(value))).to.equal(true);
            }),
        );
    });
});

describe("engine paths", () => {
    it("parses names, indexes, quotes and wildcards", () => {
        expect(parsePath(`a.b[0]["c.d"].*[*]`)).to.deep.equal(["a", "b", 0, "c.d", "*", "*"]);
        expect(pathCovers("a", "a.b")).to.equal(true);
        expect(pathCovers("*.b", "a.b")).to.equal(true);
        expect(pathCovers("a.b", "a")).to.equal(false);
        expect(pathCovers("desc", "description")).to.equal(false);
    });

    const cases: { path: string; olds: PropertyMap; news: PropertyMap; result: PropertyMap }[] = [
        { path: "a", olds: { a: 1 }, news: { a: 2, b: 3 }, result: { a: 1, b: 3 } },
        { path: "a", olds: {}, news: { a: 2 }, result: {} },
        { path: "a", olds: { a: 1 }, news: {}, result: { a: 1 } },
        {
            path: "a.b",
            olds: { a: { b: 1, c: 1 } },
            news: { a: { b: 2, c: 2 } },
            result: { a: { b: 1, c: 2 } },
        },
        { path: "a.b", olds: {}, news: { a: { b: 2 } }, result: { a: { b: 2 } } },
        { path: "l[1]", olds: { l: [1, 2] }, news: { l: [3, 4] }, result: { l: [3, 2] } },
        { path: "l[1]", olds: { l: [1] }, news: { l: [3, 4] }, result: { l: [3, 4] } },
        { path: "l[*].x", olds: { l: [{ x: 1 }] }, news: { l: [{ x: 2 }] }, result: { l: [{ x: 1 }] } },
        {
            path: "s.x",
            olds: { s: secret({ x: 1 }) },
            news: { s: secret({ x: 2 }) },
            result: { s: secret({ x: 1 }) },
        },
    ];
    for (const { path, olds, news, result } of cases) {
        it(`ignores changes of ${path}: ${JSON.stringify(olds)} to ${JSON.stringify(news)}`, () => {
            const before = structuredClone(news);
            expect(ignoreChanges(news, olds, [path])).to.deep.equal(result);
            expect(news).to.deep.equal(before);
        });
    }

    it("reads Go's durations", () => {
        expect(parseDuration("1h30m")).to.equal(5400);
        expect(parseDuration("1.5s")).to.equal(1.5);
        expect(parseDuration("250ms")).to.equal(0.25);
        expect(parseDuration("")).to.equal(undefined);
        expect(() => parseDuration("5 minutes")).to.throw('"5 minutes" is not a duration');
    });
});
