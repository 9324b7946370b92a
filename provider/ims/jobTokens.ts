import type { ImsJob } from "./api";
import type { CallOptions, ImsClient } from "./client";

/** Tells the token that the resource which started a job gave it, if one did. */
export type TokenOf = (job: ImsJob) => string | undefined;

/** The token of a customization: the name of its SSH container. */
export function customizationToken(job: ImsJob): string | undefined {
    return job.ssh_containers?.[0]?.name;
}

/**
 * The tokens of all jobs. The service refuses containers in a build from a recipe, so the key that such a job must be
 * given, and that nobody logs in with, has the token for its name; it stays until the job has gone.
 */
export async function tokensOfJobs(client: ImsClient, { signal }: CallOptions = {}): Promise<TokenOf> {
    const keys = [
        ...(await client.list("public-keys", { signal, maxAge: 0 })),
        ...(await client.listDeleted("public-keys", { signal })),
    ];
    const names = new Map(keys.map(({ id, name }) => [id, name]));
    return (job) => (job.job_type === "create" ? names.get(job.public_key_id) : customizationToken(job));
}
