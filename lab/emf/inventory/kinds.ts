import {
    choice,
    fixedChoice,
    fixedText,
    integer,
    neededText,
    setChoice,
    text,
    type Column,
    type Kind,
    type KindDefinition,
} from "./columns";
import { hostgpu, hostnic, hoststorage, hostusb } from "./hostPartKinds";

/** The columns of a status: its text, its indicator and since when it holds. */
function status(name: string, initial: string): Record<string, Column> {
    return {
        [name]: { type: "string", initial },
        [`${name}Indicator`]: choice("StatusIndication"),
        [`${name}Timestamp`]: integer,
    };
}

const os: KindDefinition = {
    prefix: "os",
    noun: "operating_system_resource",
    messageName: "OperatingSystemResource",
    table: "operating_system_resources",
    columns: {
        name: fixedText,
        architecture: text,
        imageUrl: fixedText,
        imageId: fixedText,
        sha256: fixedText,
        profileName: fixedText,
        profileVersion: fixedText,
        installedPackages: text,
        installedPackagesUrl: fixedText,
        securityFeature: fixedChoice("SecurityFeature"),
        osType: fixedChoice("OsType"),
        osProvider: fixedChoice("OsProviderKind"),
        platformBundle: fixedText,
        description: fixedText,
        metadata: text,
        tlsCaCert: text,
        existingCvesUrl: fixedText,
        existingCves: text,
        fixedCvesUrl: fixedText,
        fixedCves: text,
    },
    edges: {},
    unique: [
        { name: "operatingsystemresource_name_tenant_id", columns: ["name"] },
        {
            name: "operatingsystemresource_profile_name_image_id_tenant_id",
            columns: ["profileName", "imageId"],
        },
    ],
};

const host: KindDefinition = {
    prefix: "host",
    noun: "host_resource",
    messageName: "HostResource",
    table: "host_resources",
    columns: {
        kind: text,
        name: text,
        desiredState: setChoice("HostState", "HOST_STATE_UNSPECIFIED"),
        currentState: setChoice("HostState", "HOST_STATE_UNSPECIFIED"),
        note: text,
        hardwareKind: text,
        serialNumber: text,
        uuid: text,
        memoryBytes: integer,
        cpuModel: text,
        cpuSockets: integer,
        cpuCores: integer,
        cpuCapabilities: text,
        cpuArchitecture: text,
        cpuThreads: integer,
        cpuTopology: text,
        mgmtIp: text,
        bmcKind: choice("BaremetalControllerKind"),
        bmcIp: text,
        bmcUsername: text,
        bmcPassword: text,
        pxeMac: text,
        hostname: text,
        productName: text,
        biosVersion: text,
        biosReleaseDate: text,
        biosVendor: text,
        metadata: text,
        desiredPowerState: setChoice("PowerState", "POWER_STATE_UNSPECIFIED"),
        currentPowerState: setChoice("PowerState", "POWER_STATE_UNSPECIFIED"),
        ...status("powerStatus", "Unknown"),
        powerCommandPolicy: setChoice("PowerCommandPolicy", "POWER_COMMAND_POLICY_IMMEDIATE"),
        powerOnTime: integer,
        ...status("hostStatus", "Not Connected"),
        ...status("onboardingStatus", "Not Connected"),
        ...status("registrationStatus", "Unknown"),
        amtSku: setChoice("AmtSku", "AMT_SKU_UNSPECIFIED"),
        desiredAmtState: setChoice("AmtState", "AMT_STATE_UNSPECIFIED"),
        currentAmtState: setChoice("AmtState", "AMT_STATE_UNSPECIFIED"),
        ...status("amtStatus", "Unknown"),
        userLvmSize: integer,
        amtControlMode: choice("AmtControlMode"),
        amtDnsSuffix: text,
        kvmStatus: setChoice("KvmStatus", "KVM_STATUS_UNSPECIFIED"),
        desiredKvmState: setChoice("KvmState", "KVM_STATE_UNSPECIFIED"),
        currentKvmState: setChoice("KvmState", "KVM_STATE_UNSPECIFIED"),
        kvmSessionStatus: text,
        solStatus: setChoice("SolStatus", "SOL_STATUS_UNSPECIFIED"),
        desiredSolState: setChoice("SolState", "SOL_STATE_UNSPECIFIED"),
        currentSolState: setChoice("SolState", "SOL_STATE_UNSPECIFIED"),
        solSessionStatus: text,
    },
    edges: {
        site: { kind: "site" },
        provider: { kind: "provider" },
        hostStorages: { kind: "hoststorage", reverseOf: "host" },
        hostNics: { kind: "hostnic", reverseOf: "host" },
        hostUsbs: { kind: "hostusb", reverseOf: "host" },
        hostGpus: { kind: "hostgpu", reverseOf: "host" },
        instance: { kind: "instance", reverseOf: "host" },
    },
    unique: [
        { name: "host_resources_uuid_key", columns: ["uuid"], global: true },
        {
            name: "hostresource_serial_number",
            columns: ["serialNumber"],
            whereUnset: "uuid",
            global: true,
        },
    ],
};

