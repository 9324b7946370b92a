import { EmfClient } from "../provider/emf/client";
import { readEmfSettings } from "../provider/emf/settings";
import type { Terminal } from "./command";
import { withClient, type CommandHost, type ConnectionFlags } from "./connection";

export const CONNECTION_HELP = `EMF is reached with the settings that programs use: the environment (EDGE_OS_EMF_ENDPOINT, _PROJECT, _USERNAME,
_PASSWORD or _TOKEN, _CA_FILE, _KEYCLOAK) above those of a stack's file.
  --config FILE       Pulumi.<stack>.yaml with edge-os:emf; what is encrypted in it is not read
  --connection NAME   a block of edge-os:connections, and variables EDGE_OS_<NAME>_EMF_…`;

/** Whether anything says where EMF is; without it a check leaves out what only EMF can tell. */
export function hasEmfSettings(flags: ConnectionFlags, { env }: Terminal): boolean {
    if (flags.config !== undefined || flags.connection !== undefined) return true;
    return Object.keys(env).some((name) => name.startsWith("EDGE_OS_EMF_") && env[name] !== "");
}

/** Runs a command's work with a client of EMF. */
export function withEmf<T>(
    flags: ConnectionFlags,
    terminal: Terminal,
    use: (client: EmfClient, host: CommandHost) => Promise<T>,
): Promise<T> {
    const connect = (host: CommandHost): EmfClient =>
        new EmfClient(readEmfSettings({ connection: flags.connection }, host), host);
    return withClient(flags, terminal, connect, use);
}
