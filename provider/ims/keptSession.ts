import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import type { Context } from "../resource/context";
import { describeAddress, type SshAddress, type SshLogin } from "../ssh";
import type { ImsJob } from "./api";
import type { ImsClient } from "./client";

interface Kept {
    readonly job: ImsJob;
    readonly address: SshAddress;
    readonly jump?: SshAddress;
    readonly login: SshLogin;
    /** The user's, and not made for this job: it is named, and never copied. */
    readonly isOwnKey: boolean;
}

/** Keeps a failed session's way in, and says how to use and how to end it. */
export async function keptSession(
    reason: string,
    { job, address, jump, login, isOwnKey }: Kept,
    { client }: Context<ImsClient>,
): Promise<string> {
    const key = !isOwnKey && "key" in login ? await writeKey(job.id, login.key) : undefined;
    const jail = job.ssh_containers?.[0]?.jail ?? false;
    const flag = jail ? "/tmp" : "/mnt/image";
    const words = [
        ...["ssh", ...(key === undefined ? [] : ["-i", key]), ...(jump ? ["-J", describeAddress(jump)] : [])],
        ...["-o", "StrictHostKeyChecking=no", "-p", String(address.port), `${address.user}@${address.host}`],
    ];
    return (
        `${reason}\nIMS job ${job.id} is kept in waiting_on_user, since onFailure is "keep":\n` +
        `  look:    ${words.join(" ")}${isOwnKey ? `   (with the private key of publicKey: ${login.from})` : ""}\n` +
        `  give up: cray ims jobs delete ${job.id} (at ${client.endpoint}), or run this program again\n` +
        `  package: touch ${flag}/complete, in that session` +
        (key === undefined
            ? ""
            : `\nThe key file ${key} is of no use to anybody once the job is gone: remove it then`)
    );
}

async function writeKey(job: string, key: string): Promise<string> {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), "edge-os-ims-"));
    const file = path.join(folder, `${job}.key`);
    await fs.writeFile(file, key, { mode: 0o600 });
    return file;
}
