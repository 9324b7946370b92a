import { isDeepStrictEqual } from "node:util";
import type { ClusterConfig, Nic, PoolHost, PoolRequest, ProfileUse, VariableValue } from "./clusterApi";
import { descriptionChange, type Description } from "./description";
import { poolsOf, type ClusterHostInput, type ClusterInputs, type PoolInput } from "./edgeCluster.schema";

/** A cluster as Palette has it. */
export interface ObservedCluster extends Description {
    readonly name: string;
    readonly config: ClusterConfig;
    readonly pools: readonly ObservedPool[];
    readonly profiles: readonly ObservedUse[];
}

export interface ObservedPool {
    readonly name: string;
    readonly isControlPlane: boolean;
    readonly hosts: readonly PoolHost[];
    readonly request: Partial<PoolRequest["poolConfig"]>;
}

/** A profile that the cluster has. */
export interface ObservedUse {
    readonly uid: string;
    readonly name: string;
    readonly type: string;
    readonly variables: readonly {
        readonly name: string;
        readonly value?: string | undefined;
        readonly defaultValue?: string | undefined;
        readonly isSensitive: boolean;
    }[];
}

export type ClusterStep =
    | { readonly do: "create" }
    | ({ readonly do: "describe" } & Description)
    | { readonly do: "configure"; readonly config: ClusterConfig }
    | { readonly do: "addPool" | "setPool"; readonly pool: PoolRequest }
    | { readonly do: "removePool"; readonly name: string }
    | { readonly do: "patchProfiles"; readonly profiles: readonly ProfileUse[] }
    | { readonly do: "removeProfiles"; readonly uids: readonly string[] }
    | { readonly do: "setVariables"; readonly profiles: readonly Required<UseVariables>[] };

interface UseVariables {
    readonly uid: string;
    readonly variables: readonly VariableValue[];
}

export interface ClusterPlan {
    readonly steps: readonly ClusterStep[];
    /** Why nothing of it may be done. */
    readonly refused?: string;
}

export interface ClusterPlanContext {
    readonly claim: string;
    /** What the last run wanted. */
    readonly previous?: ClusterInputs | undefined;
    /** Name and type of profiles that are wanted and that the cluster does not have yet. */
    readonly wanted: ReadonlyMap<string, { readonly name: string; readonly type: string }>;
}

/** The whole way from what is there to what is wanted; creation is the plan from nothing. */
export function planCluster(
    observed: ObservedCluster | undefined,
    desired: ClusterInputs,
    context: ClusterPlanContext,
): ClusterPlan {
    if (!observed) return { steps: [{ do: "create" }] };
    const refused = moveProblem(observed.pools, poolsOf(desired));
    if (refused !== undefined) return { steps: [], refused };
    const config = configChange(observed.config, desired, context.previous);
    const described = descriptionChange(observed, desired, context);
    return {
        steps: [
            ...(described ? [{ do: "describe" as const, ...described }] : []),
            ...(config ? [{ do: "configure" as const, config }] : []),
            ...poolSteps(observed.pools, clearedPools(desired, context.previous)),
            ...profileSteps(observed.profiles, desired, context),
        ],
    };
}

/** A host is in one pool only, and Palette takes it into another when it is free again. */
export function moveProblem(
    before: readonly { readonly name: string; readonly hosts: readonly { readonly hostUid: string }[] }[],
    after: readonly PoolInput[],
): string | undefined {
    for (const { name, hosts } of after) {
        for (const { uid } of hosts) {
            const former = before.find((pool) => pool.hosts.some(({ hostUid }) => hostUid === uid));
            if (!former || former.name === name) continue;
            return (
                `host ${uid} would go from pool ${former.name} to ${name}: take it out of the cluster first, wait until it is ` +
                "ready again, and then put it into the other pool"
            );
        }
    }
    return undefined;
}

