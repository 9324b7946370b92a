import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ObjectStore } from "../objects";
import { rootfsForJob } from "../rest/manifest";
import type { ImsStore, Job } from "../store";
import { upload } from "./artifacts";
import { SshServer } from "./sshServer";
import { isFile, type Workspace } from "./workspace";

/** Where a job can be stopped for ever, or made to fail, as a pod that is evicted or runs out of room. */
export interface JobDefect {
    readonly at: "creating" | "fetching_image" | "waiting_on_user" | "packaging_artifacts";
    /** `hang`: the status never changes again; `error`: the job says that it has failed. */
    readonly do: "hang" | "error";
}

export interface PodOptions {
    readonly store: ImsStore;
    readonly objects: ObjectStore;
    readonly workspace: Workspace;
    /** Put into the image root before the session. */
    readonly certificate: string;
    /** Absent once the record is deleted, which is only after the job has begun. */
    readonly publicKey: string | undefined;
    /** Reports a status or the resulting image as the pod does: by the service's own API. */
    readonly report: (fields: Partial<Pick<Job, "status" | "resultant_image_id">>) => Promise<void>;
    readonly defect?: JobDefect;
    /** Divides the pauses that the containers make: seconds of starting and polling. */
    readonly speed: number;
    readonly signal: AbortSignal;
}

/** How long a pod takes to be scheduled, and how often its containers look for each other's flags, in milliseconds. */
const START = 1_000;
const POLL = 5_000;

class Failed extends Error {}
class Hangs extends Error {}

/** The containers of a customization job, one after the other. */
export class Pod {
    private readonly ssh: SshServer;

    constructor(
        private readonly job: Job,
        private readonly options: PodOptions,
    ) {
        this.ssh = new SshServer(job, options.workspace);
    }

    /** Runs from the status that the job has, which is not the first one after a restart of the lab. */
    async run(): Promise<void> {
        const { signal, report, publicKey } = this.options;
        try {
            if (publicKey !== undefined) await this.ssh.authorize(publicKey);
            if (["creating", "fetching_image"].includes(this.job.status)) await this.fetch();
            if (this.job.status !== "packaging_artifacts") await this.letIn();
            await this.packAndUpload();
        } catch (error) {
            if (signal.aborted || error instanceof Hangs) return;
            if (!(error instanceof Failed))
                process.stderr.write(`lab IMS job ${this.job.id}: ${String(error)}\n`);
            await report({ status: "error" });
        } finally {
            await this.ssh.stop();
        }
    }

    private async fetch(): Promise<void> {
        const { store, objects, workspace, signal } = this.options;
        await this.pause(START);
        this.meetDefect("creating");
        await this.options.report({ status: "fetching_image" });
        this.meetDefect("fetching_image");
        const image = store.images.get(this.job.artifact_id);
        if (!image) throw new Failed("the base image is gone");
        const place = await rootfsForJob(image, objects);
        const [rootfs, head] = [await objects.get(place), await objects.head(place)];
        if (!rootfs) throw new Failed("the root file system is gone");
        const md5 = crypto.createHash("md5").update(rootfs).digest("hex");
        if (head?.metadata.md5sum !== undefined && head.metadata.md5sum !== md5) throw new Failed("md5");
        await workspace.unpack(rootfs, signal).catch((error: unknown) => {
            throw new Failed("the root file system is no SquashFS", { cause: error });
        });
    }

    /** Opens the session and waits for its end; nothing but the user ends it. */
    private async letIn(): Promise<void> {
        const { workspace, certificate, report, signal } = this.options;
        await workspace.prepare(certificate);
        for (const flag of this.flags()) await fs.rm(flag.file, { recursive: true, force: true });
        await this.pause(POLL);
        const open = this.ssh.start(signal);
        await report({ status: "waiting_on_user" });
        await open;
        this.meetDefect("waiting_on_user");
        const outcome = await this.flag();
        await fs.rm(outcome.file, { force: true });
        await this.pause(POLL / 5);
        await this.ssh.stop();
        await workspace.restore();
        if (outcome.says === "failed") throw new Failed("the user says so");
    }

    private flags(): { says: "failed" | "complete"; file: string }[] {
        const { workspace } = this.options;
        const jail = this.job.ssh_containers?.[0]?.jail ?? false;
        const place = (name: string): string =>
            jail ? path.join(workspace.imageRoot, "tmp", name) : workspace.beside(name);
        // A failure counts, whatever else is there.
        return [
            { says: "failed", file: place("failed") },
            { says: "complete", file: place("complete") },
        ];
    }

    private async flag(): Promise<{ says: "failed" | "complete"; file: string }> {
        for (;;) {
            for (const flag of this.flags()) if (await isFile(flag.file)) return flag;
            await this.pause(POLL);
        }
    }

    private async packAndUpload(): Promise<void> {
        const { store, objects, workspace, report, signal } = this.options;
        await this.pause(POLL / 5);
        await report({ status: "packaging_artifacts" });
        this.meetDefect("packaging_artifacts");
        const boot = path.join(workspace.imageRoot, "boot");
        for (const name of [this.job.kernel_file_name, this.job.initrd_file_name]) {
            if (!(await isFile(path.join(boot, name)))) throw new Failed(`no regular file boot/${name}`);
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
        await report({ status: "success" });
    }

    private meetDefect(at: JobDefect["at"]): void {
        const { defect } = this.options;
        if (defect?.at !== at) return;
        throw defect.do === "hang" ? new Hangs(at) : new Failed(at);
    }

    private async pause(milliseconds: number): Promise<void> {
        const { speed, signal } = this.options;
        await sleep(milliseconds / speed, undefined, { signal });
    }
}
