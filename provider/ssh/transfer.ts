import * as fs from "node:fs";
import * as path from "node:path";
import type { Client, FileEntryWithStats, SFTPWrapper, Stats } from "ssh2";
import { Limiter } from "../http/limiter";
import { EdgeError, messageOf } from "../resource/errors";
import { ConnectionLost } from "./failure";
import type { StreamedFile } from "./streamedFile";

/** Files that are on their way at once: small ones wait for round trips, not for bandwidth. */
const FILES_AT_ONCE = 8;
const PERMISSIONS = 0o7777;
/** What every server answers at once. */
const CHUNK = 32 << 10;
/** From this size on a file goes faster by itself than in packets of SFTP, which a smaller one shares with others. */
const STREAMED = 4 << 20;
/** Codes of SFTP answers. */
const END_OF_FILE = 1;
const NO_SUCH_FILE = 2;

/** Sends one large file beside the session. */
export type FileStream = (file: StreamedFile) => Promise<void>;

/** One SFTP session, for one transfer. */
export class Transfer {
    private readonly files = new Limiter(FILES_AT_ONCE, FILES_AT_ONCE);
    private closed = false;

    private constructor(
        private readonly sftp: SFTPWrapper,
        private readonly where: string,
        private readonly stream: FileStream,
    ) {
        sftp.once("close", () => {
            this.closed = true;
        });
        // Followed by "close", and told by the calls that it fails.
        sftp.on("error", () => undefined);
    }

    /** Runs a transfer; a cancellation ends it where it is. */
    static async run<T>(
        { client, where, stream }: { client: Client; where: string; stream: FileStream },
        signal: AbortSignal | undefined,
        body: (transfer: Transfer) => Promise<T>,
    ): Promise<T> {
        signal?.throwIfAborted();
        const sftp = await open(client, where);
        const transfer = new Transfer(sftp, where, stream);
        const onAbort = (): void => sftp.end();
        signal?.addEventListener("abort", onAbort, { once: true });
        try {
            // The session may end without an answer to what was asked last.
            const ended = new Promise<never>((_, reject) => {
                sftp.once("close", () => reject(transfer.lost()));
            });
            return await Promise.race([body(transfer), ended]);
        } catch (error) {
            throw signal?.aborted ? signal.reason : error;
        } finally {
            signal?.removeEventListener("abort", onAbort);
            sftp.end();
        }
    }

    async upload(local: string, remote: string): Promise<void> {
        const stats = await fs.promises.lstat(local);
        if (stats.isDirectory()) await this.uploadFolder(local, remote, stats.mode & PERMISSIONS);
        else if (stats.isSymbolicLink()) await this.uploadLink(local, remote);
        else if (stats.isFile()) await this.uploadFile(local, remote, stats);
        else
            throw new EdgeError(`${local} is neither a file nor a folder nor a link, and cannot be uploaded`);
    }

    async download(remote: string, local: string): Promise<void> {
        const stats = await this.ask<Stats>(remote, (done) => this.sftp.lstat(remote, done));
        if (stats.isDirectory()) await this.downloadFolder(remote, local, stats.mode & PERMISSIONS);
        else if (stats.isSymbolicLink()) await this.downloadLink(remote, local);
        else if (stats.isFile()) await this.downloadFile(remote, local, stats.mode & PERMISSIONS);
        else throw new EdgeError(`${remote} on ${this.where} is neither a file nor a folder nor a link`);
    }

    /** The whole file, which may have at most so many bytes; undefined where there is none. */
    async read(remote: string, most: number): Promise<Buffer | undefined> {
        const handle = await this.openFile(remote);
        if (!handle) return undefined;
        const chunks: Buffer[] = [];
        let size = 0;
        // Read to its end and not to its size: files of the kernel's own have none.
        for (let chunk = await this.readChunk(remote, handle, 0); chunk;) {
            chunks.push(chunk);
            size += chunk.length;
            if (size > most) throw new EdgeError(`${remote} on ${this.where} has more than ${most} bytes`);
            chunk = await this.readChunk(remote, handle, size);
        }
        await this.ask(remote, (done) => this.sftp.close(handle, done));
        return Buffer.concat(chunks);
    }

    private openFile(remote: string): Promise<Buffer | undefined> {
        return new Promise((resolve, reject) => {
            this.sftp.open(remote, "r", (error, handle) => {
                if (!error) resolve(handle);
                else if (isMissing(error)) resolve(undefined);
                else reject(this.explain(remote, error));
            });
        });
    }

    /** Undefined at the end of the file. */
    private readChunk(remote: string, handle: Buffer, at: number): Promise<Buffer | undefined> {
        return new Promise((resolve, reject) => {
            this.sftp.read(handle, Buffer.alloc(CHUNK), 0, CHUNK, at, (error, length, data) => {
                if (!error) resolve(length === 0 ? undefined : data.subarray(0, length));
                else if ((error as { code?: unknown }).code === END_OF_FILE) resolve(undefined);
                else reject(this.explain(remote, error));
            });
        });
    }

