import * as crypto from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../resource/context";

interface Shared<Client> {
    client: Client;
    users: number;
}

/**
 * Clients in the program's own process, with the settings the resources use. Look-ups that run together share one for
 * each target; it is closed with the last of them, since open connections would keep the program from ending.
 */
export class ProgramClients<Target extends object, Client extends { close(): Promise<void> }> {
    readonly #shared = new Map<string, Shared<Client>>();

    constructor(private readonly connect: (target: Target, host: Host) => Client) {}

    async with<T>(target: Target, use: (client: Client) => Promise<T>): Promise<T> {
        const key = JSON.stringify(Object.entries(target).sort());
        let shared = this.#shared.get(key);
        if (!shared) {
            shared = { client: this.connect(target, programHost()), users: 0 };
            this.#shared.set(key, shared);
        }
        shared.users++;
        try {
            return await use(shared.client);
        } finally {
            if (--shared.users === 0) {
                this.#shared.delete(key);
                await shared.client.close();
            }
        }
    }
}

/** What went wrong in a look-up, as an error that the engine shows without a stack. */
export async function asRunError<T>(lookUp: () => Promise<T>): Promise<T> {
    try {
        return await lookUp();
    } catch (error) {
        throw error instanceof pulumi.RunError ? error : new pulumi.RunError((error as Error).message);
    }
}

function programHost(): Host {
    const config = new pulumi.Config("edge-os");
    return {
        config: (key) => config.get(key.slice("edge-os:".length)),
        env: process.env,
        projectDir: process.cwd(),
        warn: (text) => void pulumi.log.warn(text),
        now: () => Date.now(),
        sleep: (milliseconds, signal) => sleep(milliseconds, undefined, signal ? { signal } : undefined),
        random: (bytes) => crypto.randomBytes(bytes),
    };
}
