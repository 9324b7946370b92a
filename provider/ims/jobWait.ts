import { EdgeError } from "../resource/errors";
import type { Context } from "../resource/context";
import type { ImsJob } from "./api";
import type { ImsClient } from "./client";
import { podReport } from "./podReport";

/** A status as it was first seen. */
export interface JobStatus {
    readonly status: string;
    /** Seconds since the job was first looked at. */
    readonly after: number;
}

export interface JobWait {
    /** The statuses that end the wait well. */
    readonly until: readonly string[];
    /** In milliseconds. */
    readonly timeLimit: number;
    /** Names the wait in messages: `the job's session`. */
    readonly title: string;
    readonly history: JobStatus[];
}

/** By this factor the pauses grow: a change is seen at most a fifth later than it came, or two seconds. */
const GROWTH = 1.2;
const FIRST_POLL = 250;
const LONGEST_POLL = 2_000;

/** What the statuses mean, for the row. Unknown ones are shown as they are. */
const MEANINGS: Readonly<Record<string, string>> = {
    creating: "waiting for its pod",
    fetching_image: "fetching and unpacking the base image",
    fetching_recipe: "fetching the recipe",
    waiting_for_repos: "waiting for the package repositories",
    building_image: "building the image root",
    waiting_on_user: "ready for the session",
    packaging_artifacts: "packing and uploading the image",
};

/** Waits for a job's status. The service has no time limits, and a pod that died leaves its last status for ever. */
export async function waitForJob(id: string, wait: JobWait, context: Context<ImsClient>): Promise<ImsJob> {
    const { client, signal } = context;
    const began = context.now();
    let pause = FIRST_POLL;
    let last = "";
    for (;;) {
        const job = await client.get("jobs", id, { signal });
        if (!job) throw new EdgeError(`job ${id} is gone: somebody has deleted it while it ran`);
        if (job.status !== last) {
            last = job.status;
            pause = FIRST_POLL;
            note(job.status, wait.history, context);
            context.progress(meaningOf(job.status, wait));
        }
        if (wait.until.includes(job.status)) return job;
        if (job.status === "error") throw new JobFailed(job, await podReport(job, context));
        if (context.now() - began > wait.timeLimit) {
            throw new JobStuck(job, wait, await podReport(job, context));
        }
        await context.sleep(pause);
        pause = Math.min(pause * GROWTH, LONGEST_POLL);
    }
}

/** The status stays for a while behind the session's end. */
function meaningOf(status: string, { until }: JobWait): string {
    if (status === "waiting_on_user" && !until.includes(status)) return "ending the session";
    return MEANINGS[status] ?? status;
}

function note(status: string, history: JobStatus[], context: Context<ImsClient>): void {
    const first = started.get(history) ?? context.now();
    started.set(history, first);
    // Two waits that follow each other begin with what the first has ended with.
    if (history.at(-1)?.status === status) return;
    history.push({ status, after: Math.round((context.now() - first) / 100) / 10 });
}

const started = new WeakMap<JobStatus[], number>();

/** What is known to end jobs of each type. */
const CAUSES: Readonly<Record<string, string>> = {
    customize:
        "the root file system of the base image is damaged or has another md5 than its manifest says, no room for packing " +
        "(raise buildEnvSize) or too little memory (raise jobMemSize)",
    create:
        "a package that the recipe names and no repository has, a kernel or initrd in /boot under another name, no room " +
        "(raise buildEnvSize) or too little memory (raise jobMemSize)",
};

/** The job says that it has failed; the service never says why. */
class JobFailed extends EdgeError {
    constructor(
        readonly job: ImsJob,
        report: string,
    ) {
        const causes = CAUSES[job.job_type] ?? "";
        super(
            `IMS job ${job.id} ended in error, and the service does not say why. Known causes: ${causes}.\n${report}`,
        );
    }
}

/** The status has not changed for too long. */
class JobStuck extends EdgeError {
    constructor(
        readonly job: ImsJob,
        { title, timeLimit }: JobWait,
        report: string,
    ) {
        const hints: Readonly<Record<string, string>> = {
            creating:
                "its pod may be Pending (no memory or room for buildEnvSize) or its images cannot be pulled",
            fetching_image: "its pod may have been evicted, or the storage does not answer",
            fetching_recipe: "its pod may have been evicted, or the storage does not answer",
            waiting_for_repos: "a repository that the recipe names does not answer",
            building_image:
                "its pod may have run out of memory (raise jobMemSize) or room (raise buildEnvSize)",
            packaging_artifacts:
                "its pod may have run out of memory (raise jobMemSize) or room (raise buildEnvSize)",
        };
        const hint = hints[job.status] ?? "its pod may have died";
        super(
            `waited ${Math.round(timeLimit / 1000)} s for ${title}, and IMS job ${job.id} is still ${job.status}: ${hint}. ` +
                `Look with: kubectl -n ${job.kubernetes_namespace ?? "ims"} describe job ${job.kubernetes_job ?? ""}\n${report}`,
        );
    }
}
