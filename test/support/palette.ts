import type { AgentSettings, PaletteLab } from "../../lab";
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

/** Boots a machine whose user-data names the project `stores`, with a token of its own. */
export function bootMachine(palette: PaletteLab, name: string, more: Partial<AgentSettings> = {}): void {
    const { store } = palette;
    const token = store.newUid();
    store.tokens.put({
        ...{ uid: store.newUid(), name: `of ${name}`, labels: {}, annotations: {}, isActive: true, token },
        ...{ createdAt: store.time(), changedAt: store.time(), expiry: "2099-01-01T00:00:00.000Z" },
    });
    palette.boot({ token, name, projectUid: store.projects[1]?.uid ?? "", ...more });
}
