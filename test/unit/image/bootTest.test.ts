import * as fs from "node:fs";
import * as os from "node:os";
import * as zlib from "node:zlib";
import { expect } from "chai";
import { bootTest, type BootTest, runBootTest } from "../../../provider/image/bootTest";
import { diskImage } from "../../../provider/image/diskImage.handler";
import { imageSystem } from "../../../provider/image/library";
import { checkInputs } from "../../../provider/resource/check";
import type { AnyResource } from "../../../provider/resource/definition";
import { EdgeError } from "../../../provider/resource/errors";
import { testContext, testHost } from "../../support/context";
import { bootableDisk, tinySystem, unifiedKernel } from "../../support/tinySystem";
import { needsTool } from "../../support/tools";
import { temporaryFolder } from "./fixtures";

const TEST: BootTest = { until: ["tiny: started", "/login: $/"], memoryMb: 512, cores: 1 };

/** One image, booted for real: a Debian kernel and busybox, started by UEFI. */
describe("the boot test of an image", function () {
    this.timeout(180_000);
    const folder = temporaryFolder();
    let image: Parameters<typeof runBootTest>[0];

    before(async function () {
        needsTool(this, "qemu-system-x86_64");
        needsTool(this, "/usr/share/OVMF/OVMF_VARS_4M.fd");
        const system = tinySystem(this, 'echo "tiny: started"; echo -n "tiny login: "');
        const disk = bootableDisk(
            this,
            unifiedKernel(this, system, folder.path(), "console=ttyS0"),
            folder.path(),
        );
        fs.writeFileSync(folder.path("tiny.raw.gz"), zlib.gzipSync(fs.readFileSync(disk), { level: 1 }));
        fs.renameSync(disk, folder.path("tiny.raw"));
        const sha256 = await context().client.digest(folder.path("tiny.raw"));
        image = { source: "tiny.raw", sha256, format: "raw", compression: "none" };
    });

    function context(preview = false) {
        const env = { EDGE_OS_CACHE_DIR: folder.path("cache") };
        const client = imageSystem.connect({}, testHost({ env, projectDir: folder.path() }));
        const options = { kind: "image.DiskImage", name: "tiny", projectDir: folder.path(), preview };
        return testContext({ client, ...options });
    }

    function logs(): string[] {
        return fs
            .readdirSync(os.tmpdir())
            .filter((name) => name.startsWith(`edge-os-boot-${image.sha256.slice(0, 12)}-${process.pid}-`));
    }

    it("is run once, before the image is published, and announced by a preview", async () => {
        const args = {
            source: "tiny.raw.gz",
            publish: { directory: "out", baseUrl: "https://images.example.com" },
            expect: { severity: { "root.*": "off" } },
            bootTest: TEST,
        };
        const preview = context(true);
        const definition = diskImage as unknown as AnyResource;
        const { inputs, problems } = await checkInputs(definition, args, undefined, preview);
        expect(problems).to.deep.equal([]);
        expect(preview.messages.info.join("\n")).to.match(
            /the update will boot the image in QEMU: uefi, until its serial line shows "tiny: started", then/,
        );
        expect(fs.existsSync(folder.path("out"))).to.equal(false);

        const state = inputs as Parameters<typeof diskImage.create>[0];
        const { id, outputs } = await diskImage.create(state, context());
        expect(outputs.bootResult?.check).to.include({ id: "boot.reached", verdict: "passed" });
        expect(outputs.bootResult?.check.seen).to.match(
            /^"\/login: \$\/" after [\d.]+ s \(uefi, (tcg|kvm)\)$/,
        );
        expect(fs.readdirSync(folder.path("out")).some((name) => name.endsWith(".raw.gz"))).to.equal(true);

        // A boot would take its seconds, and QEMU: neither is there now.
        const { PATH } = process.env;
        process.env.PATH = "/nowhere";
        try {
            const again = await diskImage.update(id, { inputs: state, outputs }, state, context());
            expect(again.outputs?.bootResult).to.deep.equal(outputs.bootResult);
        } finally {
            process.env.PATH = PATH;
        }
    });

    it("fails with the last lines and the whole record of an image that does not come far enough", async () => {
        const test = { ...TEST, failOn: ["tiny: started"], until: ["never"] };
        const failure = await runBootTest(image, test, context()).then(
            () => undefined,
            (error: unknown) => error as Error,
        );
        expect(failure).to.be.instanceOf(EdgeError);
        expect(failure?.message).to.match(
            /^boot\.reached: tiny\.raw: the machine failed while "never" was waited for: "tiny: started"/,
        );
        const [, file = ""] = /all of it: (.+)$/.exec(failure?.message ?? "") ?? [];
        expect(fs.readFileSync(file, "utf8")).to.contain("Linux version");
        fs.rmSync(file);
        expect(logs()).to.deep.equal([]);
    });

    it("is of machines that can run it, and of bytes that were verified", async () => {
        const foreign = await runBootTest({ ...image, architecture: "aarch64" }, TEST, context()).catch(
            String,
        );
        expect(foreign).to.match(/x86_64 are tested, and the image is for aarch64/);
        const packed = {
            ...image,
            source: "tiny.raw.gz",
            compression: "gz" as const,
            sha256: "0".repeat(64),
        };
        expect(await runBootTest(packed, TEST, context()).catch(String)).to.match(
            /has changed since it was verified/,
        );
    });

    it("takes what can be tested", () => {
        for (const [wrong, said] of [
            [{ until: [] }, /at least one text/],
            [{ until: "/(/" }, /no regular expression/],
            [
                { until: "x", firmware: "bios", secureBoot: { certificates: ["a"] } },
                /a BIOS checks no signatures/,
            ],
            [{ until: "x", timeoutSeconds: 0 }, /more than 0/],
        ] as const) {
            expect(JSON.stringify(bootTest.safeParse(wrong).error?.issues)).to.match(said);
        }
    });
});
