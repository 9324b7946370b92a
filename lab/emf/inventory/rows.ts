import type { Kind } from "./columns";

/** What a column or an edge holds. Edges hold ids; edges to many hold lists of ids. */
export type FieldValue = string | number | boolean | readonly string[];

/** What every row has. An unset column is absent, as NULL is in the database. */
export interface RowBase {
    readonly resourceId: string;
    /** The uuid of the project the row belongs to. */
    readonly tenantId: string;
    readonly createdAt: string;
    readonly updatedAt: string;
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

export type SecurityFeature =
    | "SECURITY_FEATURE_UNSPECIFIED"
    | "SECURITY_FEATURE_NONE"
    | "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION";

export interface OsRow extends RowBase {
    readonly name?: string;
    readonly architecture?: string;
    readonly imageUrl?: string;
    readonly imageId?: string;
    readonly sha256?: string;
    readonly profileName?: string;
    readonly profileVersion?: string;
    readonly installedPackages?: string;
    readonly installedPackagesUrl?: string;
    readonly securityFeature?: SecurityFeature;
    readonly osType?: "OS_TYPE_MUTABLE" | "OS_TYPE_IMMUTABLE";
    readonly osProvider?: "OS_PROVIDER_KIND_INFRA" | "OS_PROVIDER_KIND_LENOVO";
    readonly platformBundle?: string;
    readonly description?: string;
    /** A flat JSON object of strings. */
    readonly metadata?: string;
    /** Base64 of a PEM file; the lab, like EMF, does not look into it. */
    readonly tlsCaCert?: string;
    readonly existingCvesUrl?: string;
    readonly existingCves?: string;
    readonly fixedCvesUrl?: string;
    readonly fixedCves?: string;
}

export interface HostRow extends RowBase {
    readonly name?: string;
    readonly desiredState: HostState;
    readonly currentState: HostState;
    readonly note?: string;
    readonly serialNumber?: string;
    readonly uuid?: string;
    readonly memoryBytes?: number;
    readonly cpuModel?: string;
    readonly cpuSockets?: number;
    readonly cpuCores?: number;
    readonly cpuCapabilities?: string;
    readonly cpuArchitecture?: string;
    readonly cpuThreads?: number;
    readonly cpuTopology?: string;
    readonly bmcKind?: string;
    readonly bmcIp?: string;
    readonly hostname?: string;
    readonly productName?: string;
    readonly biosVersion?: string;
    readonly biosReleaseDate?: string;
    readonly biosVendor?: string;
    /** A JSON list of `{key, value}`. */
    readonly metadata?: string;
    readonly desiredPowerState: string;
    readonly currentPowerState: string;
    readonly powerStatus?: string;
    readonly powerStatusIndicator?: StatusIndication;
    readonly powerStatusTimestamp?: number;
    readonly powerCommandPolicy: string;
    readonly powerOnTime?: number;
    readonly hostStatus?: string;
    readonly hostStatusIndicator?: StatusIndication;
    readonly hostStatusTimestamp?: number;
    readonly onboardingStatus?: string;
    readonly onboardingStatusIndicator?: StatusIndication;
    readonly onboardingStatusTimestamp?: number;
    readonly registrationStatus?: string;
    readonly registrationStatusIndicator?: StatusIndication;
    readonly registrationStatusTimestamp?: number;
    readonly amtSku: string;
    readonly desiredAmtState: string;
    readonly currentAmtState: string;
    readonly amtStatus?: string;
    readonly amtStatusIndicator?: StatusIndication;
    readonly amtStatusTimestamp?: number;
    readonly userLvmSize?: number;
    readonly amtControlMode?: string;
    readonly amtDnsSuffix?: string;
    readonly kvmStatus: string;
    readonly desiredKvmState: string;
    readonly currentKvmState: string;
    readonly kvmSessionStatus?: string;
    readonly solStatus: string;
    readonly desiredSolState: string;
    readonly currentSolState: string;
    readonly solSessionStatus?: string;
    /** The id of the host's site. */
    readonly site?: string;
    /** The id of the host's provider. */
    readonly provider?: string;
}

export interface InstanceRow extends RowBase {
    readonly kind?: string;
    readonly name?: string;
    readonly desiredState?: InstanceState;
    readonly currentState?: InstanceState;
    readonly securityFeature?: SecurityFeature;
    readonly instanceStatus?: string;
    readonly instanceStatusIndicator?: StatusIndication;
    readonly instanceStatusTimestamp?: number;
    readonly instanceStatusDetail?: string;
    readonly provisioningStatus?: string;
    readonly provisioningStatusIndicator?: StatusIndication;
    readonly provisioningStatusTimestamp?: number;
    readonly updateStatus?: string;
    readonly updateStatusIndicator?: StatusIndication;
    readonly updateStatusTimestamp?: number;
    readonly trustedAttestationStatus?: string;
    readonly trustedAttestationStatusIndicator?: StatusIndication;
    readonly trustedAttestationStatusTimestamp?: number;
    readonly existingCves?: string;
    readonly runtimePackages?: string;
    readonly osUpdateAvailable?: string;
    /** The id of the instance's host. */
    readonly host?: string;
    /** The id of the OS profile. */
    readonly os: string;
    readonly provider?: string;
    /** The id of the SSH account. */
    readonly localaccount?: string;
    readonly osUpdatePolicy?: string;
    /** The ids of the cloud-init configs. */
    readonly customConfig?: readonly string[];
}

export interface SiteRow extends RowBase {
    readonly name?: string;
    /** Degrees × 10⁷. */
    readonly siteLat?: number;
    readonly siteLng?: number;
    readonly metadata?: string;
    readonly region?: string;
    readonly provider?: string;
}

export interface RegionRow extends RowBase {
    readonly name?: string;
    readonly metadata?: string;
    readonly parentRegion?: string;
}

export interface LocalAccountRow extends RowBase {
    readonly username: string;
    readonly sshKey: string;
}

export interface CustomConfigRow extends RowBase {
    readonly name: string;
    readonly config: string;
    readonly description?: string;
}

export interface ProviderRow extends RowBase {
    readonly name: string;
    readonly providerKind?: string;
    readonly providerVendor?: string;
    readonly apiEndpoint: string;
    /** Joined by "|". */
    readonly apiCredentials?: string;
    readonly config?: string;
}

export interface OsUpdatePolicyRow extends RowBase {
    readonly name: string;
    readonly description?: string;
    /** Joined by "|". */
    readonly updateSources?: string;
    readonly updatePackages?: string;
    readonly updateKernelCommand?: string;
    readonly updatePolicy?: string;
    readonly targetOs?: string;
}

interface HostPartRow extends RowBase {
    /** The id of the host the part sits in. */
    readonly host: string;
    readonly deviceName?: string;
}

export interface HostStorageRow extends HostPartRow {
    readonly wwid?: string;
    readonly serial?: string;
    readonly vendor?: string;
    readonly model?: string;
    readonly capacityBytes?: number;
}

export interface HostNicRow extends HostPartRow {
    readonly pciIdentifier?: string;
    readonly macAddr?: string;
    readonly sriovEnabled?: boolean;
    readonly sriovVfsNum?: number;
    readonly sriovVfsTotal?: number;
    readonly mtu?: number;
    readonly linkState?: string;
    readonly bmcInterface?: boolean;
}

export interface HostUsbRow extends HostPartRow {
    readonly idvendor?: string;
    readonly idproduct?: string;
    readonly bus?: number;
    readonly addr?: number;
    readonly class?: string;
    readonly serial?: string;
}

export interface HostGpuRow extends HostPartRow {
    readonly pciId?: string;
    readonly product?: string;
    readonly vendor?: string;
    readonly description?: string;
    readonly features?: string;
}

/** The row type of each table. */
export interface Rows {
    os: OsRow;
    host: HostRow;
    instance: InstanceRow;
    site: SiteRow;
    region: RegionRow;
    localaccount: LocalAccountRow;
    customconfig: CustomConfigRow;
    provider: ProviderRow;
    osupdatepolicy: OsUpdatePolicyRow;
    hoststorage: HostStorageRow;
    hostnic: HostNicRow;
    hostusb: HostUsbRow;
    hostgpu: HostGpuRow;
}

/** Any row, by column name. */
export type AnyRow = RowBase & Readonly<Record<string, FieldValue | undefined>>;

/** A row together with its table. */
export interface Located<K extends Kind = Kind> {
    readonly kind: K;
    readonly row: Rows[K];
}
