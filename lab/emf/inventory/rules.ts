import { EmfError, stillReferenced } from "../errors";
import type { Kind } from "./columns";
import { normaliseItems, normaliseOsMetadata } from "./metadata";
import type { AnyRow, FieldValue, HostRow, HostState, InstanceRow, OsRow, RegionRow, Rows } from "./rows";

/** A resource as it is written: column and edge names with their values. Absent and zero both mean unset. */
export type Message = Readonly<Record<string, FieldValue>>;

/** What the rules may ask of the store. */
export interface Lookup {
    find<K extends Kind>(kind: K, resourceId: string): Rows[K] | undefined;
    /** The rows of `kind` whose `edge` points to `resourceId`. */
    referencing<K extends Kind>(kind: K, edge: string, resourceId: string): Rows[K][];
}

/** What is special about writing one kind. */
export interface KindRules {
    /** Refuses a new resource before anything is looked up. */
    readonly checkNew?: (message: Message) => void;
    /** Checks a column's value and brings it into its stored form. */
    readonly normalise?: Readonly<Record<string, (value: string) => string>>;
    /** Refuses an update, or tells that it completes a deletion. */
    readonly checkUpdate?: (
        row: AnyRow,
        message: Message,
        mask: readonly string[],
        lookup: Lookup,
    ) => "remove" | undefined;
    /** Refuses to remove a row that others need. */
    readonly checkRemoval?: (resourceId: string, lookup: Lookup) => void;
    /** A deletion by the API only writes this; the manager removes the row later. */
    readonly softDelete?: Message;
    /** Refuses a row that has just been written (the write is then undone). */
    readonly checkWritten?: (row: AnyRow, lookup: Lookup) => void;
}

/** The wanted states that are open to a host from each current state. */
const HOST_TRANSITIONS: Readonly<Record<HostState, readonly HostState[]>> = {
    HOST_STATE_UNSPECIFIED: [
        "HOST_STATE_DELETED",
        "HOST_STATE_UNSPECIFIED",
        "HOST_STATE_REGISTERED",
        "HOST_STATE_ONBOARDED",
        "HOST_STATE_UNTRUSTED",
    ],
    HOST_STATE_REGISTERED: ["HOST_STATE_DELETED", "HOST_STATE_REGISTERED", "HOST_STATE_ONBOARDED"],
    HOST_STATE_ONBOARDED: ["HOST_STATE_DELETED", "HOST_STATE_ONBOARDED", "HOST_STATE_UNTRUSTED"],
    HOST_STATE_UNTRUSTED: ["HOST_STATE_DELETED", "HOST_STATE_UNTRUSTED"],
    HOST_STATE_DELETED: ["HOST_STATE_DELETED"],
};

function checkHostUpdate(
    row: AnyRow,
    message: Message,
    mask: readonly string[],
    lookup: Lookup,
): "remove" | undefined {
    const host = row as unknown as HostRow;
    if (
        mask.includes("currentState") &&
        host.desiredState === "HOST_STATE_DELETED" &&
        message.currentState === "HOST_STATE_DELETED"
    ) {
        if (lookup.referencing("instance", "host", host.resourceId).length > 0) {
            throw new EmfError(
                "FailedPrecondition",
                "the host has a relation with Instance and cannot be deleted",
            );
        }
        checkHostParts(host.resourceId, lookup);
        return "remove";
    }
    const wanted = (message.desiredState ?? "HOST_STATE_UNSPECIFIED") as HostState;
    if (mask.includes("desiredState") && !HOST_TRANSITIONS[host.currentState].includes(wanted)) {
        throw new EmfError(
            "InvalidArgument",
            `UpdateHost ${host.resourceId} from ${host.currentState} to ${wanted} is not allowed`,
        );
    }
    return undefined;
}

function checkHostParts(resourceId: string, lookup: Lookup): void {
    for (const kind of ["hoststorage", "hostnic", "hostusb", "hostgpu"] as const) {
        if (lookup.referencing(kind, "host", resourceId).length > 0) {
            throw stillReferenced(
                "host_resources",
                `${kind}_resources_host_resources_host`,
                `${kind}_resources`,
            );
        }
    }
}

function checkInstanceUpdate(row: AnyRow, message: Message, mask: readonly string[]): "remove" | undefined {
    const instance = row as unknown as InstanceRow;
    if (
        mask.includes("currentState") &&
        instance.desiredState === "INSTANCE_STATE_DELETED" &&
        message.currentState === "INSTANCE_STATE_DELETED"
    ) {
        return "remove";
    }
    const { currentState, resourceId } = instance;
    if (
        mask.includes("desiredState") &&
        currentState === "INSTANCE_STATE_UNTRUSTED" &&
        message.desiredState !== "INSTANCE_STATE_DELETED"
    ) {
        const wanted = (message.desiredState ?? "INSTANCE_STATE_UNSPECIFIED") as string;
        throw new EmfError(
            "InvalidArgument",
            `UpdateInstance ${resourceId} from ${currentState} to ${wanted} is not allowed`,
        );
    }
    return undefined;
}

function checkNewOs(message: Message): void {
    const os = message as Partial<OsRow>;
    if (os.osType === undefined) throw new EmfError("InvalidArgument", "OS type cannot be unspecified");
    if (os.osProvider === undefined)
        throw new EmfError("InvalidArgument", "OS provider cannot be unspecified");
}

