import * as pulumi from "@pulumi/pulumi";
import { asRunError } from "../pulumi/programClients";
import type { ImsPublicKey } from "./api";
import { findBaseImage } from "./baseImage";
import type { ImsClient } from "./client";
import type * as Clients from "./programClient";

/** Which image: by exact name, or by id. */
export interface ImageLookUpArgs {
    /** Exact name. Names are not unique. */
    name?: string;
    /** Of several images of the name: `"only"` refuses them, `"newest"` takes the newest. Default: `"only"`. */
    pick?: "only" | "newest";
    /** The image's id. */
    id?: string;
    /** A block of `edge-os:connections`. Default: `edge-os:ims`. */
    connection?: string;
}

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

export interface ImageInfo {
    imageId: string;
    name: string;
    architecture: string;
    /** As IMS writes it: UTC, without a zone. */
    created: string;
    /** `s3://boot-images/<id>/manifest.json`, for a boot session template. */
    manifest: string;
    /** Of the manifest, as the record has it; IMS does not vouch for it. */
    etag: string;
    metadata: Record<string, string>;
}

export interface PublicKeyInfo {
    keyId: string;
    name: string;
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
    const { name, id, pick } = args;
    if ((name === undefined) === (id === undefined)) {
        throw new pulumi.RunError("to look up an image, give its name or its id");
    }
    return lookUp(args, async (client) => {
        const meant = id ?? { name: name ?? "", pick };
        const found = await findBaseImage(meant, { client, signal: new AbortController().signal });
        if ("problem" in found)
            throw new pulumi.RunError(`${found.problem.message} (IMS at ${client.endpoint})`);
        const { image } = found;
        return {
            ...{ imageId: image.id, name: image.name, architecture: image.arch, created: image.created },
            ...{ manifest: image.link?.path ?? "", etag: image.link?.etag ?? "" },
            metadata: { ...image.metadata },
        };
    });
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
