import { claimAuthor } from "../resource/claim";
import type { Context } from "../resource/context";
import { EdgeError, messageOf } from "../resource/errors";
import { duration } from "../pulumi/duration";
import {
    HostKeys,
    parseSshAddress,
    SshConnections,
    sshSettingsOf,
    type SshAddress,
    type SshLogin,
} from "../ssh";
import type { ImsImage, ImsJob, ImsJobRequest } from "./api";
import { tokenOf, type ImsClient } from "./client";
import type { CustomizedImageInputs } from "./customizedImage.schema";
import { keptSession } from "./keptSession";
import { findUserKey, makeOneTimeKey, registerKey, removeKey } from "./jobKey";
import { waitForJob, type JobStatus } from "./jobWait";
import { discardJob } from "./leftovers";
import type { SessionAccess } from "./steps/ansible";
import { ImageRoot } from "./steps/imageRoot";
import { runSteps } from "./steps/run";
import { checkBeforePacking, fingerprintBoot, type BootFingerprint } from "./sessionChecks";

type ImsContext = Context<ImsClient>;

const MINUTE = 60_000;
/** Emulating another architecture makes everything some ten times slower. */
const EMULATION = 4;
/** How long the clean-up after a failure or a cancellation may take. */
const CLEAN_UP = 2 * MINUTE;

/** One customization, from the job's creation to the image that it leaves. */
export class Customization {
    readonly history: JobStatus[] = [];
    private readonly limits: { job: number; ssh: number; step: number; packaging: number };
    private readonly jail: boolean;
    readonly token: string;

    constructor(
        private readonly inputs: CustomizedImageInputs,
        private readonly base: ImsImage,
        content: string,
        private readonly context: ImsContext,
    ) {
        // Found again by its row part, and by the rest told from a job of other content.
        this.token = claimAuthor(context.newClaim()) + content.slice(0, 8);
        this.jail = inputs.jail ?? true;
        const slow = base.arch === "aarch64" ? EMULATION : 1;
        const given = inputs.timeLimits ?? {};
        this.limits = {
            job: duration(given.job) ?? 30 * MINUTE * slow,
            ssh: duration(given.ssh) ?? 10 * MINUTE,
            step: duration(given.step) ?? 60 * MINUTE * slow,
            packaging: duration(given.packaging) ?? 60 * MINUTE * slow,
        };
    }

    /**
     * Runs it anew. Returns the id of the image, which `claim` has made ours; whatever happens, job and key do not stay
     * unless they shall.
     */
    async run(claim: Claiming): Promise<string> {
        const { client, signal } = this.context;
        const key = await this.key();
        let job: ImsJob | undefined;
        let keep = false;
        try {
            job = await client.createJob(this.request(key.id), { signal, token: this.token });
            this.context.progress(`IMS job ${job.id}`);
            await this.wait(job, ["waiting_on_user"], this.limits.job, "the job's session");
            await this.session(job, key);
            return await this.finish(job, claim);
        } catch (error) {
            keep = error instanceof SessionKept;
            throw error;
        } finally {
            const made = job;
            await this.cleanUp(async (context) => {
                if (key.ours) await removeKey(key.id, client, { signal: context.signal });
                if (made && !keep) await discardJob(made, context);
            });
        }
    }

    /** Goes on with a job whose session is over: only waiting and looking are left. */
    async resume(job: ImsJob, claim: Claiming): Promise<string> {
        try {
            return await this.finish(job, claim);
        } finally {
            await this.cleanUp((context) => discardJob(job, context));
        }
    }

    /** Whether a job that an interrupted run has left is of the same content, and needs no session any more. */
    isResumable(job: ImsJob): boolean {
        return tokenOf(job) === this.token && ["packaging_artifacts", "success"].includes(job.status);
    }

    /** Success needs a status, an image's id, and an image with its link: each has been seen without the others. */
    private async finish(job: ImsJob, claim: Claiming): Promise<string> {
        const done = await this.wait(job, ["success"], this.limits.packaging, "the image to be packed");
        const { resultant_image_id: id } = done;
        if (id === null) throw new EdgeError(`IMS job ${job.id} ended in success, and names no image`);
        await claim(id);
        return id;
    }

    private wait(job: ImsJob, until: readonly string[], timeLimit: number, title: string): Promise<ImsJob> {
        return waitForJob(job.id, { until, timeLimit, title, history: this.history }, this.context);
    }

