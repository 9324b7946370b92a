import { failed, ready, working, type Standing } from "../gate/standing";
import type { EdgeHostSummary } from "./api";

/** How far a host has to come: it has paired, or it has paired and is well. */
export const PHASES = ["ready", "healthy"] as const;
export type Phase = (typeof PHASES)[number];

/** Judges a host by its state and its health, in whatever pair they come; undefined is one that Palette does not have. */
export function standingOf(host: EdgeHostSummary | undefined, until: Phase): Standing {
    if (!host) return failed("it is not in Palette any more");
    const { state = "", health } = host.status ?? {};
    switch (state) {
        case "":
        case "unpaired":
            if (health?.state !== undefined) return working("pairing", "");
            return { state: "pending", doing: "has never paired" };
        case "ready":
        case "in-use":
            return until === "ready" ? ready(until) : healthOf(health);
        default:
            return working(state, health?.message ?? "");
    }
}

/** A host that is not well may get well again: time decides. */
function healthOf(health: { readonly state?: string; readonly message?: string } | undefined): Standing {
    if (health?.state === "healthy") return ready("healthy");
    return working(health?.state ?? "paired, of unknown health", health?.message ?? "");
}
