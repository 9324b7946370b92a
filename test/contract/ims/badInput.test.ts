import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type Lab } from "../../../lab";
import { registerImage } from "../../../lab/ims/baseImage/register";
import type { Image } from "../../../lab/ims/store";
import { customizedImage } from "../../../provider/ims/customizedImage.handler";
import { failure } from "../../support/failure";
import { imsConfig } from "../../support/ims";
import { ImsRuns } from "../../support/imsRuns";
import { Row } from "../../support/row";
import { stackUnderTest } from "../../support/stack";
import { publicKey } from "../../support/sshKeys";

const CONTENT = { rootfs: Buffer.from("hsqs"), kernel: Buffer.from("k"), initrd: Buffer.from("i") };

describe("bad input of ims.CustomizedImage, in a preview", function () {
    this.timeout(60_000);
    let lab: Lab;
    let dir: string;
    let base: Image;
    const runs = new ImsRuns(
        () => lab.ims,
        "ims.CustomizedImage",
        () => dir,
    );

    before(async () => {
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "bad-input-"));
        lab = await startLab({ dir: path.join(dir, "lab"), emf: false, images: false, ims: true });
        base = await registerImage("base", CONTENT, lab.ims);
    });
    afterEach(() => runs.close());
    after(async () => {
        await lab.close();
        fs.rmSync(dir, { recursive: true, force: true });
    });

    const fine = { baseImage: "base", name: "fine", steps: [{ run: "true" }] };

    it("is told all together, one message each, with what is right beside it", async () => {
        const key = `${publicKey("ssh-ed25519")} a\n${publicKey("ssh-ed25519")} b`;
        const { clientSecret, ...open } = imsConfig(lab.ims);
        await using stack = stackUnderTest({
            program: {
                source: `
const { ims } = require("pulumi-edge-os");
new ims.CustomizedImage("bad", {
    baseImage: "nothing",
    name: "a: b",
    kernelFileName: "initrd",
    publicKey: ${JSON.stringify(key)},
    buildEnvSize: 0,
    steps: [{ script: "gone.sh" }, { run: "true" }, { upload: "missing", to: "/opt" }],
});
new ims.CustomizedImage("bad-kernel", {
    baseImage: "base", name: "x", initrdFileName: "boot/initrd", steps: [{ run: "true", script: "y" }],
});
`,
            },
            config: { "edge-os:ims": open },
            env: { EDGE_OS_IMS_CLIENT_SECRET: clientSecret },
        });
        const { exitCode, stdout, diagnostics } = await stack.preview();
        expect(exitCode).to.not.equal(0);
        const told = diagnostics.map(({ message }) => message).join("\n");
        for (const part of [
            'there is no image named "nothing"',
            "name must begin with a letter",
            "kernel and initrd cannot both be /boot/initrd",
            "must be one line",
            "must be at least 1 GiB",
            "there is no gone.sh",
            "there is no missing",
        ]) {
            expect(told.split(part), `${part} in\n${stdout}`).to.have.lengthOf(2);
        }
        expect(lab.ims.calls().writes).to.equal(0);
    });

    it("names the kernel that IMS would not look for on aarch64", async () => {
        lab.ims.store.images.put({ ...base, id: lab.ims.store.newId(), name: "arm", arch: "aarch64" });
        const attempt = new Row(customizedImage).check(
            { ...fine, baseImage: "arm", kernelFileName: "vmlinuz" },
            runs.context({ preview: true }),
        );
        expect(await failure(attempt)).to.include(
            "kernelFileName: for aarch64 IMS looks for Image in place of vmlinuz",
        );
        await new Row(customizedImage).check({ ...fine, baseImage: "arm" }, runs.context({ preview: true }));
    });

    it("warns when the base's manifest names kernel and initrd otherwise", async () => {
        const image = await registerImage("guided", CONTENT, lab.ims);
        await rewriteManifest(image, (text) =>
            text.replace("/kernel", "/vmlinuz-5.14.21").replace("/initrd", "/initrd-5.14.21.img"),
        );
        const inputs = { ...fine, baseImage: "guided", initrdFileName: "initrd-5.14.21.img" };
        const run = runs.context({ preview: true });
        await new Row(customizedImage).check(inputs, run);
        expect(run.messages.warn).to.have.lengthOf(1);
        expect(run.messages.warn[0])
            .to.include("the job will pack /boot/vmlinuz, and the base's manifest lists vmlinuz-5.14.21")
            .and.include('set kernelFileName: "vmlinuz-5.14.21"');
        const right = runs.context({ preview: true });
        await new Row(customizedImage).check({ ...inputs, kernelFileName: "vmlinuz-5.14.21" }, right);
        expect(right.messages.warn).to.deep.equal([]);
    });

    it("says nothing of names that a manifest of IMS cannot tell", async () => {
        const run = runs.context({ preview: true });
        await new Row(customizedImage).check({ ...fine, kernelFileName: "vmlinuz-5.14.21" }, run);
        expect(run.messages.warn).to.deep.equal([]);
    });

    for (const [title, text, told] of [
        ["is no JSON", "not json", "is no JSON"],
        ["is of another version", '{"version":"2.0","artifacts":[]}', "is not of version 1.0"],
        ["is gone", undefined, "is not there"],
    ] as const) {
        it(`names a base whose manifest ${title}`, async () => {
            const image = await registerImage("broken", CONTENT, lab.ims);
            const check = (id: string): Promise<unknown> =>
                new Row(customizedImage).check({ ...fine, baseImage: id }, runs.context({ preview: true }));
            await rewriteManifest(image, () => text);
            expect(await failure(check(image.id)))
                .to.include("baseImage: image broken")
                .and.include(told);
        });
    }

    async function rewriteManifest(
        image: Image,
        change: (text: string) => string | undefined,
    ): Promise<void> {
        const place = { bucket: "boot-images", key: `${image.id}/manifest.json` };
        const text = change((await lab.ims.objects.get(place))?.toString("utf8") ?? "");
        if (text === undefined) await lab.ims.objects.remove(place);
        else await lab.ims.objects.put(place, Buffer.from(text));
    }
});
