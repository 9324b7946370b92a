import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type Lab } from "../../../lab";
import type { Image } from "../../../lab/ims/store";
import { customizedImage } from "../../../provider/ims/customizedImage.handler";
import { failure } from "../../support/failure";
import { needsImageRoots } from "../../support/imageRoot";
import { importImage } from "../../support/ims";
import { ImsRuns } from "../../support/imsRuns";
import { Row } from "../../support/row";

describe("layers of ims.CustomizedImage", function () {
    this.timeout(60_000);
    let lab: Lab;
    let dir: string;
    const lower = new Row(customizedImage);
    const upper = new Row(customizedImage);
    const runs = new ImsRuns(
        () => lab.ims,
        "ims.CustomizedImage",
        () => dir,
    );

    before(async function () {
        needsImageRoots(this);
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "layers-"));
        const parts = { emf: false, images: false, ims: true };
        lab = await startLab({ dir: path.join(dir, "lab"), ...parts, jobSpeed: 100 });
        await importImage(lab.ims, "base");
        await lower.up(
            { baseImage: "base", name: "lower", steps: [{ run: "echo lower > /etc/lower" }] },
            runs.context({ name: "lower" }),
        );
        await upper.up(upperInputs(), runs.context({ name: "upper" }));
    });
    afterEach(() => runs.close());
    after(async () => {
        await lab.close();
        fs.rmSync(dir, { recursive: true, force: true });
    });

    function upperInputs(): Record<string, unknown> {
        return {
            ...{ baseImage: lower.id, name: "upper", metadata: { team: "hpc" } },
            steps: [{ run: "cat /etc/lower > /etc/upper" }],
        };
    }

    it("stand on each other", async () => {
        expect(await runs.fileIn(upper.id ?? "", "etc/upper")).to.equal("lower\n");
        expect(upper.state?.inputs.baseImageId).to.equal(lower.id);
        runs.expectNothingLeft();
    });

    it("keep the keys that others have written into the upper one", async () => {
        changeImage(upper.id, ({ metadata }) => ({ metadata: { ...metadata, "sbps-project": "true" } }));
        expect(await upper.refresh(runs.context({ name: "upper" }))).to.deep.equal([]);
        expect(await upper.up(upperInputs(), runs.context({ name: "upper" }))).to.equal("same");
        const team = { metadata: { owner: "hpc" } };
        expect(await upper.up({ ...upperInputs(), ...team }, runs.context({ name: "upper" }))).to.equal(
            "updated",
        );
        expect(lab.ims.store.images.get(upper.id ?? "")?.metadata)
            .to.include({ "sbps-project": "true", owner: "hpc" })
            .and.not.have.property("team");
        await upper.up(upperInputs(), runs.context({ name: "upper" }));
    });

    it("show in a refresh, and not only in the next up, that the lower one has other content", async () => {
        const { etag = "" } = lab.ims.store.images.get(lower.id ?? "")?.link ?? {};
        changeLink("0123456789abcdef0123456789abcdef");
        const run = runs.context({ name: "upper" });
        await upper.refresh(run);
        expect(run.messages.warn.join()).to.include(`the base image ${lower.id ?? ""} has other content now`);
        expect(await failure(upper.up(upperInputs(), runs.context({ name: "upper" })))).to.equal(
            "would be replaced for baseEtag",
        );
        changeLink(etag);
        expect(await upper.up(upperInputs(), runs.context({ name: "upper" }))).to.equal("same");
    });

    it("show in a refresh that the lower one is gone, and the upper one stays", async () => {
        lab.ims.store.images.remove(lower.id ?? "");
        lab.ims.store.images.forget(lower.id ?? "");
        const run = runs.context({ name: "upper" });
        expect(await upper.refresh(run)).to.deep.equal([]);
        expect(run.messages.warn.join()).to.include(`the base image ${lower.id ?? ""} is gone`);
        expect(await upper.up(upperInputs(), runs.context({ name: "upper" }))).to.equal("same");
        const anew = new Row(customizedImage).check(upperInputs(), runs.context({ name: "anew" }));
        expect(await failure(anew)).to.include(`baseImage: there is no image ${lower.id ?? ""}`);
    });

    function changeLink(etag: string): void {
        changeImage(lower.id, ({ link }) => ({ link: link && { ...link, etag } }));
    }

    function changeImage(id: string | undefined, change: (image: Image) => Partial<Image>): void {
        const image = lab.ims.store.images.get(id ?? "");
        if (!image) throw new Error("the image is not there");
        lab.ims.store.images.put({ ...image, ...change(image) });
    }
});
