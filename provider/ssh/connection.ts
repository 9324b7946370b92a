import type { Client } from "ssh2";
import { Limiter } from "../http/limiter";
import { describeAddress, type SshAddress } from "./address";
import type { Connected } from "./connect";
import { execute, type ExecOptions, type ExecResult } from "./execute";
import { streamFile, type StreamedFile } from "./streamedFile";
import { Transfer } from "./transfer";

/**
 * sshd allows 10 sessions over one connection unless it is told otherwise: one more is for large files, each of which
 * takes all the bandwidth there is, and one is left to whoever ends a command.
 */
const SESSIONS = 8;
const CLOSE_LIMIT = 2_000;
const MAX_FILE = 1 << 20;

export interface TransferOptions {
    readonly signal?: AbortSignal;
}

/** A logged-in connection. What is asked of it at once waits its turn where the server would refuse it. */
export class SshConnection implements AsyncDisposable {
    private readonly sessions = new Limiter(SESSIONS, SESSIONS);
    private readonly streams = new Limiter(1, 1);
    private readonly gone: Promise<void>;
    private open = true;

    private readonly client: Client;

    constructor(
        private readonly connected: Connected,
        readonly address: SshAddress,
    ) {
        const { client } = connected;
        this.client = client;
        this.gone = new Promise((resolve) => {
            client.once("close", () => {
                this.open = false;
                resolve();
            });
        });
    }

    /** `user@host`, for messages. */
    get where(): string {
        return describeAddress(this.address);
    }

    /** False once it was closed or broke off. */
    get alive(): boolean {
        return this.open;
    }

    /** Runs a command in the user's shell. It rejects only when it is not known how the command ended. */
    exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
        return this.sessions.run(() => execute(this.client, this.where, command, options), options.signal);
    }

    /** A whole file, at most `maxBytes` (default 1 MiB) of it; undefined where there is none. */
    readFile(
        remote: string,
        options: TransferOptions & { maxBytes?: number } = {},
    ): Promise<Buffer | undefined> {
        return this.transfer(options, (transfer) => transfer.read(remote, options.maxBytes ?? MAX_FILE));
    }

    /** A file, a link, or a folder with all that is in it; permissions are kept, existing files overwritten. */
    upload(local: string, remote: string, options: TransferOptions = {}): Promise<void> {
        return this.transfer(options, (transfer) => transfer.upload(local, remote));
    }

    /** As {@link upload}, from there to here. */
    download(remote: string, local: string, options: TransferOptions = {}): Promise<void> {
        return this.transfer(options, (transfer) => transfer.download(remote, local));
    }

    /** Ends it, gently where the other side answers, within two seconds in any case. */
    async close(): Promise<void> {
        if (!this.open) return;
        this.client.end();
        const timer = setTimeout(() => this.connected.socket.destroy(), CLOSE_LIMIT);
        await this.gone;
        clearTimeout(timer);
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }

    /** The raw client, for a connection through this one. */
    get raw(): Client {
        return this.client;
    }

    private transfer<T>(options: TransferOptions, body: (transfer: Transfer) => Promise<T>): Promise<T> {
        const { signal } = options;
        const { client, where } = this;
        const stream = (file: StreamedFile): Promise<void> =>
            this.streams.run(() => streamFile(client, where, file, signal), signal);
        return this.sessions.run(() => Transfer.run({ client, where, stream }, signal, body), signal);
    }
}
