import type { Context } from "../resource/context";
import type { Creates, Objects } from "./api";
import type { EmfClient } from "./client";
import { COLLECTIONS } from "./collections";
import { AlreadyExists, InUse } from "./errors";
import { namesOf } from "./installedHosts";

/**
 * Kinds that EMF cannot change. No claim can be written into an object that is there already, so its id serves as
 * one: what a create takes over is deleted and made again with the same content, and whoever held the old id has
 * nothing left to delete. One that an instance uses cannot be deleted, by its earlier holder either: it keeps its id.
 */
export type ImmutableCollection = "localAccounts" | "customConfigs";

export interface Wanted<K extends ImmutableCollection> {
    name: string;
    body: Creates[K];
    same: (object: Objects[K]) => boolean;
    /** Throws unless an object of this name may be taken over; a `used` one is installed on hosts. */
    assertMayTakeOver: (present: Objects[K], used: boolean) => void;
    /** Told of one that was deleted to be made again. */
    onMadeAgain?: (present: Objects[K]) => void;
}

/** The object as wanted: a new one, or one that was there and may be taken over. */
export async function createImmutable<K extends ImmutableCollection>(
    collection: K,
    wanted: Wanted<K>,
    { client, signal }: Context<EmfClient>,
): Promise<Objects[K]> {
    const attempt = async (maxAge?: number): Promise<Objects[K]> => {
        const age = maxAge === undefined ? {} : { maxAge };
        const [present] = await client.findByName(collection, wanted.name, { signal, ...age });
        if (present) {
            wanted.assertMayTakeOver(present, false);
            try {
                await client.remove(collection, present.resourceId, { signal });
            } catch (error) {
                if (!(error instanceof InUse)) throw error;
                wanted.assertMayTakeOver(present, true);
                return present;
            }
            wanted.onMadeAgain?.(present);
        }
        return client.createOnce(collection, wanted.body, { signal, same: wanted.same });
    };
    try {
        return await attempt();
    } catch (error) {
        if (!(error instanceof AlreadyExists)) throw error;
        // Made by somebody since the list was read.
        return attempt(0);
    }
}

/** Deletes the row's own object. One that instances use stays, which is said and is no failure. */
export async function removeUnlessUsed(
    collection: ImmutableCollection,
    object: { id: string; name: string },
    context: Context<EmfClient>,
): Promise<void> {
    const { client, signal } = context;
    try {
        await client.remove(collection, object.id, { signal });
    } catch (error) {
        if (!(error instanceof InUse)) throw error;
        const what = `${COLLECTIONS[collection].title} ${JSON.stringify(object.name)} (${object.id})`;
        const users = await usersOf(collection, object.id, client);
        context.log.warn(
            `${what} is left in EMF: in use by ${users}. Once no host uses it, edge-os prune lists it`,
        );
    }
}

/** Only the list of instances that have an account names it; which configs they have no list tells. */
async function usersOf(collection: ImmutableCollection, id: string, client: EmfClient): Promise<string> {
    if (collection === "customConfigs") return "hosts that were installed with it";
    const instances = await client.list("instances", { maxAge: 0 });
    const users = namesOf(instances.filter(({ localaccount }) => localaccount?.resourceId === id));
    return users.length > 0 ? users.join(", ") : "instances";
}

/** The Pulumi id of a uniquely named object. */
export async function namedId(name: string, { client, signal }: Context<EmfClient>): Promise<string> {
    return `${(await client.project({ signal })).uid}/${name}`;
}

/** The row's object by its own id; for one that a program only reads (`get`), by the name in the Pulumi id. */
export async function findOwn<K extends ImmutableCollection>(
    collection: K,
    id: string,
    resourceId: string | undefined,
    { client, signal }: Context<EmfClient>,
): Promise<Objects[K] | undefined> {
    if (resourceId !== undefined) return client.look(collection, resourceId, { signal });
    const [found] = await client.findByName(collection, id.slice(id.indexOf("/") + 1), { signal });
    return found;
}
