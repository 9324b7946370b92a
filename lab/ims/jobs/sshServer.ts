import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import type { Job } from "../store";
import { tool } from "./tool";
import type { Workspace } from "./workspace";

/** IMS's own settings of its SSH server: root, with a key, and no variables from the client. */
const SETTINGS = `ListenAddress 127.0.0.1
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication yes
UsePAM no
StrictModes no
PidFile none
PrintMotd no
UseDNS no
X11Forwarding no
Subsystem sftp internal-sftp
`;

/** The part of a job's pod that lets its user in: sshd in a mount and process namespace of its own. */
export class SshServer {
    #process?: ChildProcess;

    constructor(
        private readonly job: Job,
        private readonly workspace: Workspace,
    ) {}

    /** The key is copied before anything else: the record of it may be deleted while the job runs. */
    async authorize(publicKey: string): Promise<void> {
        await fs.mkdir(this.workspace.ssh(""), { recursive: true, mode: 0o700 });
        await fs.writeFile(this.workspace.ssh("authorized_keys"), publicKey);
    }

    /** Its host keys are made anew with every job, and published nowhere. */
    async start(signal: AbortSignal): Promise<void> {
        const hostKey = this.workspace.ssh("host_key");
        await fs.rm(hostKey, { force: true });
        await tool("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", hostKey], signal);
        await fs.writeFile(this.workspace.ssh("sshd_config"), this.#config(hostKey));
        await fs.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
        this.#process = spawn("setpriv", this.#command(), { stdio: ["ignore", "ignore", "pipe"] });
        await listening(this.#process, this.#port);
    }

    /** Ends it and every session in it. */
    async stop(): Promise<void> {
        const child = this.#process;
        this.#process = undefined;
        if (child?.exitCode !== null || child.signalCode !== null) return;
        const gone = once(child, "exit");
        child.kill("SIGKILL");
        await gone;
    }

    /** Ends with the lab (setpriv), and takes everything in it along (a process namespace). */
    #command(): string[] {
        const namespaces = ["--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"];
        // Without being root one can still be it in a user namespace of one's own.
        const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user", "--map-auto"];
        const script = `mount --bind "$1" /mnt${this.#kernelFileSystems()} && exec /usr/sbin/sshd -D -e -f "$2"`;
        const config = this.workspace.ssh("sshd_config");
        return [
            ...["--pdeathsig", "KILL", "unshare", ...user, ...namespaces],
            ...["sh", "-c", script, "sshd", this.workspace.mount, config],
        ];
    }

    /** Only a job for kernel modules has them. */
    #kernelFileSystems(): string {
        if (!this.job.require_dkms) return "";
        const root = "/mnt/image/image-root";
        return ` && mkdir -p ${root}/proc ${root}/sys ${root}/dev && mount -t proc proc ${root}/proc && mount --rbind /sys ${root}/sys && mount --rbind /dev ${root}/dev`;
    }

    get #port(): number {
        return this.job.ssh_containers?.[0]?.connection_info.customer_access.port ?? 0;
    }

    #config(hostKey: string): string {
        const { id, arch, require_dkms: dkms, ssh_containers: containers } = this.job;
        const lines = [
            `Port ${this.#port}`,
            `HostKey ${hostKey}`,
            `AuthorizedKeysFile ${this.workspace.ssh("authorized_keys")}`,
            `SetEnv IMS_JOB_ID=${id} IMS_ARCH=${arch} IMS_DKMS_ENABLED=${dkms ? "True" : "False"} REMOTE_BUILD_NODE=`,
        ];
        if (containers?.[0]?.jail) lines.push("Match User root", "ChrootDirectory /mnt/image/image-root");
        return `${SETTINGS}${lines.join("\n")}\n`;
    }
}

async function listening(child: ChildProcess, port: number): Promise<void> {
    let log = "";
    await new Promise<void>((resolve, reject) => {
        child.stderr?.on("data", (chunk: Buffer) => {
            log = (log + chunk.toString("utf8")).slice(-4_000);
            if (log.includes(`Server listening on 127.0.0.1 port ${port}`)) resolve();
        });
        child.once("error", reject);
        child.once("exit", () => reject(new Error(`the job's SSH server did not start: ${log.trim()}`)));
    });
}
