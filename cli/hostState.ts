import type { HostResource } from "../provider/emf/api";
import { isBeingDeleted } from "../provider/emf/client";
import { standingOf } from "../provider/emf/hostStanding";

/** Where a host is in its life, as one word to count by. */
export type HostPhase =
    "running" | "installed" | "working" | "pending" | "without OS" | "failed" | "deauthorized" | "deleting";

export interface HostState {
    phase: HostPhase;
    /** In words, with the platform's own where it says more. */
    text: string;
}

/** The state of a host in words. */
export function stateOf(host: HostResource): HostState {
    if (isBeingDeleted(host)) return { phase: "deleting", text: "being deleted" };
    if (host.desiredState === "HOST_STATE_UNTRUSTED") return { phase: "deauthorized", text: "deauthorized" };
    if (!host.instance) return withoutInstance(host);
    const { state, doing, detail = "" } = standingOf(host, "running");
    switch (state) {
        case "ready":
            return { phase: "running", text: "running" };
        case "failed":
            return { phase: "failed", text: doing };
        case "pending":
            return { phase: "pending", text: doing };
        case "working":
            if (doing !== "starting") return { phase: "working", text: `${doing} ${detail}`.trim() };
            return { phase: "installed", text: `installed; host status: ${detail || "none yet"}` };
    }
}

/** Registered, maybe onboarded, and nothing to install. */
function withoutInstance(host: HostResource): HostState {
    const { state, doing, detail = "" } = standingOf(host, "onboarded");
    if (state === "failed") return { phase: "failed", text: doing };
    const text = state === "ready" ? "onboarded" : `${doing} ${detail}`.trim();
    return { phase: "without OS", text: `${text}, no OS profile` };
}

/** As it is shown: that it failed is said once, where the platform's own words do not say it. */
export function shownState({ phase, text }: HostState): string {
    return phase === "failed" && !/fail/i.test(text) ? `failed: ${text}` : text;
}
