import type * as pulumi from "@pulumi/pulumi";
import type { ImageJobArgs } from "./imageJobArgs";
import { IMAGE_OUTPUTS, ImageResource } from "./imageResource";

/** How long each part may take: `90s`, `30m`, `2h`. For aarch64, which is emulated, four times as long. */
export interface RecipeTimeLimits {
    /** Until the image root is built: its pod is scheduled, the recipe fetched, packages installed. Default: 2 hours. */
    build?: pulumi.Input<string>;
    /** Packing and uploading. Default: 1 hour. */
    packaging?: pulumi.Input<string>;
}

/** What a `RecipeImage` is built from, and how. */
export interface RecipeImageArgs extends ImageJobArgs {
    /**
     * The recipe to build from: its id or its exact name. Names are not unique in IMS: several of one name are refused
     * unless `pick` is `"newest"`. Another recipe, or another archive or other values of its template dictionary under
     * the same record, makes a new image.
     */
    recipe: pulumi.Input<string | { name: pulumi.Input<string>; pick?: pulumi.Input<"only" | "newest"> }>;
    /** How long each part may take. Makes no new image. */
    timeLimits?: pulumi.Input<RecipeTimeLimits>;
}

/**
 * An image that IMS builds from one of its recipes: the guide's "Build an Image Using IMS REST Service". As with
 * `CustomizedImage`, nothing is left but the image; a build that was interrupted goes on where it is.
 *
 * @example
 * ```ts
 * const base = new ims.RecipeImage("base", { recipe: "cos-3.1-recipe", name: "cos-base" });
 * new ims.CustomizedImage("compute", { baseImage: base.imageId, name: "compute", steps: [{ script: "setup.sh" }] });
 * ```
 */
export class RecipeImage extends ImageResource {
    /** The job's statuses, each with the seconds since its start. Empty where no job was needed. */
    declare readonly jobHistory: pulumi.Output<{ status: string; after: number }[]>;
    /** The id of the recipe that it was built from. */
    declare readonly recipeId: pulumi.Output<string>;

    constructor(name: string, args: RecipeImageArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "ims.RecipeImage", properties: PROPERTIES }, name, { ...args }, opts);
    }
}

const PROPERTIES = [
    "connection",
    "recipe",
    "name",
    "kernelFileName",
    "initrdFileName",
    "buildEnvSize",
    "jobMemSize",
    "requireDkms",
    "metadata",
    "arch",
    "permanentDelete",
    "timeLimits",
    "endpoint",
    "recipeId",
    "recipeContent",
    ...IMAGE_OUTPUTS,
    "jobHistory",
] as const;
