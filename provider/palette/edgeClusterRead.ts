import type { Nic, PoolHost } from "./clusterApi";
import type { ObservedCluster, ObservedPool, ObservedUse } from "./edgeClusterPlan";
import {
    CONTROL_PLANE,
    type ClusterHostInput,
    type ClusterInputs,
    type PoolInput,
} from "./edgeCluster.schema";

/** What the program declares of a cluster, as it is now: in its order, and without what Palette has filled in. */
export function readBack(observed: ObservedCluster, declared: ClusterInputs): Partial<ClusterInputs> {
    const { controlPlane, workers, ntpServers, sshKeys } = declared;
    const { config, pools } = observed;
    const named = (name: string): ObservedPool | undefined => pools.find((pool) => pool.name === name);
    const others = pools.filter(
        ({ name, isControlPlane }) => !isControlPlane && !workers?.some((pool) => pool.name === name),
    );
    const kept = (workers ?? []).flatMap((pool) => {
        const found = named(pool.name);
        return found ? [{ ...pool, ...poolBack(found, pool) }] : [];
    });
    const added = others.map(({ name, hosts }) => ({
        name,
        hosts: hosts.map(({ hostUid }) => ({ uid: hostUid })),
    }));
    const primary = named(controlPlane.name ?? CONTROL_PLANE) ?? pools.find((pool) => pool.isControlPlane);
    return {
        profiles: profilesBack(observed.profiles, declared.profiles),
        controlPlane: primary
            ? { ...controlPlane, ...poolBack(primary, controlPlane) }
            : { ...controlPlane, hosts: [] },
        ...(workers === undefined && added.length === 0 ? {} : { workers: [...kept, ...added] }),
        ...(ntpServers === undefined ? {} : { ntpServers: listBack(config.ntpServers, ntpServers) }),
        ...(sshKeys === undefined ? {} : { sshKeys: listBack(config.sshKeys, sshKeys) }),
    };
}

/** In the program's order, with what else there is behind it. */
function listBack(found: readonly string[] | null | undefined, declared: readonly string[]): string[] {
    const present = found ?? [];
    return [
        ...declared.filter((entry) => present.includes(entry)),
        ...present.filter((entry) => !declared.includes(entry)),
    ];
}

type Pool = Pick<PoolInput, "hosts" | "alsoWorker" | "architecture" | "labels" | "taints" | "updateStrategy">;

function poolBack(
    { hosts, request }: ObservedPool,
    declared: Omit<Pool, "alsoWorker">,
): Partial<Pool> & Pick<Pool, "hosts"> {
    const known = declared.hosts.flatMap((host) => {
        const found = hosts.find(({ hostUid }) => hostUid === host.uid);
        return found ? [hostBack(found, host)] : [];
    });
    const added = hosts.filter(({ hostUid }) => !declared.hosts.some(({ uid }) => uid === hostUid));
    const { updateStrategy, taints, additionalLabels } = request;
    const strategy = updateStrategy?.type;
    return {
        hosts: [...known, ...added.map(({ hostUid }) => ({ uid: hostUid }))],
        ...("alsoWorker" in declared ? { alsoWorker: request.useControlPlaneAsWorker === true } : {}),
        ...(declared.updateStrategy !== undefined && strategy !== undefined
            ? { updateStrategy: strategy }
            : {}),
        ...(declared.labels === undefined ? {} : { labels: { ...additionalLabels } }),
        ...(declared.taints === undefined ? {} : { taints: taintsBack(taints) }),
    };
}

function taintsBack(taints: ObservedPool["request"]["taints"]): NonNullable<Pool["taints"]> {
    return (taints ?? []).map(({ key = "", value, effect = "NoSchedule" }) => ({
        ...{ key, effect },
        ...(value === undefined ? {} : { value }),
    }));
}

function hostBack({ hostName, nic }: PoolHost, declared: ClusterHostInput): ClusterHostInput {
    const { uid, name, network } = declared;
    return {
        uid,
        ...(name === undefined ? {} : { name: hostName ?? "" }),
        ...(network === undefined ? {} : { network: networkBack(nic ?? {}, network) }),
    };
}

function networkBack(
    { ip = "", nicName, gateway, subnet, dns }: Nic,
    declared: NonNullable<ClusterHostInput["network"]>,
): NonNullable<ClusterHostInput["network"]> {
    return {
        ip,
        ...(declared.nic === undefined ? {} : { nic: nicName }),
        ...(declared.gateway === undefined ? {} : { gateway }),
        ...(declared.subnet === undefined ? {} : { subnet }),
        ...(declared.dns === undefined ? {} : { dns: listBack(dns, declared.dns) }),
    };
}

function profilesBack(
    observed: readonly ObservedUse[],
    declared: ClusterInputs["profiles"],
): ClusterInputs["profiles"] {
    const known = declared.flatMap((use) => {
        const found = observed.find(({ uid }) => uid === use.uid);
        return found ? [{ ...use, ...variablesBack(found, use) }] : [];
    });
    const added = observed.filter(({ uid }) => !declared.some((use) => use.uid === uid));
    return [...known, ...added.map(({ uid }) => ({ uid }))];
}

/** Sensitive values come back masked: they stay what the program said. */
function variablesBack(
    found: ObservedUse,
    { variables }: ClusterInputs["profiles"][number],
): { variables?: Record<string, string> } {
    if (variables === undefined) return {};
    const values = Object.entries(variables).flatMap(([name, value]) => {
        const present = found.variables.find((variable) => variable.name === name);
        if (present?.isSensitive === true) return [[name, value]];
        return present?.value === undefined ? [] : [[name, present.value]];
    });
    return { variables: Object.fromEntries(values) as Record<string, string> };
}
