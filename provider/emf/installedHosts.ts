import type { InstanceResource, OsResource } from "./api";
import type { EmfClient } from "./client";

/** The hosts installed from a profile, by name; an instance that is still being deleted counts. */
export async function usersOf(profile: OsResource | undefined, client: EmfClient): Promise<string[]> {
    if (!profile) return [];
    const instances = await client.list("instances", { maxAge: 0 });
    return namesOf(instances.filter((instance) => instance.os?.resourceId === profile.resourceId));
}

/** Instances by the hosts they are on. */
export function namesOf(instances: readonly InstanceResource[]): string[] {
    return instances.map(({ host, resourceId }) => {
        const name = [host?.serialNumber, host?.uuid, host?.name].find(
            (text) => text !== undefined && text !== "",
        );
        return name !== undefined ? `host ${name} (${resourceId})` : resourceId;
    });
}