/** Why a cluster cannot be taken over: what is fixed when one is made is not as the program has it. */
export function adoptionProblem({ config }: ObservedCluster, desired: ClusterInputs): string | undefined {
    const { controlPlaneEndpoint: endpoint, overlayCidr, twoNode } = desired;
    const { controlPlaneEndpoint: found, overlayNetworkConfiguration: overlay, isTwoNodeCluster } = config;
    const differs = [
        endpoint !== undefined && found?.type !== undefined && found.type !== endpoint.type,
        endpoint?.host !== undefined && found?.host !== endpoint.host,
        overlayCidr !== undefined && (overlay?.enable !== true || overlay.cidr !== overlayCidr),
        twoNode !== undefined && twoNode !== (isTwoNodeCluster === true),
    ];
    const fields = ["controlPlaneEndpoint.type", "controlPlaneEndpoint.host", "overlayCidr", "twoNode"];
    const names = fields.filter((_, i) => differs[i]);
    if (names.length === 0) return undefined;
    return `is in Palette with another ${names.join(" and ")}, which cannot change while it is there: declare what it has`;
}

export function poolRequest(pool: PoolInput): PoolRequest {
    const { name, isControlPlane, alsoWorker, labels, taints, updateStrategy, architecture, hosts } = pool;
    return {
        cloudConfig: { edgeHosts: hosts.map(hostRequest) },
        poolConfig: {
            ...{ name, isControlPlane, size: hosts.length },
            labels: [isControlPlane ? "control-plane" : "worker"],
            ...(isControlPlane ? { useControlPlaneAsWorker: alsoWorker === true } : {}),
            ...(labels ? { additionalLabels: labels } : {}),
            ...(taints ? { taints } : {}),
            updateStrategy: { type: updateStrategy ?? "RollingUpdateScaleOut" },
            machinePoolProperties: { archType: architecture ?? "amd64" },
        },
    };
}

/** The part of the cluster's configuration that is fixed when it is made, and the part that is not. */
export function clusterConfig(cluster: ClusterInputs): ClusterConfig {
    const { controlPlaneEndpoint, overlayCidr, twoNode, ntpServers = [], sshKeys = [] } = cluster;
    const { type = "VIP", host = "", searchDomain } = controlPlaneEndpoint ?? {};
    return {
        controlPlaneEndpoint: {
            ...{ type, host },
            ...(searchDomain === undefined ? {} : { ddnsSearchDomain: searchDomain }),
        },
        ...{ ntpServers, sshKeys, staticIp: hasStaticAddresses(cluster) },
        ...{ isTwoNodeCluster: twoNode === true },
        overlayNetworkConfiguration: { enable: overlayCidr !== undefined, cidr: overlayCidr ?? "" },
    };
}

export function hasStaticAddresses(cluster: Pick<ClusterInputs, "controlPlane" | "workers">): boolean {
    return poolsOf(cluster).some(({ hosts }) => hosts.some(({ network }) => network !== undefined));
}

function hostRequest({ uid, name = "", network }: ClusterHostInput): PoolHost {
    const { nic = "", ip = "", gateway = "", subnet = "", dns = [] } = network ?? {};
    return { hostUid: uid, hostName: name, nic: { nicName: nic, ip, gateway, subnet, dns } };
}

/** Only what can change while the cluster lives, and only what the program declares, or did in the last run. */
function configChange(
    observed: ClusterConfig,
    desired: ClusterInputs,
    previous: ClusterInputs | undefined,
): ClusterConfig | undefined {
    const ntpServers = desired.ntpServers ?? (previous?.ntpServers && []);
    const sshKeys = desired.sshKeys ?? (previous?.sshKeys && []);
    const sameKeys = sshKeys === undefined || sameSet(observed.sshKeys ?? [], sshKeys);
    const sameServers = ntpServers === undefined || sameSet(observed.ntpServers ?? [], ntpServers);
    if (sameKeys && sameServers) return undefined;
    return {
        ...observed,
        ...(sshKeys === undefined ? {} : { sshKeys }),
        ...(ntpServers === undefined ? {} : { ntpServers }),
    };
}

