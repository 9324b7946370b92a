import { z } from "zod";
import { durationField } from "./fields";
import { jobFields, meantField } from "./jobFields";

const timeLimits = z.strictObject({
    build: durationField().optional(),
    packaging: durationField().optional(),
});

export const inputs = z.object({
    ...jobFields,
    recipe: meantField(),
    timeLimits: timeLimits.optional().meta({ control: true }),

    recipeId: z.string().meta({ derived: true, replaces: true }),
    /** Of its archive, the values of its templates, and its architecture: other content under the same record. */
    recipeContent: z.string().meta({ derived: true, replaces: true }),
});

export { outputs } from "./jobImage";

export type RecipeImageInputs = z.output<typeof inputs>;
