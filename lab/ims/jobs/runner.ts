import * as path from "node:path";
import type { ObjectStore } from "../objects";
import type { ImsStore, Job } from "../store";
import { CreatePod } from "./createPod";
import { CustomizePod } from "./customizePod";
import type { JobDefect, PodOptions } from "./pod";
import { PodRecord } from "./podRecord";
import { Workspace } from "./workspace";

export interface RunnerOptions {
    /** Where the jobs' volumes are. */
    readonly folder: string;
    readonly store: ImsStore;
    readonly objects: ObjectStore;
    readonly certificate: string;
    readonly speed: number;
    readonly report: (job: Job, fields: Parameters<PodOptions["report"]>[0]) => Promise<void>;
}

const ENDED = ["success", "error"];

/** Runs the service's jobs. */
export class JobRunner {
    readonly #running = new Map<string, { abort: AbortController; ended: Promise<void> }>();
    readonly #records = new Map<string, PodRecord>();
    #defects: JobDefect[] = [];

    constructor(private readonly options: RunnerOptions) {}

    /** Goes on with the jobs that ran when the lab was stopped. */
    resume(): void {
        for (const job of this.options.store.jobs.list()) if (!ENDED.includes(job.status)) this.start(job);
    }

    /** The next job gets this defect. */
    breakNext(defect: JobDefect): void {
        this.#defects.push(defect);
    }

    start(job: Job): void {
        const abort = new AbortController();
        const { store, objects, certificate, speed } = this.options;
        const defect = this.#defects.shift();
        const Kind = job.job_type === "create" ? CreatePod : CustomizePod;
        const record = new PodRecord(job.kubernetes_job, Kind.containers);
        this.#records.set(job.id, record);
        const pod = new Kind(job, {
            record,
            ...{ store, objects, certificate, speed, signal: abort.signal },
            workspace: this.#workspace(job),
            publicKey: store.publicKeys.get(job.public_key_id)?.public_key,
            report: (fields) => this.options.report(job, fields),
            ...(defect ? { defect } : {}),
        });
        this.#running.set(job.id, { abort, ended: pod.run() });
    }

    /** The pods that the cluster has: one stays until its job is deleted. */
    pods(): PodRecord[] {
        return [...this.#records.values()];
    }

    sessionIsOver(jobId: string): boolean {
        return new Workspace(path.join(this.options.folder, jobId)).hasFlag();
    }

    addPod(job: string, container: string, lines: readonly string[]): void {
        const record = new PodRecord(job, { init: [], main: [container] });
        record.start(container);
        for (const line of lines) record.print(container, line);
        this.#records.set(job, record);
    }

    /** Ends a job that was deleted, and removes its pod and its volume. */
    async remove(job: Job): Promise<void> {
        this.#records.delete(job.id);
        await this.#stop(job.id);
        await this.#workspace(job).remove();
    }

    async close(): Promise<void> {
        await Promise.all([...this.#running.keys()].map((id) => this.#stop(id)));
    }

    async #stop(id: string): Promise<void> {
        const running = this.#running.get(id);
        this.#running.delete(id);
        running?.abort.abort();
        await running?.ended;
    }

    #workspace(job: Job): Workspace {
        return new Workspace(path.join(this.options.folder, job.id));
    }
}
