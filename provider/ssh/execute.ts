import type { Readable, Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, ClientChannel } from "ssh2";
import { BoundedText } from "./boundedText";
import { CommandTimedOut, ConnectionLost } from "./failure";
import { quote } from "../process/quote";

export interface ExecOptions {
    /**
     * What the command reads, or what writes it; without it, nothing. Secrets go here and not into the command, which
     * `ps` shows.
     */
    readonly stdin?: string | Buffer | Readable | ((channel: Writable) => Promise<void>);
    /** Ends the command there, and what it has started. */
    readonly signal?: AbortSignal;
    /** Each line as it comes, of both outputs, without its end. */
    readonly onLine?: (line: string, from: "stdout" | "stderr") => void;
    /** In milliseconds. Default: none. */
    readonly timeLimit?: number;
    /** How much of each output is kept, in bytes: its beginning and its end. Default: 1 MiB. */
    readonly maxOutput?: number;
    /** Names the command in messages. Default: `the command`. */
    readonly title?: string;
}

export interface ExecResult {
    /** Undefined when a signal ended it. */
    readonly code: number | undefined;
    /** `TERM`, `KILL` … */
    readonly signal: string | undefined;
    readonly stdout: string;
    readonly stderr: string;
    /** Something was left out in the middle of an output. */
    readonly truncated: boolean;
}

const MAX_OUTPUT = 1 << 20;
/** How long a cancellation waits until the command has ended there. */
const END_LIMIT = 2_000;
const OPEN_TRIES = 5;
const OPEN_PAUSE = 50;
const PID = /^edge-os-pid (\d+)\n/;

/** Runs one command of a POSIX shell. It rejects only when it is not known how the command ended. */
export async function execute(
    client: Client,
    where: string,
    command: string,
    options: ExecOptions = {},
): Promise<ExecResult> {
    const { signal, timeLimit, title = "the command" } = options;
    signal?.throwIfAborted();
    const channel = await openChannel(client, where, announced(command));
    const stdout = new Output(options, "stdout");
    const stderr = new Output(options, "stderr");
    const pid = readPid(channel.stderr, stderr);
    channel.on("data", (chunk: Buffer) => stdout.add(chunk));
    feed(channel, options.stdin);

    return new Promise<ExecResult>((resolve, reject) => {
        let stopped: Error | undefined;
        const stop = (reason: Error): void => {
            if (stopped) return;
            stopped = reason;
            settle();
            void end(client, channel, pid).then(() => reject(reason));
        };
        const onAbort = (): void => stop(signal?.reason as Error);
        const onTimeout = (): void => {
            stop(new CommandTimedOut(`${title} on ${where} did not end within ${(timeLimit ?? 0) / 1000} s`));
        };
        const timer = timeLimit === undefined ? undefined : setTimeout(onTimeout, timeLimit);
        const settle = (): void => {
            clearTimeout(timer);
            signal?.removeEventListener("abort", onAbort);
        };
        const finish = (code: number | null | undefined, name: string | undefined): void => {
            if (stopped) return;
            settle();
            stdout.end();
            stderr.end();
            if (code === undefined) {
                const text = `the connection to ${where} broke off while ${title} was running there`;
                reject(new ConnectionLost(text));
                return;
            }
            resolve({
                code: code ?? undefined,
                signal: name?.replace(/^SIG/, ""),
                stdout: stdout.text,
                stderr: stderr.text,
                truncated: stdout.truncated || stderr.truncated,
            });
        };
        // The channel closes when its own output is read; what comes on the other may still be on its way.
        const stderrRead = new Promise((read) => channel.stderr.once("close", read));
        // Not "exit": a quick command's end comes in one packet with its beginning, before anybody can listen.
        channel.once("close", (code: number | null | undefined, name?: string) => {
            void stderrRead.then(() => finish(code, name));
        });
        signal?.addEventListener("abort", onAbort, { once: true });
        if (signal?.aborted) onAbort();
    });
}

