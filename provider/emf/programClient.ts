import * as crypto from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../resource/context";
import { EmfClient } from "./client";
import { readEmfSettings } from "./settings";

interface Shared {
    client: EmfClient;
    users: number;
}

const clients = new Map<string, Shared>();

/**
 * A client in the program's own process, with the settings the resources use. Look-ups that run together share it;
 * it is closed with the last one, since open connections would keep the program from ending.
 */
export async function withProgramClient<T>(
    target: { connection?: string; project?: string },
    use: (client: EmfClient) => Promise<T>,
): Promise<T> {
    const key = JSON.stringify([target.connection, target.project]);
    let shared = clients.get(key);
    if (!shared) {
        shared = { client: new EmfClient(readEmfSettings(target, programHost()), programHost()), users: 0 };
        clients.set(key, shared);
    }
    shared.users++;
    try {
        return await use(shared.client);
    } finally {
        if (--shared.users === 0) {
            clients.delete(key);
            await shared.client.close();
        }
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