/** Labels and taints that the last run declared, and this one does not, are none. */
function clearedPools(desired: ClusterInputs, previous: ClusterInputs | undefined): PoolInput[] {
    const before = previous ? poolsOf(previous) : [];
    return poolsOf(desired).map((pool) => {
        const { labels, taints } = before.find(({ name }) => name === pool.name) ?? {};
        return {
            ...pool,
            labels: pool.labels ?? (labels && {}),
            taints: pool.taints ?? (taints && []),
        };
    });
}

/** Hosts come before others go, so that there are never fewer than before or after. */
function poolSteps(observed: readonly ObservedPool[], desired: readonly PoolInput[]): ClusterStep[] {
    const steps: ClusterStep[] = [];
    for (const pool of desired) {
        const found = observed.find(({ name }) => name === pool.name);
        if (!found) steps.push({ do: "addPool", pool: poolRequest(pool) });
        else if (poolDiffers(found, pool)) steps.push({ do: "setPool", pool: changedPool(found, pool) });
    }
    const names = desired.map(({ name }) => name);
    const gone = observed.filter(({ name, isControlPlane }) => !isControlPlane && !names.includes(name));
    return [...steps, ...gone.map(({ name }) => ({ do: "removePool" as const, name }))];
}

/** A PUT replaces the whole of a pool: what the program does not declare of it stays as others have set it. */
function changedPool({ request: found, hosts }: ObservedPool, pool: PoolInput): PoolRequest {
    const { cloudConfig, poolConfig } = poolRequest(pool);
    const { updateStrategy: strategy, machinePoolProperties: properties } = found;
    const edgeHosts = cloudConfig.edgeHosts.map((host) => {
        const present = hosts.find(({ hostUid }) => hostUid === host.hostUid);
        return present ? changedHost(present, host) : host;
    });
    return {
        cloudConfig: { edgeHosts },
        poolConfig: {
            ...found,
            ...poolConfig,
            ...(pool.updateStrategy === undefined && strategy ? { updateStrategy: strategy } : {}),
            ...(pool.architecture === undefined && properties ? { machinePoolProperties: properties } : {}),
        },
    };
}

/** The fields that say something: Palette has empty texts and lists where nothing was given. */
export function given<Fields extends object>(fields: Fields): Partial<Fields> {
    const entries = Object.entries(fields).filter(
        ([, value]: [string, unknown]) =>
            value !== undefined &&
            value !== null &&
            value !== "" &&
            !(Array.isArray(value) && value.length === 0),
    );
    return Object.fromEntries(entries) as Partial<Fields>;
}

/** Without what only Palette tells of a host, its address for one. */
function changedHost(
    { hostName, nic, twoNodeCandidatePriority }: PoolHost,
    { hostUid, hostName: name = "", nic: wanted = {} }: PoolHost,
): PoolHost {
    return {
        hostUid,
        hostName: name === "" ? (hostName ?? "") : name,
        nic: { ...nic, ...given(wanted) },
        ...(twoNodeCandidatePriority === undefined ? {} : { twoNodeCandidatePriority }),
    };
}

function poolDiffers({ hosts, request }: ObservedPool, pool: PoolInput): boolean {
    const { alsoWorker, updateStrategy, architecture, labels, taints, isControlPlane } = pool;
    const wanted = poolRequest(pool);
    return (
        !sameHosts(hosts, wanted.cloudConfig.edgeHosts) ||
        (isControlPlane && (request.useControlPlaneAsWorker ?? false) !== (alsoWorker === true)) ||
        (updateStrategy !== undefined && request.updateStrategy?.type !== updateStrategy) ||
        (architecture !== undefined &&
            (request.machinePoolProperties?.archType ?? "amd64") !== architecture) ||
        (labels !== undefined && !isDeepStrictEqual({ ...request.additionalLabels }, labels)) ||
        (taints !== undefined && !isDeepStrictEqual(plain(request.taints ?? []), plain(taints)))
    );
}

/** By uid: names of nodes are empty by default, and several can be. What is not given, Palette fills in. */
function sameHosts(observed: readonly PoolHost[], wanted: readonly PoolHost[]): boolean {
    if (observed.length !== wanted.length) return false;
    return wanted.every((host) => {
        const found = observed.find(({ hostUid }) => hostUid === host.hostUid);
        if (!found) return false;
        if (host.hostName !== undefined && host.hostName !== "" && found.hostName !== host.hostName)
            return false;
        return sameNic(found.nic, host.nic);
    });
}

