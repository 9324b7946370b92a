import type { HostResource, InstanceResource, MetadataItem, Patches } from "./api";
import { sameText } from "./hostRules";
import { mergeMetadata, sameItems } from "./placeMetadata";

/** A host as this package wants it; names are resolved to ids. What is undefined is left alone. */
export interface DesiredHost {
    name?: string | undefined;
    site?: string | undefined;
    metadata?: Readonly<Record<string, string>> | undefined;
    osProfile?: string | undefined;
    securityFeature: string;
    localAccount?: string | undefined;
    customConfigs?: readonly string[] | undefined;
    lvmSizeGb?: number | undefined;
    autoOnboard: boolean;
    enableVpro: boolean;
    reimage: "refuse" | "allow";
}

/** What counts for the next step, out of what EMF says about a host. */
export interface ObservedHost {
    id: string;
    name: string;
    site: string;
    metadata: readonly MetadataItem[];
    onboardingHeld: boolean;
    deauthorized: boolean;
    lvmSizeGb: number;
    vpro: boolean;
    /** Its own system has reported. EMF's installer sends such a machine away until it is registered anew. */
    hasRun: boolean;
    instance?: ObservedInstance;
}

export interface ObservedInstance {
    id: string;
    osProfile: string;
    sha256: string;
    securityFeature: string;
    localAccount: string;
    customConfigs: readonly string[];
    disk: DiskState;
    deleting: boolean;
}

/** Whether there is an operating system to lose: not yet, being written, failed half-way, or in use. */
export type DiskState = "untouched" | "writing" | "failed" | "installed";

export type Step =
    | { do: "register" }
    /** Name, site, metadata and claim, in one PATCH. */
    | { do: "describe" }
    | { do: "onboard" }
    | { do: "relink"; instance: string }
    | { do: "deauthorize" }
    | { do: "removeInstance"; instance: string }
    | { do: "removeHost" }
    | { do: "createInstance" };

export interface Plan {
    steps: Step[];
    /** Why the disk is erased. */
    reimage?: string;
    /** Why nothing of it may be done. */
    refused?: string;
}

export interface PlanContext {
    /** The row's own claim, as it is to stand in the metadata. */
    claim: string;
    /** What the last run wanted: a field that was taken out of the program since is cleared. */
    previous?: DesiredHost | undefined;
    /** sha256 of the wanted profile, where it is known. */
    sha256?: string | undefined;
    /** Install anew although nothing has changed. */
    reinstall?: boolean | undefined;
}

/** The whole way from what is there to what is wanted; creation is the plan from nothing. */
export function planHost(
    observed: ObservedHost | undefined,
    desired: DesiredHost,
    context: PlanContext,
): Plan {
    const fresh: Step[] = [{ do: "register" }, { do: "describe" }];
    if (desired.osProfile !== undefined) fresh.push({ do: "createInstance" });
    if (!observed) return { steps: fresh };

    const anew = reasonToRegisterAnew(observed, desired);
    if (anew) return planRegisterAnew(observed, desired, anew, fresh);

    const steps: Step[] = [];
    if (hostPatch(observed, desired, context)) steps.push({ do: "describe" });
    if (desired.autoOnboard && observed.onboardingHeld) steps.push({ do: "onboard" });
    return planInstance(observed, desired, context, steps, fresh);
}

function planInstance(
    observed: ObservedHost,
    desired: DesiredHost,
    context: PlanContext,
    steps: Step[],
    fresh: readonly Step[],
): Plan {
    const { instance } = observed;
    if (desired.osProfile === undefined) {
        return instance ? planWithoutProfile(observed, instance, context, steps) : { steps };
    }
    if (observed.hasRun && (!instance || instance.deleting)) {
        const reason = "its instance was deleted, and EMF gives a machine that has run no other one";
        return planReimage(observed, desired, reason, fresh);
    }
    if (!instance) return { steps: [...steps, { do: "createInstance" }] };
    if (instance.deleting) {
        const wait: Step[] = [{ do: "removeInstance", instance: instance.id }, { do: "createInstance" }];
        return { steps: [...steps, ...wait] };
    }
    const change = imageChange(instance, desired, context);
    if (change === undefined) {
        if (instance.osProfile === desired.osProfile) return { steps };
        return { steps: [...steps, { do: "relink", instance: instance.id }] };
    }
    if (instance.disk === "untouched" || instance.disk === "failed") {
        const again: Step[] = [{ do: "removeInstance", instance: instance.id }, { do: "createInstance" }];
        return { steps: [...steps, ...again] };
    }
    return planReimage(observed, desired, change, fresh);
}

