import { z } from "zod";
import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import type { ImsImage } from "./api";
import { claimImage, IMS_CONTENT_KEY, type ImageClaim } from "./claims";
import type { ImsClient } from "./client";
import type { ImageJob } from "./imageJob";
import { bringBack, writeRecord, type RecordInputs } from "./imageRecord";
import { ImageDamaged, readImageContent, type ImageContent } from "./imageResult";
import { discardJob, findLeftovers, removeLeftKeys, type LeftJob } from "./leftovers";

type ImsContext = Context<ImsClient>;

/** What is known of an image that a job has made. */
export const outputs = z.object({
    claim: z.string(),
    imageId: z.string(),
    architecture: z.string(),
    manifest: z.string(),
    manifestEtag: z.string(),
    artifacts: z.array(
        z.object({
            type: z.string(),
            path: z.string(),
            etag: z.string(),
            md5: z.string(),
            sizeBytes: z.number(),
        }),
    ),
    jobHistory: z.array(z.object({ status: z.string(), after: z.number() })),
});

type JobImageOutputs = z.output<typeof outputs>;

/** The image of this content: found, brought back, or made by the job; claimed, looked at, and described as declared. */
export async function makeImage(
    job: ImageJob,
    { content, declared }: { readonly content: string; readonly declared: RecordInputs },
    context: ImsContext,
): Promise<{ id: string; outputs: JobImageOutputs }> {
    const claim = context.newClaim();
    const id = await obtain(job, { claim, content }, context);
    return { id, outputs: await settle(id, declared, { claim, job }, context) };
}

/**
 * The image's id: of one that an interrupted run has finished, of one that was deleted softly, or of a new one. It is
 * claimed before the job that made it is removed: there is no moment at which nothing leads to it.
 */
async function obtain(job: ImageJob, claim: ImageClaim, context: ImsContext): Promise<string> {
    const left = await findLeftovers(claim.content, context);
    const isSame = ({ token, job: one }: LeftJob): boolean => token === job.token && job.canResume(one);
    const going = left.image ? undefined : left.jobs.find(isSame)?.job;
    for (const { job: one } of left.jobs) if (one !== going) await discardJob(one, context);
    // By its key a build from a recipe would be found once more.
    await removeLeftKeys(context, going?.public_key_id);
    const claimIt = (id: string): Promise<void> => claimImage(id, claim, context);
    if (going) {
        context.log.info(`goes on with IMS job ${going.id}, which an interrupted run has left`);
        return job.resume(going, claimIt);
    }
    const present = left.image ?? (await broughtBack(left.deletedImage, context));
    if (!present) return job.run(claimIt);
    await claimIt(present.id);
    return present.id;
}

async function broughtBack(
    deleted: ImsImage | undefined,
    context: ImsContext,
): Promise<ImsImage | undefined> {
    return deleted && (await bringBack(deleted, context)) ? deleted : undefined;
}

/** Writes what belongs to the record, and reads what stands behind it. */
async function settle(
    id: string,
    declared: RecordInputs,
    { claim, job: { history: jobHistory } }: { claim: string; job: ImageJob },
    context: ImsContext,
): Promise<JobImageOutputs> {
    const { client, signal } = context;
    const image = await client.get("images", id, { signal });
    if (!image) throw new EdgeError(`the job's image ${id} is not there`);
    const content = await contentBehind(image, context);
    const architecture = await writeRecord(image, declared, {}, context);
    context.progress(`image ${id}`);
    return { claim, imageId: id, architecture, ...content, jobHistory };
}

/** A damaged image is deleted, softly, and without what would bring it back as one of this content. */
async function contentBehind(image: ImsImage, { client, signal }: ImsContext): Promise<ImageContent> {
    try {
        return await readImageContent(image, client, { signal });
    } catch (error) {
        if (!(error instanceof ImageDamaged)) throw error;
        await client.removeMetadata(image.id, IMS_CONTENT_KEY, { signal });
        await client.remove("images", image.id, { signal });
        throw error;
    }
}