function sameNic(found: Nic = {}, wanted: Nic = {}): boolean {
    const texts = ["nicName", "ip", "gateway", "subnet"] as const;
    const differs = texts.some((field) => (wanted[field] ?? "") !== "" && wanted[field] !== found[field]);
    const dns = wanted.dns ?? [];
    return !differs && (dns.length === 0 || sameSet(dns, found.dns ?? []));
}

/**
 * A new version takes the place of the old one in a single call: taken away and added, a pack would be removed from the
 * cluster and installed anew.
 */
function profileSteps(
    observed: readonly ObservedUse[],
    desired: ClusterInputs,
    context: ClusterPlanContext,
): ClusterStep[] {
    const uids = desired.profiles.map(({ uid }) => uid);
    const gone = observed.filter(({ uid }) => !uids.includes(uid));
    const fresh = desired.profiles.filter(({ uid }) => !observed.some((use) => use.uid === uid));
    const patched: ProfileUse[] = fresh.map((use) => {
        const former = placeFor(use.uid, gone, context);
        if (former) gone.splice(gone.indexOf(former), 1);
        const variables = valuesOf(use.variables);
        return { uid: use.uid, ...(former ? { replaceWithProfile: former.uid } : {}), variables };
    });
    const changed = desired.profiles.flatMap(({ uid }) => {
        const use = observed.find((other) => other.uid === uid);
        const variables = use ? variableChanges(use, desired, context.previous) : [];
        return variables.length > 0 ? [{ uid, variables }] : [];
    });
    return [
        ...(patched.length > 0 ? [{ do: "patchProfiles" as const, profiles: patched }] : []),
        ...(gone.length > 0 ? [{ do: "removeProfiles" as const, uids: gone.map(({ uid }) => uid) }] : []),
        ...(changed.length > 0 ? [{ do: "setVariables" as const, profiles: changed }] : []),
    ];
}

/** The profile whose place another takes: one of the same name; a cluster has one with an operating system only. */
function placeFor(
    uid: string,
    gone: readonly ObservedUse[],
    { wanted }: ClusterPlanContext,
): ObservedUse | undefined {
    const next = wanted.get(uid);
    if (!next) return undefined;
    const isBase = ({ type }: { readonly type: string }): boolean => type === "cluster" || type === "infra";
    return gone.find(({ name }) => name === next.name) ?? (isBase(next) ? gone.find(isBase) : undefined);
}

/** What cannot be seen in Palette is written when it is not what the last run wrote. */
function variableChanges(
    use: ObservedUse,
    { profiles }: ClusterInputs,
    previous: ClusterInputs | undefined,
): VariableValue[] {
    const of = (list: ClusterInputs["profiles"] | undefined): Readonly<Record<string, string>> =>
        list?.find(({ uid }) => uid === use.uid)?.variables ?? {};
    const [wanted, before] = [of(profiles), of(previous?.profiles)];
    const changes = Object.entries(wanted).filter(([name, value]) => {
        const found = use.variables.find((variable) => variable.name === name);
        return found?.isSensitive === true ? before[name] !== value : found?.value !== value;
    });
    const dropped = Object.keys(before).filter((name) => !Object.hasOwn(wanted, name));
    const defaults = dropped.flatMap((name) => {
        const found = use.variables.find((variable) => variable.name === name);
        if (found?.defaultValue === undefined || found.isSensitive) return [];
        return found.value === found.defaultValue ? [] : [[name, found.defaultValue] as const];
    });
    return [...changes, ...defaults].map(([name, value]) => ({ name, value }));
}

export function valuesOf(variables: Readonly<Record<string, string>> = {}): VariableValue[] {
    return Object.entries(variables).map(([name, value]) => ({ name, value }));
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
    return isDeepStrictEqual([...a].sort(), [...b].sort());
}

function plain(value: unknown): unknown {
    return JSON.parse(JSON.stringify(value)) as unknown;
}
