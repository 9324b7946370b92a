import * as fs from "node:fs/promises";
import type { Writable } from "node:stream";
import type { Client } from "ssh2";
import { EdgeError } from "../resource/errors";
import { execute } from "./execute";
import { quote } from "../process/quote";

/** As much as OpenSSH's window takes at once; one of two is read while the other is sent. */
const CHUNK = 1 << 20;

export interface StreamedFile {
    readonly local: string;
    readonly remote: string;
    readonly mode: number;
}

/**
 * Sends a file to `cat` there. Each byte is copied once on its way and not twice as by SFTP, whose packets the library
 * makes anew for each write: they fill the memory that the garbage collector watches, and cost it as much time again.
 */
export async function streamFile(
    client: Client,
    where: string,
    { local, remote, mode }: StreamedFile,
    signal?: AbortSignal,
): Promise<void> {
    const file = await fs.open(local);
    const target = quote(remote);
    let fault: Error | undefined;
    try {
        // Nobody else reads what may be secret before it has its mode.
        const { code, stderr } = await execute(
            client,
            where,
            `umask 077; cat > ${target} && chmod ${mode.toString(8)} ${target}`,
            {
                title: `the upload of ${remote}`,
                stdin: async (channel) => {
                    await pump(file, channel).catch((error: unknown) => (fault = error as Error));
                },
                ...(signal ? { signal } : {}),
            },
        );
        if (fault) throw fault;
        if (code !== 0) throw new EdgeError(`${remote} on ${where}: ${reasonIn(stderr)}`);
    } finally {
        await file.close();
    }
}

/** The channel keeps nothing of a chunk once it is written: two are enough for a file of any size. */
async function pump(file: fs.FileHandle, channel: Writable): Promise<void> {
    let [current, next] = [Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK)];
    let { bytesRead } = await file.read(current, 0, CHUNK);
    while (bytesRead > 0) {
        const [, following] = await Promise.all([
            written(channel, current.subarray(0, bytesRead)),
            file.read(next, 0, CHUNK),
        ]);
        [current, next] = [next, current];
        ({ bytesRead } = following);
    }
}

function written(channel: Writable, chunk: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
        channel.write(chunk, (error) => {
            if (error) reject(error);
            else resolve();
        });
    });
}

/** `sh: 2: cannot create /x/y: No such file or directory`: what counts stands at the end of the line. */
function reasonIn(stderr: string): string {
    const line = stderr.trim().split("\n").at(-1) ?? "";
    return (line.split(": ").at(-1) ?? "").toLowerCase() || "it cannot be written";
}
