import type {
    Architecture,
    EdgeHostRecord,
    EdgeHostRegistration,
    EdgeHostSummary,
    TunnelConfig,
} from "./api";
import { PALETTE_CLAIM_KEY } from "./claims";
import { encodeLabels, type Labels } from "./labels";

/** What a program declares of a host. */
export interface DesiredHost {
    readonly uid: string;
    readonly name?: string | undefined;
    readonly labels?: Labels | undefined;
    readonly architecture?: Architecture | undefined;
    readonly pairingKey?: string | undefined;
    readonly remoteShell?: boolean | undefined;
    readonly temporaryShellUser?: boolean | undefined;
}

/** One write. */
export type HostStep =
    | { readonly do: "register"; readonly body: EdgeHostRegistration }
    | { readonly do: "remove" }
    | { readonly do: "describe"; readonly name: string; readonly labels: Labels }
    | { readonly do: "tunnel"; readonly body: TunnelConfig }
    | { readonly do: "pairingKey"; readonly key: string };

export interface HostPlan {
    readonly steps: readonly HostStep[];
    /** Why nothing can be done. */
    readonly refused?: string;
}

export interface HostPlanContext {
    readonly claim: string;
    /** What the last run declared. */
    readonly previous?: DesiredHost | undefined;
}

const USUAL: Architecture = "amd64";

/** The way from what is there to what is wanted: creation, resumption, adoption, change and repair alike. */
export function planEdgeHost(
    present: EdgeHostRecord | undefined,
    desired: DesiredHost,
    { claim, previous }: HostPlanContext,
): HostPlan {
    if (!present) {
        return { steps: [registerStep(desired, mergeLabels({}, desired.labels ?? {}, {}, claim))] };
    }
    const { architecture } = desired;
    const known = architectureOf(present, previous);
    if (architecture !== undefined && known !== undefined && architecture !== known) {
        if (isPaired(present)) {
            const refused = `the machine is ${known}, and architecture says ${architecture}: correct it`;
            return { steps: [], refused };
        }
        const { labels } = described(present, desired, { claim, previous });
        return { steps: [{ do: "remove" }, registerStep({ ...kept(present), ...defined(desired) }, labels)] };
    }
    const steps: HostStep[] = [];
    const wanted = described(present, desired, { claim, previous });
    const { metadata } = present;
    if (wanted.name !== metadata.name || !sameLabels(wanted.labels, metadata.labels ?? {})) {
        steps.push({ do: "describe", ...wanted });
    }
    const tunnel = tunnelBody(present, desired, previous);
    if (tunnel) steps.push({ do: "tunnel", body: tunnel });
    const key = desired.pairingKey ?? (previous?.pairingKey === undefined ? undefined : "");
    if (key !== undefined && key !== previous?.pairingKey) steps.push({ do: "pairingKey", key });
    return { steps };
}

export function claimOf({ metadata }: EdgeHostRecord | EdgeHostSummary): string | undefined {
    return metadata.labels?.[PALETTE_CLAIM_KEY];
}

/** As messages name it. */
export function describeHost(uid: string): string {
    return `edge host ${uid}`;
}

/** Whether its machine has reported. */
function isPaired({ status }: EdgeHostRecord): boolean {
    return (status?.state ?? "unpaired") !== "unpaired";
}

/** Labels of others stay as they are, declared ones get their value, those that are declared no more go. */
function mergeLabels(present: Labels, declared: Labels, before: Labels, claim: string): Labels {
    const wanted = encodeLabels(declared);
    const kept = Object.entries(present).filter(([key]) => !Object.hasOwn(before, key));
    return Object.fromEntries([...kept, ...Object.entries(wanted), [PALETTE_CLAIM_KEY, claim]]);
}

function registerStep(desired: DesiredHost, labels: Labels): HostStep {
    const { uid, name = uid, architecture = USUAL, pairingKey } = desired;
    return {
        do: "register",
        body: {
            metadata: { uid, name, labels },
            spec: {
                archType: architecture,
                ...(pairingKey === undefined ? {} : { hostPairingKey: pairingKey }),
                tunnelConfig: { ...OFF, ...tunnelOf(desired) },
            },
        },
    };
}

/** What a host that is registered anew has that the program does not say. */
function kept({ metadata, spec }: EdgeHostRecord): Partial<DesiredHost> {
    const { remoteSsh, remoteSshTempUser } = spec?.tunnelConfig ?? {};
    return {
        ...(metadata.name === undefined ? {} : { name: metadata.name }),
        remoteShell: remoteSsh === "enabled",
        temporaryShellUser: remoteSshTempUser === "enabled",
    };
}

function defined(desired: DesiredHost): DesiredHost {
    const entries = Object.entries(desired).filter(([, value]) => value !== undefined);
    return Object.fromEntries(entries) as unknown as DesiredHost;
}

/** A name goes with every change of labels, and one that the program does not give is the console's. */
function described(
    { metadata }: EdgeHostRecord,
    desired: DesiredHost,
    { claim, previous }: HostPlanContext,
): { name: string; labels: Labels } {
    return {
        name: desired.name ?? metadata.name ?? desired.uid,
        labels: mergeLabels(metadata.labels ?? {}, desired.labels ?? {}, previous?.labels ?? {}, claim),
    };
}

function sameLabels(a: Labels, b: Labels): boolean {
    const text = (labels: Labels): string => JSON.stringify(Object.entries(labels).sort());
    return text(a) === text(b);
}

const OFF: TunnelConfig = { remoteSsh: "disabled", remoteSshTempUser: "disabled" };

/** The whole of it: Palette's description does not say what a part of it would mean. */
function tunnelBody(
    { spec }: EdgeHostRecord,
    desired: DesiredHost,
    previous: DesiredHost | undefined,
): TunnelConfig | undefined {
    const present = { ...OFF, ...spec?.tunnelConfig };
    const undeclared = previous?.remoteShell === undefined ? {} : OFF;
    const wanted = { ...present, ...undeclared, ...tunnelOf(desired) };
    const isSame =
        present.remoteSsh === wanted.remoteSsh && present.remoteSshTempUser === wanted.remoteSshTempUser;
    return isSame ? undefined : wanted;
}

function tunnelOf({ remoteShell, temporaryShellUser = false }: DesiredHost): TunnelConfig {
    if (remoteShell === undefined) return {};
    const word = (on: boolean): "enabled" | "disabled" => (on ? "enabled" : "disabled");
    return { remoteSsh: word(remoteShell), remoteSshTempUser: word(temporaryShellUser) };
}

/** Before its machine has reported, Palette may not tell what a host was registered as. */
function architectureOf(
    { spec }: EdgeHostRecord,
    previous: DesiredHost | undefined,
): Architecture | undefined {
    return spec?.device?.archType ?? (previous && (previous.architecture ?? USUAL));
}
