import * as fs from "node:fs";
import { expect } from "chai";
import type { Terminal } from "../../../cli/command";
import { runCommandLine } from "../../../cli/main";
import { describeProgress, ReadingProgress } from "../../../cli/readingProgress";
import { goodImage, MIB, temporaryFolder } from "../image/fixtures";

describe("edge-os on images", function () {
    this.timeout(60_000);
    const folder = temporaryFolder();

    before(async () => {
        const image = await goodImage();
        fs.writeFileSync(folder.path("good.img"), image);
        fs.writeFileSync(folder.path("cut.img"), image.subarray(0, 40 * MIB));
        fs.writeFileSync(folder.path("wrong.qcow2"), image);
    });

    async function run(...words: string[]): Promise<{ code: number; out: string; err: string }> {
        const texts = { out: "", err: "" };
        const terminal: Terminal = {
            out: (text) => void (texts.out += text),
            err: (text) => void (texts.err += text),
            env: { EDGE_OS_CACHE_DIR: folder.path("cache"), PATH: process.env.PATH },
            cwd: folder.path(),
            readInput: () => Promise.resolve(""),
        };
        return { code: await runCommandLine(words, terminal), ...texts };
    }

    function write(name: string, text: string): string {
        fs.writeFileSync(folder.path(name), text);
        return name;
    }

    describe("verify", () => {
        it("says what a good image is, and ends with 0", async () => {
            const { code, out, err } = await run("verify", "good.img");
            expect({ code, err }).to.deep.equal({ code: 0, err: "" });
            expect(out).to.match(
                /^good\.img: \d+ checks passed\n {2}Ubuntu 24\.04.*, raw, 64 MiB, disk of 64 MiB\n {2}SHA-256 [0-9a-f]{64}\n/,
            );
            expect(out).to.match(/\ngpt\.backup +matches the primary\n/);
        });

        it("says what is wrong with another, and ends with 1", async () => {
            const { code, out } = await run("verify", "cut.img");
            expect(code).to.equal(1);
            expect(out).to.match(/^cut\.img: \d of \d+ checks failed\n/);
            expect(out).to.contain(
                "\nFAILED  gpt.backup\n  the image is cut off: its partition table names a larger disk. Make or download it again\n  seen: 41943040 of 67108864 bytes\n",
            );
            expect((await run("verify", "wrong.qcow2")).out).to.match(
                /FAILED {2}container\.format\n.*rename it/,
            );
        });

        it("answers programs and pull requests", async () => {
            const { code, out } = await run("verify", "cut.img", "--json");
            const { ok, counts, checks, manifest } = JSON.parse(out) as Record<string, never>;
            expect({ code, ok }).to.deep.equal({ code: 1, ok: false });
            expect(counts).to.have.keys("failed", "warnings", "notChecked", "passed");
            expect(checks).to.be.an("array");
            expect(manifest).to.have.nested.property("image.fileName", "cut.img");
            expect((await run("verify", "cut.img", "--markdown")).out).to.match(
                /^## ❌ cut\.img: \d of \d+ checks failed\n/,
            );
        });

        it("holds it to a file of expectations, as a program would", async () => {
            const file = write(
                "expect.yaml",
                'sha256: "' +
                    "0".repeat(64) +
                    '"\nformat: qcow2\nos: { id: debian }\nseverity: { "root.*": off }\n',
            );
            const { code, out } = await run("verify", "good.img", "--expect", file);
            expect(code).to.equal(1);
            for (const id of ["expect.sha256", "expect.format"]) expect(out).to.contain(`FAILED  ${id}\n`);
            expect(out).to.not.contain("root.present");
        });

        it("knows the presets", async () => {
            const { code, out } = await run("verify", "good.img", "--expect", "ubuntu");
            expect(code).to.equal(1);
            expect(out).to.match(/FAILED {2}ubuntu\./);
        });

        it("takes certificates", async () => {
            const missing = await run("verify", "good.img", "--secure-boot-cert", "nosuch.pem");
            expect(missing.code).to.equal(1);
            expect(missing.err).to.match(/names a file that is not there: .*nosuch\.pem/);
        });

        for (const [words, said] of [
            [["nosuch.img"], /^edge-os verify: there is no file .*nosuch\.img\n$/],
            [
                ["good.img", "--expect", "nosuch.yaml"],
                /--expect nosuch\.yaml cannot be read: there is no such file, and it is neither ubuntu nor emt/,
            ],
            [["ftp://host/image.img"], /https/],
        ] as const) {
            it(`says what it cannot do: ${words.join(" ")}`, async () => {
                const { code, out, err } = await run("verify", ...words);
                expect({ code, out }).to.deep.equal({ code: 1, out: "" });
                expect(err).to.match(said);
                expect(err).to.not.contain("\n    at ");
            });
        }

        it("shows no login that stands in an address", async () => {
            const address = "https://joe:tops3cret@images.test/a.raw?sig=tops3cret";
            for (const words of [
                ["verify", address],
                ["diff", address, "good.img"],
            ]) {
                const { code, out, err } = await run(...words);
                expect(code).to.equal(1);
                expect(err).to.contain("https://…@images.test/a.raw must not hold a user name or password");
                expect(out + err).not.to.contain("tops3cret");
            }
        });

        it("names what is wrong in a file of expectations", async () => {
            const { code, err } = await run(
                "verify",
                "good.img",
                "--expect",
                write("bad.yaml", "packages: 3\nformats: raw\n"),
            );
            expect(code).to.equal(1);
            expect(err).to.match(/bad\.yaml cannot be used:\n/);
            expect(err).to.match(/packages must be a list/);
            expect(err).to.match(/formats/);
        });
    });

    it("diff says that one of the images is damaged", async () => {
        const { code, out, err } = await run("diff", "cut.img", "good.img");
        expect(code).to.equal(0);
        expect(err).to.match(/cut\.img fails \d checks, .*edge-os verify tells which\n/);
        expect(err).not.to.contain("good.img fails");
        expect(out).to.contain("## Changes from cut.img to good.img");
    });

    it("diff shows what has changed between two images, or their manifests", async () => {
        await run("verify", "good.img", "--manifest", "good.json");
        await run("verify", "cut.img", "--manifest", "cut.json");
        expect((await run("diff", "good.json", "good.img")).out).to.match(
            /Nothing that is compared has changed/,
        );
        const { code, out } = await run("diff", "good.json", "cut.json");
        expect(code).to.equal(0);
        expect(out).to.match(/^## Changes from good\.img to cut\.img\n/);
        expect(out).to.match(/`minimum disk` 64 MiB → 40 MiB/);
        const json = JSON.parse((await run("diff", "good.json", "cut.json", "--json")).out) as object;
        expect(json).to.have.property("from", "good.img");
        const broken = await run("diff", write("broken.json", "{}"), "good.img");
        expect(broken.err).to.match(/broken\.json is no image manifest/);
    });

    describe("the progress of a reading", () => {
        it("is a bar with rate and time left", () => {
            expect(describeProgress({ done: 0, total: 100 * MIB }, 10)).to.equal(
                `[${" ".repeat(24)}] 0 %, 0 bytes of 100 MiB`,
            );
            expect(describeProgress({ done: 50 * MIB, total: 100 * MIB }, 2000)).to.equal(
                `[${"#".repeat(12)}${" ".repeat(12)}] 50 %, 50 MiB of 100 MiB, 25 MiB/s, 2 s left`,
            );
            expect(describeProgress({ done: 3 * MIB }, 1500)).to.equal("3 MiB, 2 MiB/s");
        });

        it("is painted over on a terminal, and a line now and then in a log", () => {
            for (const isInteractive of [true, false]) {
                let now = 0;
                let text = "";
                const terminal = {
                    isInteractive,
                    err: (more: string) => void (text += more),
                } as unknown as Terminal;
                const progress = new ReadingProgress("a.img", terminal, () => now);
                for (; now < 25_000; now += 50) progress.show({ done: now, total: 25_000 });
                progress.end();
                const lines = text.split(isInteractive ? "\r" : "\n").filter((line) => line.trim() !== "");
                expect(lines).to.have.lengthOf(isInteractive ? 250 : 2);
                expect(lines.at(-1)).to.match(/^a\.img: \[#+ *\] \d+ %/);
                if (isInteractive) expect(text).to.match(/\r +\r$/);
            }
        });
    });
});
