import { spawn } from "node:child_process";
import { lastLines, pickEnvironment, runCommand } from "../process/command";
import { findTool } from "../process/tools";
import { EdgeError, UnavailableHere } from "../resource/errors";

/** What the `docker` command needs to find its daemon and its own settings, and nothing else of the environment. */
const PASSED = /^(PATH|HOME|USER|LANG|LC_ALL|TMPDIR|XDG_RUNTIME_DIR|DOCKER_.*|SSH_AUTH_SOCK)$/;

export interface DockerOptions {
    signal?: AbortSignal | undefined;
    /** In milliseconds; for calls that only ask. */
    timeLimit?: number;
}

/** A `docker` command that ended with another code than 0. */
export class DockerFailure extends EdgeError {}

/** How long a daemon that is there may take to say so. */
const ANSWER_LIMIT = 10_000;
const ADVICE = "install Docker, or set DOCKER_HOST to the daemon that builds";

/** The `docker` command with an environment of its own: contexts, sockets and remote daemons are its affair. */
export class Docker {
    readonly env: Readonly<Record<string, string>>;
    private address?: Promise<string>;

    constructor(env: Readonly<Record<string, string | undefined>>) {
        this.env = pickEnvironment(env, PASSED);
    }

    /** What the command prints. */
    async text(args: readonly string[], options: DockerOptions = {}): Promise<string> {
        const { ended, stdout, stderr, timedOut } = await runCommand(this.program(), args, {
            env: this.env,
            ...options,
        });
        if (ended === 0) return stdout;
        const command = `docker ${args.slice(0, 2).join(" ")}`;
        if (timedOut) {
            throw new UnavailableHere(
                `${command}: no answer within ${(options.timeLimit ?? 0) / 1000} s: ${ADVICE}`,
            );
        }
        const said = lastLines(stderr);
        if (
            /cannot connect to the docker daemon|error during connect|permission denied.*docker/is.test(said)
        ) {
            throw new UnavailableHere(`Docker cannot be reached (${said}): ${ADVICE}`);
        }
        throw new DockerFailure(`${command} failed (${ended}): ${said}`);
    }

    /** The command's output at the pace of whoever reads it, for archives; `ended` rejects when it fails. */
    stream(
        args: readonly string[],
        { signal }: Pick<DockerOptions, "signal"> = {},
    ): { output: NodeJS.ReadableStream; ended: Promise<void> } {
        signal?.throwIfAborted();
        const child = spawn(this.program(), args, {
            env: this.env,
            stdio: ["ignore", "pipe", "pipe"],
            ...(signal ? { signal } : {}),
        });
        let stderr = "";
        child.stderr.on("data", (chunk: Buffer) => {
            stderr = (stderr + chunk.toString("utf8")).slice(-4000);
        });
        const ended = new Promise<void>((resolve, reject) => {
            child.once("error", (error) => reject(signal?.aborted ? (signal.reason as Error) : error));
            child.once("close", (code) => {
                if (code === 0) resolve();
                else
                    reject(
                        new DockerFailure(`docker ${args[0] ?? ""} failed (${code}): ${lastLines(stderr)}`),
                    );
            });
        });
        ended.catch(() => undefined);
        return { output: child.stdout, ended };
    }

    /** Id of an image in the daemon, `sha256:…`; undefined when it is not there. */
    async imageId(reference: string, options: DockerOptions = {}): Promise<string | undefined> {
        const args = ["image", "inspect", "--format", "{{.Id}}", reference];
        try {
            return (await this.text(args, options)).trim();
        } catch (error) {
            if (error instanceof DockerFailure && /no such image/i.test(error.message)) return undefined;
            throw error;
        }
    }

    private program(): string {
        const program = findTool("docker", this.env.PATH);
        if (program === undefined) throw new UnavailableHere(`there is no docker command here: ${ADVICE}`);
        return program;
    }

    /** The daemon's own id, the same whichever way it is reached. */
    async daemonId(options: DockerOptions = {}): Promise<string> {
        const args = ["info", "--format", "{{.ID}}"];
        return (await this.text(args, { timeLimit: ANSWER_LIMIT, ...options })).trim();
    }

    /** `DOCKER_HOST` of the daemon, for programs that do not see the user's contexts. */
    host(options: DockerOptions = {}): Promise<string> {
        if (this.env.DOCKER_HOST !== undefined) return Promise.resolve(this.env.DOCKER_HOST);
        this.address ??= this.text(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], {
            timeLimit: ANSWER_LIMIT,
            ...options,
        }).then((text) => text.trim());
        return this.address;
    }
}