function checkNewUpdatePolicy(message: Message): void {
    const target = message.targetOs !== undefined;
    const packages = message.updatePackages !== undefined || message.updateSources !== undefined;
    const kernel = message.updateKernelCommand !== undefined;
    if (message.updatePolicy === undefined) {
        throw new EmfError("InvalidArgument", "OS Update Policy type cannot be unspecified");
    }
    const targetValid = !(target && packages) && (target || packages || kernel);
    if (message.updatePolicy === "UPDATE_POLICY_TARGET" && !targetValid) {
        throw new EmfError("InvalidArgument", "Fields for mutable and immutable OSes are mutually exclusive");
    }
    if (message.updatePolicy === "UPDATE_POLICY_LATEST" && (target || packages || kernel)) {
        throw new EmfError("InvalidArgument", "With Policy LATEST, no fields should be set");
    }
}

const MAX_REGION_DEPTH = 5;

/** Every region connected with the written one may be at most five levels deep; a cycle is infinitely deep. */
function checkRegionDepth(row: AnyRow, lookup: Lookup): void {
    const above = regionDepth(row.resourceId, lookup);
    if (above + regionHeight(row.resourceId, lookup, above) - 1 > MAX_REGION_DEPTH) {
        throw new EmfError(
            "InvalidArgument",
            `resource ${row.resourceId} exceeds maximum resource nesting depth of ${MAX_REGION_DEPTH}`,
        );
    }
}

function regionDepth(resourceId: string, lookup: Lookup): number {
    let depth = 1;
    let region: RegionRow | undefined = lookup.find("region", resourceId);
    while (region?.parentRegion !== undefined && depth <= MAX_REGION_DEPTH) {
        depth++;
        region = lookup.find("region", region.parentRegion);
    }
    return depth;
}

function regionHeight(resourceId: string, lookup: Lookup, above: number): number {
    if (above > MAX_REGION_DEPTH) return 1;
    const children = lookup.referencing("region", "parentRegion", resourceId);
    return 1 + Math.max(0, ...children.map((child) => regionHeight(child.resourceId, lookup, above + 1)));
}

function refuseWhileUsed(message: string, kind: Kind, edge: string) {
    return (resourceId: string, lookup: Lookup): void => {
        if (lookup.referencing(kind, edge, resourceId).length > 0) {
            throw new EmfError("FailedPrecondition", message);
        }
    };
}

function checkOsRemoval(resourceId: string, lookup: Lookup): void {
    if (lookup.referencing("instance", "os", resourceId).length > 0) {
        throw stillReferenced(
            "operating_system_resources",
            "instance_resources_operating_system_resources_os",
            "instance_resources",
        );
    }
}

function checkRegionRemoval(resourceId: string, lookup: Lookup): void {
    for (const [kind, edge] of [
        ["region", "parentRegion"],
        ["site", "region"],
    ] as const) {
        refuseWhileUsed(
            `the region has relations with ${kind} and cannot be deleted`,
            kind,
            edge,
        )(resourceId, lookup);
    }
}

function checkProviderRemoval(resourceId: string, lookup: Lookup): void {
    for (const kind of ["host", "instance", "site"] as const) {
        const message = `the provider has a relation with ${kind} and cannot be deleted`;
        refuseWhileUsed(message, kind, "provider")(resourceId, lookup);
    }
}

function checkUpdatePolicyRemoval(resourceId: string, lookup: Lookup): void {
    const users = lookup.referencing("instance", "osUpdatePolicy", resourceId).length;
    if (users > 0) {
        throw new EmfError(
            "FailedPrecondition",
            `Cannot delete OS Update Policy ${resourceId}, it is still referenced by ${users} instances`,
        );
    }
}

/** The rules of every kind, as the inventory applies them. */
export const RULES: Readonly<Partial<Record<Kind, KindRules>>> = {
    os: { checkNew: checkNewOs, normalise: { metadata: normaliseOsMetadata }, checkRemoval: checkOsRemoval },
    host: {
        normalise: { metadata: normaliseItems },
        checkUpdate: checkHostUpdate,
        softDelete: { desiredState: "HOST_STATE_DELETED" },
    },
    instance: {
        checkUpdate: checkInstanceUpdate,
        softDelete: { desiredState: "INSTANCE_STATE_DELETED" },
    },
    site: {
        normalise: { metadata: normaliseItems },
        checkRemoval: refuseWhileUsed(
            "the site has relations with host and cannot be deleted",
            "host",
            "site",
        ),
    },
    region: {
        normalise: { metadata: normaliseItems },
        checkRemoval: checkRegionRemoval,
        checkWritten: checkRegionDepth,
    },
    localaccount: {
        checkRemoval: refuseWhileUsed(
            "the localaccount has a relation with instance and cannot be deleted",
            "instance",
            "localaccount",
        ),
    },
    customconfig: {
        checkRemoval: refuseWhileUsed(
            "the CustomConfig has a relation with instance and cannot be deleted",
            "instance",
            "customConfig",
        ),
    },
    provider: { checkRemoval: checkProviderRemoval },
    osupdatepolicy: { checkNew: checkNewUpdatePolicy, checkRemoval: checkUpdatePolicyRemoval },
};
