import * as pulumi from "@pulumi/pulumi";
import { asRunError } from "../pulumi/programClients";
import type { Problem } from "../resource/problem";
import type { ImsPublicKey } from "./api";
import { findBaseImage } from "./baseImage";
import type { ImsClient } from "./client";
import type { Meant } from "./meantRecord";
import type * as Clients from "./programClient";
import { findRecipe } from "./recipe";

/** Which image: by exact name, or by id. */
export interface ImageLookUpArgs {
    /** Exact name. Names are not unique. */
    name?: string;
    /** Of several of the name: `"only"` refuses them, `"newest"` takes the newest. Default: `"only"`. */
    pick?: "only" | "newest";
    /** The record's id. */
    id?: string;
    /** A block of `edge-os:connections`. Default: `edge-os:ims`. */
    connection?: string;
}

/** Which recipe: by exact name, or by id. */
export type RecipeLookUpArgs = ImageLookUpArgs;

/** Which key: by exact name, by contents, or by id. */
export interface PublicKeyLookUpArgs {
    /** Exact name. Names are not unique. */
    name?: string;
    /** The key itself, the line of the `.pub` file. */
    publicKey?: string;
    /** The record's id. */
    id?: string;
    /** A block of `edge-os:connections`. Default: `edge-os:ims`. */
    connection?: string;
}

/** An image as IMS has it. */
export interface ImageInfo {
    /** The record's id. */
    imageId: string;
    /** Name of the record. */
    name: string;
    /** `x86_64` or `aarch64`. */
    architecture: string;
    /** As IMS writes it: UTC, without a zone. */
    created: string;
    /** `s3://boot-images/<id>/manifest.json`, for a boot session template. */
    manifest: string;
    /** Of the manifest, as the record has it; IMS does not vouch for it. */
    etag: string;
    /** All keys of the record, whoever wrote them. */
    metadata: Record<string, string>;
}

/** A recipe as IMS has it. */
export interface RecipeInfo {
    /** The record's id. */
    recipeId: string;
    /** Name of the record. */
    name: string;
    /** `x86_64` or `aarch64`. */
    architecture: string;
    /** As IMS writes it: UTC, without a zone. */
    created: string;
    /** `kiwi-ng` or `packer`. */
    recipeType: string;
    /** What it builds, such as `sles15`. */
    linuxDistribution: string;
    /** `s3://ims/recipes/<id>/recipe.tar.gz`. */
    archive: string;
    /** What its templates are filled with. */
    templateDictionary: Record<string, string>;
    /** Whether images of it need a job that may build kernel modules. */
    requireDkms: boolean;
}

/** A public key as IMS has it. */
export interface PublicKeyInfo {
    /** The record's id. */
    keyId: string;
    /** Name of the record. */
    name: string;
    /** The key itself, the line of the `.pub` file. */
    publicKey: string;
}

/**
 * An existing image whose artifacts are uploaded.
 *
 * @example
 * ```ts
 * const base = await ims.getImage({ name: "cos-3.1-compute", pick: "newest" });
 * new ims.CustomizedImage("compute", { baseImage: base.imageId, name: "compute", steps: [{ script: "setup.sh" }] });
 * ```
 */
export async function getImage(args: ImageLookUpArgs): Promise<ImageInfo> {
    const meant = meantBy(args, "an image");
    return lookUp(args, async (client) => {
        const found = await findBaseImage(meant, { client, signal: new AbortController().signal });
        if ("problem" in found) throw notFound(found.problem, client);
        const { image } = found;
        return {
            ...{ imageId: image.id, name: image.name, architecture: image.arch, created: image.created },
            ...{ manifest: image.link?.path ?? "", etag: image.link?.etag ?? "" },
            metadata: { ...image.metadata },
        };
    });
}

/**
 * An existing recipe whose archive is uploaded.
 *
 * @example
 * ```ts
 * const recipe = await ims.getRecipe({ name: "cos-3.1-recipe" });
 * new ims.RecipeImage("base", { recipe: recipe.recipeId, name: "cos-base", arch: "x86_64" });
 * ```
 */
export async function getRecipe(args: RecipeLookUpArgs): Promise<RecipeInfo> {
    const meant = meantBy(args, "a recipe");
    return lookUp(args, async (client) => {
        const found = await findRecipe(meant, { client, signal: new AbortController().signal });
        if ("problem" in found) throw notFound(found.problem, client);
        const { recipe } = found;
        const template = (recipe.template_dictionary ?? []).map(({ key, value }) => [key, value] as const);
        return {
            ...{ recipeId: recipe.id, name: recipe.name, architecture: recipe.arch, created: recipe.created },
            ...{ recipeType: recipe.recipe_type, linuxDistribution: recipe.linux_distribution },
            archive: recipe.link?.path ?? "",
            templateDictionary: Object.fromEntries(template),
            requireDkms: recipe.require_dkms ?? true,
        };
    });
}

function meantBy({ name, id, pick }: ImageLookUpArgs, what: string): Meant {
    if ((name === undefined) === (id === undefined)) {
        throw new pulumi.RunError(`to look up ${what}, give its name or its id`);
    }
    return id ?? { name: name ?? "", pick };
}

function notFound({ message }: Problem, { endpoint }: ImsClient): pulumi.RunError {
    return new pulumi.RunError(`${message} (IMS at ${endpoint})`);
}

/** An existing public key. Of several records with the same contents, the first is taken. */
export async function getPublicKey(args: PublicKeyLookUpArgs): Promise<PublicKeyInfo> {
    const { name, id } = args;
    const content = args.publicKey?.trim();
    if (name === undefined && id === undefined && content === undefined) {
        throw new pulumi.RunError("to look up a public key, give its name, its publicKey or its id");
    }
    return lookUp(args, async (client) => {
        const all = await client.list("public-keys");
        const fits = all.filter(
            (key) =>
                (id === undefined || key.id === id) &&
                (name === undefined || key.name === name) &&
                (content === undefined || key.public_key.trim() === content),
        );
        const [found, ...others] = fits;
        const where = `(IMS at ${client.endpoint})`;
        if (!found) throw new pulumi.RunError(`there is no such public key ${where}`);
        const differs = (other: ImsPublicKey): boolean => other.public_key.trim() !== found.public_key.trim();
        if (others.some(differs)) {
            const ids = fits.map((key) => key.id).join(", ");
            throw new pulumi.RunError(
                `several different public keys are named ${JSON.stringify(name)}: ${ids} ${where}: give the id or publicKey`,
            );
        }
        return { keyId: found.id, name: found.name, publicKey: found.public_key.trim() };
    });
}

/** Loaded on use, since a program that looks nothing up must not load the HTTP library. */
function lookUp<T>(args: { connection?: string }, find: (client: ImsClient) => Promise<T>): Promise<T> {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- `import()` is no way to load a CommonJS build late
    const { withProgramClient } = require("./programClient") as typeof Clients;
    return asRunError(() => withProgramClient(args, find));
}
