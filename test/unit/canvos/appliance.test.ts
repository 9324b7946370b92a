import { expect } from "chai";
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { appliancePayload, firmwareDigests, type AppliancePayload } from "../../../provider/canvos/appliance";
import { applianceInputs, type CheckedEdgeAppliance } from "../../../provider/canvos/applianceImage.schema";
import { readEarthfile } from "../../../provider/canvos/earthfile";
import { ResultCache } from "../../../provider/image/cache";
import { failure } from "../../support/failure";
import { temporaryFolder } from "../image/fixtures";

const sha256 = "a".repeat(64);

describe("the firmware of an appliance", () => {
    function problemsOf(source: string): string[] {
        const given = { bfb: { source, sha256 } };
        const read = applianceInputs.shape.edgeAppliance.safeParse(given);
        return (read.error?.issues ?? []).map(({ path, message }) => `${path.join(".")} ${message}`);
    }

    it("may have the names that its maker gives", () => {
        for (const name of [
            "firmware/bf-bundle-3.2.1-34_25.11_ubuntu-24.04_64k_prod.bfb",
            "https://content.example.com/a%20folder/doca-host_3.2.1-044000-25.10~ubuntu2404_amd64.deb?sign=1",
        ])
            expect(problemsOf(name), name).to.deep.equal([]);
    });

    it("has no name that a shell or a Dockerfile would read as more than a name", () => {
        for (const name of [
            "fw;touch owned.bfb",
            "$(id).bfb",
            "two words.bfb",
            "-x.bfb",
            "https://content.example.com/a%3Bid.bfb",
            "https://content.example.com/",
        ])
            expect(problemsOf(name).join(), name).to.match(/^bfb\.source must end in a file name of letters/);
    });

    it("comes from where nobody else can change it", () => {
        expect(problemsOf("http://content.example.com/fw.bfb").join()).to.contain("must use https");
        expect(problemsOf("ftp://content.example.com/fw.bfb").join()).to.contain("is none of these");
    });
});

describe("what an appliance adds to a checkout", () => {
    const folder = temporaryFolder();
    const full: CheckedEdgeAppliance = {
        doca: { source: "doca-host_3.2.1_ubuntu2404_amd64.deb" },
        bfb: { source: "https://content.example.com/fw.bfb", sha256 },
        nodeprep: "nodeprep.sh",
        packages: ["tcpdump"],
    };

    function payload(given: CheckedEdgeAppliance, earthfile = "", osVersion = "24.04"): AppliancePayload {
        fs.writeFileSync(folder.path("nodeprep.sh"), "#!/bin/bash\n");
        fs.writeFileSync(folder.path("own"), "RUN true\n");
        const checkout = {
            ...{
                earthfile: readEarthfile(earthfile),
                template: new Map(),
                ...{ script: "", scriptVariables: new Set<string>() },
            },
            hasSecureBootKeys: false,
        };
        return appliancePayload(given, checkout, osVersion, folder.path());
    }

    function instructions({ texts }: AppliancePayload): string {
        return texts.find(({ to }) => to === "Dockerfile")?.text ?? "";
    }

    it("has the compiler of the version of Ubuntu, which not every version of CanvOS tells its Dockerfile", () => {
        expect(instructions(payload({}))).to.contain(" gcc-14 libgcc-14-dev lldpd ");
        for (const version of ["22.04", "22"])
            expect(instructions(payload({}, "", version))).to.contain(" gcc-12 libgcc-12-dev lldpd ");
    });

    it("hides no step that fails", () => {
        for (const line of instructions(payload(full)).split("\n"))
            expect(line).to.not.match(/\|\| true|;\s*$/);
    });

    it("is nothing where none is given", () => {
        const { texts, placements, variables } = appliancePayload(
            undefined,
            {
                ...{ earthfile: readEarthfile(""), template: new Map(), script: "" },
                ...{ scriptVariables: new Set<string>(), hasSecureBootKeys: false },
            },
            "24.04",
            folder.path(),
        );
        expect([texts, placements, variables]).to.deep.equal([[], [], {}]);
    });

    describe("with the wrapper's own files laid over it", () => {
        const earthfile = "ARG EDGE_APPLIANCE=false\nARG DOCA_DEB_PATH\n";

        it("is told to the wrapper's Dockerfile, and only what that does not know is added", () => {
            const found = payload(full, earthfile);
            expect(found.variables).to.deep.equal({
                EDGE_APPLIANCE: "true",
                DOCA_DEB_PATH: "edge-appliance/doca-host_3.2.1_ubuntu2404_amd64.deb",
                BFB_PATH: "edge-appliance/fw.bfb",
                BFB_FILENAME: "fw.bfb",
            });
            expect(instructions(found)).to.contain("tcpdump").and.not.contain("doca");
            expect(found.texts.map(({ to }) => to)).to.include.members([
                "overlay/files/opt/spectrocloud/nodeprep.sh",
                ".empty-placeholder",
            ]);
            expect(instructions(payload({ nodeprep: "nodeprep.sh" }, earthfile))).to.equal("");
        });

        it("is the user's own instructions where they are given", () => {
            const found = payload({ ...full, dockerfile: "own" }, earthfile);
            expect(instructions(found)).to.equal("RUN true\n");
            expect(found.variables).to.deep.equal({});
        });
    });

    it("is refused where a file is not the one that was meant", async () => {
        fs.writeFileSync(folder.path("fw.bfb"), "firmware");
        const cache = new ResultCache(folder.path("cache"));
        const digest = crypto.createHash("sha256").update("firmware").digest("hex");
        await firmwareDigests({ bfb: { source: "fw.bfb", sha256: digest } }, folder.path(), cache);
        expect(await failure(firmwareDigests({ bfb: { source: "fw.bfb", sha256 } }, folder.path(), cache)))
            .to.match(/^edgeAppliance\.bfb: fw\.bfb has the SHA-256 /)
            .and.contain(digest);
    });
});
