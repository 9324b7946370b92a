import { expect } from "chai";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type Lab } from "../../../lab";
import type { Job } from "../../../lab/ims/store";
import { customizedImage } from "../../../provider/ims/customizedImage.handler";
import type { TestContext } from "../../support/context";
import { failure } from "../../support/failure";
import { needsImageRoots } from "../../support/imageRoot";
import { importImage } from "../../support/ims";
import { ImsRuns } from "../../support/imsRuns";
import { Row } from "../../support/row";
import { generateKey, Sshd } from "../../support/sshd";

/** One test for each trouble with IMS that docs/ims.md lists and no other test is about. */
describe("what hurts administrators of IMS", function () {
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
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "ims-troubles-"));
        const parts = { emf: false, images: false, ims: true };
        lab = await startLab({ dir: path.join(dir, "lab"), ...parts, jobSpeed: 100 });
        await importImage(lab.ims, "base", (root) => {
            fs.mkdirSync(path.join(root, "lib/modules/6.4"), { recursive: true });
            fs.writeFileSync(
                path.join(root, "bin/dracut"),
                '#!/bin/sh\nfor file; do :; done\necho new > "$file"\n',
                {
                    mode: 0o755,
                },
            );
        });
    });
    afterEach(async () => {
        lab.ims.clearFaults();
        lab.ims.breakKubernetes({});
        await runs.close();
        runs.expectNothingLeft();
    });
    after(async () => {
        await lab.close();
        fs.rmSync(dir, { recursive: true, force: true });
    });

    let count = 0;
    const layer = (run: string, more: object = {}): Record<string, unknown> => ({
        ...{ baseImage: "base", name: `layer-${++count}`, steps: [{ run }], ...more },
    });

    async function made(
        inputs: Record<string, unknown>,
        run: TestContext<unknown> = runs.context(),
    ): Promise<Row> {
        const row = new Row(customizedImage);
        await row.up(inputs, run);
        return row;
    }

    /** The job as the service had it when it was created. */
    function firstJob(): { job?: Job } {
        const seen: { job?: Job } = {};
        lab.ims.tap = (side, route) => {
            const [job] = lab.ims.store.jobs.list();
            if (side === "after" && route === "POST apis/ims/v3/jobs" && job) seen.job = job;
            return undefined;
        };
        return seen;
    }

    it("leaked jobs: one that cannot be deleted now is told, and deleted by the next run", async () => {
        lab.ims.breakKubernetes({ "DELETE services": 500 });
        const run = runs.context();
        const inputs = layer("false");
        expect(await failure(made(inputs, run))).to.include("failed with exit code 1");
        expect(run.messages.warn.join()).to.include("could not be removed").and.include("edge-os ims jobs");
        expect(lab.ims.store.jobs.list()).to.have.lengthOf(1);
        lab.ims.breakKubernetes({});
        await made({ ...inputs, steps: [{ run: "true" }] });
    });

    it("no way in after an error: a failed session is kept, with all that is needed to look and to end it", async () => {
        const inputs = layer("echo begun > /etc/motd; false", { onFailure: "keep" });
        const message = await failure(made(inputs));
        const [job] = lab.ims.store.jobs.list();
        expect(job?.status).to.equal("waiting_on_user");
        const id = job?.id ?? "";
        expect(message)
            .to.match(/^step 1 \(run\) failed with exit code 1/)
            .and.include(`IMS job ${id} is kept in waiting_on_user`)
            .and.include(`cray ims jobs delete ${id}`)
            .and.include("touch /tmp/complete");
        const [, command = ""] = /look: +ssh (.*)/.exec(message) ?? [];
        const [, key = ""] = /-i (\S+)/.exec(command) ?? [];
        expect((fs.statSync(key).mode & 0o777).toString(8), "mode of the key's file").to.equal("600");
        const options = ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"];
        const seen = execFileSync("ssh", [...options, ...command.split(" "), "cat /etc/motd"], {
            encoding: "utf8",
        });
        expect(seen, "the state of the image as the step left it").to.equal("begun\n");
        await made({ ...inputs, steps: [{ run: "true" }] });
        expect(lab.ims.store.jobs.list(), "the next up ends it").to.deep.equal([]);
        fs.rmSync(path.dirname(key), { recursive: true });
    });

    it("no way in but through a jump host: with the user's key there, and the job's own in the session", async () => {
        await using jumpHost = await Sshd.start();
        const jump = `${jumpHost.user}@${jumpHost.host}:${jumpHost.port}`;
        const env = { EDGE_OS_SSH_KEY_FILE: jumpHost.key.file };
        const run = runs.context({ env });
        await made(layer("true", { ssh: { jump } }), run);
        expect(
            run.messages.info.filter((line) => line.includes("taken on first sight: SHA256:")),
        ).to.have.lengthOf(2);
        expect(jumpHost.log.join("\n")).to.include("Accepted publickey");
        const without = failure(made(layer("true", { ssh: { jump } }), runs.context({ env: {} })));
        expect(await without).to.include("there is no SSH key to log in with");
        const kept = await failure(
            made(layer("false", { ssh: { jump }, onFailure: "keep" }), runs.context({ env })),
        );
        const [, key = ""] = /-i (\S+)/.exec(kept) ?? [];
        fs.rmSync(path.dirname(key), { recursive: true });
        expect(kept).to.include(`-J ${jump} `);
        for (const { id } of lab.ims.store.jobs.list()) await runs.context().client.remove("jobs", id);
    });

    it("no way in after an error: the line for an own key names it, and makes no copy", async () => {
        const { publicKey, file } = generateKey(path.join(dir, "kept"));
        const before = keyFolders();
        const run = runs.context({ env: { EDGE_OS_SSH_KEY_FILE: file } });
        const message = await failure(made(layer("false", { publicKey, onFailure: "keep" }), run));
        expect(message).to.include(`with the private key of publicKey: ${file}`).and.not.include(" -i ");
        expect(keyFolders()).to.deep.equal(before);
        for (const { id } of lab.ims.store.jobs.list()) await runs.context().client.remove("jobs", id);
    });

    function keyFolders(): string[] {
        return fs.readdirSync(os.tmpdir()).filter((name) => name.startsWith("edge-os-ims-"));
    }

    it("a step that prints its secrets: they are in neither the progress nor the error", async () => {
        const steps = [
            {
                run: 'echo "as it is: $PASSWORD"; set -x; : "$PASSWORD"; printf "%s" "$LINES" >&2; false',
                environment: { PASSWORD: "it's $ecret&more", LINES: "first-line\nsecond-line" },
            },
        ];
        const run = runs.context({ secretInputs: ["steps"] });
        const message = await failure(made(layer("", { steps }), run));
        const shown = [message, ...run.messages.progress].join("\n");
        expect(shown).to.include("as it is: [secret]");
        for (const part of ["ecret&more", "first-line", "second-line"]) expect(shown).to.not.include(part);
        const open = runs.context();
        expect(await failure(made(layer("", { steps }), open)), "what is no secret is shown").to.include(
            "as it is: it's $ecret&more",
        );
    });

    it("stale and duplicate keys: an own one is found by its contents and stays, and no other is made", async () => {
        const { publicKey, file } = generateKey(path.join(dir, "own"));
        const { store } = lab.ims;
        const id = store.newId();
        store.publicKeys.put({
            id,
            name: "any name",
            created: store.now(),
            public_key: `${publicKey.trim()}\n`,
        });
        const seen = firstJob();
        await made(layer("true", { publicKey }), runs.context({ env: { EDGE_OS_SSH_KEY_FILE: file } }));
        delete lab.ims.tap;
        expect(seen.job?.public_key_id).to.equal(id);
        expect(store.publicKeys.list().map((key) => key.id)).to.deep.equal([id]);
        store.publicKeys.remove(id);
    });

    it("the initrd is not made anew: a warning when modules have changed, none when it was made anew too", async () => {
        const change = "echo module > /lib/modules/6.4/new.ko";
        const forgotten = runs.context();
        await made(layer(change), forgotten);
        expect(forgotten.messages.warn.join())
            .to.include("kernel modules have changed and the initrd has not")
            .and.include("regenerateInitrd: true");
        const done = runs.context();
        const row = await made(layer("", { steps: [{ run: change }, { regenerateInitrd: true }] }), done);
        expect(done.messages.warn).to.deep.equal([]);
        expect(await runs.fileIn(row.id ?? "", "boot/initrd")).to.equal("new\n");
    });

    it("the architecture: of the base, with its default kernel name", async () => {
        const base = await importImage(lab.ims, "arm", (root) => {
            fs.renameSync(path.join(root, "boot/vmlinuz"), path.join(root, "boot/Image"));
        });
        lab.ims.store.images.put({ ...base, arch: "aarch64" });
        const seen = firstJob();
        const row = await made(layer("true", { baseImage: "arm" }));
        delete lab.ims.tap;
        expect(seen.job).to.include({ arch: "aarch64", kernel_file_name: "Image", require_dkms: true });
        expect(row.state?.outputs).to.include({ architecture: "aarch64" });
    });

    for (const [requireDkms, kernelFiles] of [
        [true, "there"],
        [false, "missing"],
    ] as const) {
        it(`DKMS: with requireDkms: ${requireDkms} the kernel's file systems are ${kernelFiles}`, async () => {
            const look = "[ -e /proc/self ] && echo there > /etc/seen || echo missing > /etc/seen";
            const row = await made(layer(look, { requireDkms }));
            expect(await runs.fileIn(row.id ?? "", "etc/seen")).to.equal(`${kernelFiles}\n`);
        });
    }

    it("sizes: asked for where they are given, and named by the error that a too small one may cause", async () => {
        const seen = firstJob();
        lab.ims.breakNextJob({ at: "packaging_artifacts", do: "error" });
        const message = await failure(made(layer("true", { buildEnvSize: 1, jobMemSize: 2 })));
        delete lab.ims.tap;
        expect(seen.job).to.include({ build_env_size: 1, job_mem_size: 2 });
        expect(message)
            .to.include("no room for packing (raise buildEnvSize)")
            .and.include("raise jobMemSize");
    });

    it("success needs an image: a job that has none is an error", async () => {
        lab.ims.tap = (side, route) => {
            const [job] = lab.ims.store.jobs.list();
            if (
                side === "before" &&
                route === "GET apis/ims/v3/jobs/{id}" &&
                job?.status === "packaging_artifacts"
            ) {
                lab.ims.store.jobs.put({ ...job, status: "success" });
            }
            return undefined;
        };
        lab.ims.breakNextJob({ at: "packaging_artifacts", do: "hang" });
        const message = await failure(made(layer("true")));
        delete lab.ims.tap;
        expect(message).to.include("ended in success, and names no image");
    });

    it("the base is changed or gone: a refresh tells, the image stays, and other content makes a new one", async () => {
        const base = await importImage(lab.ims, "moving");
        const inputs = layer("true", { baseImage: base.id });
        const row = await made(inputs);
        const link = base.link && { ...base.link, etag: "0123" };
        lab.ims.store.images.put({ ...base, link });
        const changed = runs.context();
        expect(await row.refresh(changed)).to.deep.equal([]);
        expect(changed.messages.warn.join()).to.include(
            "has other content now: the next up makes a new image",
        );
        expect(await failure(row.up(inputs, runs.context()))).to.include("replaced for baseEtag");
        lab.ims.store.images.remove(base.id);
        const gone = runs.context();
        expect(await row.refresh(gone)).to.deep.equal([]);
        expect(await row.up(inputs, gone)).to.equal("same");
        expect(gone.messages.warn.join()).to.include("is gone: this image stays");
        expect(await failure(row.up({ ...inputs, baseImage: "a-typo" }, runs.context()))).to.include(
            'baseImage: there is no image named "a-typo"',
        );
    });

    it("metadata of others: not inherited, not drift, and untouched by updates", async () => {
        const row = await made(layer("true", { metadata: { team: "hpc" } }));
        const { id = "", state } = row;
        const { client } = runs.context();
        await client.setMetadata(id, "sbps-project", "true");
        expect(await row.refresh(runs.context())).to.deep.equal([]);
        const inputs = { ...state?.inputs };
        for (const name of ["endpoint", "baseImageId", "baseEtag", "filesHash"]) delete inputs[name];
        await row.up({ ...inputs, metadata: { rack: "7" } }, runs.context());
        expect(lab.ims.store.images.get(id)?.metadata).to.include({ "sbps-project": "true", rack: "7" });
        expect(lab.ims.store.images.get(id)?.metadata).to.not.have.property("team");
        await row.up({ ...inputs, metadata: undefined }, runs.context());
        expect(lab.ims.store.images.get(id)?.metadata)
            .to.include({ "sbps-project": "true" })
            .and.not.have.property("rack");
    });

    it("connections reset while the base is fetched: an error, after which the next up starts anew", async () => {
        lab.ims.breakNextJob({ at: "fetching_image", do: "error" });
        const inputs = layer("true");
        expect(await failure(made(inputs))).to.include("ended in error");
        expect((await made(inputs)).id).to.be.a("string");
    });

    it("403 for an administrator: the account, the persona and Keycloak's user federation are named", async () => {
        lab.ims.fault({ on: "GET images", do: "status", status: 403 });
        expect(await failure(made(layer("true"))))
            .to.include("is forbidden")
            .and.include("only administrators may use IMS")
            .and.include("edge-os:ims.clientId")
            .and.include("Keycloak may have lost its user federation")
            .and.not.include(lab.ims.clientSecret);
    });

    it("a gateway that does not answer the job's deletion: the image is not lost, and the job is told", async () => {
        lab.ims.fault({ on: "DELETE jobs/{id}", do: "status", status: 503, times: 5 });
        const run = runs.context();
        const row = await made(layer("true"), run);
        expect(lab.ims.store.images.get(row.id ?? "")).to.not.equal(undefined);
        expect(run.messages.warn.join()).to.include("could not be removed").and.include("HTTP 503");
        for (const { id } of lab.ims.store.jobs.list()) await runs.context().client.remove("jobs", id);
    });
});