/** Only ever taken back from machines that have nothing on their disk yet. */
function planWithoutProfile(
    observed: ObservedHost,
    instance: ObservedInstance,
    { previous }: PlanContext,
    steps: Step[],
): Plan {
    if (previous?.osProfile === undefined) return { steps };
    if (instance.disk === "installed" || instance.disk === "writing") {
        return {
            steps: [],
            refused:
                `${observed.id} runs the OS of instance ${instance.id}: taking osProfile out cannot remove it. ` +
                "Put osProfile back, or delete the EdgeHost",
        };
    }
    return { steps: [...steps, { do: "removeInstance", instance: instance.id }] };
}

function reasonToRegisterAnew(observed: ObservedHost, desired: DesiredHost): string | undefined {
    if (observed.deauthorized) return "it was deauthorized, which EMF cannot take back";
    // EMF takes the size at registration only; 0 is what it stores when none is given.
    if (desired.lvmSizeGb !== undefined && desired.lvmSizeGb !== observed.lvmSizeGb) {
        return `lvmSizeGb ${observed.lvmSizeGb} becomes ${desired.lvmSizeGb}, which EMF takes at registration only`;
    }
    return undefined;
}

function planRegisterAnew(
    observed: ObservedHost,
    desired: DesiredHost,
    reason: string,
    fresh: readonly Step[],
): Plan {
    const disk = observed.instance?.disk ?? "untouched";
    const nothingToLose = !observed.deauthorized && (disk === "untouched" || disk === "failed");
    return nothingToLose
        ? { steps: [...removal(observed), ...fresh] }
        : planReimage(observed, desired, reason, fresh);
}

/** As the platform documents it: deauthorize, delete, register again; the machine then boots into the installer. */
function planReimage(
    observed: ObservedHost,
    desired: DesiredHost,
    reason: string,
    fresh: readonly Step[],
): Plan {
    if (desired.reimage !== "allow") {
        return {
            steps: [],
            reimage: reason,
            refused:
                `${observed.id} must be installed anew (${reason}), which erases its disk; ` +
                'set reimage: "allow" on this host to do that, or take the change back',
        };
    }
    const deauthorize: Step[] = observed.deauthorized ? [] : [{ do: "deauthorize" }];
    return { steps: [...deauthorize, ...removal(observed), ...fresh], reimage: reason };
}

function removal({ instance }: ObservedHost): Step[] {
    const removeInstance: Step[] = instance ? [{ do: "removeInstance", instance: instance.id }] : [];
    return [...removeInstance, { do: "removeHost" }];
}

/** What about the wanted instance needs another installation; undefined if it can be kept. */
function imageChange(
    instance: ObservedInstance,
    desired: DesiredHost,
    { sha256, reinstall }: PlanContext,
): string | undefined {
    if (reinstall) return "reimageToken changed";
    if (instance.osProfile !== desired.osProfile && instance.sha256 !== sha256) {
        return `OS profile ${instance.osProfile} becomes ${desired.osProfile}, another image`;
    }
    if (instance.securityFeature !== desired.securityFeature) {
        return `securityFeature ${instance.securityFeature} becomes ${desired.securityFeature}`;
    }
    if (desired.localAccount !== undefined && instance.localAccount !== desired.localAccount) {
        return `local account ${instance.localAccount || "(none)"} becomes ${desired.localAccount}`;
    }
    const wanted = [...(desired.customConfigs ?? [])].sort();
    const present = [...instance.customConfigs].sort();
    if (desired.customConfigs !== undefined && wanted.join() !== present.join()) {
        return `custom configs ${present.join(", ") || "(none)"} become ${wanted.join(", ") || "(none)"}`;
    }
    return undefined;
}

