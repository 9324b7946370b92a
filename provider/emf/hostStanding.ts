import { failed, ready, working, type Standing } from "../gate/standing";
import type { HostResource, InstanceResource } from "./api";
import { isBeingDeleted } from "./client";
import { hasRun, isUntouched } from "./edgeHostPlan";

/** How far a host has to come. */
export const PHASES = ["registered", "onboarded", "provisioned", "running"] as const;
export type Phase = (typeof PHASES)[number];

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
        if (hasRun(host) && isUntouched(instance)) return failed(neverInstalled(instance));
        return working("provisioning", provisioningStep(instance.provisioningStatus));
    }
    if (until === "provisioned" || isRunning(host)) return ready(until);
    return working("starting", host.hostStatus);
}

/** EMF's installer turns away a machine that is onboarded and not in the middle of an installation. */
function neverInstalled({ resourceId }: InstanceResource): string {
    return (
        `the machine has its system already, and EMF will not install ${resourceId} on it: the host must be ` +
        'registered anew, by another reimageToken of its EdgeHost with reimage: "allow"'
    );
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
