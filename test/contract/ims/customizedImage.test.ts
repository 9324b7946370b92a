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

describe("ims.CustomizedImage", function () {
    this.timeout(60_000);
    let lab: Lab;
    let dir: string;
    let base: Image;
    const runs = new ImsRuns(
        () => lab.ims,
        "ims.CustomizedImage",
        () => dir,
    );

    before(async function () {
        needsImageRoots(this);
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "customized-"));
        lab = await startLab({
            dir: path.join(dir, "lab"),
            emf: false,
            images: false,
            ims: true,
            jobSpeed: 50,
        });
        base = await importImage(lab.ims, "base");
    });
    afterEach(async () => {
        lab.ims.clearFaults();
        await runs.close();
    });
    after(async () => {
        await lab.close();
        fs.rmSync(dir, { recursive: true, force: true });
    });

    for (const jail of [true, false]) {
        it(`takes its steps ${jail ? "in a jail" : "by chroot"}, and leaves the image and nothing else`, async () => {
            fs.writeFileSync(path.join(dir, "setup.sh"), '#!/bin/sh\necho "$1 $GREETING" > /etc/script\n');
            fs.mkdirSync(path.join(dir, "files/sub"), { recursive: true });
            fs.writeFileSync(path.join(dir, "files/sub/run.sh"), "#!/bin/sh\n", { mode: 0o755 });
            const row = new Row(customizedImage);
            const run = runs.context();
            const done = await row.up(
                {
                    ...{ baseImage: "base", name: `layer-${jail}`, jail, metadata: { team: "hpc" } },
                    steps: [
                        {
                            run: 'echo "$PASSWORD" > /etc/secret-seen\ncat > /etc/eaten',
                            environment: { PASSWORD: "it's $ecret" },
                        },
                        { script: "setup.sh", arguments: ["a b"], environment: { GREETING: "hello" } },
                        { upload: "files", to: "/opt/tools/files" },
                    ],
                },
                run,
            );
            expect(done).to.equal("created");
            const { imageId, artifacts, manifest, architecture } = row.state?.outputs as {
                imageId: string;
                artifacts: { type: string; sizeBytes: number }[];
                manifest: string;
                architecture: string;
            };
            expect(row.id).to.equal(imageId);
            expect(manifest).to.equal(`s3://boot-images/${imageId}/manifest.json`);
            expect(architecture).to.equal("x86_64");
            expect(
                artifacts.map(({ type }) => type.replace("application/vnd.cray.image.", "")),
            ).to.deep.equal(["rootfs.squashfs", "kernel", "initrd"]);
            for (const { sizeBytes } of artifacts) expect(sizeBytes).to.be.greaterThan(0);
            expect(await runs.fileIn(imageId, "etc/secret-seen")).to.equal("it's $ecret\n");
            expect(await runs.fileIn(imageId, "etc/eaten"), "a step reads nothing of the next").to.equal("");
            expect(await runs.fileIn(imageId, "etc/script")).to.equal("a b hello\n");
            expect(await runs.fileIn(imageId, "opt/tools/files/sub/run.sh")).to.equal("#!/bin/sh\n");
            expect(lab.ims.store.images.get(imageId)?.metadata).to.include({ team: "hpc" });
            runs.expectNothingLeft();

            const again = runs.context();
            expect(await row.refresh(again)).to.deep.equal([]);
            expect(await row.up(inputsOf(row), runs.context())).to.equal("same");
            await row.delete(runs.context());
            expect(lab.ims.store.images.get(imageId)).to.equal(undefined);
            expect(lab.ims.store.images.getDeleted(imageId)).to.not.equal(undefined);
        });
    }

    it("brings back an image of the same content that was deleted softly", async () => {
        const inputs = { baseImage: base.id, name: "again", steps: [{ run: "true" }] };
        const row = new Row(customizedImage);
        await row.up(inputs, runs.context());
        const { id } = row;
        await row.delete(runs.context());
        const next = new Row(customizedImage);
        await next.up(inputs, runs.context());
        expect(next.id).to.equal(id);
        expect(next.state?.outputs.jobHistory).to.deep.equal([]);
        runs.expectNothingLeft();
    });

    it("makes an image anew when the manifest of the deleted one is lost", async () => {
        const inputs = { baseImage: base.id, name: "lost", steps: [{ run: "true" }] };
        const row = new Row(customizedImage);
        await row.up(inputs, runs.context());
        const { id = "" } = row;
        await row.delete(runs.context());
        await lab.ims.objects.remove({ bucket: "boot-images", key: `deleted/${id}/deleted_manifest.json` });
        const next = new Row(customizedImage);
        const run = runs.context();
        await next.up(inputs, run);
        expect(next.id).to.not.equal(id);
        expect(run.messages.warn.join()).to.include("the image is made anew");
        runs.expectNothingLeft();
    });

    it("deletes an image whose artifacts are not what its manifest says, and does not bring it back", async () => {
        const inputs = { baseImage: base.id, name: "damaged", steps: [{ run: "true" }] };
        lab.ims.tap = (side, route) => {
            // As late as can be: the next thing is to look at the artifacts.
            if (side !== "before" || !route.startsWith("PUT apis/sts")) return undefined;
            const made = lab.ims.store.images.list().find(({ name }) => name === "damaged");
            lost = lab.ims.objects.remove({ bucket: "boot-images", key: `${made?.id ?? ""}/kernel` });
            return undefined;
        };
        let lost = Promise.resolve();
        const message = await failure(new Row(customizedImage).up(inputs, runs.context()));
        delete lab.ims.tap;
        await lost;
        expect(message).to.include("is damaged").and.include("kernel").and.include("is not there");
        const row = new Row(customizedImage);
        await row.up(inputs, runs.context());
        expect(lab.ims.store.images.list().filter(({ name }) => name === "damaged")).to.have.lengthOf(1);
        runs.expectNothingLeft();
    });

    it("shows the end of what a failing step printed, and leaves nothing", async () => {
        const row = new Row(customizedImage);
        const attempt = row.up(
            { baseImage: "base", name: "fails", steps: [{ run: "echo line one\nfalse\necho never" }] },
            runs.context(),
        );
        const message = await failure(attempt);
        expect(message).to.include("step 1 (run) failed with exit code 1").and.include("line one");
        expect(message).to.not.include("never");
        runs.expectNothingLeft();
    });

    it("names what would not be packed before the session is over", async () => {
        const steps = [{ run: "rm /boot/initrd; ln -s /boot/other /boot/initrd; rm /boot/vmlinuz" }];
        const message = await failure(
            new Row(customizedImage).up({ baseImage: "base", name: "bare", steps }, runs.context()),
        );
        expect(message)
            .to.include("/boot/vmlinuz is no regular file (kernelFileName)")
            .and.include("absolute link");
        runs.expectNothingLeft();
    });

    it("follows links to a kernel as packing does: inside the image, and out of it by the second of two", async () => {
        const attempt = (link: string): Promise<unknown> => {
            const run = `mkdir -p /lib/m && mv /boot/vmlinuz /lib/m/v && ln -s ${link} /boot/next && ln -s next /boot/vmlinuz`;
            const inputs = { baseImage: "base", name: "linked", steps: [{ run }] };
            return new Row(customizedImage).up(inputs, runs.context());
        };
        expect(await failure(attempt("/lib/m/v"))).to.include("/boot/vmlinuz is an absolute link");
        runs.expectNothingLeft();
        await attempt("../lib/m/v");
    });

    it("cleans up when it is cancelled in the middle of a step", async () => {
        const abort = new AbortController();
        const run = runs.context({ signal: abort.signal });
        const steps = [{ name: "long", run: "echo begun; sleep 600" }];
        const attempt = new Row(customizedImage).up({ baseImage: "base", name: "cancelled", steps }, run);
        const begun = setInterval(() => {
            if (run.messages.progress.some((line) => line.includes("begun")))
                abort.abort(new Error("cancelled"));
        }, 20);
        expect(await failure(attempt)).to.equal("cancelled");
        clearInterval(begun);
        runs.expectNothingLeft();
    });

    it("says which of the known causes may have stopped a job that never changes", async () => {
        lab.ims.breakNextJob({ at: "creating", do: "hang" });
        const limits = { timeLimits: { job: "1s" } };
        const attempt = new Row(customizedImage).up(
            { baseImage: "base", name: "stuck", steps: [{ run: "true" }], ...limits },
            runs.context(),
        );
        expect(await failure(attempt))
            .to.include("is still creating")
            .and.include("Pending")
            .and.include("kubectl");
        runs.expectNothingLeft();
    });

    describe("refuses in a preview", () => {
        const fine = { baseImage: "base", name: "fine", steps: [{ run: "true" }] };
        const cases: [string, object, string][] = [
            ["a name that YAML takes apart", { name: "a: b" }, "IMS pastes it into YAML"],
            ["a name that is a truth value", { name: "true" }, "YAML takes for a value"],
            [
                "a key of two lines",
                { publicKey: "ssh-ed25519 AAAA a\nssh-ed25519 AAAA b" },
                "must be one line",
            ],
            ["a private key", { publicKey: "-----BEGIN OPENSSH PRIVATE KEY-----" }, "is a private key"],
            ["a base that is not there", { baseImage: "nothing" }, 'there is no image named "nothing"'],
            ["a file that is not there", { steps: [{ script: "gone.sh" }] }, "there is no gone.sh"],
            ["a step of two kinds", { steps: [{ run: "true", script: "x" }] }, "must have exactly one of"],
            ["an upload without a place", { steps: [{ upload: "x" }] }, "upload and to belong together"],
        ];
        for (const [title, change, told] of cases) {
            it(title, async () => {
                const attempt = new Row(customizedImage).check(
                    { ...fine, ...change },
                    runs.context({ preview: true }),
                );
                expect(await failure(attempt)).to.include(told);
            });
        }
    });

    it("asks which of several bases of a name is meant", async () => {
        const other = await importImage(lab.ims, "twice");
        const newer = await importImage(lab.ims, "twice");
        const row = new Row(customizedImage);
        const inputs = { baseImage: "twice", name: "x", steps: [{ run: "true" }] };
        expect(await failure(row.check(inputs, runs.context())))
            .to.include(other.id)
            .and.include('pick: "newest"');
        const picked = await row.check(
            { ...inputs, baseImage: { name: "twice", pick: "newest" } },
            runs.context(),
        );
        expect(picked.baseImageId).to.equal(newer.id);
    });

    function inputsOf({ state }: Row): Record<string, unknown> {
        const derived = ["endpoint", "baseImageId", "baseEtag", "filesHash"];
        return Object.fromEntries(
            Object.entries(state?.inputs ?? {}).filter(([name]) => !derived.includes(name)),
        );
    }
});
