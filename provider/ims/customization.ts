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
import { bootFilesOf } from "./bootFiles";
import type { ImsClient } from "./client";
import type { CustomizedImageInputs } from "./customizedImage.schema";
import { ImageJob, slownessOf, type Claiming } from "./imageJob";
import { jobRequest } from "./jobFields";
import { keptSession } from "./keptSession";
import { findUserKey, makeOneTimeKey, registerKey, removeKey } from "./jobKey";
import { customizationToken } from "./jobTokens";
import { discardJob } from "./leftovers";
import type { SessionAccess } from "./steps/ansible";
import { ImageRoot } from "./steps/imageRoot";
import { runSteps } from "./steps/run";
import { checkBeforePacking, fingerprintBoot, type BootFingerprint } from "./sessionChecks";

type ImsContext = Context<ImsClient>;

const MINUTE = 60_000;
interface Limits {
    readonly job: number;
    readonly ssh: number;
    readonly step: number;
    readonly packaging: number;
}

/** A customization: a session in the base's image root, in which the steps are taken. */
export class Customization extends ImageJob {
    private readonly limits: Limits;
    private readonly jail: boolean;

    constructor(
        private readonly inputs: CustomizedImageInputs,
        private readonly base: ImsImage,
        content: string,
        context: ImsContext,
    ) {
        const limits = limitsOf(inputs, base);
        super(content, context, limits.packaging);
        this.limits = limits;
        this.jail = inputs.jail ?? true;
    }

    async run(claim: Claiming): Promise<string> {
        const { client, signal } = this.context;
        // What cannot be right is told before there is a job.
        const jump = this.jump();
        const key = await this.key();
        let job: ImsJob | undefined;
        let keep = false;
        try {
            const same = (one: ImsJob): boolean => customizationToken(one) === this.token;
            job = await client.createJob(this.request(key.id), { signal, same });
            this.context.progress(`IMS job ${job.id}`);
            await this.wait(job, ["waiting_on_user"], this.limits.job, "the job's session");
            await this.session(job, key, jump);
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

    /** Once its session is over: the key that would open it again has died with its process. */
    canResume({ status }: ImsJob): boolean {
        return ["packaging_artifacts", "success"].includes(status);
    }

    private async session(job: ImsJob, key: JobKey, jump: Jump): Promise<void> {
        const { client, signal } = this.context;
        const hostKeys = new HostKeys(sshSettingsOf(this.context, this.inputs.connection).hostKeys);
        const way = { login: key.login, hostKeys, ...jump };
        await using connections = new SshConnections({ ...way, clock: this.context });
        const address = this.address(job);
        const connection = await connections.connect(address, {
            signal,
            readyWithin: this.limits.ssh,
            // The cluster tells its name server of the job in its own time.
            newName: true,
            onWait: (reason) => this.context.progress(`waiting for the job's SSH server: ${reason}`),
        });
        for (const [host, shown] of Object.entries(hostKeys.recorded())) {
            this.context.log.info(`host key of ${host}, taken on first sight: ${shown}`);
        }
        // Nobody else can use it any more, and the job has its own copy.
        if (key.ours) await removeKey(key.id, client, { signal });
        const root = new ImageRoot(connection, this.jail);
        try {
            const { env } = this.context.settings;
            await this.customize(root, job, { ...way, address, imageId: this.base.id, env });
        } catch (error) {
            if (this.inputs.onFailure !== "keep" || signal.aborted) throw error;
            throw new SessionKept(
                await keptSession(
                    messageOf(error),
                    { job, address, ...way, isOwnKey: key.isUsers },
                    this.context,
                ),
                error,
            );
        }
        await root.end("complete", signal);
    }

    private async customize(root: ImageRoot, job: ImsJob, access: SessionAccess): Promise<void> {
        const { signal, projectDir } = this.context;
        const names = bootFilesOf(
            { kernelFileName: job.kernel_file_name, initrdFileName: job.initrd_file_name },
            job.arch,
        );
        const before: BootFingerprint = await fingerprintBoot(root, names.initrd, signal);
        await runSteps(this.inputs.steps, root, {
            ...{ projectDir, signal, initrd: names.initrd, timeLimit: this.limits.step },
            progress: (text) => this.context.progress(text),
            isSecret: this.context.secretInputs?.includes("steps") === true,
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

    /** The key of a job opens its own session alone: the host on the way knows the user's. */
    private jump(): Jump {
        const settings = sshSettingsOf(this.context, this.inputs.connection);
        const given = this.inputs.ssh?.jump;
        const jump = given === undefined ? settings.jump : parseSshAddress(given);
        return jump ? { jump, jumpLogin: settings.login() } : {};
    }

    private async key(): Promise<JobKey> {
        const { client, signal } = this.context;
        const { publicKey, connection } = this.inputs;
        if (publicKey !== undefined) {
            const login = sshSettingsOf(this.context, connection).login();
            const found = await findUserKey(publicKey, client, { signal });
            if (found) return { id: found.id, login, ours: false, isUsers: true };
            const { id } = await registerKey(this.token, publicKey.trim(), client, { signal });
            return { id, login, ours: true, isUsers: true };
        }
        const { login, publicKey: made } = makeOneTimeKey(this.token);
        const { id } = await registerKey(this.token, made, client, { signal });
        return { id, login, ours: true, isUsers: false };
    }

    private request(keyId: string): ImsJobRequest {
        const job = { job_type: "customize", artifact_id: this.base.id, public_key_id: keyId } as const;
        return jobRequest(this.inputs, { ...job, ssh_containers: [{ name: this.token, jail: this.jail }] });
    }
}

/** The host to go through, if there is one, and what to log in there with. */
interface Jump {
    readonly jump?: SshAddress;
    readonly jumpLogin?: SshLogin;
}

interface JobKey {
    readonly id: string;
    readonly login: SshLogin;
    /** Registered for this job: the record goes as soon as the session is open. */
    readonly ours: boolean;
    /** The pair is the user's, and not made for this job. */
    readonly isUsers: boolean;
}

/** The session failed, and is kept for somebody to look at. */
class SessionKept extends EdgeError {
    constructor(message: string, cause: unknown) {
        super(message, { cause });
    }
}

function limitsOf({ timeLimits: given = {} }: CustomizedImageInputs, base: ImsImage): Limits {
    const slow = slownessOf(base);
    return {
        job: duration(given.job) ?? 30 * MINUTE * slow,
        ssh: duration(given.ssh) ?? 10 * MINUTE,
        step: duration(given.step) ?? 60 * MINUTE * slow,
        packaging: duration(given.packaging) ?? 60 * MINUTE * slow,
    };
}
