import { expect } from "chai";
import * as fc from "fast-check";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { isoImage, type IsoFile } from "../../../provider/iso/write";
import { needsTool } from "../../support/tools";

/** The trees of an image, as xorriso calls what is to be left aside: nothing, or Rock Ridge, which leaves Joliet. */
const TREES = { rockRidge: "any", joliet: "norock" } as const;

describe("the writer of ISO images", () => {
    let dir: string;
    beforeEach(() => {
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "iso-"));
    });
    afterEach(() => fs.rmSync(dir, { recursive: true }));

    const file = (name: string, content: string | Uint8Array): IsoFile => ({
        name,
        content: Buffer.from(content),
    });

    /** What an independent reader finds in it, by the tree it looks at. */
    function read(image: Buffer, tree: keyof typeof TREES): Record<string, string> {
        const iso = path.join(dir, "a.iso");
        fs.writeFileSync(iso, image);
        const out = path.join(dir, `out-${tree}`);
        fs.rmSync(out, { recursive: true, force: true });
        const words = ["-abort_on", "FATAL", "-return_with", "SORRY", "32", "-read_fs", TREES[tree]];
        execFileSync(
            "xorriso",
            ["-osirrox", "on", ...words, "-indev", `stdio:${iso}`, "-extract", "/", out],
            { stdio: "pipe" },
        );
        execFileSync("chmod", ["-R", "u+rwX", out]);
        const names = fs.readdirSync(out);
        return Object.fromEntries(
            names.map((name) => [name, fs.readFileSync(path.join(out, name)).toString("hex")]),
        );
    }

    const hex = (text: string): string => Buffer.from(text).toString("hex");

    it("makes one that cloud-init takes: label cidata, user-data and meta-data by these names", function () {
        needsTool(this, "xorriso");
        const image = isoImage("cidata", [file("user-data", "#cloud-config\n"), file("meta-data", "")]);
        const found = { "user-data": hex("#cloud-config\n"), "meta-data": "" };
        expect(read(image, "rockRidge")).to.deep.equal(found);
        expect(read(image, "joliet")).to.deep.equal(found);
        for (const short of ["USER_DAT.;1", "META_DAT.;1"]) expect(image.includes(short)).to.equal(true);
        const told = execFileSync("xorriso", ["-indev", `stdio:${path.join(dir, "a.iso")}`, "-pvd_info"], {
            encoding: "utf8",
            stdio: ["ignore", "pipe", "pipe"],
        });
        expect(told).to.match(/Volume Id\s*: cidata/);
    });

    it("is the same for the same files", () => {
        const make = (): Buffer => isoImage("cidata", [file("user-data", "a"), file("meta-data", "b")]);
        expect(make().equals(make())).to.equal(true);
    });

    it("keeps every file, whatever its name and size, in all of its trees", function () {
        needsTool(this, "xorriso");
        this.timeout(60_000);
        const name = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/);
        const content = fc.uint8Array({ maxLength: 5000, size: "max" });
        const files = fc.uniqueArray(fc.record({ name, content }), {
            selector: (one) => one.name.toLowerCase(),
            maxLength: 60,
            size: "max",
        });
        fc.assert(
            fc.property(files, (given) => {
                const image = isoImage("cidata", given);
                const expected = Object.fromEntries(
                    given.map((one) => [one.name, Buffer.from(one.content).toString("hex")]),
                );
                expect(read(image, "rockRidge")).to.deep.equal(expected);
                expect(read(image, "joliet")).to.deep.equal(expected);
            }),
            { numRuns: 12 },
        );
    });

    for (const [title, label, files, told] of [
        ["a label that is too long", "c".repeat(33), [], "volume label"],
        ["a name with a slash", "cidata", [file("a/b", "")], "cannot be named"],
        ["a name of the directory itself", "cidata", [file("..", "")], "cannot be named"],
        ["two names that differ in case only", "cidata", [file("A", ""), file("a", "")], "two files"],
    ] as const) {
        it(`refuses ${title}`, () => {
            expect(() => isoImage(label, files)).to.throw(told);
        });
    }
});
