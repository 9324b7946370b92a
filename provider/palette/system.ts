import type { System } from "../resource/definition";
import { PaletteClient } from "./client";
import { readPaletteSettings } from "./settings";

/** Palette: one client for each connection that the resources of a run name. */
export const palette: System<PaletteClient> = {
    name: "palette",
    target: ["connection"],
    connect({ connection }, host) {
        const name = typeof connection === "string" ? connection : undefined;
        return new PaletteClient(readPaletteSettings(name, host), host);
    },
};
