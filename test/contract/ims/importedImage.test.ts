import { expect } from "chai";
import { execFileSync } from "node:child_process";
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type Lab } from "../../../lab";
import type { ImsClient } from "../../../provider/ims/client";
import { customizedImage } from "../../../provider/ims/customizedImage.handler";
import { importedImage } from "../../../provider/ims/importedImage.handler";
import type { TestContext } from "../../support/context";
import { failure } from "../../support/failure";
import { makeImageRoot, needsImageRoots, squashedImageRoot } from "../../support/imageRoot";
import { imsClient } from "../../support/ims";
import { ImsRuns } from "../../support/imsRuns";
import { Row } from "../../support/row";

const MINUTE = 60_000;
const FILES = { rootfs: "rootfs.sqsh", kernel: "vmlinuz", initrd: "initrd" };

describe("ims.ImportedImage", function () {
    this.timeout(60_000);
    let lab: Lab;
    let dir: string;
    const runs = new ImsRuns(
        () => lab.ims,
        "ims.ImportedImage",
        () => dir,
    );

    before(async function () {
        needsImageRoots(this);
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "imported-"));
        lab = await startLab({
            ...{ dir: path.join(dir, "lab"), emf: false, images: false, ims: true, jobSpeed: 50 },
        });
        fs.writeFileSync(path.join(dir, "rootfs.sqsh"), squashedImageRoot());
        fs.writeFileSync(path.join(dir, "initrd"), "an initrd\n");
    });
    beforeEach(() => {
        fs.writeFileSync(path.join(dir, "vmlinuz"), "a kernel\n");
    });
    afterEach(async () => {
        lab.ims.clearFaults();
        await runs.close();
        const { images } = lab.ims.store;
        for (const { id } of images.list()) images.remove(id);
        for (const { id } of images.listDeleted()) images.forget(id);
        for (const key of await objects()) await lab.ims.objects.remove({ bucket: "boot-images", key });
    });
    after(async () => {
        await lab.close();
        fs.rmSync(dir, { recursive: true, force: true });
    });

    function context(
        more: { preview?: boolean; now?: () => number; kind?: string } = {},
    ): TestContext<ImsClient> {
        return runs.context({ env: { EDGE_OS_CACHE_DIR: path.join(dir, "cache") }, ...more });
    }

    async function objects(): Promise<string[]> {
        const { client } = imsClient(lab.ims);
        const keys: string[] = [];
        const storage = await client.storage();
        for await (const { key } of storage.list("boot-images", "")) keys.push(key);
        await client.close();
        return keys.sort();
    }

    function object(id: string, role: string): Promise<Buffer | undefined> {
        return lab.ims.objects.get({ bucket: "boot-images", key: `${id}/${role}` });
    }

    const inputs = { name: "base", ...FILES };

    it("uploads, links and verifies; what IMS's own helper writes is written", async () => {
        const row = new Row(importedImage);
        const run = context();
        await row.up({ ...inputs, metadata: { team: "hpc" } }, run);
        expect(sent(run)).to.deep.equal(["rootfs", "kernel", "initrd"]);
        const id = row.id ?? "";
        const image = lab.ims.store.images.get(id);
        expect(image).to.deep.include({ name: "base", arch: "x86_64" });
        expect(image?.metadata).to.include({ team: "hpc" });
        expect(image?.link?.path).to.equal(`s3://boot-images/${id}/manifest.json`);
        expect(await objects()).to.deep.equal(
            ["initrd", "kernel", "manifest.json", "rootfs"].map((role) => `${id}/${role}`),
        );
        const manifest = JSON.parse(String(await object(id, "manifest.json"))) as {
            version: string;
            artifacts: { type: string; md5: string; link: { path: string; type: string } }[];
        };
        expect(manifest.version).to.equal("1.0");
        expect(manifest.artifacts.map(({ type }) => type)).to.deep.equal([
            "application/vnd.cray.image.rootfs.squashfs",
            "application/vnd.cray.image.kernel",
            "application/vnd.cray.image.initrd",
        ]);
        const md5 = crypto.createHash("md5").update("a kernel\n").digest("hex");
        expect(manifest.artifacts[1]).to.deep.include({ md5 });
        const { client } = context();
        const head = await (await client.storage()).head("boot-images", `${id}/kernel`);
        expect(head?.metadata).to.deep.equal({
            ...{ md5sum: md5, "x-shasta-ims-image-name": "base", "x-shasta-ims-image-id": id },
        });
        expect(await row.refresh(context())).to.deep.equal([]);
        expect(await row.up({ ...inputs, metadata: { team: "hpc" } }, context())).to.equal("same");
    });

    it("is a base for a customization", async () => {
        const row = new Row(importedImage);
        await row.up(inputs, context());
        const layer = new Row(customizedImage);
        const steps = [{ run: "echo layered > /etc/layer" }];
        await layer.up({ baseImage: row.id, name: "layer", steps }, context({ kind: "ims.CustomizedImage" }));
        fs.writeFileSync(path.join(dir, "layer.sqsh"), (await object(layer.id ?? "", "rootfs")) ?? "");
        const text = execFileSync("unsquashfs", ["-cat", path.join(dir, "layer.sqsh"), "etc/layer"]);
        expect(String(text)).to.equal("layered\n");
    });

    it("makes the same SquashFS of an archive each time, with its owners and modes", async () => {
        const root = path.join(dir, "root");
        makeImageRoot(root);
        fs.utimesSync(path.join(root, "boot/vmlinuz"), 1_000_000_000, 1_000_000_000);
        const archive = path.join(dir, "root.txz");
        execFileSync("tar", [
            "-C",
            root,
            "--owner=1234",
            "--group=1234",
            "-cJf",
            archive,
            "etc",
            "boot",
            "bin",
        ]);
        fs.utimesSync(archive, 1_700_000_000, 1_700_000_000);
        const ids: string[] = [];
        for (const name of ["once", "twice"]) {
            const row = new Row(importedImage);
            await row.up({ ...inputs, name, rootfs: "root.txz" }, context());
            ids.push(row.id ?? "");
        }
        const [once, twice] = await Promise.all(ids.map((id) => object(id, "rootfs")));
        expect(once?.equals(twice ?? Buffer.alloc(0)), "the same bytes").to.equal(true);
        fs.writeFileSync(path.join(dir, "made.sqsh"), once ?? "");
        const listing = execFileSync("unsquashfs", ["-lln", path.join(dir, "made.sqsh")], {
            encoding: "utf8",
        });
        expect(listing, "not the time of now").to.match(/^drwxr-xr-x 0\/0 .* 2023-11-14 .* squashfs-root$/m);
        expect(listing).to.match(/^-rw-r--r-- 1234\/1234 .* 2001-09-09 .* squashfs-root\/boot\/vmlinuz$/m);
    });

    /** Everything is uploaded, and the record does not get its link: its content and its claim are set before. */
    async function failsToLink(row: Row, change: object = {}): Promise<string> {
        lab.ims.fault({ on: "PATCH images/*", do: "status", status: 400, times: 1, skip: 2 });
        const message = await failure(row.up({ ...inputs, ...change }, context()));
        lab.ims.clearFaults();
        return message;
    }

    /** The roles that a run has sent. */
    function sent({ messages }: TestContext<ImsClient>): string[] {
        const lines = messages.progress.map((line) => /^(\w+): \d+ %$/.exec(line)?.[1] ?? "");
        return [...new Set(lines.filter((role) => role !== ""))];
    }

    it("goes on where a run has failed, and uploads nothing twice", async () => {
        const row = new Row(importedImage);
        expect(await failsToLink(row)).to.include("HTTP 400");
        const id = row.id ?? "";
        expect(row.unfinished).to.equal(true);
        expect(lab.ims.store.images.get(id)?.link).to.equal(null);
        const run = context();
        expect(await row.up(inputs, run)).to.equal("updated");
        expect(row.id).to.equal(id);
        expect(row.state?.outputs).to.include({ manifest: `s3://boot-images/${id}/manifest.json` });
        expect(sent(run)).to.deep.equal([]);
        expect(lab.ims.store.images.list()).to.have.lengthOf(1);
    });

    it("finds its record by its claim when the process was killed", async () => {
        const killed = new Row(importedImage);
        await failsToLink(killed);
        const row = new Row(importedImage);
        await row.up(inputs, context());
        expect(row.id).to.equal(killed.id);
        expect(lab.ims.store.images.list()).to.have.lengthOf(1);
    });

    it("fills the empty record that a run leaves which is killed before the claim, and no other's", async () => {
        const { client } = context();
        const empty = await client.createOnce("images", { name: "base" }, { same: () => false });
        const young = new Row(importedImage);
        await young.up(inputs, context());
        expect(young.id, "one that may just be made by somebody").to.not.equal(empty.id);
        const row = new Row(importedImage);
        fs.writeFileSync(path.join(dir, "vmlinuz"), "another kernel\n");
        await row.up(inputs, context({ now: () => Date.now() + MINUTE }));
        expect(row.id).to.equal(empty.id);
    });

    it("removes a record of its own that it had begun with other content", async () => {
        const killed = new Row(importedImage);
        await failsToLink(killed);
        fs.writeFileSync(path.join(dir, "vmlinuz"), "another kernel\n");
        const row = new Row(importedImage);
        await row.up(inputs, context());
        expect(row.id).to.not.equal(killed.id);
        expect(lab.ims.store.images.list().map(({ id }) => id)).to.deep.equal([row.id]);
        expect((await objects()).filter((key) => key.startsWith(killed.id ?? "-"))).to.deep.equal([]);
    });

    it("makes one record when the answer is lost", async () => {
        lab.ims.fault({ on: "POST images", do: "reset", after: "write", times: 1 });
        const row = new Row(importedImage);
        await row.up(inputs, context());
        expect(lab.ims.store.images.list().map(({ id }) => id)).to.deep.equal([row.id]);
    });

    it("leaves nothing of a half-made one that is deleted", async () => {
        const row = new Row(importedImage);
        await failsToLink(row);
        await row.delete(context());
        const { images } = lab.ims.store;
        expect([images.list(), images.listDeleted(), await objects()]).to.deep.equal([[], [], []]);
    });

    it("is deleted softly and brought back, or deleted for good", async () => {
        const row = new Row(importedImage);
        await row.up(inputs, context());
        const { id = "" } = row;
        await row.delete(context());
        expect(lab.ims.store.images.getDeleted(id)).to.not.equal(undefined);
        const next = new Row(importedImage);
        await next.up({ ...inputs, permanentDelete: true }, context());
        expect(next.id).to.equal(id);
        await next.delete(context());
        expect(lab.ims.store.images.listDeleted()).to.deep.equal([]);
        expect(await objects()).to.deep.equal([]);
    });

    it("is left by a row that another has taken it from", async () => {
        const [old, row] = [new Row(importedImage), new Row(importedImage)];
        await old.up(inputs, context());
        await row.up(inputs, context());
        expect(row.id).to.equal(old.id);
        const last = context();
        await old.delete(last);
        expect(last.messages.warn[0]).to.include("another resource has taken it over");
        expect(lab.ims.store.images.list()).to.have.lengthOf(1);
    });

    it("is replaced by other content and not by another path; arch and metadata change in place", async () => {
        const row = new Row(importedImage);
        await row.up({ ...inputs, metadata: { a: "1" } }, context());
        fs.copyFileSync(path.join(dir, "initrd"), path.join(dir, "initrd-copy"));
        expect(await row.up({ ...inputs, initrd: "initrd-copy", metadata: { a: "1" } }, context())).to.equal(
            "same",
        );
        await row.up({ ...inputs, arch: "aarch64", metadata: { b: "2" } }, context());
        const image = lab.ims.store.images.get(row.id ?? "");
        expect(image).to.include({ arch: "aarch64" });
        expect(image?.metadata).to.include({ b: "2" }).and.not.have.property("a");
        fs.writeFileSync(path.join(dir, "vmlinuz"), "another kernel\n");
        const other = row.up({ ...inputs, arch: "aarch64", metadata: { b: "2" } }, context());
        expect(await failure(other)).to.equal("would be replaced for filesHash");
    });

    it("previews without the files, and does not run without them", async () => {
        const run = context({ preview: true });
        const row = new Row(importedImage);
        await row.check({ ...inputs, kernel: "gone" }, run);
        expect(run.messages.warn[0]).to.include("there is no gone here");
        expect(await failure(row.up({ ...inputs, kernel: "gone" }, context()))).to.include(
            "there is no gone",
        );
        expect(lab.ims.store.images.list()).to.deep.equal([]);
    });

    it("refuses in a preview what is no root file system, and what is empty", async () => {
        fs.writeFileSync(path.join(dir, "empty"), "");
        const attempt = new Row(importedImage).check(
            { ...inputs, rootfs: "initrd", kernel: "empty" },
            context({ preview: true }),
        );
        expect(await failure(attempt))
            .to.include("rootfs: initrd is neither a SquashFS nor a tar archive")
            .and.include("kernel: empty is empty");
    });

    it("shows what sqfstar says of an archive that is cut off", async () => {
        const whole = fs.readFileSync(path.join(dir, "root.txz"));
        fs.writeFileSync(path.join(dir, "cut.txz"), whole.subarray(0, whole.length / 2));
        const row = new Row(importedImage);
        expect(await failure(row.up({ ...inputs, rootfs: "cut.txz" }, context()))).to.include(
            "cut.txz cannot be made a SquashFS",
        );
        await row.delete(context());
        expect(lab.ims.store.images.list()).to.deep.equal([]);
    });
});
