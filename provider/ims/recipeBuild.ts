import type { Context } from "../resource/context";
import { duration } from "../pulumi/duration";
import type { ImsJob, ImsJobRequest, ImsRecipe } from "./api";
import type { ImsClient } from "./client";
import { ImageJob, slownessOf, type Claiming } from "./imageJob";
import { makeOneTimeKey, registerKey, removeKey } from "./jobKey";
import { jobRequest } from "./jobFields";
import { discardJob } from "./leftovers";
import type { RecipeImageInputs } from "./recipeImage.schema";

const HOUR = 60 * 60_000;

/** A build from a recipe: nobody takes part in it. */
export class RecipeBuild extends ImageJob {
    private readonly building: number;

    constructor(
        private readonly inputs: RecipeImageInputs,
        private readonly recipe: ImsRecipe,
        content: string,
        context: Context<ImsClient>,
    ) {
        const slow = slownessOf(recipe);
        const { build, packaging } = inputs.timeLimits ?? {};
        super(content, context, duration(packaging) ?? HOUR * slow);
        this.building = duration(build) ?? 2 * HOUR * slow;
    }

    async run(claim: Claiming): Promise<string> {
        const { client, signal } = this.context;
        const { publicKey } = makeOneTimeKey(this.token);
        const key = await registerKey(this.token, publicKey, client, { signal });
        let job: ImsJob | undefined;
        try {
            const same = (one: ImsJob): boolean => one.public_key_id === key.id;
            job = await client.createJob(this.request(key.id), { signal, same });
            this.context.progress(`IMS job ${job.id}`);
            return await this.finish(job, claim);
        } finally {
            const made = job;
            await this.cleanUp(async (context) => {
                if (made) await discardJob(made, context);
                // The job is found by its key, so this goes last.
                await removeKey(key.id, client, { signal: context.signal });
            });
        }
    }

    /** Wherever it is, unless it has failed. */
    canResume({ status }: ImsJob): boolean {
        return status !== "error";
    }

    protected override async finish(job: ImsJob, claim: Claiming): Promise<string> {
        await this.wait(job, ["packaging_artifacts", "success"], this.building, "the image root to be built");
        return super.finish(job, claim);
    }

    private request(keyId: string): ImsJobRequest {
        const job = { job_type: "create", artifact_id: this.recipe.id, public_key_id: keyId } as const;
        return jobRequest(this.inputs, job);
    }
}
