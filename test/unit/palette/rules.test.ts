import { expect } from "chai";
import * as fc from "fast-check";
import { edgeHostUid, edgeHostUidFault } from "../../../provider/palette/edgeHostUid";
import { decodeLabels, encodeLabels, labelValueFault } from "../../../provider/palette/labels";

describe("the uid of an edge host", () => {
    const LINUX = "bc4a3842-8b71-300e-9a17-5f3f2f4a1b2c";
    const VCENTER = "42384abc-718b-0e30-9a17-5f3f2f4a1b2c";

    it("is made of the UUID that Linux reads, or of the one that vCenter shows for it", () => {
        const uid = "edge-bc4a38428b71300e9a175f3f2f4a1b2c";
        expect(edgeHostUid({ productUuid: LINUX })).to.equal(uid);
        expect(edgeHostUid({ productUuid: LINUX.toUpperCase() })).to.equal(uid);
        expect(edgeHostUid({ productUuid: VCENTER, byteSwapped: true })).to.equal(uid);
        expect(edgeHostUid({ productUuid: LINUX, prefix: "kiosk" })).to.match(/^kiosk-bc4a/);
    });

    it("can be had from every UUID, in either order, and swapping twice changes nothing", () => {
        fc.assert(
            fc.property(fc.uuid(), (productUuid) => {
                const digits = edgeHostUid({ productUuid, byteSwapped: true }).slice("edge-".length);
                const swapped = digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
                expect(edgeHostUid({ productUuid: swapped, byteSwapped: true })).to.equal(
                    edgeHostUid({ productUuid }),
                );
                expect(edgeHostUidFault(`edge-${digits}`)).to.equal(undefined);
            }),
            { numRuns: 200 },
        );
    });

    it("is refused with what to do when it is made of something else", () => {
        expect(() => edgeHostUid({ productUuid: "VMware-42 38" })).to.throw("/sys/class/dmi/id/product_uuid");
        expect(() => edgeHostUid({ productUuid: LINUX, prefix: "a/b" })).to.throw("letters, digits");
    });

    for (const [uid, fault] of [
        ["edge-lab1-01", undefined],
        ["x".repeat(128), undefined],
        ["x".repeat(129), "has 129 characters, at most 128"],
        ["", "must not be empty"],
        ["edge.lab1", 'must not hold "."'],
        ["edge/../tokens", 'must not hold "/" "."'],
        ["edge 1", 'must not hold " "'],
        ["tokens", "is a word of Palette's API"],
    ] as const) {
        it(`${JSON.stringify(uid.slice(0, 20))} ${fault ?? "is right"}`, () => {
            if (fault === undefined) expect(edgeHostUidFault(uid)).to.equal(undefined);
            else expect(edgeHostUidFault(uid)).to.include(fault);
        });
    }

    it("is never more than one segment of a path when it is right", () => {
        fc.assert(
            fc.property(fc.string({ maxLength: 20, unit: "grapheme" }), (uid) => {
                if (edgeHostUidFault(uid) !== undefined) return;
                const { pathname, search, hash } = new URL(`https://palette.example/v1/edgehosts/${uid}`);
                expect(pathname.split("/")).to.have.lengthOf(4);
                expect(search + hash).to.equal("");
            }),
            { numRuns: 300 },
        );
    });
});

describe("labels in Palette", () => {
    it("without a value carry its marker", () => {
        expect(encodeLabels({ canary: "", site: "lab1" })).to.deep.equal({
            canary: "spectro__tag",
            site: "lab1",
        });
        expect(decodeLabels({ canary: "spectro__tag", site: "lab1" })).to.deep.equal({
            canary: "",
            site: "lab1",
        });
        expect(labelValueFault("spectro__tag")).to.include('write ""');
        expect(labelValueFault("")).to.equal(undefined);
    });

    it("come back as they were", () => {
        fc.assert(
            fc.property(fc.dictionary(fc.string(), fc.string()), (labels) => {
                fc.pre(Object.values(labels).every((value) => labelValueFault(value) === undefined));
                expect(Object.entries(decodeLabels(encodeLabels(labels)))).to.deep.equal(
                    Object.entries(labels),
                );
            }),
            { numRuns: 200 },
        );
    });
});
