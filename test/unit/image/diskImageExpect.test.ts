import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import type { z } from "zod";
import { diskImage } from "../../../provider/image/diskImage.handler";
import { imageSystem } from "../../../provider/image/library";
import { readManifest } from "../../../provider/image/manifest";
import { checkInputs, type CheckedInputs } from "../../../provider/resource/check";
import { testContext, testHost, type TestContextOptions } from "../../support/context";
import { needsTool } from "../../support/tools";
import { temporaryFolder } from "./fixtures";
import { buildDisk, buildRoot } from "./rootImage";

type Inputs = z.output<typeof diskImage.inputs>;
type Client = ReturnType<typeof imageSystem.connect>;

describe("image.DiskImage and what is expected of it", () => {
    const folder = temporaryFolder();
    let projectDir: string;
    let client: Client;
    let count = 0;

    before(function () {
        needsTool(this, "mkfs.ext4");
    });

    beforeEach(async () => {
        projectDir = folder.path(`project-${count++}`);
        fs.mkdirSync(projectDir);
        await writeImage("5.2.21");
        const env = { EDGE_OS_CACHE_DIR: folder.path("cache") };
        client = imageSystem.connect({}, testHost({ env, projectDir }));
    });

    const ARGS = {
        source: "ubuntu.img",
        publish: { directory: "out", baseUrl: "https://images.example.com" },
    };

    async function writeImage(bash: string): Promise<void> {
        const root = buildRoot({
            "etc/os-release": 'ID=ubuntu\nVERSION_ID="24.04"\n',
            "var/lib/dpkg/status": `Package: bash\nStatus: install ok installed\nVersion: ${bash}\nArchitecture: amd64\n`,
        });
        fs.writeFileSync(path.join(projectDir, "ubuntu.img"), await buildDisk(root));
    }

    function context(
        options: Partial<TestContextOptions<Client>> = {},
    ): ReturnType<typeof testContext<Client>> {
        return testContext({ client, kind: "image.DiskImage", name: "ubuntu", projectDir, ...options });
    }

    function check(expected?: Record<string, unknown>, working = context()): Promise<CheckedInputs> {
        const args = expected ? { ...ARGS, expect: expected } : ARGS;
        return checkInputs(diskImage, args, undefined, working);
    }

    async function created(): Promise<{ inputs: Inputs; changelog?: string; warnings: readonly string[] }> {
        const { inputs, problems } = await check();
        expect(problems).to.deep.equal([]);
        const working = context();
        const { outputs } = await diskImage.create(inputs as Inputs, working);
        const { changelog } = outputs as { changelog?: string };
        const warnings = working.messages.warn;
        return { inputs: inputs as Inputs, warnings, ...(changelog === undefined ? {} : { changelog }) };
    }

    it("fails with all that is not met at once, each with its check", async () => {
        const { problems } = await check({
            format: "qcow2",
            maxSizeBytes: 1000,
            packages: { nginx: "present", bash: ">= 6" },
            files: [{ path: "/etc/motd" }],
        });
        expect(problems.map((problem) => JSON.stringify(problem)).join("\n"))
            .to.contain("package.nginx: nginx is not installed (dpkg)")
            .and.to.contain("package.bash: bash is 5.2.21, but must be >= 6")
            .and.to.contain("file./etc/motd: /etc/motd is not in the image")
            .and.to.contain("maxSizeBytes")
            .and.to.contain("is qcow2, but the file is raw");
        expect(problems).to.have.lengthOf(5);
    });

    it("shows what is only a warning, and keeps checks, report and traits in bounds", async () => {
        const working = context();
        const severity = { "package.*": "warning", "ubuntu.*": "off" };
        const wanted = { preset: "ubuntu", packages: ["nginx"], severity };
        const { inputs, problems } = await check(wanted, working);
        expect(problems).to.deep.equal([]);
        expect(working.messages.warn.join("\n")).to.contain("package.nginx: nginx is not installed");
        const { checks, report, traits, checksPassed } = inputs as Inputs;
        expect(checks[0]).to.include({ id: "package.nginx", verdict: "failed", severity: "warning" });
        expect(checks.filter(({ verdict }) => verdict === "passed")).to.have.lengthOf(checksPassed);
        expect(report).to.match(/^## ⚠️ ubuntu\.img: \d+ checks passed, 1 warning/);
        expect(traits).to.include({
            efiSystemPartition: true,
            microvisorLayout: false,
            operatingSystem: "ubuntu",
        });
        expect(JSON.stringify({ checks, report, traits }).length).to.be.lessThan(12 * 1024);
    });

    it("says which certificate is not there, or is none", async () => {
        fs.writeFileSync(path.join(projectDir, "none.pem"), "no certificate\n");
        const { problems } = await check({ secureBoot: { certificates: ["keys/db.pem", "none.pem"] } });
        const text = JSON.stringify(problems);
        expect(problems).to.have.lengthOf(2);
        expect(text).to.contain("names a file that is not there").and.to.contain("certificates");
    });

    it("keeps a manifest beside the image, and tells what changed since the version before", async () => {
        const first = await created();
        expect(first.changelog).to.equal(undefined);
        const file = path.join(projectDir, "out", `${first.inputs.fileName}.manifest.json`);
        const manifest = readManifest(fs.readFileSync(file), file);
        expect(manifest.image.sha256).to.equal(first.inputs.sha256);
        expect(manifest.packages?.packages).to.have.lengthOf(1);

        await writeImage("5.2.32");
        const second = await created();
        expect(second.inputs.sha256).not.to.equal(first.inputs.sha256);
        expect(second.changelog).to.contain("- `bash` 5.2.21 → 5.2.32");

        for (const name of fs.readdirSync(path.join(projectDir, "out"))) {
            if (name.endsWith(".manifest.json")) fs.writeFileSync(path.join(projectDir, "out", name), "{");
        }
        await writeImage("5.3");
        const third = await created();
        expect(third.changelog).to.equal(undefined);
        expect(third.warnings.join("\n")).to.contain("is no image manifest");
    });
});