const instance: KindDefinition = {
    prefix: "inst",
    noun: "instance_resource",
    messageName: "InstanceResource",
    table: "instance_resources",
    columns: {
        kind: choice("InstanceKind"),
        name: text,
        desiredState: choice("InstanceState"),
        currentState: choice("InstanceState"),
        vmMemoryBytes: integer,
        vmCpuCores: integer,
        vmStorageBytes: integer,
        securityFeature: fixedChoice("SecurityFeature"),
        ...status("instanceStatus", "Not Installed"),
        ...status("provisioningStatus", "Not Provisioned"),
        ...status("updateStatus", "No Current Update"),
        ...status("trustedAttestationStatus", "Unknown"),
        existingCves: text,
        runtimePackages: text,
        osUpdateAvailable: text,
        instanceStatusDetail: text,
    },
    edges: {
        host: { kind: "host", exclusive: "instance_resource_host" },
        provider: { kind: "provider" },
        localaccount: { kind: "localaccount" },
        osUpdatePolicy: { kind: "osupdatepolicy" },
        os: { kind: "os", required: true },
        customConfig: { kind: "customconfig", many: true },
    },
    unique: [],
};

const site: KindDefinition = {
    prefix: "site",
    noun: "site_resource",
    messageName: "SiteResource",
    table: "site_resources",
    columns: {
        name: text,
        address: text,
        siteLat: integer,
        siteLng: integer,
        dnsServers: text,
        dockerRegistries: text,
        metricsEndpoint: text,
        httpProxy: text,
        httpsProxy: text,
        ftpProxy: text,
        noProxy: text,
        metadata: text,
    },
    edges: { region: { kind: "region" }, provider: { kind: "provider" } },
    unique: [],
};

const region: KindDefinition = {
    prefix: "region",
    noun: "region_resource",
    messageName: "RegionResource",
    table: "region_resources",
    columns: { name: text, regionKind: text, metadata: text },
    edges: {
        parentRegion: { kind: "region" },
        children: { kind: "region", reverseOf: "parentRegion" },
    },
    unique: [],
};

const localaccount: KindDefinition = {
    prefix: "localaccount",
    noun: "local_account_resource",
    messageName: "LocalAccountResource",
    table: "local_account_resources",
    columns: { username: neededText, sshKey: neededText },
    edges: {},
    unique: [{ name: "localaccountresource_username_tenant_id", columns: ["username"] }],
};

const customconfig: KindDefinition = {
    prefix: "customconfig",
    noun: "custom_config_resource",
    messageName: "CustomConfigResource",
    table: "custom_config_resources",
    columns: { name: neededText, config: neededText, description: text },
    edges: { instances: { kind: "instance", reverseOf: "customConfig" } },
    unique: [{ name: "customconfigresource_name_tenant_id", columns: ["name"] }],
};

const provider: KindDefinition = {
    prefix: "provider",
    noun: "provider_resource",
    messageName: "ProviderResource",
    table: "provider_resources",
    columns: {
        providerKind: { type: "enum", enumName: "ProviderKind", required: true },
        providerVendor: choice("ProviderVendor"),
        name: neededText,
        apiEndpoint: neededText,
        apiCredentials: { type: "string", list: true },
        config: text,
    },
    edges: {},
    unique: [{ name: "providerresource_name_tenant_id", columns: ["name"] }],
};

const osupdatepolicy: KindDefinition = {
    prefix: "osupdatepolicy",
    noun: "os_update_policy_resource",
    messageName: "OSUpdatePolicyResource",
    table: "os_update_policy_resources",
    columns: {
        name: neededText,
        description: text,
        updateSources: { type: "string", list: true, immutable: true },
        updatePackages: fixedText,
        updateKernelCommand: fixedText,
        updatePolicy: fixedChoice("UpdatePolicy"),
    },
    edges: { targetOs: { kind: "os" } },
    unique: [],
};

/** Every table of the inventory that the lab keeps. */
export const KINDS: Readonly<Record<Kind, KindDefinition>> = {
    os,
    host,
    instance,
    site,
    region,
    localaccount,
    customconfig,
    provider,
    osupdatepolicy,
    hoststorage,
    hostnic,
    hostusb,
    hostgpu,
};

const KIND_OF_PREFIX = new Map<string, Kind>(
    Object.entries(KINDS).map(([kind, definition]) => [definition.prefix, kind as Kind]),
);

/** The kind whose ids begin with `prefix`, if the lab keeps it. */
export function kindOfPrefix(prefix: string): Kind | undefined {
    return KIND_OF_PREFIX.get(prefix);
}

/** The prefixes of ids whose kinds the lab does not keep. */
const OTHER_PREFIXES = new Set([
    "netseg",
    "netlink",
    "endpoint",
    "ou",
    "singlesche",
    "repeatedsche",
    "telemetrygroup",
    "telemetryprofile",
    "workload",
    "workloadmember",
    "ipaddr",
    "rmtacconf",
    "tenant",
    "osupdaterun",
]);

/** Whether ids with this prefix exist in EMF, though not in the lab. */
export function isOtherPrefix(prefix: string): boolean {
    return OTHER_PREFIXES.has(prefix);
}

/** `desiredPowerState` → `desired_power_state`: the name in field masks and in the database. */
export function snakeCase(name: string): string {
    return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
