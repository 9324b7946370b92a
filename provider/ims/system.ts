import type { System } from "../resource/definition";
import { ImsClient } from "./client";
import { readImsSettings } from "./settings";

/** IMS: one client for each connection that the resources of a run name. */
export const ims: System<ImsClient> = {
    name: "ims",
    target: ["connection"],
    connect({ connection }, host) {
        const name = typeof connection === "string" ? connection : undefined;
        return new ImsClient(readImsSettings(name, host), host);
    },
};
