import { generateSshKeyPair } from "../ssh/keyPair";
import type { SshLogin } from "../ssh";
import type { ImsPublicKey } from "./api";
import type { CallOptions, ImsClient } from "./client";

/** A key pair for one job, which lives no longer than this process. */
export interface OneTimeKey {
    readonly login: SshLogin;
    readonly publicKey: string;
}

export function makeOneTimeKey(token: string): OneTimeKey {
    const { privateKey, publicKey } = generateSshKeyPair(token);
    return { login: { key: privateKey, from: "the job's own key" }, publicKey };
}

/** Registers a key under a name that only this job has. */
export function registerKey(
    name: string,
    publicKey: string,
    client: ImsClient,
    options: CallOptions,
): Promise<ImsPublicKey> {
    const body = { name, public_key: publicKey };
    return client.createOnce("public-keys", body, { ...options, same: (key) => key.name === name });
}

/** The record of a user's key, by its contents: names say nothing. */
export async function findUserKey(
    publicKey: string,
    client: ImsClient,
    options: CallOptions,
): Promise<ImsPublicKey | undefined> {
    const wanted = publicKey.trim();
    return (await client.list("public-keys", options)).find((key) => key.public_key.trim() === wanted);
}

/** The job has its own copy: the record is of no use any more, nor its softly deleted rest. */
export async function removeKey(id: string, client: ImsClient, options: CallOptions): Promise<void> {
    await client.remove("public-keys", id, options);
    await client.forget("public-keys", id, options);
}
