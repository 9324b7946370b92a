import * as crypto from "node:crypto";
import type { Context } from "../resource/context";
import { defineResource } from "../resource/definition";
import { EdgeError } from "../resource/errors";
import type { Problem } from "../resource/problem";
import { isKnown, UNKNOWN } from "../resource/unknown";
import type { ImsClient } from "./client";
import { deleteRecord, readRecord, updateRecord } from "./imageRecord";
import { makeImage } from "./jobImage";
import { isSameMeant } from "./meantRecord";
import { findRecipe, recipeContent } from "./recipe";
import { RecipeBuild } from "./recipeBuild";
import { inputs, outputs, type RecipeImageInputs } from "./recipeImage.schema";
import { ims } from "./system";

const HOUR = 60 * 60_000;

type ImsContext = Context<ImsClient>;

export const recipeImage = defineResource({
    kind: "ims.RecipeImage",
    system: ims,
    inputs,
    outputs,
    timeouts: { create: 8 * HOUR, update: HOUR, delete: HOUR },

    async check({ recipe }, context, state) {
        const endpoint = await context.ifAvailable(
            async (): Promise<string | typeof UNKNOWN> => context.client.endpoint,
            state?.endpoint ?? UNKNOWN,
        );
        const values = { endpoint, recipeId: UNKNOWN, recipeContent: UNKNOWN };
        if (!isKnown(recipe)) return { values };
        const before = {
            recipeId: state?.recipeId ?? UNKNOWN,
            recipeContent: state?.recipeContent ?? UNKNOWN,
        };
        const found = await context.ifAvailable(() => findRecipe(recipe, context), undefined);
        if (found && "recipe" in found) {
            const now = { recipeId: found.recipe.id, recipeContent: recipeContent(found.recipe) };
            return { values: { ...values, ...now } };
        }
        const isKept = isSameMeant(state?.recipe, recipe);
        const problems = found && !isKept ? [found.problem] : [];
        if (found && isKept) outlives(found.problem, context);
        return { problems, values: { ...values, ...before } };
    },

    async create(image, context) {
        const { client, signal } = context;
        const recipe = await client.get("recipes", image.recipeId, { signal });
        if (!recipe) throw new EdgeError(`the recipe ${image.recipeId} is gone`);
        const content = contentOf(image);
        return makeImage(
            new RecipeBuild(image, recipe, content, context),
            { content, declared: image },
            context,
        );
    },

    async read(id, { inputs: declared, outputs: before }, context) {
        const found = await readRecord(id, declared, context);
        if (found) await tellOfRecipe(declared, context);
        return found && { inputs: found.inputs, outputs: { ...found.outputs, claim: before.claim } };
    },

    async update(id, state, image, context) {
        return updateRecord(id, image, state.inputs, context);
    },

    async delete(id, { inputs: image, outputs: made }, context) {
        await deleteRecord(id, image, made, context);
    },
});

/** What the image is made of, in one digest: everything whose change makes a new one. */
function contentOf(image: RecipeImageInputs): string {
    const { name, kernelFileName, initrdFileName, requireDkms, recipeId, recipeContent: recipe } = image;
    const parts = { name, kernelFileName, initrdFileName, requireDkms, recipeId, recipe };
    return crypto.createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** As with the base of a customization, this is no drift of the image, and the state keeps what it was built from. */
async function tellOfRecipe(
    { recipeId, recipeContent: built }: RecipeImageInputs,
    { client, signal, log }: ImsContext,
): Promise<void> {
    const recipe = await client.get("recipes", recipeId, { signal });
    if (!recipe) log.warn(`the recipe ${recipeId} is gone: this image stays, and could not be made again`);
    else if (recipeContent(recipe) !== built)
        log.warn(`the recipe ${recipeId} has other content now: the next up makes a new image`);
}

/** A finished image outlives its recipe. */
function outlives({ message }: Problem, { log }: ImsContext): void {
    log.warn(`recipe: ${message}. The image that was built from it stays as it is`);
}
