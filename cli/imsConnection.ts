import { ImsClient } from "../provider/ims/client";
import { readImsSettings } from "../provider/ims/settings";
import type { Terminal } from "./command";
import { withClient, type CommandHost, type ConnectionFlags } from "./connection";

export const IMS_CONNECTION_HELP = `IMS is reached with the settings that programs use: the environment (EDGE_OS_IMS_ENDPOINT, _CLIENT_SECRET, or
_USERNAME and _PASSWORD, or _TOKEN, _CA_FILE) above those of a stack's file.
  --config FILE       Pulumi.<stack>.yaml with edge-os:ims; what is encrypted in it is not read
  --connection NAME   a block of edge-os:connections, and variables EDGE_OS_<NAME>_IMS_…`;

/** Runs a command's work with a client of IMS. */
export function withIms<T>(
    flags: ConnectionFlags,
    terminal: Terminal,
    use: (client: ImsClient, host: CommandHost) => Promise<T>,
): Promise<T> {
    const connect = (host: CommandHost): ImsClient =>
        new ImsClient(readImsSettings(flags.connection, host), host);
    return withClient(flags, terminal, connect, use);
}
