import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as readline from "node:readline";
import { freePort } from "../../lab/freePort";

const SSHD = "/usr/sbin/sshd";

/** A key pair as ssh-keygen makes it. */
export interface KeyPair {
    /** Text of the private key. */
    privateKey: string;
    publicKey: string;
    /** File of the private key, mode 0600. */
    file: string;
}

export interface SshdOptions {
    /** Lines for sshd_config; of a keyword that is there twice the first one counts, and these come first. */
    config?: readonly string[];
    /** Default: a free one. */
    port?: number;
    /** Where its folder is made. Default: among the temporary files. */
    parent?: string;
}

/** A real OpenSSH server on 127.0.0.1, run and logged in to as the present user. */
export class Sshd implements AsyncDisposable {
    readonly user = os.userInfo().username;
    readonly host = "127.0.0.1";
    /** What sshd has logged. */
    readonly log: string[] = [];
    private process?: ChildProcess;

    private constructor(
        readonly dir: string,
        readonly port: number,
        /** A key that may log in. */
        readonly key: KeyPair,
        private readonly config: readonly string[],
    ) {}

    static async start(options: SshdOptions = {}): Promise<Sshd> {
        const dir = fs.mkdtempSync(path.join(options.parent ?? os.tmpdir(), "sshd-"));
        const key = generateKey(path.join(dir, "client"));
        generateKey(path.join(dir, "host"));
        fs.writeFileSync(path.join(dir, "authorized"), key.publicKey);
        const sshd = new Sshd(dir, options.port ?? (await freePort()), key, options.config ?? []);
        await sshd.boot();
        return sshd;
    }

    /** `SHA256:…` of its host key. */
    get fingerprint(): string {
        const shown = execFileSync("ssh-keygen", ["-lf", path.join(this.dir, "host.pub")], {
            encoding: "utf8",
        });
        return shown.split(" ")[1] ?? "";
    }

    /** Lets another key log in too. */
    authorize(publicKey: string): void {
        fs.appendFileSync(path.join(this.dir, "authorized"), publicKey);
    }

    /** Makes another host key, for the next start. */
    changeHostKey(): void {
        for (const name of ["host", "host.pub"]) fs.rmSync(path.join(this.dir, name));
        generateKey(path.join(this.dir, "host"));
    }

    /** Starts it again on the same port after it was killed. */
    async boot(): Promise<void> {
        const file = path.join(this.dir, "sshd_config");
        fs.writeFileSync(file, this.configText());
        // The folder that sshd, when root, locks its unprivileged half into.
        if (process.getuid?.() === 0) fs.mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
        const child = spawn(SSHD, ["-D", "-e", "-f", file], { stdio: ["ignore", "ignore", "pipe"] });
        this.process = child;
        await new Promise<void>((resolve, reject) => {
            const lines = readline.createInterface({ input: child.stderr });
            lines.on("line", (line) => {
                this.log.push(line);
                if (line.startsWith("Server listening")) resolve();
            });
            child.once("error", reject);
            child.once("exit", () => reject(new Error(`sshd did not start:\n${this.log.join("\n")}`)));
        });
    }

    /** Kills it and everything that runs in its sessions. */
    async kill(): Promise<void> {
        const child = this.process;
        this.process = undefined;
        if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
        const gone = once(child, "exit");
        for (const pid of [child.pid, ...descendants(child.pid)]) kill(pid);
        await gone;
    }

    /** Ends its sessions and leaves the server up. */
    dropSessions(): void {
        if (this.process?.pid !== undefined) for (const pid of descendants(this.process.pid)) kill(pid);
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.kill();
        fs.rmSync(this.dir, { recursive: true, force: true });
    }

    private configText(): string {
        const lines = [
            ...this.config,
            "ListenAddress 127.0.0.1",
            `Port ${this.port}`,
            `HostKey ${path.join(this.dir, "host")}`,
            `AuthorizedKeysFile ${path.join(this.dir, "authorized")}`,
            "PidFile none",
            "UsePAM no",
            "StrictModes no",
            "PermitRootLogin yes",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "MaxStartups 100",
            "Subsystem sftp internal-sftp",
            // Keeps bash from reading the user's own start-up file, which is not what the tests are about.
            "SetEnv SHLVL=5",
        ];
        return `${lines.join("\n")}\n`;
    }
}

export function generateKey(file: string, options: { type?: string; passphrase?: string } = {}): KeyPair {
    const { type = "ed25519", passphrase = "" } = options;
    execFileSync("ssh-keygen", ["-q", "-t", type, "-N", passphrase, "-C", "test", "-f", file]);
    return {
        privateKey: fs.readFileSync(file, "utf8"),
        publicKey: fs.readFileSync(`${file}.pub`, "utf8"),
        file,
    };
}

/** Each session of sshd is a process group of its own, so that only the tree tells them. */
function descendants(pid: number): number[] {
    const { stdout } = spawnSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" });
    const rows = stdout
        .trim()
        .split("\n")
        .map((line) => line.trim().split(/\s+/).map(Number));
    const below = (parent: number): number[] =>
        rows.flatMap(([child = 0, its]) => (its === parent ? [child, ...below(child)] : []));
    return below(pid);
}

function kill(pid: number): void {
    try {
        process.kill(pid, "SIGKILL");
    } catch {
        // Gone with its parent.
    }
}
