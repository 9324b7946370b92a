import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import type { Objects, Patches } from "./api";
import { assertStillOwn, mayDelete, mayTakeOver } from "./claims";
import type { EmfClient } from "./client";
import { COLLECTIONS } from "./collections";
import { InUse } from "./errors";
import { claimOf } from "./placeMetadata";

/**
 * Regions and sites live alike: their names are not unique, so a claim in their metadata tells which one is ours,
 * and they cannot be deleted while something hangs on them.
 */
type Places = "regions" | "sites";

/** `region "north" (region-1f2e3d4c)`. */
export function describePlace(collection: Places, { name, resourceId }: Objects[Places]): string {
    return `${COLLECTIONS[collection].title} ${JSON.stringify(name)} (${resourceId})`;
}

/**
 * An interrupted create's own place, or the one to adopt among its namesakes.
 *
 * @param tellApart the input that would tell several namesakes apart
 */
export async function findPresent<K extends Places>(
    collection: K,
    place: { name: string; adopt?: boolean | undefined },
    isNamesake: (candidate: Objects[K]) => boolean,
    tellApart: string,
    context: Context<EmfClient>,
): Promise<Objects[K] | undefined> {
    const { client, signal, title } = context;
    const all = await client.list(collection, { signal });
    const own = all.find((candidate) => context.ownership(claimOf(candidate.metadata)) === "row");
    if (own) return own;
    if (place.adopt !== true) return undefined;
    const [found, ...others] = (await client.findByName(collection, place.name, { signal })).filter(
        isNamesake,
    );
    if (found && others.length > 0) {
        throw new EdgeError(
            `${title}: there are ${others.length + 1} ${collection} named ${JSON.stringify(place.name)} ` +
                `(${[found, ...others].map(({ resourceId }) => resourceId).join(", ")}): which one to adopt is not ` +
                `clear; rename the others in EMF, or give ${tellApart}`,
        );
    }
    const what = found && describePlace(collection, found);
    return found && mayTakeOver(claimOf(found.metadata), true, what ?? "", context) ? found : undefined;
}

/** Writes what differs, unless the place is gone or has been taken over. */
export async function updatePlace<K extends Places>(
    collection: K,
    id: string,
    claim: string,
    plan: (present: Objects[K]) => Patches[K],
    context: Context<EmfClient>,
): Promise<void> {
    const { client, signal, title } = context;
    const present = await client.get(collection, id, { signal });
    if (!present) {
        const kind = COLLECTIONS[collection].title;
        throw new EdgeError(`${title}: ${kind} ${id} is gone from EMF: run pulumi refresh, then up again`);
    }
    assertStillOwn(claimOf(present.metadata), claim, describePlace(collection, present), context);
    const body = plan(present);
    if (Object.keys(body).length > 0) await client.patch(collection, id, body, { signal });
}

/** Deletes the row's own place; what hangs on it is named by `users`. */
export async function deletePlace(
    collection: Places,
    id: string,
    claim: string,
    users: () => Promise<EdgeError>,
    context: Context<EmfClient>,
): Promise<void> {
    const { client, signal } = context;
    const present = await client.get(collection, id, { signal });
    if (!present) return;
    if (!mayDelete(claimOf(present.metadata), claim, describePlace(collection, present), context)) return;
    try {
        await client.remove(collection, id, { signal });
    } catch (error) {
        throw error instanceof InUse ? await users() : error;
    }
}
