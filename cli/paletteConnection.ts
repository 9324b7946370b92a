import { PaletteClient } from "../provider/palette/client";
import { readPaletteSettings } from "../provider/palette/settings";
import type { Terminal } from "./command";
import { CONNECTION_OPTIONS, withClient, type CommandHost, type ConnectionFlags } from "./connection";

/** Options of every command that talks to Palette. */
export const PALETTE_OPTIONS = { project: { type: "string" }, ...CONNECTION_OPTIONS } as const;

export const PALETTE_CONNECTION_HELP = `  --project NAME      project; default: that of the settings, else Default

Palette is reached with the settings that programs use: the environment (EDGE_OS_PALETTE_API_KEY, _ENDPOINT, _PROJECT,
_CA_FILE) above those of a stack's file.
  --config FILE       Pulumi.<stack>.yaml with edge-os:palette; what is encrypted in it is not read
  --connection NAME   a block of edge-os:connections, and variables EDGE_OS_<NAME>_PALETTE_…`;

/** Runs a command's work with a client of Palette. */
export function withPalette<T>(
    flags: ConnectionFlags,
    terminal: Terminal,
    use: (client: PaletteClient, host: CommandHost) => Promise<T>,
): Promise<T> {
    const connect = (host: CommandHost): PaletteClient =>
        new PaletteClient(readPaletteSettings(flags.connection, host), host);
    return withClient(flags, terminal, connect, use);
}