    private async session(job: ImsJob, key: JobKey): Promise<void> {
        const { client, signal } = this.context;
        const hostKeys = new HostKeys(sshSettingsOf(this.context, this.inputs.connection).hostKeys);
        const way = { login: key.login, hostKeys, ...this.jump() };
        await using connections = new SshConnections({ ...way, clock: this.context });
        const address = this.address(job);
        const connection = await connections.connect(address, {
            signal,
            readyWithin: this.limits.ssh,
            onWait: (reason) => this.context.progress(`waiting for the job's SSH server: ${reason}`),
        });
        // Nobody else can use it any more, and the job has its own copy.
        if (key.ours) await removeKey(key.id, client, { signal });
        const root = new ImageRoot(connection, this.jail);
        try {
            const { env } = this.context.settings;
            await this.customize(root, job, { ...way, address, imageId: this.base.id, env });
        } catch (error) {
            if (this.inputs.onFailure !== "keep" || signal.aborted) throw error;
            throw new SessionKept(
                await keptSession(messageOf(error), { job, address, login: key.login }, this.context),
                error,
            );
        }
        await root.end("complete", signal);
    }

    private async customize(root: ImageRoot, job: ImsJob, access: SessionAccess): Promise<void> {
        const { signal, projectDir } = this.context;
        const names = bootFiles(job);
        const before: BootFingerprint = await fingerprintBoot(root, names.initrd, signal);
        await runSteps(this.inputs.steps, root, {
            ...{ projectDir, signal, initrd: names.initrd, timeLimit: this.limits.step },
            progress: (text) => this.context.progress(text),
            access,
        });
        const after = await fingerprintBoot(root, names.initrd, signal);
        if (before.modules !== after.modules && before.initrd === after.initrd) {
            this.context.log.warn(
                "kernel modules have changed and the initrd has not: IMS does not make it anew. Add { regenerateInitrd: true } as the last step",
            );
        }
        await checkBeforePacking(root, names, signal);
    }

    private address(job: ImsJob): SshAddress {
        const { via = "customer_access", host, port } = this.inputs.ssh ?? {};
        const given = job.ssh_containers?.[0]?.connection_info?.[via];
        const name = host ?? given?.host;
        if (name === undefined) {
            throw new EdgeError(
                `IMS job ${job.id} tells no ${via} address of its SSH server: set ssh.host and ssh.port`,
            );
        }
        return { user: "root", host: name, port: port ?? given?.port ?? 22 };
    }

    private jump(): { jump?: SshAddress } {
        const { jump } = this.inputs.ssh ?? {};
        if (jump !== undefined) return { jump: parseSshAddress(jump) };
        const configured = sshSettingsOf(this.context, this.inputs.connection).jump;
        return configured ? { jump: configured } : {};
    }

    private async key(): Promise<JobKey> {
        const { client, signal } = this.context;
        const { publicKey, connection } = this.inputs;
        if (publicKey !== undefined) {
            const login = sshSettingsOf(this.context, connection).login();
            const found = await findUserKey(publicKey, client, { signal });
            if (found) return { id: found.id, login, ours: false };
            const { id } = await registerKey(this.token, publicKey.trim(), client, { signal });
            return { id, login, ours: true };
        }
        const { login, publicKey: made } = makeOneTimeKey(this.token);
        const { id } = await registerKey(this.token, made, client, { signal });
        return { id, login, ours: true };
    }

    private request(keyId: string): ImsJobRequest {
        const { name, kernelFileName, initrdFileName, buildEnvSize, jobMemSize, requireDkms } = this.inputs;
        return {
            job_type: "customize",
            artifact_id: this.base.id,
            public_key_id: keyId,
            image_root_archive_name: name,
            ...(kernelFileName === undefined ? {} : { kernel_file_name: kernelFileName }),
            ...(initrdFileName === undefined ? {} : { initrd_file_name: initrdFileName }),
            ...(buildEnvSize === undefined ? {} : { build_env_size: buildEnvSize }),
            ...(jobMemSize === undefined ? {} : { job_mem_size: jobMemSize }),
            ...(requireDkms === undefined ? {} : { require_dkms: requireDkms }),
            ssh_containers: [{ name: this.token, jail: this.jail }],
        };
    }

    /** Runs also after a cancellation, with a limit of its own; what it cannot do is told and does not hide the error. */
    private async cleanUp(body: (context: ImsContext) => Promise<void>): Promise<void> {
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

interface JobKey {
    readonly id: string;
    readonly login: SshLogin;
    /** Registered for this job: the record goes as soon as the session is open. */
    readonly ours: boolean;
}

/** Makes an image this row's. */
type Claiming = (id: string) => Promise<void>;

/** The session failed, and is kept for somebody to look at. */
class SessionKept extends EdgeError {
    constructor(message: string, cause: unknown) {
        super(message, { cause });
    }
}

function bootFiles(job: ImsJob): { kernel: string; initrd: string } {
    return {
        kernel: job.kernel_file_name ?? (job.arch === "aarch64" ? "Image" : "vmlinuz"),
        initrd: job.initrd_file_name ?? "initrd",
    };
}
