import type { Context } from "../resource/context";
import type { ImsImage, ImsJob } from "./api";
import { IMS_CLAIM_KEY, IMS_CONTENT_KEY } from "./claims";
import type { ImsClient } from "./client";
import { removeBegun } from "./imageRecord";
import { removeKey } from "./jobKey";
import { tokensOfJobs } from "./jobTokens";

type ImsContext = Context<ImsClient>;

/** A job of a row, and what it was marked with: the token of the same content, or of an older version of the inputs. */
export interface LeftJob {
    readonly job: ImsJob;
    readonly token: string;
}

/** What an interrupted run of a row has left. */
export interface Leftovers {
    readonly jobs: LeftJob[];
    /** A finished image of this row with the same content, which only the state does not know of. */
    readonly image?: ImsImage;
    /** The same, deleted softly. */
    readonly deletedImage?: ImsImage;
}

/** Looks for what belongs to the row by its tokens and claims, anew and not in a shared list. */
export async function findLeftovers(content: string, context: ImsContext): Promise<Leftovers> {
    const { client, signal } = context;
    const isOurs = (text: string | undefined): boolean => context.ownership(text) === "row";
    const isResult = ({ link, metadata }: ImsImage): boolean =>
        link !== null && isOurs(metadata?.[IMS_CLAIM_KEY]) && metadata?.[IMS_CONTENT_KEY] === content;
    const jobs = await leftJobs(context);
    const image = (await client.list("images", { signal, maxAge: 0 })).find(isResult);
    const deletedImage = image ? undefined : (await client.listDeleted("images", { signal })).find(isResult);
    return { jobs, ...(image ? { image } : {}), ...(deletedImage ? { deletedImage } : {}) };
}

async function leftJobs(context: ImsContext): Promise<LeftJob[]> {
    const { client, signal } = context;
    const jobs = await client.list("jobs", { signal, maxAge: 0 });
    if (jobs.length === 0) return [];
    const tokenOf = await tokensOfJobs(client, { signal });
    return jobs.flatMap((job) => {
        const token = tokenOf(job);
        return token !== undefined && context.ownership(token) === "row" ? [{ job, token }] : [];
    });
}

/** Removes one-time keys of this row that a run which died has left, deleted softly or not at all; not the one to keep. */
export async function removeLeftKeys(context: ImsContext, keep?: string): Promise<void> {
    const { client, signal } = context;
    const isOurs = ({ id, name }: { id: string; name: string }): boolean =>
        id !== keep && context.ownership(name) === "row";
    for (const { id } of (await client.list("public-keys", { signal, maxAge: 0 })).filter(isOurs)) {
        await removeKey(id, client, { signal });
    }
    for (const { id } of (await client.listDeleted("public-keys", { signal })).filter(isOurs)) {
        await client.forget("public-keys", id, { signal });
    }
}

/** Removes a job, and what it has made that nobody has claimed. */
export async function discardJob(job: ImsJob, context: ImsContext): Promise<void> {
    const { client, signal } = context;
    // Its result may have been named since it was looked at last.
    const now = (await client.get("jobs", job.id, { signal })) ?? job;
    await client.remove("jobs", job.id, { signal });
    if (now.status !== "success") await removeHalfMade(job, context);
    if (now.resultant_image_id !== null) await removeUnclaimed(now.resultant_image_id, context);
}

/** Softly: somebody may have ended the session by hand to get it. Where there is no metadata, nothing can be told. */
async function removeUnclaimed(id: string, { client, signal }: ImsContext): Promise<void> {
    const image = await client.get("images", id, { signal });
    if (image?.metadata && image.metadata[IMS_CLAIM_KEY] === undefined) {
        await client.remove("images", id, { signal });
    }
}

/** Records that a job made for its result and never finished: no link, the job's name, not older than the job. */
async function removeHalfMade(job: ImsJob, { client, signal }: ImsContext): Promise<void> {
    // A record does not tell its job: while another one packs an image of this name, it may be that one's.
    const isPacking = (other: ImsJob): boolean =>
        other.status === "packaging_artifacts" &&
        other.image_root_archive_name === job.image_root_archive_name;
    if ((await client.list("jobs", { signal, maxAge: 0 })).some(isPacking)) return;
    const images = await client.list("images", { signal, maxAge: 0 });
    const halfMade = images.filter(
        ({ name, link, created, metadata }) =>
            link === null &&
            // No job claims: a claimed record is of an import that is still under way.
            metadata?.[IMS_CLAIM_KEY] === undefined &&
            name === job.image_root_archive_name &&
            Date.parse(created) >= Date.parse(job.created),
    );
    for (const { id } of halfMade) await removeBegun(id, { client, signal });
}
