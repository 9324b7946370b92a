import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { isKnown, type Checked } from "../resource/unknown";
import type { Creates, Objects, Patches } from "./api";
import { assertStillOwn, mayDelete, mayTakeOver } from "./claims";
import type { EmfClient } from "./client";
import { COLLECTIONS } from "./collections";
import { InUse } from "./errors";
import { claimOf } from "./placeMetadata";
import { inCheck } from "./target";

/**
 * Regions and sites live alike: their names are not unique, so a claim in their metadata tells which one is ours,
 * and they cannot be deleted while something hangs on them.
 */
type Places = "regions" | "sites";

/** How places of one name are told apart: by what they hang on. */
export interface Namesakes<K extends Places> {
    /** Id of what a place hangs on; undefined for one that hangs on nothing. */
    readonly above: (place: Objects[K]) => string | undefined;
    /** The input that says what it hangs on, for messages. */
    readonly input: string;
}

/** The inputs that decide which place is meant; where `above` is undefined, it may hang anywhere. */
interface Wanted {
    readonly name: string;
    readonly above: string | undefined;
    readonly adopt?: boolean | undefined;
}

/** `region "north" (region-1f2e3d4c)`. */
export function describePlace(collection: Places, { name, resourceId }: Objects[Places]): string {
    return `${COLLECTIONS[collection].title} ${JSON.stringify(name)} (${resourceId})`;
}

/** Says of a place that will be made that there is one of its name already. */
export async function warnOfNamesake<K extends Places>(
    collection: K,
    { name, above, adopt }: Checked<Wanted>,
    namesakes: Namesakes<K>,
    context: Context<EmfClient>,
): Promise<void> {
    if (adopt === true || !isKnown(name) || !isKnown(above)) return;
    const existing = await inCheck(
        context,
        async (client) => (await client.findByName(collection, name)).filter(hangsOn(above, namesakes)),
        [],
    );
    const other = existing.find((candidate) => context.ownership(claimOf(candidate.metadata)) !== "row");
    if (!other) return;
    context.log.warn(
        `there is already a ${describePlace(collection, other)}; a second one will be made. To take that one over, set ` +
            "adopt: true",
    );
}

/** Makes a place, or takes over what an interrupted create has made or the program adopts. */
export async function createPlace<K extends Places>(
    collection: K,
    wanted: Wanted,
    namesakes: Namesakes<K>,
    bodies: {
        /** Of a new place with this claim. */
        create: (claim: string) => Creates[K];
        /** Of one that is there already. */
        take: (present: Objects[K], claim: string) => Patches[K];
    },
    context: Context<EmfClient>,
): Promise<{ id: string; outputs: { resourceId: string; claim: string } }> {
    const { client, signal } = context;
    const claim = context.newClaim();
    const present = await findPresent(collection, wanted, namesakes, context);
    const { resourceId } = present
        ? await client.patch(collection, present.resourceId, bodies.take(present, claim), { signal })
        : await client.createOnce(collection, bodies.create(claim), {
              signal,
              same: (candidate) => claimOf(candidate.metadata) === claim,
          });
    return { id: resourceId, outputs: { resourceId, claim } };
}

/** An interrupted create's own place, or the one to adopt among its namesakes. */
async function findPresent<K extends Places>(
    collection: K,
    { name, above, adopt }: Wanted,
    namesakes: Namesakes<K>,
    context: Context<EmfClient>,
): Promise<Objects[K] | undefined> {
    const { client, signal, title } = context;
    const all = await client.list(collection, { signal });
    const own = all.find((candidate) => context.ownership(claimOf(candidate.metadata)) === "row");
    if (own) return own;
    if (adopt !== true) return undefined;
    const [found, ...others] = (await client.findByName(collection, name, { signal })).filter(
        hangsOn(above, namesakes),
    );
    if (found && others.length > 0) {
        throw new EdgeError(
            `${title}: there are ${others.length + 1} ${collection} named ${JSON.stringify(name)} ` +
                `(${[found, ...others].map(({ resourceId }) => resourceId).join(", ")}): which one to adopt is not ` +
                `clear; rename the others in EMF, or give ${namesakes.input}`,
        );
    }
    const what = found && describePlace(collection, found);
    return found && mayTakeOver(claimOf(found.metadata), true, what ?? "", context) ? found : undefined;
}

function hangsOn<K extends Places>(
    above: string | undefined,
    namesakes: Namesakes<K>,
): (candidate: Objects[K]) => boolean {
    return (candidate) => above === undefined || namesakes.above(candidate) === above;
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
