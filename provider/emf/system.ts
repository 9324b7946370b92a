import type { System } from "../resource/definition";
import { EmfClient } from "./client";
import { readEmfSettings } from "./settings";

/** EMF: one client for each project that the resources of a run name. */
export const emf: System<EmfClient> = {
    name: "emf",
    target: ["connection", "project"],
    connect(target, host) {
        const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
        const names = { connection: text(target.connection), project: text(target.project) };
        return new EmfClient(readEmfSettings(names, host), host);
    },
};
