import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type Lab } from "../../../lab";
import { customizedImage } from "../../../provider/ims/customizedImage.handler";
import { addApt } from "../../support/aptImageRoot";
import { failure } from "../../support/failure";
import { needsImageRoots } from "../../support/imageRoot";
import { importImage } from "../../support/ims";
import { ImsRuns } from "../../support/imsRuns";
import { Row } from "../../support/row";
import { needsTool } from "../../support/tools";

describe("a step with packages, by the image's own apt and a repository in it", function () {
    this.timeout(60_000);
    let lab: Lab;
    let dir: string;
    const runs = new ImsRuns(
        () => lab.ims,
        "ims.CustomizedImage",
        () => dir,
    );

    before(async function () {
        needsImageRoots(this);
        for (const tool of ["/usr/bin/apt-get", "dpkg-deb"]) needsTool(this, tool);
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "packages-step-"));
        const parts = { emf: false, images: false, ims: true };
        lab = await startLab({ dir: path.join(dir, "lab"), ...parts, jobSpeed: 100 });
        await importImage(lab.ims, "base", (root) => addApt(root, ["edge-agent", "edge-tools"]));
    });
    afterEach(() => runs.close());
    after(async () => {
        await lab.close();
        fs.rmSync(dir, { recursive: true, force: true });
    });

    it("installs and removes without a question", async () => {
        const row = new Row(customizedImage);
        await up(row, [
            { packages: { install: ["edge-agent", "edge-tools"] } },
            { packages: { remove: ["edge-tools"], refresh: false } },
        ]);
        const status = await runs.fileIn(row.id ?? "", "var/lib/dpkg/status");
        expect(status).to.include("Package: edge-agent\nStatus: install ok installed");
        expect(status).to.not.include("Package: edge-tools\nStatus: install ok installed");
        expect(await runs.fileIn(row.id ?? "", "opt/edge-agent/file")).to.equal("edge-agent\n");
        expect(await runs.fileIn(row.id ?? "", "opt/edge-agent/frontend")).to.equal("noninteractive\n");
    });

    it("shows what apt says of a package that there is not", async () => {
        const attempt = up(new Row(customizedImage), [{ packages: { install: ["edge-nothing"] } }]);
        expect(await failure(attempt))
            .to.include("step 1 (packages) failed with exit code 100")
            .and.include("Unable to locate package edge-nothing");
        expect(lab.ims.store.jobs.list()).to.deep.equal([]);
    });

    async function up(row: Row, steps: object[]): Promise<void> {
        await row.up({ baseImage: "base", name: "with-packages", steps }, runs.context());
    }
});
