import * as crypto from "node:crypto";
import type { Context } from "../resource/context";
import { defineResource } from "../resource/definition";
import { EdgeError, messageOf } from "../resource/errors";
import type { Problem } from "../resource/problem";
import { isKnown, UNKNOWN } from "../resource/unknown";
import type { ImsImage } from "./api";
import { ImsError } from "./answers";
import { findBaseImage } from "./baseImage";
import { claimImage, IMS_CONTENT_KEY, type ImageClaim } from "./claims";
import type { ImsClient } from "./client";
import { Customization } from "./customization";
import {
    inputs,
    outputs,
    type CustomizedImageInputs,
    type CustomizedImageOutputs,
} from "./customizedImage.schema";
import { deleteRecord, readRecord, updateRecord, writeRecord } from "./imageRecord";
import { ImageDamaged, readImageContent, type ImageContent } from "./imageResult";
import type { JobStatus } from "./jobWait";
import { discardJob, findLeftovers, removeLeftKeys } from "./leftovers";
import { ims } from "./system";
import { findAnsible } from "./steps/ansible";
import { digestSteps } from "./steps/files";
import type { Step } from "./steps/schema";

const HOUR = 60 * 60_000;

type ImsContext = Context<ImsClient>;

export const customizedImage = defineResource({
    kind: "ims.CustomizedImage",
    system: ims,
    inputs,
    outputs,
    timeouts: { create: 8 * HOUR, update: HOUR, delete: HOUR },

    async check(image, context, state) {
        const problems: Problem[] = [];
        const endpoint = await context.ifAvailable(
            async (): Promise<string | typeof UNKNOWN> => context.client.endpoint,
            state?.endpoint ?? UNKNOWN,
        );
        let [baseImageId, baseEtag] = [state?.baseImageId ?? UNKNOWN, state?.baseEtag ?? UNKNOWN];
        const { baseImage, steps } = image;
        if (!isKnown(baseImage)) [baseImageId, baseEtag] = [UNKNOWN, UNKNOWN];
        else {
            const found = await context.ifAvailable(() => findBaseImage(baseImage, context), undefined);
            if (found && "image" in found)
                [baseImageId, baseEtag] = [found.image.id, found.image.link?.etag ?? ""];
            else if (found && state) keepBase(found.problem, context);
            else if (found) problems.push(found.problem);
        }
        const files = isKnown(steps) ? await digestSteps(steps, context.projectDir) : undefined;
        problems.push(...(files?.problems ?? []));
        const filesHash = files ? files.digest : UNKNOWN;
        if (isKnown(steps)) {
            const { jail } = image;
            problems.push(...(await ansibleProblems({ steps, jail, filesHash }, state, context)));
        }
        return { problems, values: { endpoint, baseImageId, baseEtag, filesHash } };
    },

    async create(image, context) {
        const { client, signal } = context;
        const content = contentOf(image);
        const base = await client.get("images", image.baseImageId, { signal });
        if (!base) throw new EdgeError(`the base image ${image.baseImageId} is gone`);
        const claim = context.newClaim();
        const customization = new Customization(image, base, content, context);
        const id = await obtain(customization, { claim, content }, context);
        return { id, outputs: await settle(id, image, claim, customization.history, context) };
    },

    async read(id, { inputs: declared, outputs: before }, context) {
        const found = await readRecord(id, declared, context);
        if (!found) return undefined;
        return {
            inputs: { ...found.inputs, ...(await baseNow(declared, context)) },
            outputs: { ...found.outputs, claim: before.claim },
        };
    },

    async update(id, state, image, context) {
        return updateRecord(id, image, state.inputs, context);
    },

    async delete(id, { inputs: image, outputs }, context) {
        await deleteRecord(id, image, outputs, context);
    },
});

/**
 * What stands in the way of steps with `ansible`. Whether it is installed here counts only where the image is made:
 * not for one that is there and stays as it is.
 */
async function ansibleProblems(
    { steps, jail, filesHash }: { steps: readonly Step[]; jail: unknown; filesHash: unknown },
    state: Partial<CustomizedImageInputs> | undefined,
    context: ImsContext,
): Promise<Problem[]> {
    const index = steps.findIndex(({ ansible }) => ansible !== undefined);
    if (index < 0) return [];
    if (jail === false) {
        const message =
            "needs jail: true, as in CFS: without a jail the SSH server is the job's container's, which Ansible would change " +
            "instead of the image";
        return [{ path: ["steps", index, "ansible"], message }];
    }
    const isMade = JSON.stringify(state?.steps) !== JSON.stringify(steps) || state?.filesHash !== filesHash;
    if (isMade) await context.ifAvailable(async () => findAnsible(context.settings.env), "");
    return [];
}

/** What the image is made of, in one digest: everything whose change makes a new one. */
function contentOf(image: CustomizedImageInputs): string {
    const { name, kernelFileName, initrdFileName, requireDkms, steps, baseImageId, baseEtag, filesHash } =
        image;
    const parts = {
        name,
        kernelFileName,
        initrdFileName,
        requireDkms,
        steps,
        baseImageId,
        baseEtag,
        filesHash,
    };
    return crypto.createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/**
 * The image's id: of one that an interrupted run has finished, of one that was deleted softly, or of a new one. It is
 * claimed before the job that made it is removed: there is no moment at which nothing leads to it.
 */
async function obtain(customization: Customization, claim: ImageClaim, context: ImsContext): Promise<string> {
    const left = await findLeftovers(claim.content, context);
    await removeLeftKeys(context);
    const claimIt = (id: string): Promise<void> => claimImage(id, claim, context);
    const going = left.image ? undefined : left.jobs.find((job) => customization.isResumable(job));
    for (const job of left.jobs) if (job !== going) await discardJob(job, context);
    const present = left.image ?? (going ? undefined : await broughtBack(left.deletedImage, context));
    if (present) {
        await claimIt(present.id);
        return present.id;
    }
    if (!going) return customization.run(claimIt);
    context.log.info(`goes on with IMS job ${going.id}, which an interrupted run has left`);
    return customization.resume(going, claimIt);
}

/** Undeletes an image; one whose manifest is lost cannot be, and is made anew. */
async function broughtBack(
    deleted: ImsImage | undefined,
    { client, signal, log }: ImsContext,
): Promise<ImsImage | undefined> {
    if (!deleted) return undefined;
    log.info(`brings back image ${deleted.id}, which has this content and was deleted softly`);
    try {
        await client.undelete("images", deleted.id, { signal });
        return deleted;
    } catch (error) {
        if (!(error instanceof ImsError) || error.status !== 422) throw error;
        log.warn(`${messageOf(error)}: the image is made anew`);
        return undefined;
    }
}

/** Writes what belongs to the record, and reads what stands behind it. */
async function settle(
    id: string,
    declared: CustomizedImageInputs,
    claim: string,
    jobHistory: JobStatus[],
    context: ImsContext,
): Promise<CustomizedImageOutputs> {
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

/** The base as it is now: other content, or gone. */
async function baseNow(
    declared: CustomizedImageInputs,
    { client, signal, log }: ImsContext,
): Promise<{ baseEtag?: string }> {
    const base = await client.get("images", declared.baseImageId, { signal });
    if (base) return { baseEtag: base.link?.etag ?? "" };
    log.warn(`the base image ${declared.baseImageId} is gone: this image stays, and could not be made again`);
    return {};
}

/** A finished image outlives its base. */
function keepBase({ message }: Problem, { log }: ImsContext): void {
    log.warn(`baseImage: ${message}. The image that was made of it stays as it is`);
}
