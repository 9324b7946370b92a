import { type ChildProcess, spawn } from "node:child_process";
import { findTool } from "../process/tools";
import { EdgeError, UnavailableHere } from "../resource/errors";

type Environment = Readonly<Record<string, string | undefined>>;

/** What the `docker` command needs to find its daemon and its own settings, and nothing else of the environment. */
const PASSED = /^(PATH|HOME|USER|LANG|LC_ALL|TMPDIR|XDG_RUNTIME_DIR|DOCKER_.*|SSH_AUTH_SOCK)$/;
/** Of what a command prints on its way to fail. */
const MOST_STDERR = 4000;
const MOST_OUTPUT = 16 * 1024 * 1024;

export interface DockerOptions {
    signal?: AbortSignal | undefined;
    /** In milliseconds; for calls that only ask. */
    timeLimit?: number;
}

/** A `docker` command that ended with another code than 0. */
export class DockerFailure extends EdgeError {}

/** The `docker` command with an environment of its own: contexts, sockets and remote daemons are its affair. */
export class Docker {
    readonly env: Record<string, string>;

    constructor(env: Environment) {
        const passed = Object.entries(env).filter(
            (entry): entry is [string, string] => PASSED.test(entry[0]) && entry[1] !== undefined,
        );
        this.env = Object.fromEntries(passed);
    }

    /** What the command prints. */
    async text(args: readonly string[], options: DockerOptions = {}): Promise<string> {
        const child = this.start(args, options);
        const chunks: Buffer[] = [];
        let size = 0;
        child.stdout?.on("data", (chunk: Buffer) => {
            size += chunk.length;
            if (size <= MOST_OUTPUT) chunks.push(chunk);
        });
        await ended(child, args, options);
        return Buffer.concat(chunks).toString("utf8");
    }

    /** The command's output as it comes, for archives; `ended` rejects when it fails. */
    stream(
        args: readonly string[],
        options: DockerOptions = {},
    ): { output: NodeJS.ReadableStream; ended: Promise<void> } {
        const child = this.start(args, options);
        const end = ended(child, args, options);
        end.catch(() => undefined);
        if (!child.stdout) throw new Error("the command has no output");
        return { output: child.stdout, ended: end };
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

    private start(args: readonly string[], { signal, timeLimit }: DockerOptions): ChildProcess {
        signal?.throwIfAborted();
        const program = findTool("docker", this.env.PATH);
        if (program === undefined) throw new UnavailableHere(`there is no docker command here: ${ADVICE}`);
        return spawn(program, args, {
            env: this.env,
            stdio: ["ignore", "pipe", "pipe"],
            ...(signal ? { signal } : {}),
            ...(timeLimit === undefined ? {} : { timeout: timeLimit }),
        });
    }
}

const ADVICE = "install Docker, or set DOCKER_HOST to the daemon that builds";

async function ended(
    child: ChildProcess,
    args: readonly string[],
    { signal, timeLimit }: DockerOptions,
): Promise<void> {
    let stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => {
        stderr = (stderr + chunk.toString("utf8")).slice(-MOST_STDERR);
    });
    const code = await new Promise<number | NodeJS.Signals>((resolve, reject) => {
        child.once("error", (error) => {
            if (!signal?.aborted) reject(error);
        });
        child.once("close", (exit, killedBy) => resolve(exit ?? killedBy ?? -1));
    });
    signal?.throwIfAborted();
    if (code === 0) return;
    const command = `docker ${args.slice(0, 2).join(" ")}`;
    if (typeof code === "string" && timeLimit !== undefined) {
        throw new UnavailableHere(`${command}: no answer within ${timeLimit / 1000} s: ${ADVICE}`);
    }
    const said = stderr.trim().split("\n").slice(-5).join("\n");
    if (/cannot connect to the docker daemon|error during connect|permission denied.*docker/is.test(said)) {
        throw new UnavailableHere(`Docker cannot be reached (${said}): ${ADVICE}`);
    }
    throw new DockerFailure(`${command} failed (${code}): ${said}`);
}
