import { claimAuthor } from "../resource/claim";
import type { Context } from "../resource/context";
import { EdgeError, messageOf } from "../resource/errors";
import type { ImsJob } from "./api";
import type { ImsClient } from "./client";
import { discardJob, removeLeftKeys } from "./leftovers";
import { waitForJob, type JobStatus } from "./jobWait";

/** Makes an image this row's. */
export type Claiming = (id: string) => Promise<void>;

const MINUTE = 60_000;
/** How long the clean-up after a failure or a cancellation may take. */
const CLEAN_UP = 2 * MINUTE;

/** Emulating another architecture makes everything some ten times slower. */
const EMULATION = 4;

/** By what the usual time limits of a job grow. */
export function slownessOf({ arch }: { readonly arch: string }): number {
    return arch === "aarch64" ? EMULATION : 1;
}

/** A job that makes an image, from its creation to the image that it leaves. */
export abstract class ImageJob {
    readonly history: JobStatus[] = [];
    /** Found again by its row part, and by the rest told from a job of other content. */
    readonly token: string;

    constructor(
        content: string,
        protected readonly context: Context<ImsClient>,
        /** For packing and uploading, in milliseconds. */
        private readonly packaging: number,
    ) {
        this.token = claimAuthor(context.newClaim()) + content.slice(0, 8);
    }

    /**
     * Runs it anew. Returns the id of the image, which `claim` has made ours; whatever happens, job and key do not stay
     * unless they shall.
     */
    abstract run(claim: Claiming): Promise<string>;

    /** Goes on with a job of this content that an interrupted run has left. */
    async resume(job: ImsJob, claim: Claiming): Promise<string> {
        try {
            return await this.finish(job, claim);
        } finally {
            await this.cleanUp(async (context) => {
                await discardJob(job, context);
                await removeLeftKeys(context);
            });
        }
    }

    /** Whether nothing but waiting is left to do for a job of this content. */
    abstract canResume(job: ImsJob): boolean;

    protected wait(job: ImsJob, until: readonly string[], timeLimit: number, title: string): Promise<ImsJob> {
        return waitForJob(job.id, { until, timeLimit, title, history: this.history }, this.context);
    }

    /** Success needs a status, an image's id, and an image with its link: each has been seen without the others. */
    protected async finish(job: ImsJob, claim: Claiming): Promise<string> {
        const done = await this.wait(job, ["success"], this.packaging, "the image to be packed");
        const { resultant_image_id: id } = done;
        if (id === null) throw new EdgeError(`IMS job ${job.id} ended in success, and names no image`);
        await claim(id);
        return id;
    }

    /** Runs also after a cancellation, with a limit of its own; what it cannot do is told and does not hide the error. */
    protected async cleanUp(body: (context: Context<ImsClient>) => Promise<void>): Promise<void> {
        const context = { ...this.context, signal: AbortSignal.timeout(CLEAN_UP) };
        try {
            await body(context);
        } catch (error) {
            this.context.log.warn(
                `what the job needed could not be removed (${messageOf(error)}): the next run removes it, or see edge-os ims jobs`,
            );
        }
    }
}