/** The PATCH that brings a host's own fields in place; undefined if they are. */
export function hostPatch(
    observed: ObservedHost,
    desired: DesiredHost,
    { claim, previous }: Pick<PlanContext, "claim" | "previous">,
): Patches["hosts"] | undefined {
    const name = wantedName(observed, desired, previous);
    const site = desired.site ?? (previous?.site === undefined ? observed.site : "");
    const metadata = mergeMetadata(
        observed.metadata,
        desired.metadata ?? {},
        previous?.metadata ?? {},
        claim,
    );
    const vproChanges = desired.enableVpro !== observed.vpro && previous !== undefined;
    const changed = {
        ...(site === observed.site ? {} : { siteId: site }),
        ...(sameItems(metadata, observed.metadata) ? {} : { metadata }),
        ...(vproChanges
            ? { desiredAmtState: desired.enableVpro ? "AMT_STATE_PROVISIONED" : "AMT_STATE_UNPROVISIONED" }
            : {}),
    };
    return name === observed.name && Object.keys(changed).length === 0 ? undefined : { name, ...changed };
}

/** Registered under this name until the PATCH that claims the host, so that an interrupted creation knows its own. */
export function registrationName(owner: string): string {
    return `pulumi-${owner}`;
}

/** A host without a name of its own is named by its id, as orch-cli does. */
function wantedName(observed: ObservedHost, desired: DesiredHost, previous: DesiredHost | undefined): string {
    if (desired.name !== undefined) return desired.name;
    const takenOut = previous?.name !== undefined && sameText(observed.name, previous.name);
    const unnamed = observed.name === "" || /^pulumi-[0-9a-f]{12}$/.test(observed.name);
    return takenOut || unnamed ? observed.id : observed.name;
}

/** `instance` is the one of a GET where its account and configs count: a host's own never shows them. */
export function observeHost(host: HostResource, instance: InstanceResource | null): ObservedHost {
    return {
        id: host.resourceId,
        name: host.name,
        site: siteOf(host),
        metadata: host.metadata,
        onboardingHeld: host.desiredState === "HOST_STATE_REGISTERED",
        deauthorized: host.desiredState === "HOST_STATE_UNTRUSTED",
        lvmSizeGb: host.userLvmSize,
        vpro: host.desiredAmtState === "AMT_STATE_PROVISIONED",
        hasRun: hasRun(host),
        ...(instance ? { instance: observeInstance(instance, hasRun(host)) } : {}),
    };
}

/** Whether the machine's own system has reported: nothing else changes the status that a host is registered with. */
export function hasRun({ hostStatus, hostStatusTimestamp }: HostResource): boolean {
    return hostStatusTimestamp !== 0 && hostStatus !== "" && hostStatus !== "Not Connected";
}

/** An instance whose installation has not begun. */
export function isUntouched(instance: InstanceResource): boolean {
    return diskState(instance) === "untouched";
}

export function siteOf(host: HostResource): string {
    return host.site?.resourceId ?? host.siteId;
}

function observeInstance(instance: InstanceResource, hasRun: boolean): ObservedInstance {
    const disk = diskState(instance);
    return {
        id: instance.resourceId,
        osProfile: instance.os?.resourceId ?? instance.osID,
        sha256: instance.os?.sha256 ?? "",
        securityFeature: instance.securityFeature,
        localAccount: instance.localaccount?.resourceId ?? instance.localAccountID,
        customConfigs: instance.customConfig.map(({ resourceId }) => resourceId),
        // An instance that was made by hand for a machine that runs says nothing of its disk.
        disk: hasRun && disk === "untouched" ? "installed" : disk,
        deleting: instance.desiredState === "INSTANCE_STATE_DELETED",
    };
}

function diskState(instance: InstanceResource): DiskState {
    if (instance.currentState === "INSTANCE_STATE_RUNNING") return "installed";
    if (instance.currentState === "INSTANCE_STATE_UNTRUSTED") return "installed";
    switch (instance.provisioningStatusIndicator) {
        case "STATUS_INDICATION_ERROR":
            return "failed";
        case "STATUS_INDICATION_IN_PROGRESS":
            return "writing";
        case "STATUS_INDICATION_IDLE":
            return instance.provisioningStatus.startsWith("Provisioned") ? "installed" : "untouched";
        default:
            return "untouched";
    }
}
