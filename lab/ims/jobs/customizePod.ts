import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { rootfsForJob } from "../rest/manifest";
import type { Job } from "../store";
import { Failed, Pod, POLL, SIDECAR, START, type PodOptions } from "./pod";
import type { Containers } from "./podRecord";
import { SshServer } from "./sshServer";
import { isFile } from "./workspace";

const SSHD = "sshd";
const PREPARE = "prepare";

/** A customization: the base's image root is unpacked, a user changes it, and it is packed. */
export class CustomizePod extends Pod {
    static readonly containers: Containers = { init: [PREPARE], main: [SIDECAR, SSHD] };
    private readonly ssh: SshServer;

    constructor(job: Job, options: PodOptions) {
        super(job, options);
        this.ssh = new SshServer(job, options.workspace);
    }

    protected async work(): Promise<void> {
        const { publicKey } = this.options;
        if (publicKey !== undefined) await this.ssh.authorize(publicKey);
        if (["creating", "fetching_image"].includes(this.job.status)) await this.fetch();
        if (this.job.status !== "packaging_artifacts") await this.letIn();
    }

    protected stop(): Promise<void> {
        return this.ssh.stop();
    }

    private async fetch(): Promise<void> {
        await this.pause(START);
        this.meetDefect("creating");
        await this.init(PREPARE, async () => {
            const { store, objects, workspace, record, signal } = this.options;
            await this.options.report({ status: "fetching_image" });
            this.meetDefect("fetching_image");
            const image = store.images.get(this.job.artifact_id);
            if (!image) throw new Failed("the base image is gone");
            const place = await rootfsForJob(image, objects);
            record.print(PREPARE, `fetching ${place.key}`);
            const [rootfs, head] = [await objects.get(place), await objects.head(place)];
            if (!rootfs) throw new Failed("the root file system is gone");
            const md5 = crypto.createHash("md5").update(rootfs).digest("hex");
            const expected = head?.metadata.md5sum;
            if (expected !== undefined && expected !== md5)
                throw new Failed(`md5 of the root file system is ${md5}, and should be ${expected}`);
            await workspace.unpack(rootfs, signal).catch((error: unknown) => {
                throw new Failed("the root file system is no SquashFS", { cause: error });
            });
        });
    }

    /** Opens the session and waits for its end; nothing but the user ends it. */
    private async letIn(): Promise<void> {
        const { workspace, certificate, report, record, signal } = this.options;
        record.start(SIDECAR);
        record.start(SSHD);
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
        record.end(SSHD, 0);
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
}
