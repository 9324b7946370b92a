import * as fs from "node:fs";
import { expect } from "chai";
import { diskImage } from "../../../provider/image/diskImage.handler";
import { imageSystem } from "../../../provider/image/library";
import { checkInputs } from "../../../provider/resource/check";
import { testContext, testHost } from "../../support/context";
import { type Identity, issue, pemOf } from "../../support/efi/authority";
import { makeProgram, printing } from "../../support/efi/program";
import { sbsign } from "../../support/efi/sbsign";
import { bootableDisk } from "../../support/tinySystem";
import { needsTool } from "../../support/tools";
import { temporaryFolder } from "../../unit/image/fixtures";

const STARTED = "STARTED WITH SECURE BOOT";

/** Signed by the tool that people use, judged, and booted by the firmware that hosts of the lab have. */
describe("a DiskImage whose boot test enrols certificates", function () {
    this.timeout(120_000);
    const folder = temporaryFolder();
    let root: Identity;

    before(function () {
        for (const tool of ["qemu-system-x86_64", "/usr/share/OVMF/OVMF_VARS_4M.fd", "sbsign"]) {
            needsTool(this, tool);
        }
        root = issue("Fleet Root", { ca: true, keyUsage: 0x06 });
        const leaf = issue("Fleet Signer", { issuer: root });
        const program = folder.path("signed.efi");
        fs.writeFileSync(program, sbsign(makeProgram(printing(STARTED)), leaf));
        fs.renameSync(bootableDisk(this, program, folder.path()), folder.path("signed.raw"));
        fs.writeFileSync(folder.path("fleet.pem"), pemOf(root.certificate));
        fs.writeFileSync(
            folder.path("foreign.pem"),
            pemOf(issue("Foreign Root", { ca: true, keyUsage: 0x06 }).certificate),
        );
    });

    function context() {
        const env = { EDGE_OS_CACHE_DIR: folder.path("cache") };
        const client = imageSystem.connect({}, testHost({ env, projectDir: folder.path() }));
        const options = { kind: "image.DiskImage", name: "signed", projectDir: folder.path() };
        return testContext({ client, ...options, preview: false });
    }

    function argsWith({ expected, enrolled }: { expected?: string; enrolled: string }) {
        const secureBoot = (file: string) => ({ certificates: [file] });
        return {
            source: "signed.raw",
            publish: { directory: "out", baseUrl: "https://images.example.com" },
            expect: {
                severity: { "root.*": "off" as const, "secureboot.kernel": "off" as const },
                ...(expected ? { secureBoot: secureBoot(expected) } : {}),
            },
            bootTest: { until: STARTED, secureBoot: secureBoot(enrolled), memoryMb: 256, cores: 1 },
        };
    }

    it("is published when one of them has signed it, as the check has told", async () => {
        const { inputs, problems } = await checkInputs(
            diskImage,
            argsWith({ expected: "fleet.pem", enrolled: "fleet.pem" }),
            undefined,
            context(),
        );
        expect(problems).to.deep.equal([]);
        const state = inputs as Parameters<typeof diskImage.create>[0];
        const { outputs } = await diskImage.create(state, context());
        expect(outputs.bootResult?.check).to.include({ id: "boot.reached", verdict: "passed" });
        expect(outputs.bootResult?.check.seen).to.match(/after [\d.]+ s \(uefi, Secure Boot, (tcg|kvm)\)$/);
        expect(fs.readdirSync(folder.path("out")).some((name) => name.endsWith(".raw"))).to.equal(true);
    });

    it("is refused by check and firmware alike when none of them has", async () => {
        const foreign = { expected: "foreign.pem", enrolled: "foreign.pem" };
        const judged = await checkInputs(diskImage, argsWith(foreign), undefined, context());
        expect(judged.problems.map(({ message }) => message).join("\n")).to.match(/secureboot\.chain/);

        fs.rmSync(folder.path("out"), { recursive: true, force: true });
        const { inputs, problems } = await checkInputs(
            diskImage,
            argsWith({ enrolled: "foreign.pem" }),
            undefined,
            context(),
        );
        expect(problems).to.deep.equal([]);
        const startedAt = performance.now();
        const failure = await diskImage
            .create(inputs as Parameters<typeof diskImage.create>[0], context())
            .then(
                () => undefined,
                (error: unknown) => error as Error,
            );
        expect(failure?.message).to.match(/^boot\.reached: signed\.raw: the machine failed while /);
        expect(failure?.message).to.contain("Access Denied");
        expect(failure?.message).to.contain("no certificate that is enrolled has signed it");
        // Long before the five minutes that a boot may take.
        expect(performance.now() - startedAt).to.be.lessThan(90_000);
        expect(fs.existsSync(folder.path("out"))).to.equal(false);
        const [, record = ""] = /all of it: (.+)$/.exec(failure?.message ?? "") ?? [];
        fs.rmSync(record);
    });
});
