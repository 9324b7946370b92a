import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type Lab } from "../../../lab";
import type { Recipe } from "../../../lab/ims/store";
import { customizedImage } from "../../../provider/ims/customizedImage.handler";
import { recipeImage } from "../../../provider/ims/recipeImage.handler";
import { errorOf, failure } from "../../support/failure";
import { needsImageRoots } from "../../support/imageRoot";
import { ImsRuns } from "../../support/imsRuns";
import { registerRecipe } from "../../support/recipe";
import { Row } from "../../support/row";

const BUILDING = "building the image root";

describe("ims.RecipeImage", function () {
    this.timeout(60_000);
    let lab: Lab;
    let dir: string;
    let recipe: Recipe;
    const runs = new ImsRuns(
        () => lab.ims,
        "ims.RecipeImage",
        () => dir,
    );

    before(async function () {
        needsImageRoots(this);
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "recipe-image-"));
        const parts = { emf: false, images: false, ims: true };
        lab = await startLab({ dir: path.join(dir, "lab"), ...parts, jobSpeed: 100 });
    });
    beforeEach(async () => {
        recipe = await registerRecipe(lab.ims, "base-recipe", (root) => {
            fs.writeFileSync(path.join(root, "etc/motd"), "from a recipe\n");
        });
    });
    afterEach(async () => {
        lab.ims.clearFaults();
        await runs.close();
        runs.expectNothingLeft();
        const { images, recipes } = lab.ims.store;
        for (const { id } of images.list()) images.remove(id);
        for (const { id } of images.listDeleted()) images.forget(id);
        for (const { id } of recipes.list()) recipes.remove(id);
    });
    after(async () => {
        await lab.close();
        fs.rmSync(dir, { recursive: true, force: true });
    });

    const inputs = { recipe: "base-recipe", name: "built" };

    it("builds what the recipe's archive says, through all states, and is a base for a customization", async () => {
        const row = new Row(recipeImage);
        await row.up({ ...inputs, metadata: { team: "hpc" } }, runs.context());
        const { id = "" } = row;
        expect(await runs.fileIn(id, "etc/motd")).to.equal("from a recipe\n");
        expect(row.state?.outputs).to.include({ imageId: id, architecture: "x86_64" });
        expect(row.state?.inputs).to.include({ recipeId: recipe.id });
        const seen = (row.state?.outputs.jobHistory as { status: string }[]).map(({ status }) => status);
        const order = [
            "creating",
            "fetching_recipe",
            "waiting_for_repos",
            "building_image",
            "packaging_artifacts",
            "success",
        ];
        expect(
            order.filter((status) => seen.includes(status)),
            "in order",
        ).to.deep.equal(seen);
        expect(lab.ims.store.images.get(id)?.metadata).to.include({ team: "hpc" });
        const layer = new Row(customizedImage);
        await layer.up({ baseImage: id, name: "layer", steps: [{ run: "cat /etc/motd" }] }, runs.context());
        await layer.delete(runs.context());
        expect(await row.refresh(runs.context())).to.deep.equal([]);
        expect(await row.up({ ...inputs, metadata: { team: "hpc" } }, runs.context())).to.equal("same");
    });

    it("asks for what was given and nothing else, since the service refuses SSH containers here", async () => {
        const bodies: object[] = [];
        lab.ims.tap = (side, route) => {
            if (side === "after" && route === "POST apis/ims/v3/jobs")
                bodies.push(...lab.ims.store.jobs.list());
            return undefined;
        };
        const sizes = { buildEnvSize: 20, jobMemSize: 4, requireDkms: false };
        await new Row(recipeImage).up({ ...inputs, ...sizes }, runs.context());
        delete lab.ims.tap;
        const asked = { build_env_size: 20, job_mem_size: 4, require_dkms: false, ssh_containers: null };
        expect(bodies).to.have.lengthOf(1);
        expect(bodies[0]).to.deep.include({ ...asked, job_type: "create", artifact_id: recipe.id });
    });

    it("changes metadata in place, and is made anew for another name, archive or template value", async () => {
        const row = new Row(recipeImage);
        await row.up({ ...inputs, metadata: { team: "hpc" } }, runs.context());
        expect(await row.up({ ...inputs, metadata: { rack: "7" } }, runs.context())).to.equal("updated");
        expect(lab.ims.store.images.get(row.id ?? "")?.metadata)
            .to.include({ rack: "7" })
            .and.not.have.property("team");
        const declared = { ...inputs, metadata: { rack: "7" } };
        expect(await failure(row.up({ ...declared, name: "other" }, runs.context()))).to.include(
            "replaced for name",
        );
        lab.ims.store.recipes.put({ ...recipe, template_dictionary: [{ key: "RELEASE", value: "1.7" }] });
        const run = runs.context();
        expect(await row.refresh(run)).to.deep.equal([]);
        expect(run.messages.warn.join()).to.include("has other content now");
        expect(await failure(row.up(declared, runs.context()))).to.include("replaced for recipeContent");
    });

    it("outlives its recipe, and says so", async () => {
        const row = new Row(recipeImage);
        await row.up(inputs, runs.context());
        lab.ims.store.recipes.remove(recipe.id);
        const run = runs.context();
        expect(await row.refresh(run)).to.deep.equal([]);
        expect(await row.up(inputs, run)).to.equal("same");
        expect(run.messages.warn.join("\n"))
            .to.include("is gone: this image stays")
            .and.include("stays as it is");
        expect(await failure(row.up({ ...inputs, recipe: "a-typo" }, runs.context()))).to.equal(
            'recipe: there is no recipe named "a-typo" that can be built from',
        );
    });

    it("is brought back when it was deleted softly, and gone for good when it shall be", async () => {
        const row = new Row(recipeImage);
        await row.up(inputs, runs.context());
        const { id = "" } = row;
        await row.delete(runs.context());
        expect(lab.ims.store.images.getDeleted(id)).to.include({ id });
        const next = new Row(recipeImage);
        await next.up({ ...inputs, permanentDelete: true }, runs.context());
        expect(next.id).to.equal(id);
        await next.delete(runs.context());
        expect(lab.ims.store.images.listDeleted()).to.deep.equal([]);
    });

    it("starts one job when the answer to its creation is lost", async () => {
        lab.ims.fault({ on: "POST jobs", do: "reset", after: "write", times: 1 });
        let made = 0;
        lab.ims.tap = (side, route) => {
            if (side === "after" && route === "POST apis/ims/v3/jobs") made++;
            return undefined;
        };
        await new Row(recipeImage).up(inputs, runs.context());
        delete lab.ims.tap;
        expect(made).to.equal(1);
    });

    for (const at of ["fetching_recipe", "building_image", "packaging_artifacts"] as const) {
        it(`shows why it failed while ${at}, and leaves nothing`, async () => {
            lab.ims.breakNextJob({ at, do: "error" });
            const run = runs.context({ ims: { kubeconfig: lab.ims.kubeconfig } });
            expect(await failure(new Row(recipeImage).up(inputs, run)))
                .to.include("Known causes: a package that the recipe names and no repository has")
                .and.include(`ERROR: a defect at ${at}`);
        });
    }

    it("ends a build that takes too long, and says where it stopped", async () => {
        lab.ims.breakNextJob({ at: "building_image", do: "hang", pod: "OOMKilled" });
        // It hangs where it is seen to, however slow the machine is until then.
        const now = (): number => Date.now() + (run.messages.progress.includes(BUILDING) ? 60 * 60_000 : 0);
        const run = runs.context({ now, ims: { kubeconfig: lab.ims.kubeconfig } });
        expect(await failure(new Row(recipeImage).up({ ...inputs, timeLimits: { build: "30m" } }, run)))
            .to.include("is still building_image: its pod may have run out of memory (raise jobMemSize)")
            .and.include("container build-image ended with exit code 137 (OOMKilled)");
    });

    it("is ended when it is cancelled", async () => {
        lab.ims.breakNextJob({ at: "building_image", do: "hang" });
        const abort = new AbortController();
        const run = runs.context({ signal: abort.signal });
        const attempt = errorOf(new Row(recipeImage).up(inputs, run));
        while (!run.messages.progress.includes(BUILDING)) await new Promise(setImmediate);
        abort.abort(new Error("cancelled"));
        expect((await attempt).message).to.equal("cancelled");
    });

    it("says what a recipe lacks", async () => {
        await lab.ims.objects.put(
            { bucket: "ims", key: `recipes/${recipe.id}/recipe.tar.gz` },
            Buffer.from("no archive"),
        );
        const run = runs.context({ ims: { kubeconfig: lab.ims.kubeconfig } });
        expect(await failure(new Row(recipeImage).up(inputs, run))).to.include(
            "no tar archive packed with gzip",
        );
    });

    describe("refuses in a preview", () => {
        const preview = (change: object): Promise<string> =>
            failure(new Row(recipeImage).check({ ...inputs, ...change }, runs.context({ preview: true })));

        it("a recipe that is not there, was deleted, or has no archive", async () => {
            expect(await preview({ recipe: "nothing" })).to.equal(
                'recipe: there is no recipe named "nothing" that can be built from',
            );
            const { store } = lab.ims;
            const empty = store.recipes.put({ ...recipe, id: store.newId(), name: "empty", link: null });
            expect(await preview({ recipe: empty.id }))
                .to.include("has no link")
                .and.include("cannot be built from");
            store.recipes.moveToDeleted(empty);
            expect(await preview({ recipe: empty.id })).to.include(
                "cray ims deleted recipes update --operation undelete",
            );
            store.recipes.forget(empty.id);
        });

        it("a name that several recipes have, unless the newest is meant", async () => {
            const newer = await registerRecipe(lab.ims, "base-recipe");
            expect(await preview({}))
                .to.include("2 recipes are named")
                .and.include(newer.id)
                .and.include('pick: "newest"');
            const newest = { recipe: { name: "base-recipe", pick: "newest" } };
            const checked = await new Row(recipeImage).check({ ...inputs, ...newest }, runs.context());
            expect(checked.recipeId).to.equal(newer.id);
        });

        it("a name that YAML takes apart", async () => {
            expect(await preview({ name: "a: b" })).to.include("IMS pastes it into YAML");
        });
    });
});
