import { expect } from "chai";
import * as pulumi from "@pulumi/pulumi";
import { startLab, type Lab } from "../../../lab";
import { getImage, getPublicKey, getRecipe } from "../../../provider/ims";
import { errorOf } from "../../support/failure";
import { imsClient, imsConfig } from "../../support/ims";
import { registerRecipe } from "../../support/recipe";
import { publicKey } from "../../support/sshKeys";

const NOBODY = "11111111-2222-4333-8444-555555555555";

describe("IMS look-ups in a program", () => {
    let lab: Lab;
    before(async () => {
        lab = await startLab({ emf: false, images: false, ims: true });
        pulumi.runtime.setConfig("edge-os:ims", JSON.stringify(imsConfig(lab.ims)));
    });
    after(async () => {
        pulumi.runtime.setConfig("edge-os:ims", "{}");
        await lab.close();
    });

    /** A record, which a look-up takes for whole when it has a link. */
    function image(name: string, created: string, hasLink = true): string {
        const { store } = lab.ims;
        const id = store.newId();
        const path = `s3://boot-images/${id}/manifest.json`;
        store.images.put({
            ...{ id, name, created, arch: "aarch64", metadata: { team: "hpc" } },
            link: hasLink ? { path, etag: "e1", type: "s3" } : null,
        });
        return id;
    }

    it("find an image by exact name or id, with the resources' settings and one login", async () => {
        const id = image("compute", "2026-11-01T10:00:00.123456");
        image("compute-2", "2026-11-02T10:00:00.123456");
        image("compute", "2026-11-03T10:00:00.123456", false);
        lab.ims.resetCalls();
        const [named, byId] = await Promise.all([getImage({ name: "compute" }), getImage({ id })]);
        expect(named).to.deep.equal({
            ...{
                imageId: id,
                name: "compute",
                architecture: "aarch64",
                created: "2026-11-01T10:00:00.123456",
            },
            ...{ manifest: `s3://boot-images/${id}/manifest.json`, etag: "e1", metadata: { team: "hpc" } },
        });
        expect(byId).to.deep.equal(named);
        expect(lab.ims.calls().tokens).to.equal(1);
    });

    it("ask which of several is meant, and take the newest on request", async () => {
        const old = image("layer", "2026-11-01T10:00:00.1");
        const young = image("layer", "2026-11-02T10:00:00.1");
        expect(await failure(getImage({ name: "layer" })))
            .to.include(old)
            .and.include(young)
            .and.include('pick: "newest"');
        expect((await getImage({ name: "layer", pick: "newest" })).imageId).to.equal(young);
    });

    it("say what is missing, and where they looked", async () => {
        const half = image("half", "2026-11-01T10:00:00.1", false);
        const message = await failure(getImage({ id: NOBODY }));
        expect(message).to.include(`no image ${NOBODY}`).and.include(lab.ims.endpoint);
        expect(await failure(getImage({ id: half }))).to.include("its artifacts were never uploaded");
        expect(await failure(getImage({}))).to.include("give its name or its id");
        expect(await failure(getImage({ name: "x", connection: "plant-b" }))).to.include("plant-b");
    });

    it("find a recipe by exact name or id, and tell what its templates are filled with", async () => {
        const recipe = await registerRecipe(lab.ims, "cos-recipe");
        await registerRecipe(lab.ims, "cos-recipe-2");
        const found = await getRecipe({ name: "cos-recipe" });
        expect(found).to.deep.equal({
            ...{ recipeId: recipe.id, name: "cos-recipe", architecture: "x86_64", created: recipe.created },
            ...{ recipeType: "kiwi-ng", linuxDistribution: "sles15", requireDkms: true },
            archive: `s3://ims/recipes/${recipe.id}/recipe.tar.gz`,
            templateDictionary: { RELEASE: "1.6" },
        });
        expect(await getRecipe({ id: recipe.id })).to.deep.equal(found);
        expect(await failure(getRecipe({ name: "cos" }))).to.include('there is no recipe named "cos"');
        expect(await failure(getRecipe({}))).to.include("to look up a recipe, give its name or its id");
    });

    it("find a public key by name, contents or id", async () => {
        const { client } = imsClient(lab.ims);
        const [a, b] = [publicKey("ssh-ed25519"), publicKey("ssh-ed25519")];
        const make = async (name: string, content: string): Promise<string> => {
            const body = { name, public_key: `${content}\n` };
            return (await client.createOnce("public-keys", body, { same: () => false })).id;
        };
        const first = await make("ops", a);
        await make("ops", b);
        await make("other", a);
        await client.close();
        expect(await getPublicKey({ publicKey: a })).to.deep.equal({
            keyId: first,
            name: "ops",
            publicKey: a,
        });
        expect((await getPublicKey({ name: "ops", publicKey: b })).publicKey).to.equal(b);
        expect((await getPublicKey({ id: first })).publicKey).to.equal(a);
        expect(await failure(getPublicKey({ name: "ops" }))).to.include("several different public keys");
        expect(await failure(getPublicKey({ name: "nobody" }))).to.include("there is no such public key");
        expect(await failure(getPublicKey({}))).to.include("give its name");
    });
});

async function failure(attempt: Promise<unknown>): Promise<string> {
    const error = await errorOf(attempt);
    expect(pulumi.RunError.isInstance(error), "shown without a stack").to.equal(true);
    return error.message;
}
