import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import type { Context } from "../resource/context";
import type { SshAddress, SshLogin } from "../ssh";
import type { ImsJob } from "./api";
import type { ImsClient } from "./client";

interface Kept {
    readonly job: ImsJob;
    readonly address: SshAddress;
    readonly login: SshLogin;
}

/** Keeps a failed session's way in, and says how to use and how to end it. */
export async function keptSession(
    reason: string,
    { job, address, login }: Kept,
    { client }: Context<ImsClient>,
): Promise<string> {
    const key = "key" in login ? await writeKey(job.id, login.key) : undefined;
    const identity = key === undefined ? "" : `-i ${key} `;
    const jail = job.ssh_containers?.[0]?.jail ?? false;
    const flag = jail ? "/tmp" : "/mnt/image";
    return (
        `${reason}\nIMS job ${job.id} is kept in waiting_on_user, since onFailure is "keep":\n` +
        `  look:    ssh ${identity}-o StrictHostKeyChecking=no -p ${address.port} ${address.user}@${address.host}\n` +
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
