import * as crypto from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { EmfClient } from "../provider/emf/client";
import { readEmfSettings } from "../provider/emf/settings";
import type { Host } from "../provider/resource/context";
import { EdgeError, messageOf } from "../provider/resource/errors";
import type { Terminal } from "./command";
import { readStackConfig, type StackConfig } from "./stackConfig";

/** Options of every command that talks to EMF. */
export const CONNECTION_OPTIONS = {
    connection: { type: "string" },
    config: { type: "string" },
} as const;

export interface ConnectionFlags {
    connection?: string | undefined;
    config?: string | undefined;
}

export const CONNECTION_HELP = `EMF is reached with the settings that programs use: the environment (EDGE_OS_EMF_ENDPOINT, _PROJECT, _USERNAME,
_PASSWORD or _TOKEN, _CA_FILE, _KEYCLOAK) above those of a stack's file.
  --config FILE       Pulumi.<stack>.yaml with edge-os:emf; what is encrypted in it is not read
  --connection NAME   a block of edge-os:connections, and variables EDGE_OS_<NAME>_EMF_…`;

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

/** Whether anything says where EMF is; without it a check leaves out what only EMF can tell. */
export function hasEmfSettings(flags: ConnectionFlags, { env }: Terminal): boolean {
    if (flags.config !== undefined || flags.connection !== undefined) return true;
    return Object.keys(env).some((name) => name.startsWith("EDGE_OS_EMF_") && env[name] !== "");
}

/** Runs a command's work with a client, and closes it: open connections would keep the process from ending. */
export async function withEmf<T>(
    flags: ConnectionFlags,
    terminal: Terminal,
    use: (client: EmfClient, host: CommandHost) => Promise<T>,
): Promise<T> {
    const host = commandHost(flags, terminal);
    const client = new EmfClient(settingsOf(flags, host), host);
    try {
        return await use(client, host);
    } finally {
        await client.close();
    }
}

function settingsOf(flags: ConnectionFlags, host: CommandHost): ReturnType<typeof readEmfSettings> {
    try {
        return readEmfSettings({ connection: flags.connection }, host);
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
