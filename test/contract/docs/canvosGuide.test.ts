import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { CanvosRepository } from "../../../lab/canvos/repository";
import { testGuidePrograms } from "../../support/guideTests";
import { needsTool } from "../../support/tools";

const FILE = "docs/canvos.md";
/** Everything that the edge-appliance Makefile can be asked for, and set. */
const TARGETS = (
    "setup setup-firmware download configure check-prereqs build build-provider build-iso push build-local build-url push-url " +
    "verify verify-iso test smoke-test smoke-test-auto clean clean-earthly all info help"
).split(" ");
const VARIABLES = (
    "CUSTOM_TAG IMAGE_REGISTRY OS_VERSION K8S_VERSION EDGE_APPLIANCE DOCA_DEB_FILE DOCA_DEB_URL DOCA_DEB_NAME BFB_FILE BFB_URL " +
    "BFB_NAME MIN_DISK_GB PE_VERSION PROVIDER_IMAGE INSTALLER_IMAGE SRC_DIR REDIST_DIR CANVOS_DIR BUILD_DIR ARG_FILE"
).split(" ");

describe("the programs of docs/canvos.md", function () {
    this.timeout(120_000);
    let repository: CanvosRepository;
    let home: string;

    before(function () {
        needsTool(this, "git");
        repository = CanvosRepository.create();
        home = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-guide-"));
        const lines = [
            `[url "file://${repository.folder}"]`,
            "insteadOf = https://github.com/spectrocloud/CanvOS.git",
        ];
        fs.writeFileSync(path.join(home, ".gitconfig"), `${lines.join("\n\t")}\n`);
    });
    after(() => {
        (repository as CanvosRepository | undefined)?.close();
        fs.rmSync(home, { recursive: true, force: true });
    });

    testGuidePrograms({
        ...{ file: FILE, programs: 2 },
        files: {
            "overlay/etc/modprobe.d/ib_core.conf": "options ib_core netns_mode=0\n",
            "nodeprep.sh": "#!/bin/bash\n",
            "redist/doca-host_3.2.1-044000-25.10-ubuntu2404_amd64.deb": "a package",
        },
        site: () => ({
            config: { "test:edgeHostToken": "registration-token-1" },
            env: { HOME: home, EDGE_OS_CACHE_DIR: path.join(home, "cache") },
        }),
        // There may be no Docker where the guide is read, which a preview says.
        allowed: ["warning"],
    });
});

describe("docs/canvos.md", () => {
    it("names the counterpart of every target and variable of the Makefile", () => {
        const rows = fs
            .readFileSync(path.join(__dirname, "../../..", FILE), "utf8")
            .split("\n")
            .filter((line) => line.startsWith("| `"))
            .map((line) => line.split(" | ")[0] ?? "");
        const isNamed = (name: string): boolean => rows.some((cell) => cell.includes(`\`${name}\``));
        expect([...TARGETS, ...VARIABLES].filter((name) => !isNamed(name))).to.deep.equal([]);
    });
});
