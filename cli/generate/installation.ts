import type {
    CustomConfigResource,
    HostResource,
    InstanceResource,
    LocalAccountResource,
    OsResource,
    RegionResource,
    SiteResource,
} from "../../provider/emf/api";
import type { EmfClient } from "../../provider/emf/client";

/** Everything of a project that a program can describe, by age. */
export interface Installation {
    endpoint: string;
    project: string;
    regions: RegionResource[];
    sites: SiteResource[];
    osProfiles: OsResource[];
    localAccounts: LocalAccountResource[];
    customConfigs: CustomConfigResource[];
    hosts: HostResource[];
    /** The hosts' instances by id, as a GET shows them where that counts. */
    instances: ReadonlyMap<string, InstanceResource>;
}

export async function readInstallation(client: EmfClient): Promise<Installation> {
    const [regions, sites, osProfiles, localAccounts, customConfigs, hosts, instances] = await Promise.all([
        client.list("regions"),
        client.list("sites"),
        client.list("os"),
        client.list("localAccounts"),
        client.list("customConfigs"),
        client.list("hosts"),
        client.list("instances"),
    ]);
    const whole = await withConfigs(client, instances, customConfigs.length > 0);
    return {
        endpoint: client.endpoint,
        project: client.settings.project,
        regions,
        sites,
        osProfiles,
        localAccounts,
        customConfigs,
        hosts,
        instances: new Map(whole.map((instance) => [instance.resourceId, instance])),
    };
}

/** No list shows which custom configs an instance has; without any in the project nobody needs to ask. */
async function withConfigs(
    client: EmfClient,
    instances: InstanceResource[],
    needed: boolean,
): Promise<InstanceResource[]> {
    if (!needed) return instances;
    return Promise.all(
        instances.map(async (instance) => (await client.get("instances", instance.resourceId)) ?? instance),
    );
}
