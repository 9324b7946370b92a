import { setTimeout as sleep } from "node:timers/promises";
import type { ObjectStore } from "../objects";
import type { ImsStore, Job } from "../store";
import { upload } from "./artifacts";
import type { PodEnd, PodRecord } from "./podRecord";
import { isFile, type Workspace } from "./workspace";

/** Where a job can be stopped for ever, or made to fail, as a pod that is evicted or runs out of room. */
export interface JobDefect {
    readonly at:
        | "creating"
        | "fetching_image"
        | "waiting_on_user"
        | "fetching_recipe"
        | "building_image"
        | "packaging_artifacts";
    /** `hang`: the status never changes again; `error`: the job says that it has failed. */
    readonly do: "hang" | "error";
    /** What the cluster shows of it. Default: a container that hangs, or has ended with exit code 1. */
    readonly pod?: PodEnd;
}

export interface PodOptions {
    readonly store: ImsStore;
    readonly objects: ObjectStore;
    readonly workspace: Workspace;
    /** Put into the image root before anybody may enter it. */
    readonly certificate: string;
    /** Absent once the record is deleted, which is only after the job has begun. */
    readonly publicKey: string | undefined;
    /** What the cluster shows of the pod. */
    readonly record: PodRecord;
    /** Reports a status or the resulting image as the pod does: by the service's own API. */
    readonly report: (fields: Partial<Pick<Job, "status" | "resultant_image_id">>) => Promise<void>;
    readonly defect?: JobDefect;
    /** Divides the pauses that the containers make: seconds of starting and polling. */
    readonly speed: number;
    readonly signal: AbortSignal;
}

/** How long a pod takes to be scheduled, and how often its containers look for each other's flags, in milliseconds. */
export const START = 1_000;
export const POLL = 5_000;

/** The container that packs, in jobs of either kind. */
export const SIDECAR = "buildenv-sidecar";

export class Failed extends Error {}
class Hangs extends Error {}

/** The containers of a job, one after the other. */
export abstract class Pod {
    constructor(
        protected readonly job: Job,
        protected readonly options: PodOptions,
    ) {}

    /** Runs from the status that the job has, which is not the first one after a restart of the lab. */
    async run(): Promise<void> {
        const { signal, report, record } = this.options;
        try {
            await this.work();
            await this.packAndUpload();
        } catch (error) {
            if (signal.aborted || error instanceof Hangs) return;
            if (!(error instanceof Failed))
                process.stderr.write(`lab IMS job ${this.job.id}: ${String(error)}\n`);
            for (const container of record.running()) {
                record.print(container, `ERROR: ${error instanceof Error ? error.message : String(error)}`);
                record.end(container, 1);
            }
            await report({ status: "error" });
        } finally {
            await this.stop();
        }
    }

    /** Makes the image root, and has it changed. */
    protected abstract work(): Promise<void>;

    /** Ends what still runs beside it. */
    protected abstract stop(): Promise<void>;

    protected meetDefect(at: JobDefect["at"]): void {
        const { defect, record } = this.options;
        if (defect?.at !== at) return;
        if (defect.pod) record.strike(defect.pod);
        throw defect.do === "hang" ? new Hangs(at) : new Failed(`a defect at ${at}`);
    }

    protected async pause(milliseconds: number): Promise<void> {
        const { speed, signal } = this.options;
        await sleep(milliseconds / speed, undefined, { signal });
    }

    /** Runs what one init container does. */
    protected async init(container: string, body: () => Promise<void>): Promise<void> {
        const { record } = this.options;
        record.start(container);
        await body();
        record.end(container, 0);
    }

    private async packAndUpload(): Promise<void> {
        const { store, objects, workspace, report, record, signal } = this.options;
        await this.pause(POLL / 5);
        await report({ status: "packaging_artifacts" });
        record.start(SIDECAR);
        this.meetDefect("packaging_artifacts");
        for (const name of [this.job.kernel_file_name, this.job.initrd_file_name]) {
            if (!(await isFile(workspace.boot(name)))) throw new Failed(`no regular file boot/${name}`);
        }
        const packed = await workspace.pack(this.job.image_root_archive_name, signal);
        const image = store.images.put({
            id: store.newId(),
            created: store.now(),
            name: this.job.image_root_archive_name,
            link: null,
            arch: this.job.arch,
            metadata: {},
        });
        const link = await upload(this.job, image, packed, workspace, objects, signal);
        signal.throwIfAborted();
        store.images.put({ ...image, link });
        await report({ resultant_image_id: image.id });
        await this.pause(POLL / 10);
        record.end(SIDECAR, 0);
        await report({ status: "success" });
    }
}
