import type { PaletteLab } from "../../lab";
import { PaletteClient } from "../../provider/palette/client";
import { readPaletteSettings } from "../../provider/palette/settings";
import { testHost, type TestHost } from "./context";

/** What a stack's configuration says about a lab. */
export function paletteConfig({ endpoint, apiKey, caFile }: PaletteLab): Record<string, string> {
    return { endpoint, apiKey, caFile };
}

/** A client as the provider process of one run has it: nothing in it is older than the run. */
export function paletteClient(
    palette: PaletteLab,
    overrides: Record<string, string | undefined> = {},
): { client: PaletteClient; host: TestHost } {
    const host = testHost({ config: { "edge-os:palette": { ...paletteConfig(palette), ...overrides } } });
    return { client: new PaletteClient(readPaletteSettings(undefined, host), host), host };
}
