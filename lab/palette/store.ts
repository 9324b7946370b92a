import * as crypto from "node:crypto";
import { REGISTRIES, type Layer, type Registry } from "./registries";

export interface Project {
    uid: string;
    name: string;
}

/** What all objects carry. An object without a project is the tenant's. */
export interface PaletteRecord {
    uid: string;
    name: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
    projectUid?: string;
    createdAt: string;
    changedAt: string;
}

export interface TunnelConfig {
    remoteSsh?: "enabled" | "disabled";
    remoteSshTempUser?: "enabled" | "disabled";
}

/** What an agent tells of the machine it runs on. */
export interface Hardware {
    archType: "amd64" | "arm64";
    cores: number;
    memoryMb: number;
    nicName: string;
    macAddress: string;
    ip: string;
    agentVersion: string;
}

export interface EdgeHost extends PaletteRecord {
    archType: "amd64" | "arm64";
    pairingKey: string;
    tunnelConfig: TunnelConfig;
    /** Secret of the paired agent. */
    serviceAuthToken?: string;
    hardware?: Hardware;
    health?: "healthy" | "unhealthy";
    clusterUid?: string;
    /** Milliseconds since the epoch at which its node is drained, and it is part of the cluster no more. */
    leavesAt?: number;
}

export interface RegistrationToken extends PaletteRecord {
    token: string;
    expiry: string;
    defaultProjectUid?: string;
    isActive: boolean;
}

export interface ProfilePack {
    name: string;
    type: "spectro" | "helm" | "manifest" | "oci";
    layer: Layer;
    tag: string;
    registryUid: string;
    packUid: string;
    values: string;
    manifests: { uid: string; name: string; content: string }[];
}

export interface ProfileVariable {
    name: string;
    defaultValue?: string;
    isSensitive?: boolean;
    [field: string]: unknown;
}

/** One version of a cluster profile: each is an object of its own, grouped only by the name. */
export interface ClusterProfile extends PaletteRecord {
    version: string;
    type: "cluster" | "infra" | "add-on" | "system";
    cloudType: string;
    draft?: ProfilePack[];
    published?: ProfilePack[];
    variables: ProfileVariable[];
}

export interface ClusterHost {
    hostUid: string;
    hostName?: string;
    nic?: object;
}

export interface MachinePool {
    name: string;
    isControlPlane: boolean;
    hosts: ClusterHost[];
    /** What else it was given: labels, taints, the way it is updated. */
    config: Record<string, unknown>;
}

/** A profile that a cluster has, as it was when the cluster took it over. */
export interface AppliedProfile {
    uid: string;
    variables: { name: string; value?: string }[];
    packs: ProfilePack[];
}

/** A change of profiles on its way to the nodes. Milliseconds since the epoch. */
export interface Rollout {
    /** Until then nothing shows but the profiles themselves; absent while somebody has to approve a repave. */
    applicableAt?: number;
    /** Until then nodes are worked on. */
    doneAt?: number;
}

export interface EdgeCluster extends PaletteRecord {
    configUid: string;
    state: "Pending" | "Provisioning" | "Running" | "Deleting" | "Deleted";
    /** Milliseconds since the epoch at which the present state ends by itself. */
    until?: number;
    healthy: boolean;
    config: {
        controlPlaneEndpoint?: { host?: string; type?: string };
        [field: string]: unknown;
    };
    pools: MachinePool[];
    profiles: AppliedProfile[];
    rollout?: Rollout;
    repave?: "Pending" | "Approved";
    /** When the profiles were last changed, and when the agents had that. */
    changedProfilesAt?: string;
    appliedProfilesAt?: string;
}

/** Objects of one kind, in the order they came. */
export class Records<T extends PaletteRecord> {
    readonly #records = new Map<string, T>();

    constructor(private readonly changed: () => void) {}

    get(uid: string): T | undefined {
        return this.#records.get(uid);
    }

    list(): T[] {
        return [...this.#records.values()];
    }

    /** Adds an object, or puts a new version in its place. */
    put(record: T): T {
        this.#records.set(record.uid, record);
        this.changed();
        return record;
    }

    remove(uid: string): void {
        this.#records.delete(uid);
        this.changed();
    }

    clear(): void {
        this.#records.clear();
        this.changed();
    }
}

const KINDS = ["edgeHosts", "tokens", "profiles", "clusters"] as const;

/** Everything a tenant of Palette holds. */
export class PaletteStore {
    readonly tenantUid = "1ab0000000000000000000aa";
    readonly projects: readonly Project[] = [
        { uid: "2ab000000000000000000001", name: "Default" },
        { uid: "2ab000000000000000000002", name: "stores" },
    ];
    readonly registries: Registry[] = [...REGISTRIES];
    readonly edgeHosts: Records<EdgeHost>;
    readonly tokens: Records<RegistrationToken>;
    readonly profiles: Records<ClusterProfile>;
    readonly clusters: Records<EdgeCluster>;

    constructor(
        readonly now: () => number,
        changed: () => void = () => undefined,
    ) {
        this.edgeHosts = new Records(changed);
        this.tokens = new Records(changed);
        this.profiles = new Records(changed);
        this.clusters = new Records(changed);
    }

    /** As the real ones look: 24 hex digits. */
    newUid(): string {
        return crypto.randomBytes(12).toString("hex");
    }

    time(): string {
        return new Date(this.now()).toISOString();
    }

    toJSON(): object {
        return Object.fromEntries(KINDS.map((kind) => [kind, this[kind].list()]));
    }

    restore(snapshot: unknown): void {
        if (snapshot === undefined) return;
        for (const kind of KINDS) {
            const records = this[kind] as Records<PaletteRecord>;
            for (const record of (snapshot as Record<string, PaletteRecord[]>)[kind] ?? [])
                records.put(record);
        }
    }
}
