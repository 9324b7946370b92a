import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type Lab } from "../../../lab";
import type { Job } from "../../../lab/ims/store";
import { claimAuthor, newClaim, ownerOf } from "../../../provider/resource/claim";
import { imsConfig } from "../../support/ims";
import { edgeOs, type Outcome } from "./edgeOs";

const URN = "urn:pulumi:prod::images::pulumi-nodejs:dynamic/edge-os/ims:CustomizedImage::compute";
const STACK = { project: "images", stack: "prod" };
const HOUR = 3_600_000;

describe("edge-os ims jobs", function () {
    this.timeout(60_000);
    let folder: string;
    let lab: Lab;

    before(async () => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-jobs-"));
        lab = await startLab({ emf: false, images: false, ims: true });
        const state = { version: 3, deployment: { resources: [{ urn: URN, type: "x" }] } };
        fs.writeFileSync(path.join(folder, "state.json"), JSON.stringify(state));
    });
    afterEach(() => {
        for (const { id } of lab.ims.store.jobs.list()) lab.ims.store.jobs.remove(id);
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
        return edgeOs(["ims", "jobs", ...words], { cwd: folder, env });
    }

    function token(stack: { project: string; stack: string }, urn: string): string {
        const claim = newClaim(ownerOf(stack), urn, (bytes) => Buffer.alloc(bytes));
        return `${claimAuthor(claim)}0123abcd`;
    }

    /** A record as a job leaves it; its pod does not matter here. */
    function job(name: string | undefined, status: string, age: number): string {
        const { store } = lab.ims;
        const id = store.newId();
        const created = new Date(Date.now() - age).toISOString().replace("Z", "000");
        const host = { host: `${id}.ims.cmn.example.com`, port: 22 };
        const container = { jail: true, status: "pending" };
        store.jobs.put({
            ...{ id, created, status, job_type: "customize", image_root_archive_name: "compute-2026.11" },
            ...{ artifact_id: store.newId(), public_key_id: store.newId(), resultant_image_id: null },
            ssh_containers: [
                {
                    ...{ ...(name === undefined ? {} : { name }), ...container },
                    connection_info: { customer_access: host, "cluster.local": host },
                },
            ],
        } as unknown as Job);
        return id;
    }

    it("says that there are none", async () => {
        const { code, out } = await run();
        expect({ code, out }).to.deep.equal({
            code: 0,
            out: `there are no jobs at ${lab.ims.endpoint}\n`,
        });
    });

    it("tells ours from others', and how to end them", async () => {
        const left = job(token(STACK, URN), "waiting_on_user", 30 * HOUR);
        const gone = job(token(STACK, `${URN}-2`), "error", 2 * HOUR);
        const foreign = job(token({ project: "images", stack: "test" }, URN), "packaging_artifacts", 300_000);
        const cfs = job("batcher-1234", "waiting_on_user", 90_000);
        const { code, out, err } = await run("--state", "state.json");
        expect({ code, err }).to.deep.equal({ code: 0, err: "" });
        const owner = ownerOf({ project: "images", stack: "test" });
        expect(
            out
                .split("\n")
                .slice(1, 5)
                .map((line) => line.replace(/ {2,}/g, "  ")),
        ).to.deep.equal([
            `${left}  waiting_on_user  1d6h  compute-2026.11  compute, of this stack`,
            `${gone}  error  2h0m  compute-2026.11  of this stack, no resource of its state`,
            `${foreign}  packaging_artifacts  5m  compute-2026.11  of another stack, ${owner}`,
            `${cfs}  waiting_on_user  1m  compute-2026.11  not of this package (batcher-1234)`,
        ]);
        expect(out).to.include(`4 jobs at ${lab.ims.endpoint}, 1 of them ended`);
        expect(out).to.include(`cray ims jobs delete ${left}`);
    });

    it("names the stack alone where there is no state, and none where nothing is said", async () => {
        job(token(STACK, URN), "creating", 0);
        job(undefined, "success", 0);
        expect((await run("--project", "images", "--stack", "prod")).out).to.match(
            /compute-2026.11 {2}of this stack\n/,
        );
        const { out } = await run();
        expect(out)
            .to.include(`of some stack, ${ownerOf(STACK)}`)
            .and.include("--state FILE tells");
        expect(out).to.match(/not of this package\n/);
    });

    it("prints for programs", async () => {
        const id = job(token(STACK, URN), "waiting_on_user", HOUR);
        const { out } = await run("--state", "state.json", "--json");
        const { endpoint, jobs } = JSON.parse(out) as { endpoint: string; jobs: Record<string, unknown>[] };
        expect(endpoint).to.equal(lab.ims.endpoint);
        expect(jobs).to.have.lengthOf(1);
        expect(jobs[0]).to.include({
            jobId: id,
            whose: "resource",
            resource: "compute",
            status: "waiting_on_user",
        });
        expect(jobs[0]?.ageSeconds).to.be.within(3600, 3700);
    });

    it("says what is missing", async () => {
        const { code, err } = await edgeOs(["ims", "jobs"], { cwd: folder });
        expect(code).to.equal(1);
        expect(err).to.include("EDGE_OS_IMS_ENDPOINT").and.include("--config Pulumi.<stack>.yaml");
        expect((await run("--stack", "prod")).code).to.equal(2);
    });
});
