/** Objects of the EMF infrastructure API v2, as far as this package uses them. */

export interface MetadataItem {
    key: string;
    value: string;
}

export interface Timestamps {
    createdAt: string;
    updatedAt: string;
}

/** The server fills every field: absent text is "", an absent object null. */
export interface OsResource {
    resourceId: string;
    name: string;
    architecture: string;
    imageUrl: string;
    imageId: string;
    description: string;
    sha256: string;
    profileName: string;
    installedPackagesUrl: string;
    securityFeature: string;
    osType: string;
    osProvider: string;
    /** A flat JSON object as text, keys sorted, or "". */
    metadata: string;
    /** Base64 of a PEM certificate. */
    tlsCaCert: string;
    existingCvesUrl: string;
    fixedCvesUrl: string;
    timestamps: Timestamps;
}

export interface RegionResource {
    resourceId: string;
    name: string;
    /** Never null: without a parent its resourceId is "". */
    parentRegion: RegionResource | null;
    parentId: string;
    metadata: MetadataItem[];
    inheritedMetadata: MetadataItem[];
    timestamps: Timestamps | null;
}

export interface SiteResource {
    resourceId: string;
    name: string;
    region: RegionResource | null;
    regionId: string;
    /** Degrees × 10⁷. */
    siteLat: number;
    siteLng: number;
    metadata: MetadataItem[];
    inheritedMetadata: MetadataItem[];
    timestamps: Timestamps | null;
}

export type StatusIndication =
    | "STATUS_INDICATION_UNSPECIFIED"
    | "STATUS_INDICATION_ERROR"
    | "STATUS_INDICATION_IN_PROGRESS"
    | "STATUS_INDICATION_IDLE";

export type HostState =
    | "HOST_STATE_UNSPECIFIED"
    | "HOST_STATE_DELETED"
    | "HOST_STATE_ONBOARDED"
    | "HOST_STATE_UNTRUSTED"
    | "HOST_STATE_REGISTERED";

export type InstanceState =
    | "INSTANCE_STATE_UNSPECIFIED"
    | "INSTANCE_STATE_RUNNING"
    | "INSTANCE_STATE_DELETED"
    | "INSTANCE_STATE_UNTRUSTED";

export interface HostResource {
    resourceId: string;
    name: string;
    desiredState: HostState;
    currentState: HostState;
    site: SiteResource | null;
    siteId: string;
    note: string;
    serialNumber: string;
    uuid: string;
    hostname: string;
    /** What the machine has reported; empty before it has. */
    cpuArchitecture: string;
    hostStorages: HostStorage[];
    hostNics: HostNic[];
    hostGpus: HostGpu[];
    hostStatus: string;
    hostStatusIndicator: StatusIndication;
    hostStatusTimestamp: number;
    onboardingStatus: string;
    onboardingStatusIndicator: StatusIndication;
    onboardingStatusTimestamp: number;
    registrationStatus: string;
    registrationStatusIndicator: StatusIndication;
    registrationStatusTimestamp: number;
    /** Only GET and LIST fill its `os`; it never has host, account or configs: read those from the instance. */
    instance: InstanceResource | null;
    userLvmSize: number;
    desiredAmtState: string;
    currentAmtState: string;
    desiredPowerState: string;
    currentPowerState: string;
    metadata: MetadataItem[];
    inheritedMetadata: MetadataItem[];
    timestamps: Timestamps | null;
}

export interface HostStorage {
    /** `sda`, `nvme0n1` */
    deviceName: string;
    /** Decimal digits. */
    capacityBytes: string;
}

export interface HostGpu {
    deviceName: string;
    /** Where it sits, as the agents report it: `0000:00:02.0`. */
    pciId: string;
    vendor: string;
    product: string;
}

export interface HostNic {
    deviceName: string;
    /** Where it sits, as the agents report it: `0000:00:1f.6`. */
    pciIdentifier?: string;
    /** The management controller's, which the OS does not answer on. */
    bmcInterface: boolean;
    /** `10.0.0.7/24` */
    ipaddresses: { address: string }[];
}

export interface InstanceResource {
    resourceId: string;
    kind: string;
    name: string;
    desiredState: InstanceState;
    currentState: InstanceState;
    host: HostResource | null;
    os: OsResource | null;
    securityFeature: string;
    instanceStatus: string;
    instanceStatusIndicator: StatusIndication;
    instanceStatusDetail: string;
    provisioningStatus: string;
    provisioningStatusIndicator: StatusIndication;
    provisioningStatusTimestamp: number;
    trustedAttestationStatus: string;
    localaccount: LocalAccountResource | null;
    /** Only GET fills it, LIST does not. */
    customConfig: CustomConfigResource[];
    hostID: string;
    osID: string;
    localAccountID: string;
    timestamps: Timestamps | null;
}

export interface LocalAccountResource {
    resourceId: string;
    username: string;
    sshKey: string;
    timestamps: Timestamps | null;
}

export interface CustomConfigResource {
    resourceId: string;
    name: string;
    description: string;
    config: string;
    timestamps: Timestamps | null;
}

/** Collections by the name messages and code use; `collections.ts` has their paths. */
export interface Objects {
    os: OsResource;
    regions: RegionResource;
    sites: SiteResource;
    hosts: HostResource;
    instances: InstanceResource;
    localAccounts: LocalAccountResource;
    customConfigs: CustomConfigResource;
}

export type Collection = keyof Objects;

/** Bodies of creates. A host is registered: `POST compute/hosts` itself is refused for every caller. */
export interface Creates {
    os: Partial<Omit<OsResource, "resourceId" | "timestamps">> & { sha256: string };
    regions: { name: string; parentId?: string; metadata?: MetadataItem[] };
    sites: {
        name: string;
        regionId?: string;
        siteLat?: number;
        siteLng?: number;
        metadata?: MetadataItem[];
    };
    hosts: {
        name?: string;
        serialNumber?: string;
        uuid?: string;
        autoOnboard?: boolean;
        enableVpro?: boolean;
        userLvmSize?: number;
    };
    instances: {
        name?: string;
        kind?: string;
        hostID: string;
        osID: string;
        localAccountID?: string;
        customConfigID?: string[];
        securityFeature?: string;
    };
    localAccounts: { username: string; sshKey: string };
    customConfigs: { name: string; config: string; description?: string };
}

/**
 * Bodies of PATCHes: what the server writes. It drops every other key without a word, and with none left
 * writes defaults instead (an instance would be revived), so these types are closed.
 */
export interface Patches {
    /** A certificate must go alone: beside another field the server leaves it out. `sha256` is only there to pass. */
    os: { sha256: string } & ({ architecture?: string; metadata?: string } | { tlsCaCert: string });
    regions: { name?: string; parentId?: string; metadata?: MetadataItem[] };
    sites: {
        name?: string;
        regionId?: string;
        siteLat?: number;
        siteLng?: number;
        metadata?: MetadataItem[];
    };
    /** `name` is required by the schema: send the present one when it does not change. */
    hosts: {
        name: string;
        siteId?: string;
        metadata?: MetadataItem[];
        desiredPowerState?: string;
        desiredAmtState?: string;
    };
    instances: { name?: string; osID?: string; hostID?: string };
    localAccounts: never;
    customConfigs: never;
}
