import * as crypto from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Host } from "../provider/resource/context";
import { EdgeError, messageOf } from "../provider/resource/errors";
import type { Terminal } from "./command";
import { readStackConfig, type StackConfig } from "./stackConfig";

/** Options of every command that talks to a system. */
export const CONNECTION_OPTIONS = {
    connection: { type: "string" },
    config: { type: "string" },
} as const;

export interface ConnectionFlags {
    connection?: string | undefined;
    config?: string | undefined;
}

/** What a client in this process is made from. */
export interface CommandHost extends Host {
    readonly stackConfig: StackConfig | undefined;
}

export function commandHost(flags: ConnectionFlags, terminal: Terminal): CommandHost {
    const stackConfig = flags.config === undefined ? undefined : readStackConfig(flags.config, terminal.cwd);
    return {
        stackConfig,
        config: (key) => stackConfig?.values.get(key),
        env: terminal.env,
        projectDir: stackConfig?.folder ?? terminal.cwd,
        warn: (text) => terminal.err(`warning: ${text}\n`),
        now: () => Date.now(),
        sleep: (milliseconds, signal) => sleep(milliseconds, undefined, signal ? { signal } : undefined),
        random: (bytes) => crypto.randomBytes(bytes),
    };
}

/** Runs a command's work with a client, and closes it: open connections would keep the process from ending. */
export async function withClient<T, Client extends { close(): Promise<void> }>(
    flags: ConnectionFlags,
    terminal: Terminal,
    connect: (host: CommandHost) => Client,
    use: (client: Client, host: CommandHost) => Promise<T>,
): Promise<T> {
    const host = commandHost(flags, terminal);
    const client = connected(flags, host, connect);
    try {
        return await use(client, host);
    } finally {
        await client.close();
    }
}

function connected<Client>(
    flags: ConnectionFlags,
    host: CommandHost,
    connect: (host: CommandHost) => Client,
): Client {
    try {
        return connect(host);
    } catch (error) {
        throw new EdgeError([messageOf(error), ...hints(flags, host)].join("\n"));
    }
}

function hints(flags: ConnectionFlags, { stackConfig }: CommandHost): string[] {
    if (!stackConfig) return ["Settings of a stack are read with --config Pulumi.<stack>.yaml"];
    const encrypted = stackConfig.encrypted.filter((where) => where.startsWith("edge-os:"));
    if (encrypted.length === 0) return [];
    return [
        `${encrypted.join(", ")} in ${flags.config ?? ""} is encrypted, and this command reads no secrets: ` +
            "use the environment variable",
    ];
}
