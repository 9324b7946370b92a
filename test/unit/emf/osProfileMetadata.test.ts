import { expect } from "chai";
import * as fc from "fast-check";
import { EMF_CLAIM_KEY } from "../../../provider/emf/claims";
import {
    declaredOf,
    mergeOsMetadata,
    metadataText,
    parseMetadata,
    readMetadata,
} from "../../../provider/emf/osProfileMetadata";

/** The whole text, as the API's schema has it. */
const SCHEMA = /^$|^[a-z0-9,.\-_:/"\\ \\n{}[\]]+$/;

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,10}$/);
const metadata = fc.dictionary(label, label, { maxKeys: 6, noNullPrototype: true });

describe("OS profile metadata", () => {
    it("comes back as it went in, and in text that the API takes", () => {
        fc.assert(
            fc.property(metadata, (given) => {
                const read = readMetadata(given);
                fc.pre(read.problems.length === 0);
                const text = metadataText(read.metadata);
                expect(parseMetadata(text)).to.deep.equal(read.metadata);
                expect(text).to.match(SCHEMA);
                expect(metadataText(parseMetadata(text))).to.equal(text);
                expect(readMetadata(read.metadata).metadata).to.deep.equal(read.metadata);
            }),
        );
    });

    it("is the same as a map or as the guides' block of lines", () => {
        fc.assert(
            fc.property(metadata, (given) => {
                const block = Object.entries(given)
                    .map(([key, value]) => `${key}: "${value}"\n`)
                    .join("");
                expect(readMetadata(block)).to.deep.equal(readMetadata(given));
            }),
        );
    });

    it("keeps what others wrote, takes away what is no longer declared, and is stable", () => {
        fc.assert(
            fc.property(metadata, metadata, metadata, (present, declared, before) => {
                const merged = mergeOsMetadata(present, declared, before, "claim");
                expect(merged).to.include({ ...declared, [EMF_CLAIM_KEY]: "claim" });
                expect(declaredOf(merged, declared)).to.deep.equal(declared);
                for (const key of Object.keys(present)) {
                    const gone = key in before && !(key in declared);
                    expect(key in merged, key).to.equal(!gone);
                }
                expect(mergeOsMetadata(merged, declared, declared, "claim")).to.deep.equal(merged);
            }),
        );
    });

    it("writes the guides' keys as EMF reads them", () => {
        const given = 'kernelVersion: linux-image-6.11.0-17-generic\nskip_kernel_upgrade: "true"\n';
        expect(readMetadata(given)).to.deep.equal({
            metadata: { kernelversion: "linux-image-6.11.0-17-generic", skipkernelupgrade: "true" },
            problems: [],
        });
        expect(readMetadata("").metadata).to.deep.equal({});
        // A value stays the text it is.
        expect(readMetadata("release: 6.80").metadata).to.deep.equal({ release: "6.80" });
    });

    for (const [what, given, text] of [
        ["an upper-case key", { Line: "4" }, 'key "Line" must be'],
        ["an upper-case value", { line: "Four" }, 'value "Four" of line'],
        ["a plus sign, which only the schema refuses", { line: "a+b" }, "value"],
        ["a blank in a value", { line: "a b" }, "value"],
        ["a hyphen in front", { "-a": "b" }, "key"],
        ["a single digit as key", { "1": "b" }, "a single character: a letter"],
        ["an empty key", { "": "b" }, "key"],
        ["a long key", { ["k".repeat(64)]: "b" }, "at most 63"],
        ["a long value", { k: "v".repeat(64) }, "at most 63"],
        ["a prefix with a hyphen", { "my-org/line": "4" }, "key"],
        ["this package's key", { [EMF_CLAIM_KEY]: "x" }, "leave it out"],
        ["two spellings that differ", { kernelVersion: "a", kernelversion: "b" }, "another spelling"],
        ["a kernel that is no package", { kernelVersion: "6.8" }, "linux-image-<version>-<abi>-<flavour>"],
        ["a nested map", "a:\n  b: c\n", "must be a map, or lines"],
        ["a list", "- a\n", "must be a map, or lines"],
        ["broken YAML", "a: [", "is not YAML"],
    ] as const) {
        it(`refuses ${what}`, () => {
            expect(readMetadata(given).problems.join()).to.contain(text);
        });
    }

    it("refuses more than the column holds, counting the claim", () => {
        const given = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`key${i}`, "v".repeat(50)]));
        expect(readMetadata(given).problems.join()).to.contain("of at most 500");
    });

    it("takes what cannot be read as nothing", () => {
        for (const text of ["", "{}", "[]", "null", "x", '"x"'])
            expect(parseMetadata(text)).to.deep.equal({});
        expect(parseMetadata('{"a":null,"b":"c"}')).to.deep.equal({ a: "", b: "c" });
    });
});
