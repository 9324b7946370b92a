import { expect } from "chai";
import * as fc from "fast-check";
import { ImageDamage } from "../../../../provider/image/check";
import { DerReader, Tag } from "../../../../provider/image/efi/der";
import { der, integer, octets, oid, sequence } from "../../../support/efi/derWriter";

function reader(hex: string): DerReader {
    return new DerReader(Buffer.from(hex.replaceAll(" ", ""), "hex"), "signature");
}

describe("the reader of DER", () => {
    it("reads what is written, from first to last", () => {
        fc.assert(
            fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (contents) => {
                const bytes = sequence(...contents.map((content) => octets(Buffer.from(content))));
                const list = new DerReader(bytes, "signature").enter(Tag.sequence);
                const read = contents.map(() => list.take(Tag.octetString).content);
                list.end();
                expect(read.map((one) => one.toString("hex"))).to.deep.equal(
                    contents.map((one) => Buffer.from(one).toString("hex")),
                );
            }),
            { numRuns: 200 },
        );
    });

    it("reads object identifiers of any size of arc", () => {
        for (const id of [
            "1.2.840.113549.1.7.2",
            "2.16.840.1.101.3.4.2.1",
            "0.9",
            "1.3.6.1.4.1.311.2.1.4",
            "2.47.1",
        ]) {
            expect(new DerReader(oid(id), "signature").oid(), id).to.equal(id);
        }
        expect(() => reader("06 03 2a 80 01").oid(), "padded arc").to.throw(ImageDamage, "object identifier");
        expect(() => reader("06 02 2a 86").oid(), "unfinished arc").to.throw(
            ImageDamage,
            "object identifier",
        );
        expect(() => reader("06 00").oid(), "empty").to.throw(ImageDamage, "object identifier");
    });

    for (const [name, hex, problem] of [
        ["an indefinite length", "30 80 00 00", "a length that DER does not allow"],
        ["a long form where the short one fits", "30 81 01 05", "a length that DER does not allow"],
        ["a padded length", "30 82 00 80" + "00".repeat(128), "a length that DER does not allow"],
        ["a length of five bytes", "30 85 01 00 00 00 00", "a length that DER does not allow"],
        ["a value that ends before it should", "30 05 01 02", "cut off"],
        ["a length that ends before it should", "30 82 01", "cut off"],
        ["a tag alone", "30", "cut off"],
        ["a tag of several bytes", "1f 81 01 00", "a tag of several bytes"],
    ] as const) {
        it(`refuses ${name}`, () => {
            expect(() => reader(hex).next()).to.throw(ImageDamage, problem);
        });
    }

    it("refuses another tag than the one that belongs there, and what is left over", () => {
        expect(() => reader("04 00").take(Tag.sequence)).to.throw("has tag 4 where tag 30 belongs");
        expect(() => reader("").take(Tag.sequence)).to.throw("has its end where tag 30 belongs");
        const two = new DerReader(Buffer.concat([integer(1), integer(2)]), "signature");
        two.take(Tag.integer);
        expect(() => two.end()).to.throw("3 bytes too many");
    });

    it("bounds numbers, and how many values it reads", () => {
        expect(reader("02 02 01 00").smallInteger()).to.equal(256);
        for (const hex of ["02 01 80", "02 05 01 00 00 00 00", "02 00"]) {
            expect(() => reader(hex).smallInteger(), hex).to.throw("out of range");
        }
        const many = new DerReader(Buffer.concat(Array.from({ length: 300 }, () => der(0x05))), "signature");
        expect(() => {
            while (!many.atEnd) many.next();
        }).to.throw("more than 256 values");
    });
});
