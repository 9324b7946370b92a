import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type JobDefect, type Lab } from "../../../lab";
import { customizedImage } from "../../../provider/ims/customizedImage.handler";
import { describePod, podReport, tellingContainers } from "../../../provider/ims/podReport";
import { failure } from "../../support/failure";
import { needsImageRoots } from "../../support/imageRoot";
import { importImage } from "../../support/ims";
import { ImsRuns } from "../../support/imsRuns";
import { Row } from "../../support/row";

/** Point 3 of what hurts: the service has no word for a failure, and statuses that never change. */
describe("why a job failed, as the cluster tells it", function () {
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
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "pod-report-"));
        const parts = { emf: false, images: false, ims: true };
        lab = await startLab({ dir: path.join(dir, "lab"), ...parts, jobSpeed: 100 });
        await importImage(lab.ims, "base");
    });
    afterEach(async () => {
        await runs.close();
        runs.expectNothingLeft();
    });
    after(async () => {
        await lab.close();
        fs.rmSync(dir, { recursive: true, force: true });
    });

    async function failed(
        defect: JobDefect,
        kubeconfig: string | undefined,
        more: object = {},
    ): Promise<string> {
        lab.ims.breakNextJob(defect);
        const inputs = { baseImage: "base", name: "layer", steps: [{ run: "true" }], ...more };
        const run = runs.context(kubeconfig === undefined ? {} : { ims: { kubeconfig } });
        return failure(new Row(customizedImage).up(inputs, run));
    }

    it("is the container, its exit code and the end of its log", async () => {
        const message = await failed({ at: "fetching_image", do: "error" }, lab.ims.kubeconfig);
        expect(message)
            .to.match(/Its pod cray-ims-\S+-customize-\S+ on ncn-w001 is Failed/)
            .and.include("container prepare ended with exit code 1 (Error)")
            .and.include("the end of what prepare printed:\n    ERROR: a defect at fetching_image");
        expect(message, "the first error comes first").to.match(/^IMS job \S+ ended in error/);
    });

    it("is a killed container, or an evicted pod, of a job whose status never changes", async () => {
        const limits = { timeLimits: { packaging: "1s" } };
        const defect = { at: "packaging_artifacts", do: "hang" } as const;
        const killed = await failed({ ...defect, pod: "OOMKilled" }, lab.ims.kubeconfig, limits);
        expect(killed)
            .to.include("is still packaging_artifacts")
            .and.include("container buildenv-sidecar ended with exit code 137 (OOMKilled)");
        const evicted = await failed({ ...defect, pod: "Evicted" }, lab.ims.kubeconfig, limits);
        expect(evicted).to.include("is Failed: Evicted: The node was low on resource: ephemeral-storage.");
    });

    it("is what the scheduler lacks for a pod that is Pending", async () => {
        const message = await failed(
            { at: "creating", do: "hang", pod: "Unschedulable" },
            lab.ims.kubeconfig,
            { timeLimits: { job: "1s" } },
        );
        expect(message).to.include(
            "is Pending: Unschedulable: 0/3 nodes are available: 3 Insufficient memory.",
        );
    });

    it("is named as what a kubeconfig would show where there is none", async () => {
        const message = await failed({ at: "fetching_image", do: "error" }, undefined);
        expect(message)
            .to.include("ended in error, and the service does not say why")
            .and.include("With a kubeconfig (edge-os:ims.kubeconfig or EDGE_OS_IMS_KUBECONFIG)");
    });

    for (const [title, content, told] of [
        ["is not there", undefined, "gone.yaml cannot be read"],
        [
            "is of a cluster that does not answer",
            { server: "https://127.0.0.1:1" },
            "nothing answers at 127.0.0.1:1",
        ],
        [
            "is of somebody whom the cluster does not let in",
            { user: { token: "wrong-token" } },
            "HTTP 401): Unauthorized",
        ],
    ] as const) {
        it(`is missing, in one sentence behind the first error, with a kubeconfig that ${title}`, async () => {
            const file = path.join(dir, "gone.yaml");
            if (content) fs.writeFileSync(file, changed(content));
            const message = await failed({ at: "fetching_image", do: "error" }, "gone.yaml");
            const [first, ...others] = message.split("\n");
            expect(first).to.include("ended in error, and the service does not say why");
            expect(others).to.have.lengthOf(1);
            expect(others[0]).to.include("cannot be read from the cluster with gone.yaml").and.include(told);
            expect(message).to.not.include("wrong-token");
        });
    }

    it("has no line without end, no control character and no key to a presigned address", async () => {
        const job = { kubernetes_namespace: "ims", kubernetes_job: "cray-ims-1-customize" };
        const run = runs.context({ ims: { kubeconfig: lab.ims.kubeconfig } });
        lab.ims.addPod(job.kubernetes_job, "prepare", [
            "\u001b[31mGET https://s3/x?X-Amz-Signature=abcdef&X-Amz-Credential=id%2Fx\u001b[0m",
            `secret ${lab.ims.clientSecret}`,
            "x".repeat(5_000),
        ]);
        await run.client.list("images");
        const report = await podReport(job, run);
        expect(report)
            .to.include("X-Amz-Signature=[secret]&X-Amz-Credential=[secret]")
            .and.include("secret [secret]");
        for (const line of report.split("\n")) expect(line.length).to.be.lessThan(310);
        // eslint-disable-next-line no-control-regex -- that is what it is about
        expect(report).to.not.match(/\u001b/);
    });

    it("looks at the container that ended last where all ended well, since IMS's scripts report errors so", () => {
        const ended = (name: string, finishedAt: string) => ({
            name,
            state: { terminated: { exitCode: 0, reason: "Completed", finishedAt } },
        });
        const statuses = [
            ended("sshd", "2026-11-20T10:00:00Z"),
            ended("buildenv-sidecar", "2026-11-20T10:00:05Z"),
        ];
        const pod = { metadata: { name: "p" }, status: { phase: "Succeeded", containerStatuses: statuses } };
        expect(tellingContainers(pod).map(({ name }) => name)).to.deep.equal(["buildenv-sidecar"]);
        expect(describePod(pod)).to.deep.equal(["Its pod p is Succeeded"]);
    });

    it("names images that cannot be pulled", () => {
        const waiting = { reason: "ImagePullBackOff", message: "Back-off pulling image" };
        const statuses = [
            { name: "prepare", state: { waiting } },
            { name: "sshd", state: { waiting: { reason: "PodInitializing" } } },
        ];
        const pod = {
            metadata: { name: "p" },
            status: { phase: "Pending", initContainerStatuses: statuses },
        };
        expect(describePod(pod)).to.deep.equal([
            "Its pod p is Pending",
            "  container prepare does not start: ImagePullBackOff: Back-off pulling image",
        ]);
    });

    function changed({ server, user }: { server?: string; user?: object }): string {
        const config = JSON.parse(fs.readFileSync(lab.ims.kubeconfig, "utf8")) as {
            clusters: { cluster: { server: string } }[];
            users: { user: object }[];
        };
        const [{ cluster } = { cluster: { server: "" } }] = config.clusters;
        if (server !== undefined) cluster.server = server;
        if (user) config.users = [{ ...config.users[0], user }];
        return JSON.stringify(config);
    }
});
