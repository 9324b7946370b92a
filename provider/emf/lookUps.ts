import * as crypto from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { asRunError } from "../pulumi/programClients";
import type { Objects } from "./api";
import type { EmfClient } from "./client";
import { sameText } from "./hostRules";
import type * as Clients from "./programClient";

/** What to look up: by exact name, or by EMF's id. */
export interface LookUpArgs {
    /** Exact name. */
    name?: string;
    /** EMF's id, such as `os-1a2b3c4d`. */
    id?: string;
    /** A named block of the configuration `edge-os:connections`. Default: the block `edge-os:emf`. */
    connection?: string;
    /** EMF project. Default: the one of the settings. */
    project?: string;
}

/** Which site. */
export interface SiteLookUpArgs extends LookUpArgs {
    /** Region of the site, where several sites have the name. */
    regionId?: string;
}

/** Which region. */
export interface RegionLookUpArgs extends LookUpArgs {
    /** Parent of the region, where several regions have the name. */
    parent?: string;
}

/** One machine, by what it is known by; several of them must all be of the same one. */
export interface EdgeHostLookUpArgs extends LookUpArgs {
    /** Serial number; upper and lower case are the same. */
    serial?: string;
    /** UUID; upper and lower case are the same. */
    uuid?: string;
}

/** An OS profile as EMF has it. */
export interface OsProfileInfo {
    /** EMF's id, `os-…`. */
    resourceId: string;
    /** Shown in EMF. */
    name: string;
    /** Where hosts get the image, as EMF has it. */
    imageUrl: string;
    /** SHA-256 of the file that hosts download, hexadecimal. */
    sha256: string;
    /** Version of the image, as EMF has it. */
    imageId: string;
    /** Name of the platform profile, as EMF has it. */
    profileName: string;
    /** `OS_TYPE_MUTABLE` or `OS_TYPE_IMMUTABLE`. */
    type: string;
    /** `SECURITY_FEATURE_NONE` or `SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION`. */
    securityFeature: string;
    /** As EMF has it, `x86_64`. */
    architecture: string;
}

/** A region as EMF has it. */
export interface RegionInfo {
    /** EMF's id, `region-…`. */
    resourceId: string;
    /** Shown in EMF. */
    name: string;
    /** The parent region's id, or undefined. */
    parent: string | undefined;
    /** All of its own keys, whoever set them; none that it inherits. */
    metadata: Record<string, string>;
}

/** A site as EMF has it. */
export interface SiteInfo {
    /** EMF's id, `site-…`. */
    resourceId: string;
    /** Shown in EMF. */
    name: string;
    /** The region's id, or undefined. */
    regionId: string | undefined;
    /** Degrees north of the equator. */
    latitude: number;
    /** Degrees east of Greenwich. */
    longitude: number;
    /** All of its own keys, whoever set them; none that it inherits. */
    metadata: Record<string, string>;
}

/** A local account as EMF has it. */
export interface LocalAccountInfo {
    /** EMF's id, `localaccount-…`. */
    resourceId: string;
    /** Name of the user on hosts. */
    username: string;
    /** The public key that it logs in with. */
    sshKey: string;
}

/** A cloud-init config as EMF has it. */
export interface CustomConfigInfo {
    /** EMF's id, `customconfig-…`. */
    resourceId: string;
    /** Name in EMF. */
    name: string;
    /** Empty where none was given. */
    description: string;
    /** SHA-256 of the content, hexadecimal; the content itself may hold secrets and is not shown. */
    configHash: string;
}

/** What stays of a host; how it is doing the gates and `edge-os emf inventory` show. */
export interface EdgeHostInfo {
    /** EMF's id, `host-…`. */
    resourceId: string;
    /** Shown in EMF. */
    name: string;
    /** Serial number; empty where only the UUID is known. */
    serial: string;
    /** Empty until the machine has reported it. */
    uuid: string;
    /** The site's id, or undefined. */
    site: string | undefined;
    /** The instance's id, or undefined where nothing is installed. */
    instanceId: string | undefined;
    /** The id of the OS profile it is installed from, or undefined. */
    osProfile: string | undefined;
    /** All of its own keys, whoever set them; none that it inherits. */
    metadata: Record<string, string>;
}

/**
 * An existing OS profile, such as one of EMF's own.
 *
 * @example
 * ```ts
 * const { resourceId } = await emf.getOsProfile({ name: "Ubuntu 24.04.2 LTS" });
 * ```
 */
export async function getOsProfile(args: LookUpArgs): Promise<OsProfileInfo> {
    const profile = await lookUp("os", args, () => true);
    const { resourceId, name, imageUrl, sha256, imageId, profileName, architecture } = profile;
    return {
        resourceId,
        name,
        imageUrl,
        sha256,
        imageId,
        profileName,
        architecture,
        type: profile.osType,
        securityFeature: profile.securityFeature,
    };
}

/** An existing region. Names are not unique: with several of the name, give `parent` or `id`. */
export async function getRegion(args: RegionLookUpArgs): Promise<RegionInfo> {
    const region = await lookUp(
        "regions",
        args,
        (candidate) => args.parent === undefined || candidate.parentRegion?.resourceId === args.parent,
    );
    const { resourceId, name, parentRegion, metadata } = region;
    return { resourceId, name, parent: idOrNone(parentRegion), metadata: mapOf(metadata) };
}

