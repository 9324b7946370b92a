import * as crypto from "node:crypto";
import type { Context } from "../resource/context";
import type { Problem } from "../resource/problem";
import type { ImsRecipe } from "./api";
import type { ImsClient } from "./client";
import { findMeant, type Meant } from "./meantRecord";

const RECIPE = { collection: "recipes", noun: "recipe", use: "be built from", input: "recipe" } as const;

/** The recipe meant, or what is wrong with the way it is named. */
export async function findRecipe(
    recipe: Meant,
    context: Pick<Context<ImsClient>, "client" | "signal">,
): Promise<{ recipe: ImsRecipe } | { problem: Problem }> {
    const found = await findMeant(recipe, RECIPE, context);
    return "record" in found ? { recipe: found.record } : found;
}

/** What a recipe makes an image of: its archive, the values of its templates, and the architecture. */
export function recipeContent({
    link,
    template_dictionary: template,
    require_dkms: dkms,
    arch,
}: ImsRecipe): string {
    const values = (template ?? []).map(({ key, value }) => [key, value]).sort();
    const parts = { path: link?.path, etag: link?.etag, values, dkms, arch };
    return crypto.createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
