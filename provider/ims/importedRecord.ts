import type { Context } from "../resource/context";
import { messageOf } from "../resource/errors";
import type { ImsImage } from "./api";
import { claimImage, IMS_CLAIM_KEY, IMS_CONTENT_KEY, type ImageClaim } from "./claims";
import type { ImsClient } from "./client";
import { createdAt } from "./created";
import { hasObjects } from "./imageObjects";
import { bringBack, removeBegun } from "./imageRecord";
import { ImageDamaged, readImageContent } from "./imageResult";

type ImsContext = Context<ImsClient>;

/** A record of the image to be: what identifies it before anything is uploaded. */
export interface Wanted {
    readonly name: string;
    readonly arch?: string | undefined;
}

const DEFAULT_ARCH = "x86_64";
/** Between the creation of a record and its claim nobody else may take it for an empty one. */
const SETTLING = 10_000;

/**
 * The record for an import: one that is complete already, one that an interrupted run has begun, one that was deleted
 * softly, or a new one. It is claimed, so that the next run finds it.
 */
export async function obtainRecord(wanted: Wanted, claim: ImageClaim, context: ImsContext): Promise<string> {
    const { client, signal } = context;
    const images = await client.list("images", { signal, maxAge: 0 });
    const mine = images.filter((image) => isMine(image, context));
    const sameContent = ({ metadata }: ImsImage): boolean => metadata?.[IMS_CONTENT_KEY] === claim.content;
    for (const image of mine) if (!image.link && !sameContent(image)) await removeBegun(image.id, context);
    const present =
        (await wholeOf(
            mine.filter((image) => image.link !== null && sameContent(image)),
            context,
        )) ??
        mine.find((image) => !image.link && sameContent(image)) ??
        (await broughtBack(sameContent, context)) ??
        (await emptyOne(images, wanted, context));
    const id = present?.id ?? (await newRecord(images, wanted, context));
    await claimImage(id, claim, context);
    return id;
}

function isMine({ metadata }: ImsImage, context: ImsContext): boolean {
    return context.ownership(metadata?.[IMS_CLAIM_KEY]) === "row";
}

/** The first whose manifest and artifacts are there; a damaged one is deleted, softly, and not brought back. */
async function wholeOf(candidates: readonly ImsImage[], context: ImsContext): Promise<ImsImage | undefined> {
    const { client, signal, log } = context;
    for (const image of candidates) {
        try {
            await readImageContent(image, client, { signal });
            return image;
        } catch (error) {
            if (!(error instanceof ImageDamaged)) throw error;
            log.warn(`${messageOf(error)}: it is imported anew`);
            await client.removeMetadata(image.id, IMS_CONTENT_KEY, { signal });
            await client.remove("images", image.id, { signal });
        }
    }
    return undefined;
}

async function broughtBack(
    sameContent: (image: ImsImage) => boolean,
    context: ImsContext,
): Promise<ImsImage | undefined> {
    const { client, signal } = context;
    const deleted = (await client.listDeleted("images", { signal })).find(
        (image) => image.link !== null && isMine(image, context) && sameContent(image),
    );
    if (!deleted || !(await bringBack(deleted, context))) return undefined;
    const image = await client.get("images", deleted.id, { signal });
    return image && wholeOf([image], context);
}

/**
 * An empty record of the name that nobody has claimed, as a run leaves it which was killed right after making it; the
 * system's own helper fills such records, too. Not while a job packs an image of the name: it may be that one's.
 */
async function emptyOne(
    images: readonly ImsImage[],
    { name, arch = DEFAULT_ARCH }: Wanted,
    context: ImsContext,
): Promise<ImsImage | undefined> {
    const { client, signal } = context;
    const fits = (image: ImsImage): boolean =>
        image.link === null && image.name === name && image.arch === arch && !image.metadata?.[IMS_CLAIM_KEY];
    const candidates = images.filter(fits).filter((image) => context.now() - createdAt(image) > SETTLING);
    if (candidates.length === 0) return undefined;
    const jobs = await client.list("jobs", { signal, maxAge: 0 });
    const isPacked = jobs.some(
        (job) => job.image_root_archive_name === name && job.status === "packaging_artifacts",
    );
    if (isPacked) return undefined;
    for (const image of candidates) if (!(await hasObjects(image.id, context))) return image;
    return undefined;
}

async function newRecord(
    images: readonly ImsImage[],
    { name, arch }: Wanted,
    { client, signal }: ImsContext,
): Promise<string> {
    const before = new Set(images.map(({ id }) => id));
    const same = (image: ImsImage): boolean =>
        !before.has(image.id) && image.name === name && image.link === null;
    // Metadata come later, one by one: older services store those of a creation wrongly.
    const body = { name, ...(arch === undefined ? {} : { arch }) };
    return (await client.createOnce("images", body, { signal, same })).id;
}
