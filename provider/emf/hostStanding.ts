import type { HostResource } from "./api";
import { isBeingDeleted } from "./client";

/** How far a host has to come. */
export const PHASES = ["registered", "onboarded", "provisioned", "running"] as const;
export type Phase = (typeof PHASES)[number];

/** Where a host stands on its way to a phase. */
export interface Standing {
    /** `pending`: nobody has switched the machine on yet, or it is held back on purpose. */
    state: "ready" | "working" | "pending" | "failed";
    /** In a few words, for `1 provisioning 4/9: streaming OS image`; a failure in the system's own words. */
    doing: string;
    detail?: string;
    /** Of a failed host: what was found, one by one. */
    faults?: readonly string[];
}

/** Judges a host as EMF shows it; undefined is one that EMF no longer has. */
export function standingOf(host: HostResource | undefined, until: Phase): Standing {
    if (!host) return failed("it is not in EMF any more");
    if (isBeingDeleted(host)) return failed("it is being deleted");
    if (host.desiredState === "HOST_STATE_UNTRUSTED") return failed("it was deauthorized");
    const error = errorOf(host);
    if (error !== undefined) return failed(error);
    if (until === "registered") return ready(until);
    if (until === "onboarded") {
        return host.currentState === "HOST_STATE_ONBOARDED" ? ready(until) : beforeOnboarding(host);
    }
    const { instance } = host;
    if (!instance)
        return failed("it has no instance, so nothing is installed: give its EdgeHost an osProfile");
    if (isBeingDeleted(instance)) return failed(`its instance ${instance.resourceId} is being deleted`);
    if (!isProvisioned(host)) {
        if (host.currentState !== "HOST_STATE_ONBOARDED") return beforeOnboarding(host);
        return working("provisioning", provisioningStep(instance.provisioningStatus));
    }
    if (until === "provisioned" || isRunning(host)) return ready(until);
    return working("starting", host.hostStatus);
}

/** `2/3 running, 1 provisioning 4/9: streaming OS image`: one line for many hosts. */
export function summarize(standings: ReadonlyMap<string, Standing>, until: Phase): string {
    const entries = [...standings];
    const of = (state: Standing["state"]): [string, Standing][] =>
        entries.filter(([, standing]) => standing.state === state);
    const doings = [...new Set(of("working").map(([, { doing }]) => doing))];
    const parts = doings.map((doing) => {
        const group = of("working").filter(([, standing]) => standing.doing === doing);
        return `${group.length} ${doing}${leastOf(group)}`;
    });
    const pending = of("pending").length;
    const failures = of("failed");
    if (pending > 0) parts.push(`${pending} pending`);
    const [first] = failures;
    if (first) parts.push(`${failures.length} failed (${first[0]}: ${first[1].doing})`);
    return [`${of("ready").length}/${entries.length} ${until}`, ...parts].join(", ");
}

/** More lines than this nobody reads; the rest is counted. */
const MOST_LINES = 100;
/** So many names fit into a line or two. */
const MOST_NAMES = 50;

/** Every host's state as a table, the unready ones a line each, the failed ones first. */
export function report(standings: ReadonlyMap<string, Standing>, until: Phase): string[] {
    const order = ["failed", "working", "pending"];
    const unready = [...standings]
        .filter(([, { state }]) => state !== "ready")
        .sort(([, a], [, b]) => order.indexOf(a.state) - order.indexOf(b.state));
    const shown = unready.slice(0, MOST_LINES);
    const width = Math.max(0, ...shown.map(([label]) => label.length)) + 1;
    const lines = shown.flatMap(([label, standing]) => lineOf(label, standing, width));
    const left = unready.length - shown.length;
    if (left > 0) lines.push(`  … and ${left} more like these`);
    const ready = [...standings].filter(([, { state }]) => state === "ready").map(([label]) => label);
    if (ready.length > MOST_NAMES) lines.push(`  ${until}: ${ready.length} others`);
    else if (ready.length > 0) lines.push(`  ${until}: ${ready.join(", ")}`);
    return lines;
}

function lineOf(label: string, { state, doing, detail, faults = [] }: Standing, width: number): string[] {
    const text = [doing, detail].filter(Boolean).join(" ");
    const name = `${label}:`.padEnd(width);
    return [
        `  ${name} ${state === "working" || text === state ? text : `${state}: ${text}`}`,
        ...faults.map((fault) => `      - ${fault}`),
    ];
}

function ready(phase: Phase): Standing {
    return { state: "ready", doing: phase };
}

function failed(text: string): Standing {
    return { state: "failed", doing: text };
}

function working(doing: string, detail: string): Standing {
    return detail === "" ? { state: "working", doing } : { state: "working", doing, detail };
}

/** Before the machine has reported, EMF's status stays at its default and has no time. */
function beforeOnboarding(host: HostResource): Standing {
    if (host.desiredState === "HOST_STATE_REGISTERED") {
        return { state: "pending", doing: "held back: autoOnboard is off, and nobody has onboarded it" };
    }
    if (host.onboardingStatusTimestamp === 0) return { state: "pending", doing: "never booted" };
    return working("onboarding", host.onboardingStatus);
}

/** These three never get better by themselves; a lost connection of a running host does. */
function errorOf(host: HostResource): string | undefined {
    const { instance } = host;
    const statuses: [indicator: string, text: string][] = [
        [host.registrationStatusIndicator, host.registrationStatus],
        [host.onboardingStatusIndicator, host.onboardingStatus],
        ...(instance
            ? [[instance.provisioningStatusIndicator, instance.provisioningStatus] as [string, string]]
            : []),
    ];
    return statuses.find(([indicator]) => indicator === "STATUS_INDICATION_ERROR")?.[1];
}

function isProvisioned({ instance }: HostResource): boolean {
    return (
        instance?.currentState === "INSTANCE_STATE_RUNNING" &&
        instance.provisioningStatusIndicator === "STATUS_INDICATION_IDLE" &&
        instance.provisioningStatus.startsWith("Provisioned")
    );
}

function isRunning(host: HostResource): boolean {
    return host.hostStatus === "Running" && host.hostStatusIndicator === "STATUS_INDICATION_IDLE";
}

/** `Provisioning In Progress: 4/9: Streaming OS image` as `4/9: streaming OS image`. */
function provisioningStep(status: string): string {
    const [, step, text = ""] = /(\d+\/\d+): *(.*)$/.exec(status) ?? [];
    return step === undefined ? "" : `${step}: ${text.replace(/^[A-Z](?=[a-z])/, (c) => c.toLowerCase())}`;
}

/** The one that is furthest behind stands for its group. */
function leastOf(group: readonly [string, Standing][]): string {
    const detailed = group.filter(([, { detail }]) => detail !== undefined);
    const [last] = detailed.sort(([, a], [, b]) => stepOf(a) - stepOf(b));
    if (!last) return "";
    const [label, { detail = "" }] = last;
    return group.length === 1 ? ` ${detail}` : ` (${label} ${detail})`;
}

function stepOf({ detail = "" }: Standing): number {
    return Number(/^\d+/.exec(detail)?.[0] ?? 0);
}
