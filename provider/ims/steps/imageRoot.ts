import * as path from "node:path";
import type { ExecResult, SshConnection } from "../../ssh";
import { EdgeError } from "../../resource/errors";
import { quote } from "../../process/quote";

export interface ShellOptions {
    /** Names the command in messages. */
    readonly title: string;
    readonly environment?: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
    readonly onLine?: (line: string) => void;
    /** In milliseconds. */
    readonly timeLimit?: number;
}

/** How much of a failed command's output its error shows. */
const SHOWN_LINES = 20;

/** The image root of a job, as its SSH server shows it: as `/` in a jail, else as a folder of the job's container. */
export class ImageRoot {
    constructor(
        private readonly connection: SshConnection,
        private readonly jail: boolean,
    ) {}

    /** The path by which the SSH server knows a path of the image. */
    there(inImage: string): string {
        return this.jail ? inImage : path.posix.join("/mnt/image/image-root", inImage);
    }

    get where(): string {
        return this.connection.where;
    }

    /**
     * Runs a script of the image's own shell, in the image root. It and its variables go over standard input: argument
     * lists are seen by others, and the server takes no variables. Fails with the script's last lines.
     */
    async shell(script: string, options: ShellOptions): Promise<ExecResult> {
        const result = await this.tryShell(script, options);
        if (result.code === 0) return result;
        throw new EdgeError(`${options.title} ${ending(result)}${lastLines(result)}`);
    }

    /** As {@link shell}, for scripts whose failure is an answer. */
    tryShell(script: string, { environment = {}, onLine, ...options }: ShellOptions): Promise<ExecResult> {
        const variables = Object.entries(environment).map(
            ([name, value]) => `export ${name}=${quote(value)}\n`,
        );
        return this.connection.exec(this.jail ? "sh -s" : `chroot ${this.there("/")} /bin/sh -s`, {
            ...options,
            ...(onLine ? { onLine: (line: string) => onLine(line) } : {}),
            // In braces the shell reads the whole script before it begins, so that nothing in it can eat the rest. The
            // empty input is no /dev/null: without DKMS a job mounts no /dev.
            stdin: `${variables.join("")}set -e\n{\n${script}\n} <<EDGE_OS_NOTHING\nEDGE_OS_NOTHING\n`,
        });
    }

    /** Runs a command of the place the SSH server is in: the job's container, or the image where there is a jail. */
    outside(
        command: string,
        options: { title: string; signal: AbortSignal; timeLimit?: number },
    ): Promise<ExecResult> {
        return this.connection.exec(command, options);
    }

    upload(local: string, inImage: string, signal: AbortSignal): Promise<void> {
        return this.connection.upload(local, this.there(inImage), { signal });
    }

    /** Ends the session: `complete` packs the image, `failed` gives it up. The connection breaks off soon after. */
    async end(flag: "complete" | "failed", signal: AbortSignal): Promise<void> {
        const file = this.jail ? `/tmp/${flag}` : `/mnt/image/${flag}`;
        const { code, stderr } = await this.outside(`touch ${file}`, { title: `touch ${file}`, signal });
        if (code !== 0) throw new EdgeError(`${file} cannot be made on ${this.where}: ${stderr.trim()}`);
    }
}

function ending({ code, signal }: ExecResult): string {
    return code === undefined ? `was ended by signal ${signal ?? "?"}` : `failed with exit code ${code}`;
}

function lastLines({ stdout, stderr }: ExecResult): string {
    const lines = `${stdout}\n${stderr}`
        .split("\n")
        .map((line) => line.trimEnd())
        .filter((line) => line !== "");
    const shown = lines.slice(-SHOWN_LINES);
    if (shown.length === 0) return ", and printed nothing";
    const hidden = lines.length - shown.length;
    return `:\n${hidden > 0 ? `    … ${hidden} lines before\n` : ""}${shown.map((line) => `    ${line}`).join("\n")}`;
}
