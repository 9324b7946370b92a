import * as pulumi from "@pulumi/pulumi";
import type { Collection, Objects } from "./api";
import type { EmfClient } from "./client";
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

export interface SiteLookUpArgs extends LookUpArgs {
    /** Region of the site, where several sites have the name. */
    regionId?: string;
}

export interface RegionLookUpArgs extends LookUpArgs {
    /** Parent of the region, where several regions have the name. */
    parent?: string;
}

export interface OsProfileInfo {
    resourceId: string;
    name: string;
    imageUrl: string;
    sha256: string;
    imageId: string;
    profileName: string;
    type: string;
    securityFeature: string;
    architecture: string;
}

export interface RegionInfo {
    resourceId: string;
    name: string;
    /** The parent region's id, or undefined. */
    parent: string | undefined;
    metadata: Record<string, string>;
}

export interface SiteInfo {
    resourceId: string;
    name: string;
    /** The region's id, or undefined. */
    regionId: string | undefined;
    /** Degrees. */
    latitude: number;
    longitude: number;
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

const TITLES = { os: "OS profile", regions: "region", sites: "site" } as const;

async function lookUp<K extends keyof typeof TITLES & Collection>(
    collection: K,
    args: LookUpArgs,
    fits: (candidate: Objects[K]) => boolean,
): Promise<Objects[K]> {
    // Loaded on use, since a program that looks nothing up must not load the HTTP library.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const { withProgramClient } = require("./programClient") as typeof Clients;
    try {
        return await withProgramClient(args, (client) => find(client, collection, args, fits));
    } catch (error) {
        throw error instanceof pulumi.RunError ? error : new pulumi.RunError((error as Error).message);
    }
}

async function find<K extends keyof typeof TITLES & Collection>(
    client: EmfClient,
    collection: K,
    { name, id }: LookUpArgs,
    fits: (candidate: Objects[K]) => boolean,
): Promise<Objects[K]> {
    const title = TITLES[collection];
    const where = `in project ${JSON.stringify(client.settings.project)} at ${client.endpoint}`;
    if (id !== undefined) {
        const found = await client.get(collection, id);
        if (found) return found;
        throw new pulumi.RunError(`there is no ${title} ${id} ${where}`);
    }
    if (name === undefined) throw new pulumi.RunError(`to look up a ${title}, give its name or its id`);
    const [found, ...others] = (await client.findByName(collection, name)).filter(fits);
    if (!found) throw new pulumi.RunError(`there is no ${title} named ${JSON.stringify(name)} ${where}`);
    if (others.length === 0) return found;
    const ids = [found, ...others].map(({ resourceId }) => resourceId).join(", ");
    throw new pulumi.RunError(
        `several ${title}s are named ${JSON.stringify(name)} ${where} (${ids}): give the id`,
    );
}

function idOrNone(object: { resourceId: string } | null): string | undefined {
    return object === null || object.resourceId === "" ? undefined : object.resourceId;
}

function mapOf(items: readonly { key: string; value: string }[]): Record<string, string> {
    return Object.fromEntries(items.map(({ key, value }) => [key, value]));
}