    private async uploadFile(local: string, remote: string, stats: fs.Stats): Promise<void> {
        const mode = stats.mode & PERMISSIONS;
        await this.files.run(async () => {
            if (stats.size >= STREAMED) {
                await this.stream({ local, remote, mode });
                return;
            }
            await this.ask(remote, (done) => this.sftp.fastPut(local, remote, done));
            // Not when it is opened: the server's umask would have its say.
            await this.ask(remote, (done) => this.sftp.chmod(remote, mode, done));
        });
    }

    private async uploadFolder(local: string, remote: string, mode: number): Promise<void> {
        const there = await this.statOf(remote);
        if (!there) await this.ask(remote, (done) => this.sftp.mkdir(remote, done));
        else if (!there.isDirectory())
            throw new EdgeError(`${remote} on ${this.where} is there, and is no folder`);
        const names = await fs.promises.readdir(local);
        await all(names, (name) => this.upload(path.join(local, name), path.posix.join(remote, name)));
        // Last, so that a folder that nobody may write in can be filled.
        await this.ask(remote, (done) => this.sftp.chmod(remote, mode, done));
    }

    private async uploadLink(local: string, remote: string): Promise<void> {
        const target = await fs.promises.readlink(local);
        if (await this.statOf(remote)) {
            await this.ask(remote, (done) => this.sftp.unlink(remote, done));
        }
        await this.ask(remote, (done) => this.sftp.symlink(target, remote, done));
    }

    private async downloadFile(remote: string, local: string, mode: number): Promise<void> {
        await this.files.run(async () => {
            await this.ask(remote, (done) => this.sftp.fastGet(remote, local, done));
            await fs.promises.chmod(local, mode);
        });
    }

    private async downloadFolder(remote: string, local: string, mode: number): Promise<void> {
        await fs.promises.mkdir(local, { recursive: true });
        const entries = await this.ask<FileEntryWithStats[]>(remote, (done) =>
            this.sftp.readdir(remote, done),
        );
        await all(entries, ({ filename }) => {
            // Names come from the other machine, and must not lead out of the folder.
            if (filename !== path.basename(filename) || filename === "" || filename === "..") {
                throw new EdgeError(
                    `${remote} on ${this.where} lists a file with the name ${JSON.stringify(filename)}`,
                );
            }
            return this.download(path.posix.join(remote, filename), path.join(local, filename));
        });
        await fs.promises.chmod(local, mode);
    }

    private async downloadLink(remote: string, local: string): Promise<void> {
        const target = await this.ask<string>(remote, (done) => this.sftp.readlink(remote, done));
        await fs.promises.rm(local, { force: true });
        await fs.promises.symlink(target, local);
    }

    private async statOf(remote: string): Promise<Stats | undefined> {
        return new Promise((resolve, reject) => {
            this.sftp.lstat(remote, (error, stats) => {
                if (!error) resolve(stats);
                else if (isMissing(error)) resolve(undefined);
                else reject(this.explain(remote, error));
            });
        });
    }

    private ask<T = undefined>(
        remote: string,
        call: (done: (error: Error | null | undefined, value?: T) => void) => void,
    ): Promise<T> {
        return new Promise<T>((resolve, reject) => {
            if (this.closed) {
                reject(this.lost());
                return;
            }
            call((error, value) => {
                if (error) reject(this.explain(remote, error));
                else resolve(value as T);
            });
        });
    }

    private lost(): ConnectionLost {
        return new ConnectionLost(`the connection to ${this.where} broke off during a file transfer`);
    }

    private explain(remote: string, error: unknown): EdgeError {
        if (error instanceof EdgeError) return error;
        const text = messageOf(error);
        if (/no response from server|not connected|connection lost/i.test(text)) return this.lost();
        return new EdgeError(`${remote} on ${this.where}: ${text.toLowerCase()}`);
    }
}

function open(client: Client, where: string): Promise<SFTPWrapper> {
    return new Promise((resolve, reject) => {
        const fail = (reason: string): void => {
            reject(new ConnectionLost(`${where} transfers no files (SFTP): ${reason}`));
        };
        try {
            client.sftp((error, sftp) => {
                if (error) fail(error.message);
                else resolve(sftp);
            });
        } catch (error) {
            fail(messageOf(error));
        }
    });
}

/** Of several failures the first; nothing goes on behind the caller's back. */
async function all<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const results = await Promise.allSettled(items.map(async (item) => work(item)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
}

function isMissing(error: unknown): boolean {
    return (error as { code?: unknown }).code === NO_SUCH_FILE;
}