/** An existing site. Names are not unique: with several of the name, give `regionId` or `id`. */
export async function getSite(args: SiteLookUpArgs): Promise<SiteInfo> {
    const site = await lookUp(
        "sites",
        args,
        (candidate) => args.regionId === undefined || candidate.region?.resourceId === args.regionId,
    );
    const { resourceId, name, region, metadata } = site;
    return {
        resourceId,
        name,
        regionId: idOrNone(region),
        latitude: site.siteLat / 1e7,
        longitude: site.siteLng / 1e7,
        metadata: mapOf(metadata),
    };
}

/**
 * An existing SSH account; `name` is the username.
 *
 * @example
 * ```ts
 * const { resourceId } = await emf.getLocalAccount({ name: "ops" });
 * ```
 */
export async function getLocalAccount(args: LookUpArgs): Promise<LocalAccountInfo> {
    const { resourceId, username, sshKey } = await lookUp("localAccounts", args, () => true);
    return { resourceId, username, sshKey };
}

/** An existing cloud-init config, by its full name in EMF. */
export async function getCustomConfig(args: LookUpArgs): Promise<CustomConfigInfo> {
    const { resourceId, name, description, config } = await lookUp("customConfigs", args, () => true);
    const configHash = crypto.createHash("sha256").update(config).digest("hex");
    return { resourceId, name, description, configHash };
}

/** A registered host, by name, serial number, UUID or id. Names are not unique. */
export async function getEdgeHost(args: EdgeHostLookUpArgs): Promise<EdgeHostInfo> {
    const host = await lookUp(
        "hosts",
        args,
        (candidate) =>
            (args.serial === undefined || sameText(candidate.serialNumber, args.serial)) &&
            (args.uuid === undefined || sameText(candidate.uuid, args.uuid)),
        { serial: args.serial, UUID: args.uuid },
    );
    const { resourceId, name, serialNumber, uuid, site, instance, metadata } = host;
    return {
        resourceId,
        name,
        serial: serialNumber,
        uuid,
        site: idOrNone(site),
        instanceId: idOrNone(instance),
        osProfile: idOrNone(instance?.os ?? null),
        metadata: mapOf(metadata),
    };
}

const TITLES = {
    os: "OS profile",
    regions: "region",
    sites: "site",
    localAccounts: "local account",
    customConfigs: "custom config",
    hosts: "host",
} as const;
type LookedUp = keyof typeof TITLES;

/** By id, or the one that `fits` among those of the name. `keys` are what else it can be known by. */
async function lookUp<K extends LookedUp>(
    collection: K,
    args: LookUpArgs,
    fits: (candidate: Objects[K]) => boolean,
    keys: Readonly<Record<string, string | undefined>> = {},
): Promise<Objects[K]> {
    // Loaded on use, since a program that looks nothing up must not load the HTTP library.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const { withProgramClient } = require("./programClient") as typeof Clients;
    return asRunError(() => withProgramClient(args, (client) => find(client, collection, args, fits, keys)));
}

async function find<K extends LookedUp>(
    client: EmfClient,
    collection: K,
    { name, id }: LookUpArgs,
    fits: (candidate: Objects[K]) => boolean,
    keys: Readonly<Record<string, string | undefined>>,
): Promise<Objects[K]> {
    const title = TITLES[collection];
    const where = `in project ${JSON.stringify(client.settings.project)} at ${client.endpoint}`;
    const known = Object.entries(keys).filter(([, value]) => value !== undefined);
    if (id !== undefined) {
        const found = await client.get(collection, id);
        if (found && (known.length === 0 || fits(found))) return found;
        const but = found ? `, but it has another ${known.map(([key]) => key).join(" or ")}` : "";
        throw new pulumi.RunError(`there is ${found ? "a" : "no"} ${title} ${id} ${where}${but}`);
    }
    if (name === undefined && known.length === 0) {
        const ways = ["name", ...Object.keys(keys), "id"];
        throw new pulumi.RunError(`to look up a ${title}, give its ${ways.join(" or its ")}`);
    }
    const named =
        name === undefined ? await client.list(collection) : await client.findByName(collection, name);
    const described = [
        ...(name === undefined ? [] : [`named ${JSON.stringify(name)}`]),
        ...known.map(([key, value]) => `with ${key} ${JSON.stringify(value)}`),
    ].join(" ");
    const [found, ...others] = named.filter(fits);
    if (!found) throw new pulumi.RunError(`there is no ${title} ${described} ${where}`);
    if (others.length === 0) return found;
    const ids = [found, ...others].map(({ resourceId }) => resourceId).join(", ");
    throw new pulumi.RunError(`several ${title}s are ${described} ${where} (${ids}): give the id`);
}

function idOrNone(object: { resourceId: string } | null): string | undefined {
    return object === null || object.resourceId === "" ? undefined : object.resourceId;
}

function mapOf(items: readonly { key: string; value: string }[]): Record<string, string> {
    return Object.fromEntries(items.map(({ key, value }) => [key, value]));
}
