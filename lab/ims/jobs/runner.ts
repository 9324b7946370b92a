import * as net from "node:net";
import * as path from "node:path";
import { once } from "node:events";
import type { ObjectStore } from "../objects";
import type { ImsStore, Job } from "../store";
import { Pod, type JobDefect, type PodOptions } from "./pod";
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
        // Building from a recipe needs the site's package repositories; only its API is here.
        if (job.job_type === "create") return;
        const abort = new AbortController();
        const { store, objects, certificate, speed } = this.options;
        const defect = this.#defects.shift();
        const pod = new Pod(job, {
            ...{ store, objects, certificate, speed, signal: abort.signal },
            workspace: this.#workspace(job),
            publicKey: store.publicKeys.get(job.public_key_id)?.public_key,
            report: (fields) => this.options.report(job, fields),
            ...(defect ? { defect } : {}),
        });
        this.#running.set(job.id, { abort, ended: pod.run() });
    }

    /** Ends a job that was deleted, and removes its volume. */
    async remove(job: Job): Promise<void> {
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

/** A port that nothing listens on now. */
export async function freePort(): Promise<number> {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, "close");
    return port;
}
