import type { Collection } from "./api";

export interface CollectionInfo {
    /** Below `/v1/projects/{project}/`. */
    readonly path: string;
    /** Where a POST makes an object, if not at `path`. */
    readonly createPath?: string;
    /** Key of the array in a list's answer. */
    readonly listKey: string;
    readonly id: RegExp;
    /** How the server's *not found* names the kind: its paths take an id of any kind. */
    readonly noun: string;
    /** Keys of a PATCH body that the server writes; it drops all others silently. */
    readonly patchable: readonly string[];
    /** DELETE only marks; the row goes once a manager has finished. */
    readonly softDelete?: boolean;
    /** How messages name one. */
    readonly title: string;
    /** The field that holds the name. */
    readonly nameField: "name" | "username";
}

export const COLLECTIONS: Readonly<Record<Collection, CollectionInfo>> = {
    os: {
        path: "compute/os",
        listKey: "OperatingSystemResources",
        id: /^os-[0-9a-f]{8}$/,
        noun: "operating_system_resource",
        patchable: ["architecture", "metadata", "tlsCaCert"],
        title: "OS profile",
        nameField: "name",
    },
    regions: {
        path: "regions",
        listKey: "regions",
        id: /^region-[0-9a-f]{8}$/,
        noun: "region_resource",
        patchable: ["name", "parentId", "metadata"],
        title: "region",
        nameField: "name",
    },
    sites: {
        path: "sites",
        listKey: "sites",
        id: /^site-[0-9a-f]{8}$/,
        noun: "site_resource",
        patchable: ["name", "regionId", "siteLat", "siteLng", "metadata"],
        title: "site",
        nameField: "name",
    },
    hosts: {
        path: "compute/hosts",
        createPath: "compute/hosts/register",
        listKey: "hosts",
        id: /^host-[0-9a-f]{8}$/,
        noun: "host_resource",
        patchable: ["name", "siteId", "metadata", "desiredPowerState", "desiredAmtState"],
        softDelete: true,
        title: "host",
        nameField: "name",
    },
    instances: {
        path: "compute/instances",
        listKey: "instances",
        id: /^inst-[0-9a-f]{8}$/,
        noun: "instance_resource",
        patchable: ["name", "osID", "hostID"],
        softDelete: true,
        title: "instance",
        nameField: "name",
    },
    localAccounts: {
        path: "localAccounts",
        listKey: "localAccounts",
        id: /^localaccount-[0-9a-f]{8}$/,
        noun: "local_account_resource",
        patchable: [],
        title: "local account",
        nameField: "username",
    },
    customConfigs: {
        path: "customConfigs",
        listKey: "customConfigs",
        id: /^customconfig-[0-9a-f]{8}$/,
        noun: "custom_config_resource",
        patchable: [],
        title: "custom config",
        nameField: "name",
    },
};
