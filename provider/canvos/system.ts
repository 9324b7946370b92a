import type { System } from "../resource/definition";
import { Builder } from "./builder";
import { readCanvosSettings } from "./settings";

/** CanvOS: builds with the machine's Docker, by the settings of a connection. */
export const canvos: System<Builder> = {
    name: "canvos",
    target: ["connection"],
    connect({ connection }, host) {
        const name = typeof connection === "string" ? connection : undefined;
        return new Builder(readCanvosSettings(name, host), host);
    },
};
