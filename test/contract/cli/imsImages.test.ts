import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type Lab } from "../../../lab";
import { IMS_CLAIM_KEY } from "../../../provider/ims/claims";
import { newClaim, ownerOf } from "../../../provider/resource/claim";
import { imsConfig } from "../../support/ims";
import { edgeOs, type Outcome } from "./edgeOs";

const URN = "urn:pulumi:prod::images::pulumi-nodejs:dynamic/edge-os/ims:CustomizedImage::compute";
const STACK = { project: "images", stack: "prod" };
const HOUR = 3_600_000;

describe("edge-os ims images", function () {
    this.timeout(60_000);
    let folder: string;
    let lab: Lab;

    before(async () => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-images-"));
        lab = await startLab({ emf: false, images: false, ims: true });
    });
    afterEach(() => {
        for (const { id } of lab.ims.store.images.list()) lab.ims.store.images.remove(id);
    });
    after(async () => {
        await lab.close();
        fs.rmSync(folder, { recursive: true, force: true });
    });

    function run(...words: string[]): Promise<Outcome> {
        const { endpoint, clientId, clientSecret, caFile } = imsConfig(lab.ims);
        const env = {
            ...{ EDGE_OS_IMS_ENDPOINT: endpoint ?? "", EDGE_OS_IMS_CLIENT_ID: clientId ?? "" },
            ...{ EDGE_OS_IMS_CLIENT_SECRET: clientSecret ?? "", EDGE_OS_IMS_CA_FILE: caFile ?? "" },
        };
        return edgeOs(["ims", "images", ...words], { cwd: folder, env });
    }

    function claimOf(stack: { project: string; stack: string }, urn: string, random: number): string {
        return newClaim(ownerOf(stack), urn, (bytes) => Buffer.alloc(bytes, random));
    }

    function image(claim: string | undefined, age: number, linked = true): string {
        const { store } = lab.ims;
        const id = store.newId();
        const created = new Date(Date.now() - age).toISOString().replace("Z", "000");
        const link = linked ? { path: `s3://boot-images/${id}/manifest.json`, type: "s3" } : null;
        const metadata: Record<string, string> = claim === undefined ? {} : { [IMS_CLAIM_KEY]: claim };
        store.images.put({ id, created, name: "compute", arch: "x86_64", link, metadata });
        return id;
    }

    function state(...claims: string[]): void {
        const rows = claims.map((claim) => ({ urn: URN, type: "x", outputs: { claim } }));
        const resources = [{ urn: URN, type: "x" }, ...rows];
        const file = path.join(folder, "state.json");
        fs.writeFileSync(file, JSON.stringify({ version: 3, deployment: { resources } }));
    }

    it("lists those that no row of the stack names, and how to delete them", async () => {
        const present = claimOf(STACK, URN, 1);
        state(present);
        const kept = image(present, 5 * HOUR);
        const left = image(claimOf(STACK, URN, 2), 4 * HOUR);
        const gone = image(claimOf(STACK, `${URN}-2`, 3), 3 * HOUR, false);
        const foreign = image(claimOf({ project: "images", stack: "test" }, URN, 4), 2 * HOUR);
        image(undefined, HOUR);
        const { code, out, err } = await run("--state", "state.json");
        expect({ code, err }).to.deep.equal({ code: 0, err: "" });
        const owner = ownerOf({ project: "images", stack: "test" });
        expect(out.split("\n").map((line) => line.replace(/ {2,}(?=\S)/g, "  "))).to.deep.equal([
            "IMAGE  NAME  AGE  WHOSE",
            `${kept}  compute  5h0m  compute, of this stack`,
            `${left}  compute  4h0m  of this stack, in no row of its state; made for compute`,
            `${gone}  compute  3h0m  of this stack, in no row of its state, without artifacts`,
            `${foreign}  compute  2h0m  of another stack, ${owner}`,
            "",
            `4 images of this package at ${lab.ims.endpoint}`,
            "While no pulumi up of the stack runs, 2 images in no row of its state: left by a run that was killed.",
            "pulumi up takes such an image over where the program still says what it was made of. To delete it (softly):",
            `  cray ims images delete ${left}`,
            `  cray ims images delete ${gone}`,
            "",
        ]);
    });

    it("tells nothing to delete where every image has its row, or where the state is not known", async () => {
        const claim = claimOf(STACK, URN, 1);
        state(claim);
        image(claim, 0);
        expect((await run("--state", "state.json")).out).to.not.include("cray ims");
        const { out } = await run("--project", "images", "--stack", "prod");
        expect(out)
            .to.match(/of this stack\n/)
            .and.include("--state FILE tells")
            .and.not.include("cray ims");
        expect((await run()).out).to.include(`of some stack, ${ownerOf(STACK)}`);
    });

    it("says that there are none, and prints for programs", async () => {
        state();
        expect((await run()).out).to.equal(`there are no images of this package at ${lab.ims.endpoint}\n`);
        const imageId = image(claimOf(STACK, URN, 2), HOUR);
        const { out } = await run("--state", "state.json", "--json");
        const { images } = JSON.parse(out) as { images: Record<string, unknown>[] };
        expect(images).to.have.lengthOf(1);
        expect(images[0]).to.include({ imageId, whose: "left", resource: "compute", complete: true });
        expect((await run("--stack", "prod")).code).to.equal(2);
    });
});
