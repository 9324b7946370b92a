import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { expect } from "chai";
import { smokeTest, type SmokeTestSubject } from "../../../provider/canvos/smokeTest";
import { type SmokeTestOptions, smokeTestOptions } from "../../../provider/canvos/smokeTest.schema";
import type { BuildCheck } from "../../../provider/canvos/verify.types";
import { isError } from "../../../provider/image/check";
import { ACTIVE, bootableIso, MENU, PERSISTENT } from "../../support/bootableIso";
import { failure } from "../../support/failure";
import { needsTool } from "../../support/tools";
import { temporaryFolder } from "../../unit/image/fixtures";

const OPTIONS = "options ib_core netns_mode=0";
const OVERLAY = { [`${PERSISTENT.slice(1)}/ib_core.conf`]: OPTIONS };
const APPLIANCE = { osVersion: "24.04", packages: ["doca-all"], firmware: [] };

describe("the smoke test of an installer ISO", function () {
    this.timeout(240_000);
    const folder = temporaryFolder();
    let iso = "";

    before(function () {
        needsTool(this, "qemu-system-x86_64");
        iso = bootableIso(this, folder.path(), {
            services: {
                "kairos-agent.service": ACTIVE,
                "kairos-installer.service":
                    "LoadState=loaded ActiveState=inactive Result=success ExecMainStartTimestampMonotonic=9",
                "broken.service": "LoadState=loaded ActiveState=failed Result=exit-code",
            },
            mst: 1,
        });
    });

    function options(given: object = {}): SmokeTestOptions {
        const small = { memoryMb: 512, cores: 2, timeoutSeconds: 120, accel: "tcg" };
        return smokeTestOptions.parse({
            ...small,
            firmware: ["bios"],
            services: ["kairos-agent.service", "kairos-installer.service"],
            ...given,
        });
    }

    async function run(
        given: object = {},
        subject: Partial<SmokeTestSubject> = {},
        image = iso,
    ): Promise<BuildCheck[]> {
        const whole: SmokeTestSubject = { architecture: "amd64", installerFiles: [], ...subject };
        const places = { logFolder: folder.path("logs"), spoolDirectory: folder.path() };
        return smokeTest({ path: image }, options(given), whole, places);
    }

    const problems = (checks: readonly BuildCheck[]): string[] => checks.filter(isError).map(({ id }) => id);

    it("takes the entry of the menu, logs in, and asks for services and tools", async () => {
        const checks = await run({}, { appliance: APPLIANCE });
        expect(checks.map(({ id, verdict }) => `${id} ${verdict}`)).to.deep.equal([
            "smoke.bios.live passed",
            "smoke.bios.service.kairos-agent.service passed",
            "smoke.bios.service.kairos-installer.service passed",
            "smoke.bios.mst passed",
        ]);
        expect(fs.readFileSync(folder.path("logs/smoke-bios-live.log"), "utf8")).to.contain(
            "Welcome to Kairos!",
        );
    });

    it("does so with UEFI, and tells each service that was not started, with the record of the line", async () => {
        const services = ["broken.service", "lldpd.service"];
        const checks = await run({ firmware: ["uefi"], services });
        expect(problems(checks)).to.deep.equal([
            "smoke.uefi.service.broken.service",
            "smoke.uefi.service.lldpd.service",
        ]);
        expect(checks.at(-1)?.message).to.contain("not in the image").and.to.contain("smoke-uefi-live.log");
    });

    it("ends early when the kernel does, with the last lines and where the record is", async () => {
        const message = await failure(run({ menuEntry: MENU.broken }));
        expect(message)
            .to.match(/smoke\.bios\.live.*Kernel panic/s)
            .and.to.contain("smoke-bios-live.log");
    });

    it("installs to a disk, and finds overlay and persistent paths after another restart", async function () {
        fs.mkdirSync(folder.path("install"));
        const dead = folder.path("edge-os-smoke-4194305-killed");
        fs.mkdirSync(dead);
        const installer = bootableIso(this, folder.path("install"), { overlay: OVERLAY });
        const path = `${PERSISTENT.slice(1)}/ib_core.conf`;
        const file = (name: string, text: string) => ({
            path: name,
            sha256: crypto.createHash("sha256").update(text).digest("hex"),
        });
        const checks = await run(
            {
                services: [],
                menuEntry: MENU.manual,
                install: { diskGb: 1, timeoutSeconds: 120, persistentPaths: [PERSISTENT, "/etc/lost"] },
            },
            { installerFiles: [file(`/${path}`, OPTIONS), file("/etc/dropped.conf", "x")] },
            installer,
        );
        expect(checks.filter(({ verdict }) => verdict === "passed").map(({ id }) => id)).to.include.members([
            "smoke.bios.install",
            `smoke.bios.install.overlay./${path}`,
            `smoke.bios.install.persistent.${PERSISTENT}`,
        ]);
        expect(problems(checks)).to.deep.equal([
            "smoke.bios.install.overlay./etc/dropped.conf",
            "smoke.bios.install.persistent./etc/lost",
        ]);
        const disks = fs.readdirSync(folder.path()).filter((name) => name.startsWith("edge-os-smoke-"));
        expect(disks, "also the disk of a run that was killed").to.deep.equal([]);
    });
});
