import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as zlib from "node:zlib";
import { expect } from "chai";
import { enlarge } from "../../support/largeImage";
import { needsTool } from "../../support/tools";
import { goodImage, MIB, temporaryFolder } from "./fixtures";

const GIB = 1024 * MIB;
/** As it is installed: run from its sources, each thread would hold a compiler as well. */
const COMMAND = path.join(__dirname, "../../../dist/cli/main.js");

interface Verified {
    code: number | null;
    out: string;
    err: string;
    /** Most memory that the process ever held. */
    peak: number;
}

/** The command in a process of its own, as the kernel has measured it: at its end it says its own high-water mark. */
function verify(file: string, cache: string): Verified {
    const script = `
        process.on("exit", () => {
            const peak = /VmHWM:\\s+(\\d+) kB/.exec(require("node:fs").readFileSync("/proc/self/status", "utf8"))[1];
            require("node:fs").writeSync(2, "\\npeak " + peak);
        });
        const { runCommandLine } = require(${JSON.stringify(COMMAND)});
        const say = (stream) => (text) => void stream.write(text);
        void runCommandLine(["verify", ${JSON.stringify(file)}], {
            out: say(process.stdout), err: say(process.stderr), env: process.env, cwd: process.cwd(), readInput: async () => "",
        }).then((code) => { process.exitCode = code; });`;
    const env = { PATH: process.env.PATH, EDGE_OS_CACHE_DIR: cache };
    const { status, stdout, stderr } = spawnSync(process.execPath, ["-e", script], { cwd: __dirname, env });
    const err = stderr.toString();
    const [, peak = ""] = /peak (\d+)$/.exec(err) ?? [];
    return { code: status, out: stdout.toString(), err, peak: Number(peak) * 1024 };
}

describe("the limits of reading an image", function () {
    this.timeout(300_000);
    const folder = temporaryFolder();

    before(function () {
        if (process.platform !== "linux") this.skip();
    });

    it("20 GiB of a sparse disk take at most 200 MiB of memory", async () => {
        const file = folder.path("large.img");
        fs.writeFileSync(file, await goodImage());
        enlarge(file, 20 * GIB, 0.0001);
        const { code, out, err, peak } = verify(file, folder.path("cache"));
        expect(code, out + err).to.equal(0);
        expect(out).to.contain("disk of 20 GiB");
        expect(peak / MIB).to.be.within(30, 200);
    });

    describe("a small file that unpacks to a large one", () => {
        const size = 300 * MIB;

        for (const [suffix, pack] of [
            ["gz", undefined],
            ["xz", ["xz", "-1", "-c"]],
            ["bz2", ["bzip2", "-1", "-c"]],
            ["zst", ["zstd", "-1", "-c", "-q"]],
        ] as const) {
            it(`in ${suffix} is read to its end in little memory, and judged`, function () {
                const zeros = Buffer.alloc(size);
                if (pack) needsTool(this, pack[0]);
                const packed = pack
                    ? spawnSync(pack[0], pack.slice(1), { input: zeros, maxBuffer: GIB }).stdout
                    : zlib.gzipSync(zeros, { level: 1 });
                const file = folder.path(`bomb.raw.${suffix}`);
                fs.writeFileSync(file, packed);
                const { code, out, err, peak } = verify(file, folder.path("cache"));
                expect(code, out + err).to.equal(1);
                expect(out).to.contain("FAILED  gpt.present");
                expect(peak / MIB).to.be.within(30, 200);
            });
        }
    });
});
