import * as fs from "node:fs";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type * as Planning from "./bootprep/plan";
import {
    CustomizedImage,
    type AnsiblePlay,
    type CustomizationStep,
    type CustomizedImageArgs,
} from "./customizedImage";
import { RecipeImage, type RecipeImageArgs } from "./recipeImage";

/** What a file for `sat bootprep` leaves out. */
export interface BootprepOptions {
    /** A block of `edge-os:connections`. Default: `edge-os:ims`. */
    connection?: string;
    /**
     * Values of the file's variables, nested as in the file of `--vars-file`: `{ default: { suffix: "-test" } }` for
     * `{{ default.suffix }}`. Nothing else of Jinja is rendered.
     */
    variables?: Readonly<Record<string, unknown>>;
    /** What the configurations of CFS that images name do, by their names. */
    configurations?: Readonly<Record<string, BootprepConfiguration>>;
    /** What single images have beside it, by their `ref_name`, else by their names. */
    images?: Readonly<Record<string, BootprepImageOptions>>;
}

/** What a configuration of CFS does to an image, which `sat` has CFS play in a session of its own. */
export interface BootprepConfiguration {
    /** A step with `ansible` that names no groups gets the image's `configuration_group_names`. */
    steps: readonly CustomizationStep[];
    /** `ims_require_dkms` of its layers. */
    requireDkms?: pulumi.Input<boolean>;
}

/** Arguments of one image; its name is the file's. What belongs to a session has no effect on one that is only built. */
export interface BootprepImageOptions extends Omit<
    CustomizedImageArgs,
    "connection" | "name" | "baseImage" | "steps"
> {
    /** In place of the base in the file; needed where that is a product's. */
    baseImage?: CustomizedImageArgs["baseImage"];
    /** After those of the image's configuration. */
    steps?: readonly CustomizationStep[];
    /** For the build alone, where the base is a recipe. */
    recipe?: Pick<RecipeImageArgs, "requireDkms" | "timeLimits">;
}

/**
 * The images of a file for `sat bootprep` as resources, by their `ref_name`, else by their names; that is what the
 * resources are called, too. The other sections are left to `sat`.
 *
 * What the file asks for and cannot be done is told all together, by line, before anything is registered.
 *
 * @param file Relative to the program's folder.
 * @param opts Options of every resource.
 *
 * @example
 * ```ts
 * const { compute } = ims.fromBootprep("compute-bootprep.yaml", {
 *     variables: { default: { suffix: "-24.11" } },
 *     configurations: { "compute-config": { steps: [{ ansible: { playbook: "ansible/compute.yml" } }] } },
 * });
 * export const manifest = compute?.manifest;
 * ```
 */
export function fromBootprep(
    file: string,
    options: BootprepOptions = {},
    opts: pulumi.CustomResourceOptions = {},
): Record<string, CustomizedImage | RecipeImage> {
    const made: Record<string, CustomizedImage | RecipeImage> = {};
    for (const image of planned(file, options)) {
        const { key, base, isChanged } = image;
        const given = options.images?.[key]?.baseImage;
        const built = base.kind === "recipe" ? build(image, base, options, opts) : undefined;
        if (built && !isChanged) made[key] = built;
        else {
            const baseImage = given ?? built?.imageId ?? baseOf(base, made);
            made[key] = new CustomizedImage(key, argumentsOf(image, baseImage, options), opts);
        }
    }
    return made;
}

/** What a build and the session after it have in common. */
const SHARED = [
    ...["kernelFileName", "initrdFileName", "buildEnvSize", "jobMemSize", "arch", "permanentDelete"],
] as const satisfies readonly (keyof BootprepImageOptions & keyof RecipeImageArgs)[];

/** The image of a recipe. Where it is customized it has the name that `sat` gives it until then. */
function build(
    { key, name, isChanged }: Planning.PlannedImage,
    base: { id: string } | { name: string },
    { connection, images = {} }: BootprepOptions,
    opts: pulumi.CustomResourceOptions,
): RecipeImage {
    const given = images[key] ?? {};
    const ending = isChanged ? "-pre-configuration" : "";
    const args: RecipeImageArgs = {
        ...Object.fromEntries(SHARED.map((field) => [field, given[field]])),
        ...(isChanged || given.metadata === undefined ? {} : { metadata: given.metadata }),
        ...given.recipe,
        ...(connection === undefined ? {} : { connection }),
        name: `${name}${ending}`,
        recipe: meant(base),
    };
    return new RecipeImage(`${key}${ending}`, args, opts);
}

/** Loaded on use, since a program without such a file must not load the YAML library. */
function planned(file: string, options: BootprepOptions): Planning.PlannedImage[] {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- `import()` is no way to load a CommonJS build late
    const { planImages } = require("./bootprep/plan") as typeof Planning;
    const { variables = {}, configurations = {}, images = {} } = options;
    const given = Object.entries(images).map(
        ([key, { baseImage, steps }]) =>
            [key, { base: baseImage !== undefined, steps: (steps ?? []).length > 0 }] as const,
    );
    const plan = planImages(readText(file), {
        variables,
        configurations: Object.keys(configurations),
        images: Object.fromEntries(given),
    });
    if (plan.problems.length === 0) return plan.images;
    const lines = plan.problems.map(({ line, path: place, message }) => {
        return `  - ${file}:${line}: ${place === "" ? "" : `${place} `}${message}`;
    });
    throw new pulumi.RunError(`the images of ${file} cannot be made:\n${lines.join("\n")}`);
}

function readText(file: string): string {
    try {
        return fs.readFileSync(path.resolve(file), "utf8");
    } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        const reason =
            code === "ENOENT"
                ? `there is no ${file} (the path is relative to the program's folder)`
                : `${file} cannot be read (${code ?? "unknown reason"})`;
        throw new pulumi.RunError(reason);
    }
}

function argumentsOf(
    { key, name, configuration, groups }: Planning.PlannedImage,
    baseImage: CustomizedImageArgs["baseImage"],
    { connection, configurations = {}, images = {} }: BootprepOptions,
): CustomizedImageArgs {
    const { steps = [], ...more } = images[key] ?? {};
    delete more.recipe;
    const known = configuration === undefined ? undefined : configurations[configuration];
    const played = (known?.steps ?? []).map((step) => withGroups(step, groups));
    return {
        ...(known?.requireDkms === undefined ? {} : { requireDkms: known.requireDkms }),
        ...more,
        ...(connection === undefined ? {} : { connection }),
        name,
        baseImage,
        steps: [...played, ...steps],
    };
}

function baseOf(
    base: Planning.PlannedBase,
    made: Readonly<Record<string, CustomizedImage | RecipeImage>>,
): CustomizedImageArgs["baseImage"] {
    if ("id" in base || "name" in base) return meant(base);
    const image = base.kind === "ref" ? made[base.key] : undefined;
    if (image) return image.imageId;
    throw new Error("an image was planned before its base");
}

/** A name as an object, since a text that looks like an id would be taken for one. */
function meant(base: { id: string } | { name: string }): string | { name: string } {
    return "id" in base ? base.id : { name: base.name };
}

function withGroups(step: CustomizationStep, groups: readonly string[]): CustomizationStep {
    if (step.ansible === undefined || groups.length === 0) return step;
    const ansible = pulumi
        .output(step.ansible)
        .apply((play): AnsiblePlay => ({ ...play, groups: play.groups ?? [...groups] }));
    return { ...step, ansible };
}