/** The command, which tells its process id first: without it nothing could end it from here. */
function announced(command: string): string {
    return `exec sh -c ${quote(`echo "edge-os-pid $$" >&2\n${command}`)}`;
}

/** A server that has just ended a session may still count it, and refuse the next. */
async function openChannel(client: Client, where: string, command: string): Promise<ClientChannel> {
    for (let tries = 1; ; tries++) {
        try {
            return await new Promise((resolve, reject) => {
                client.exec(command, (error, channel) => {
                    if (error) reject(error);
                    else resolve(channel);
                });
            });
        } catch (error) {
            const { message } = error as Error;
            if (tries === OPEN_TRIES || !message.includes("Channel open failure")) {
                throw new ConnectionLost(`${where} takes no command: ${message}`);
            }
            await sleep(tries * OPEN_PAUSE);
        }
    }
}

/** Takes the first line for the process id, where it is one. */
function readPid(stream: Readable, output: Output): Promise<number | undefined> {
    return new Promise((resolve) => {
        let first: Buffer | undefined = Buffer.alloc(0);
        const pass = (): void => {
            if (!first) return;
            const head = PID.exec(first.toString("latin1"));
            output.add(first.subarray(head?.[0].length ?? 0));
            first = undefined;
            resolve(head ? Number(head[1]) : undefined);
        };
        stream.on("data", (chunk: Buffer) => {
            if (!first) {
                output.add(chunk);
                return;
            }
            first = Buffer.concat([first, chunk]);
            if (first.includes("\n")) pass();
        });
        stream.once("end", pass);
        stream.once("close", pass);
    });
}

function feed(channel: ClientChannel, stdin: ExecOptions["stdin"]): void {
    // A command may end before it has read everything, which is its own affair.
    channel.on("error", () => undefined);
    if (stdin === undefined || typeof stdin === "string" || Buffer.isBuffer(stdin)) {
        channel.end(stdin);
        return;
    }
    if (typeof stdin === "function") {
        void stdin(channel).finally(() => channel.end());
        return;
    }
    stdin.once("error", () => channel.end());
    stdin.pipe(channel);
}

/**
 * Ends a command and what it has started. Closing the channel does not, and sshd takes no signals for root's sessions;
 * but each of them is a process group.
 */
async function end(client: Client, channel: ClientChannel, pid: Promise<number | undefined>): Promise<void> {
    await within(END_LIMIT, async () => {
        const leader = await pid;
        if (leader !== undefined) await kill(client, leader);
    });
    channel.close();
}

function kill(client: Client, pid: number): Promise<void> {
    return new Promise((resolve) => {
        try {
            client.exec(`kill -9 -${pid} || kill -9 ${pid}`, (error, channel) => {
                if (error) resolve();
                else channel.once("close", resolve).resume().end();
            });
        } catch {
            resolve(); // The connection is gone already, and the command's outputs with it.
        }
    });
}

async function within(milliseconds: number, work: () => Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([work(), limit]);
    clearTimeout(timer);
}

/** One of a command's outputs: its lines as they come, and what is kept of it. */
class Output {
    private readonly kept: BoundedText;
    private readonly decoder = new StringDecoder("utf8");
    private rest = "";

    constructor(
        private readonly options: ExecOptions,
        private readonly name: "stdout" | "stderr",
    ) {
        this.kept = new BoundedText(options.maxOutput ?? MAX_OUTPUT);
    }

    get text(): string {
        return this.kept.toString();
    }

    get truncated(): boolean {
        return this.kept.truncated;
    }

    add(chunk: Buffer): void {
        this.kept.add(chunk);
        if (!this.options.onLine) return;
        const lines = (this.rest + this.decoder.write(chunk)).split("\n");
        this.rest = lines.pop() ?? "";
        for (const line of lines) this.options.onLine(line.replace(/\r$/, ""), this.name);
    }

    /** The last line may have no end. */
    end(): void {
        const line = this.rest + this.decoder.end();
        this.rest = "";
        if (line !== "") this.options.onLine?.(line, this.name);
    }
}
