import { expect } from "chai";
import { bufferDevice } from "../../../../provider/image/blockDevice";
import { ImageDamage } from "../../../../provider/image/check";
import { digestFile, signedRanges } from "../../../../provider/image/efi/imageHash";
import { type PeImage, readPe } from "../../../../provider/image/efi/pe";
import { makeProgram, printing } from "../../../support/efi/program";
import { at } from "../../../support/efi/signer";

const PE = 128;
const OPTIONAL = PE + 24;
const SECTIONS = OPTIONAL + 240;

function program(): Buffer {
    return makeProgram(printing("hello"), {
        sections: [
            { name: ".vendor_cert", content: Buffer.alloc(40, 1) },
            { name: ".sbat", content: Buffer.from("sbat,1\n") },
        ],
    });
}

const read = (file: Buffer): Promise<PeImage> => readPe(bufferDevice(file));

async function damage(file: Buffer): Promise<string> {
    const error = await read(file).then(
        () => new Error("was read"),
        (thrown: unknown) => thrown as Error,
    );
    expect(error, error.message).to.be.instanceOf(ImageDamage);
    return error.message;
}

describe("the headers of an EFI program", () => {
    it("name machine and sections, long names too", async () => {
        const pe = await read(program());
        expect(pe.machine).to.equal("x86_64");
        expect(pe.isEfiApplication).to.equal(true);
        expect(pe.sections.map(({ name, contentSize }) => [name, contentSize]).slice(1)).to.deep.equal([
            [".vendor_cert", 40],
            [".sbat", 7],
        ]);
        expect(pe.certificateTable).to.equal(undefined);
        expect(pe.certificateEntry).to.equal(at(program()).certificates);
    });

    it("name other machines, and unknown ones by number", async () => {
        expect((await read(makeProgram(printing(""), { machine: 0xaa64 }))).machine).to.equal("aarch64");
        expect((await read(makeProgram(printing(""), { machine: 0x1234 }))).machine).to.equal(
            "machine 0x1234",
        );
        expect((await read(makeProgram(printing(""), { subsystem: 11 }))).isEfiApplication).to.equal(false);
    });

    it("keep the short form of a name that is not where it says", async () => {
        const file = program();
        file.writeUInt32LE(file.length + 10, PE + 12);
        expect((await read(file)).sections[1]?.name).to.equal("/4");
    });

    const faults: readonly (readonly [string, (file: Buffer) => void, string])[] = [
        ["no MZ", (file) => void file.write("ZM"), "no MZ header"],
        ["no PE", (file) => void file.write("EP", PE), "no PE header"],
        [
            "headers beyond the end",
            (file) => void file.writeUInt32LE(0xfffffff0, 60),
            "cut off within its headers",
        ],
        ["another kind of header", (file) => void file.writeUInt16LE(0x107, OPTIONAL), "no PE32"],
        ["a short header", (file) => void file.writeUInt16LE(90, PE + 20), "cut off within its headers"],
        ["too many sections", (file) => void file.writeUInt16LE(0xffff, PE + 6), "65535 sections"],
        ["sections beyond the headers", (file) => void file.writeUInt16LE(100, PE + 6), "more sections than"],
        [
            "too many directories",
            (file) => void file.writeUInt32LE(17, OPTIONAL + 108),
            "17 data directories",
        ],
        [
            "headers larger than the file",
            (file) => void file.writeUInt32LE(1 << 30, OPTIONAL + 60),
            "its headers have",
        ],
        [
            "a section beyond the end",
            (file) => void file.writeUInt32LE(1 << 30, SECTIONS + 20),
            "has a section at bytes",
        ],
        [
            "a section of absurd size",
            (file) => void file.writeUInt32LE(0xffffffff, SECTIONS + 16),
            "has a section at bytes",
        ],
        ["overlapping sections", (file) => void file.writeUInt32LE(1024, SECTIONS + 40 + 20), "overlap"],
        ["a section within the headers", (file) => void file.writeUInt32LE(512, SECTIONS + 20), "overlap"],
        [
            "signatures beyond the end",
            (file) => void file.writeUInt32LE(8, at(file).certificates + 4),
            "signatures are at bytes 0..8",
        ],
    ];
    for (const [name, spoil, message] of faults) {
        it(`are refused with ${name}`, async () => {
            const file = program();
            spoil(file);
            expect(await damage(file)).to.include(message);
        });
    }

    it("are refused wherever the file is cut off, or read", async () => {
        const file = program();
        for (let length = 0; length < file.length; length += 7) {
            await read(file.subarray(0, length)).catch((error: unknown) => {
                if (!(error instanceof ImageDamage)) throw error;
            });
        }
    });
});

describe("what a signature covers", () => {
    it("is the same in one sweep and part by part", async () => {
        const file = program();
        // A gap between sections: what is hashed last then begins before the last section ends.
        const gap = Buffer.concat([file.subarray(0, 1536), Buffer.alloc(512, 9), file.subarray(1536)]);
        for (const section of [1, 2]) {
            const offset = SECTIONS + 40 * section + 20;
            gap.writeUInt32LE(gap.readUInt32LE(offset) + 512, offset);
        }
        const pe = await read(gap);
        const ranges = signedRanges(pe, gap.length);
        const expected = ranges.map(({ offset, size }) => gap.subarray(offset, offset + size));
        const { image } = await digestFile(bufferDevice(gap), pe, new Set(["sha256"]));
        const crypto = await import("node:crypto");
        const digest = crypto.createHash("sha256").update(Buffer.concat(expected)).digest("hex");
        expect(image.get("sha256")?.toString("hex")).to.equal(digest);
        expect(ranges.at(-1)?.offset).to.be.lessThan(gap.length - 512);
    });
});
