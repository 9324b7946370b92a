import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import { startLab, type Lab } from "../../../lab";
import type { Image } from "../../../lab/ims/store";
import { needsImageRoots } from "../../support/imageRoot";
import { imsConfig } from "../../support/ims";
import { ImsRuns } from "../../support/imsRuns";
import { registerRecipe } from "../../support/recipe";
import { stackUnderTest, type StackUnderTest } from "../../support/stack";

const FILE = `schema_version: 1.0.9
images:
- name: "{{base.name}}-top"
  ref_name: top
  base: { image_ref: middle }
  configuration: site-config
  configuration_group_names: [Compute]
- name: middle
  ref_name: middle
  base: { image_ref: bottom }
  configuration: "site-{{ default.kind }}"
  configuration_group_names: [Compute]
- name: bottom
  ref_name: bottom
  base: { ims: { name: cos-recipe, type: recipe } }
`;

const PROGRAM = `
const { ims } = require("pulumi-edge-os");
const images = ims.fromBootprep("site.yaml", {
    variables: { default: { kind: "config" } },
    configurations: { "site-config": { steps: [{ run: "echo configured >> /etc/configured" }] } },
    images: {
        bottom: { steps: [{ run: "echo bottom > /etc/bottom" }], metadata: { layer: "bottom" } },
        top: { steps: [{ run: "cat /etc/configured > /etc/seen" }] },
    },
});
exports.manifests = Object.fromEntries(Object.entries(images).map(([name, image]) => [name, image.manifest]));
`;

describe("ims.fromBootprep", function () {
    this.timeout(120_000);
    let lab: Lab;
    let stack: StackUnderTest;
    const runs = new ImsRuns(
        () => lab.ims,
        "ims.CustomizedImage",
        () => stack.dir,
    );

    before(async function () {
        needsImageRoots(this);
        lab = await startLab({ emf: false, images: false, ims: true, jobSpeed: 100 });
        await registerRecipe(lab.ims, "cos-recipe");
    });
    beforeEach(() => {
        const { clientSecret, ...open } = imsConfig(lab.ims);
        stack = stackUnderTest({
            ...{ program: { source: PROGRAM }, config: { "edge-os:ims": open } },
            env: { EDGE_OS_IMS_CLIENT_SECRET: clientSecret },
        });
        lab.ims.resetCalls();
    });
    afterEach(() => stack.remove());
    after(() => lab.close());

    it("makes images of a file that depend on each other", async () => {
        fs.writeFileSync(path.join(stack.dir, "site.yaml"), FILE);
        const up = await stack.up();
        expect(up.exitCode, up.stdout).to.equal(0);
        const manifests = up.outputs.manifests as Record<string, string>;
        const made = { top: image("middle-top"), middle: image("middle"), bottom: image("bottom") };
        for (const [name, { link }] of Object.entries(made)) expect(manifests[name]).to.equal(link?.path);
        expect(made.bottom.metadata).to.include({ layer: "bottom" });
        expect(image("bottom-pre-configuration").metadata).to.not.include({ layer: "bottom" });
        expect(await runs.fileIn(made.top.id, "etc/bottom")).to.equal("bottom\n");
        expect(await runs.fileIn(made.middle.id, "etc/configured")).to.equal("configured\n");
        expect(await runs.fileIn(made.top.id, "etc/seen")).to.equal("configured\nconfigured\n");
        runs.expectNothingLeft();

        const again = await stack.preview();
        expect(again.changes, again.stdout).to.deep.equal({ same: 5 });
        const destroyed = await stack.destroy();
        expect(destroyed.exitCode, destroyed.stdout).to.equal(0);
        expect(lab.ims.store.images.list()).to.deep.equal([]);
    });

    it("hands the groups of the file to the plays of its configuration", async () => {
        fs.mkdirSync(path.join(stack.dir, "ansible"));
        fs.writeFileSync(path.join(stack.dir, "ansible/site.yml"), "[]\n");
        fs.writeFileSync(path.join(stack.dir, "site.yaml"), FILE.replaceAll("[Compute]", '["not a group"]'));
        stack.setProgram(
            PROGRAM.replace(
                /\{ run: "echo configured[^}]*\}/,
                '{ ansible: { playbook: "ansible/site.yml" } }',
            ),
        );
        const { exitCode, stdout } = await stack.preview();
        expect(exitCode).to.not.equal(0);
        expect(stdout).to.include("is not the name of a group of an inventory");
    });

    it("tells everything that cannot be made before anything is registered", async () => {
        const text = FILE.replace("image_ref: bottom", "product: { name: cos, type: image }")
            .replace("site-config", "other-config")
            .concat("  if_exists: abort\n");
        fs.writeFileSync(path.join(stack.dir, "site.yaml"), text);
        const { exitCode, stdout, operations } = await stack.up();
        expect(exitCode).to.not.equal(0);
        expect(stdout)
            .to.include("the images of site.yaml cannot be made:")
            .and.include('- site.yaml:6: images[0].configuration "other-config" is a configuration of CFS')
            .and.include("- site.yaml:10: images[1].base.product is looked up in the product catalog")
            .and.include("- site.yaml:16: images[2].if_exists abort cannot be done");
        expect(stdout).to.not.include("at Object.").and.not.include("node_modules");
        expect(operations.filter(({ type }) => type !== "pulumi:pulumi:Stack")).to.deep.equal([]);
        expect(lab.ims.calls().total).to.equal(0);
    });

    it("says where it has looked for the file", async () => {
        const { exitCode, stdout } = await stack.up();
        expect(exitCode).to.not.equal(0);
        expect(stdout).to.include("there is no site.yaml (the path is relative to the program's folder)");
    });

    function image(name: string): Image {
        const found = lab.ims.store.images.list().find((one) => one.name === name);
        if (!found) throw new Error(`there is no image ${name}`);
        return found;
    }
});
