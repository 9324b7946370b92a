/*
 * The objects of Palette's API, as far as this package uses them. Everything is optional that the API's description
 * has as optional; unknown members are let through.
 */

export interface Metadata {
    readonly uid?: string;
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
}

export type Switch = "enabled" | "disabled";

export interface TunnelConfig {
    readonly remoteSsh?: Switch;
    readonly remoteSshTempUser?: Switch;
}

export type Architecture = "amd64" | "arm64";

/** What a host is registered with before its machine has ever booted. */
export interface EdgeHostRegistration {
    readonly metadata: Metadata & { readonly uid: string };
    readonly spec: {
        readonly archType: Architecture;
        readonly hostPairingKey?: string;
        readonly tunnelConfig?: TunnelConfig;
    };
}

interface NamedObject {
    readonly uid?: string;
    readonly name?: string;
}

export interface EdgeHostStatus {
    /** `ready`, `unpaired` or `in-use`. */
    readonly state?: string;
    /** Not there before pairing. */
    readonly health?: { readonly state?: string; readonly agentVersion?: string; readonly message?: string };
    readonly inUseClustersRef?: readonly NamedObject[] | null;
}

export interface EdgeHostDevice {
    /** Not there, or without an architecture, before pairing. */
    readonly archType?: Architecture;
    readonly nics?: readonly { readonly ip?: string; readonly macAddr?: string }[] | null;
    readonly cpu?: { readonly cores?: number };
    readonly memory?: { readonly sizeInMB?: number };
    readonly os?: { readonly family?: string; readonly version?: string };
}

/** An edge host as it is read one by one; without the secrets that the API sends along. */
export interface EdgeHostRecord {
    readonly metadata: Metadata;
    readonly aclmeta?: { readonly projectUid?: string; readonly tenantUid?: string };
    readonly spec?: {
        readonly device?: EdgeHostDevice;
        readonly host?: { readonly hostAddress?: string; readonly macAddress?: string };
        readonly tunnelConfig?: TunnelConfig;
    };
    readonly status?: EdgeHostStatus;
}

/** An edge host as searches list it. */
export interface EdgeHostSummary {
    readonly metadata: Metadata;
    readonly spec?: {
        readonly device?: EdgeHostDevice;
        readonly host?: { readonly hostAddress?: string; readonly macAddress?: string };
        readonly projectMeta?: NamedObject;
    };
    readonly status?: EdgeHostStatus;
}

export interface RegistrationTokenRequest {
    readonly metadata: Metadata & { readonly name: string };
    readonly spec: {
        readonly defaultProjectUid?: string;
        /** RFC 3339. */
        readonly expiry: string;
    };
}

export interface RegistrationTokenRecord {
    readonly metadata: Metadata;
    readonly spec: {
        /** The secret itself, readable at any time. */
        readonly token?: string;
        readonly expiry?: string;
        readonly defaultProject?: NamedObject;
    };
    readonly status?: { readonly isActive?: boolean };
}

export interface Project {
    readonly uid: string;
    readonly name: string;
}
