import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import * as fc from "fast-check";
import { bufferDevice } from "../../../provider/image/blockDevice";
import { type IsoImage, readIsoFile } from "../../../provider/iso/reader/isoImage";
import { readIso } from "../../../provider/iso/reader/readIso";
import { needsTool } from "../../support/tools";
import { temporaryFolder } from "../image/fixtures";

const SECTOR = 2048;

describe("the reader of ISO images", () => {
    const folder = temporaryFolder();
    let count = 0;

    before(function () {
        needsTool(this, "xorriso");
    });

    /** Writes files by xorriso, as mkisofs would. */
    function make(files: Readonly<Record<string, Buffer | string>>, ...options: string[]): Buffer {
        const source = folder.path(`source-${++count}`);
        fs.mkdirSync(source, { recursive: true });
        for (const [name, content] of Object.entries(files)) {
            fs.mkdirSync(path.dirname(path.join(source, name)), { recursive: true });
            if (typeof content === "string" && content.startsWith("-> ")) {
                fs.symlinkSync(content.slice(3), path.join(source, name));
            } else fs.writeFileSync(path.join(source, name), content);
        }
        const file = folder.path(`image-${count}.iso`);
        const args = ["-as", "mkisofs", "-quiet", "-V", "COS_LIVE", "-o", file, ...options, source];
        const { status, stderr } = spawnSync("xorriso", args);
        if (status !== 0) throw new Error(stderr.toString());
        return fs.readFileSync(file);
    }

    async function contents(bytes: Buffer, image: IsoImage): Promise<Record<string, string>> {
        const found: Record<string, string> = {};
        for (const entry of image.entries.values()) {
            if (entry.kind === "link") found[entry.path.slice(1)] = `-> ${entry.target ?? ""}`;
            if (entry.kind !== "file") continue;
            found[entry.path.slice(1)] = (await readIsoFile(bufferDevice(bytes), entry, 1 << 24)).toString(
                "latin1",
            );
        }
        return found;
    }

    const step = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 ._+äé-]{0,60}$/);
    const tree = fc.dictionary(
        fc.array(step, { minLength: 1, maxLength: 12 }).map((steps) => steps.join("/")),
        fc.oneof(
            fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes)),
            step.map((to) => `-> ../${to}`),
        ),
        { maxKeys: 12, noNullPrototype: true },
    );

    for (const [names, options] of [
        ["Rock Ridge", ["-R"]],
        ["Rock Ridge", ["-R", "-J", "-joliet-long"]],
        ["Rock Ridge", ["-R", "-D"]],
    ] as const) {
        it(`finds the files, links and contents that xorriso wrote (${options.join(" ")})`, async function () {
            this.timeout(60_000);
            await fc.assert(
                fc.asyncProperty(tree, async (files) => {
                    const sound = withoutClashes(files);
                    const bytes = make(sound, ...options);
                    const image = await readIso(bufferDevice(bytes));
                    expect(image).to.include({ label: "COS_LIVE", names });
                    const expected = Object.entries(sound).map(([name, content]) => [
                        name,
                        typeof content === "string" ? content : content.toString("latin1"),
                    ]);
                    expect(await contents(bytes, image)).to.deep.equal(Object.fromEntries(expected));
                }),
                { numRuns: 6 },
            );
        });
    }

    it("puts a link together that is too long for one piece", async () => {
        const files = { link: `-> ${"long".repeat(60)}/${"other".repeat(50)}/x` };
        const bytes = make(files, "-R");
        expect(await contents(bytes, await readIso(bufferDevice(bytes)))).to.deep.equal(files);
    });

    it("takes Joliet's names where there is no Rock Ridge, and ISO 9660's where there is neither", async () => {
        const files = { "rootfs.squashfs": "1", "boot/kernel": "2" };
        const joliet = make(files, "-J", "--norock");
        expect(await contents(joliet, await readIso(bufferDevice(joliet)))).to.deep.equal(files);
        const plain = make(files, "--norock");
        expect(await contents(plain, await readIso(bufferDevice(plain)))).to.deep.equal({
            "ROOTFS.SQU": "1",
            "BOOT/KERNEL": "2",
        });
    });

    it("tells permissions, the volume's size and the boot entries as xorriso reports them", async () => {
        const bytes = make(
            { "boot/eltorito.img": Buffer.alloc(2048, 1), "boot/uefi.img": Buffer.alloc(40960, 2) },
            ...[
                "-R",
                "-b",
                "boot/eltorito.img",
                "-no-emul-boot",
                "-boot-load-size",
                "4",
                "-eltorito-alt-boot",
            ],
            ...["-e", "boot/uefi.img", "-no-emul-boot"],
        );
        const image = await readIso(bufferDevice(bytes));
        const file = folder.path(`image-${count}.iso`);
        const report = spawnSync("xorriso", [
            "-indev",
            file,
            "-report_el_torito",
            "plain",
            "-pvd_info",
        ]).stdout.toString();
        const lbas = [...report.matchAll(/^El Torito boot img : +\d+ +(\w+) .* (\d+)$/gm)].map(
            ([, platform, lba]) => [platform, Number(lba) * SECTOR],
        );
        expect(lbas).to.have.lengthOf(2);
        expect(image.boot.map(({ platform, offset }) => [platform.toUpperCase(), offset])).to.deep.equal(
            lbas,
        );
        expect(image.boot.every(({ isBootable }) => isBootable)).to.equal(true);
        expect(image.entries.get("/boot/uefi.img")?.extents[0]?.offset).to.equal(lbas[1]?.[1]);
        expect(image.entries.get("/boot/uefi.img")?.mode).to.equal(0o644);
        expect(image.sizeBytes).to.be.at.most(bytes.length);
    });

    it("puts the parts of a file together that is too large for one", async () => {
        // The first part has the flag that another follows, which then has its name.
        const bytes = make({ part1: "first ", part2: "second" }, "-R");
        const first = bytes.indexOf("PART1.;1") - 33;
        const second = bytes.indexOf("PART2.;1") - 33;
        bytes.writeUInt8(0x80, first + 25);
        bytes.write("PART1.;1", second + 33);
        bytes.write("part1", bytes.indexOf("part2", second));
        expect(await contents(bytes, await readIso(bufferDevice(bytes)))).to.deep.equal({
            part1: "first second",
        });
    });

    describe("refuses, and ends", () => {
        async function refused(bytes: Buffer): Promise<string> {
            return readIso(bufferDevice(bytes)).then(
                () => "taken",
                (error: unknown) => `${(error as Error).name}: ${(error as Error).message}`,
            );
        }

        it("a folder that is in itself", async () => {
            const bytes = make({ "d/e/file": "x" }, "-R");
            const record = bytes.indexOf(Buffer.concat([Buffer.from([1]), Buffer.from("E")])) - 32;
            bytes.writeUInt32LE(bytes.readUInt32LE(16 * SECTOR + 156 + 2), record + 2);
            bytes.writeUInt32LE(bytes.readUInt32LE(16 * SECTOR + 156 + 10), record + 10);
            expect(await refused(bytes)).to.contain("folder that is in itself");
        });

        it("what is cut off", async () => {
            const bytes = make({ "rootfs.squashfs": Buffer.alloc(400_000, 7) }, "-R", "-no-pad");
            expect(await refused(bytes.subarray(0, bytes.length - 100_000))).to.contain("is cut off");
        });

        it("what is no ISO image", async () => {
            expect(await refused(Buffer.alloc(64 * 1024))).to.contain("no volume descriptor");
            expect(await refused(Buffer.alloc(10))).to.contain("ImageDamage");
        });

        it("any damage, with a verdict", async function () {
            this.timeout(60_000);
            const name = "a-name-that-is-so-long-that-it-takes-a-continuation-area-".repeat(4);
            const whole = make(
                { [name]: "1", "d/link": "-> ../some/where/else", "d/e/f/g/h/i/j/k": "2" },
                "-R",
                "-J",
            );
            // Zeros are room between what is read.
            const places = [...whole.keys()].filter((place) => whole[place] !== 0);
            const at = fc.constantFrom(...places);
            await fc.assert(
                fc.asyncProperty(
                    fc.array(fc.tuple(at, fc.nat(255)), { minLength: 1, maxLength: 40 }),
                    async (changes) => {
                        const bytes = Buffer.from(whole);
                        for (const [place, value] of changes) bytes.writeUInt8(value, place);
                        const verdict = await refused(bytes);
                        expect(verdict === "taken" || verdict.startsWith("ImageDamage"), verdict).to.equal(
                            true,
                        );
                    },
                ),
                { numRuns: 400 },
            );
        });
    });
});

/** A path cannot be a file and a folder; names must differ, as they do in a folder. */
function withoutClashes(files: Record<string, Buffer | string>): Record<string, Buffer | string> {
    const sound: Record<string, Buffer | string> = {};
    const names = Object.keys(files).filter((name) => Buffer.byteLength(name) < 900);
    for (const name of names) {
        const clashes = names.some(
            (other) => other !== name && (other.startsWith(`${name}/`) || name.startsWith(`${other}/`)),
        );
        if (!clashes) sound[name] = files[name] ?? "";
    }
    return sound;
}
