import { z } from "zod";
import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { isKnown } from "../resource/unknown";
import type { Patches, RegionResource } from "./api";
import { assertStillOwn, mayDelete, mayTakeOver } from "./claims";
import type { EmfClient } from "./client";
import { InUse } from "./errors";
import { idOf, placeMetadata, placeName, targetFields } from "./fields";
import { claimOf, declaredMetadata, mergeMetadata, sameItems } from "./placeMetadata";
import { emf } from "./system";
import { defineEmfResource, inCheck } from "./target";

const inputs = z.object({
    ...targetFields,
    name: placeName(),
    parent: idOf("region").optional(),
    metadata: placeMetadata().optional(),
    adopt: z.boolean().optional().meta({ control: true }),
});

const outputs = z.object({
    resourceId: z.string(),
    claim: z.string(),
});

type Inputs = z.output<typeof inputs>;
type Declared = Pick<Inputs, "name" | "parent" | "metadata">;

export const region = defineEmfResource({
    kind: "emf.Region",
    system: emf,
    inputs,
    outputs,

    async check({ name, parent, adopt }, context, state) {
        if (state || adopt === true || !isKnown(name) || !isKnown(parent)) return {};
        const existing = await inCheck(context, (client) => namesakes(client, name, parent), []);
        const other = existing.find((candidate) => context.ownership(claimOf(candidate.metadata)) !== "row");
        if (other) context.log.warn(duplicateWarning(other));
        return {};
    },

    async create(region, context) {
        const { client, signal } = context;
        const claim = context.newClaim();
        const present = await findPresent(region, context);
        if (present) {
            const body = planRegion(present, region, {}, claim);
            const taken = await client.patch("regions", present.resourceId, body, { signal });
            return { id: taken.resourceId, outputs: { resourceId: taken.resourceId, claim } };
        }
        const { resourceId } = await client.createOnce(
            "regions",
            {
                name: region.name,
                ...(region.parent === undefined ? {} : { parentId: region.parent }),
                metadata: mergeMetadata([], region.metadata ?? {}, {}, claim),
            },
            { signal, same: (candidate) => claimOf(candidate.metadata) === claim },
        );
        return { id: resourceId, outputs: { resourceId, claim } };
    },

    async read(id, { inputs: declared }, { client, signal }) {
        const found = await client.look("regions", id, { signal });
        if (!found) return undefined;
        return {
            inputs: {
                name: found.name,
                parent: declared.parent === undefined ? undefined : parentOf(found),
                metadata: declaredMetadata(found.metadata, declared.metadata),
            },
            outputs: { resourceId: id },
        };
    },

    async update(id, state, region, context) {
        const { client, signal } = context;
        const present = await client.get("regions", id, { signal });
        if (!present) {
            throw new EdgeError(
                `${context.title}: region ${id} is gone from EMF: run pulumi refresh, then up again`,
            );
        }
        const { claim } = state.outputs;
        assertStillOwn(claimOf(present.metadata), claim, describe(present), context);
        const body = planRegion(present, region, state.inputs, claim);
        if (Object.keys(body).length > 0) await client.patch("regions", id, body, { signal });
        return {};
    },

    async delete(id, state, context) {
        const { client, signal } = context;
        const present = await client.get("regions", id, { signal });
        if (!present) return;
        if (!mayDelete(claimOf(present.metadata), state.outputs.claim, describe(present), context)) return;
        try {
            await client.remove("regions", id, { signal });
        } catch (error) {
            throw error instanceof InUse ? await withUsers(error, id, context) : error;
        }
    },
});

/** Exactly the fields that differ. A field that the program no longer gives is cleared. */
export function planRegion(
    present: RegionResource,
    desired: Declared,
    before: Partial<Declared>,
    claim: string,
): Patches["regions"] {
    const body: Patches["regions"] = {};
    if (present.name !== desired.name) body.name = desired.name;
    const parent = desired.parent ?? (before.parent === undefined ? undefined : "");
    if (parent !== undefined && (parentOf(present) ?? "") !== parent) body.parentId = parent;
    const metadata = mergeMetadata(present.metadata, desired.metadata ?? {}, before.metadata ?? {}, claim);
    if (!sameItems(present.metadata, metadata)) body.metadata = metadata;
    return body;
}

/** An interrupted create's own region, or the one to adopt. */
async function findPresent(region: Inputs, context: Context<EmfClient>): Promise<RegionResource | undefined> {
    const { client, signal } = context;
    const all = await client.list("regions", { signal });
    const own = all.find((candidate) => context.ownership(claimOf(candidate.metadata)) === "row");
    if (own) return own;
    if (region.adopt !== true) return undefined;
    const [found, ...others] = await namesakes(client, region.name, region.parent);
    if (found && others.length > 0) {
        throw new EdgeError(
            `${context.title}: there are ${others.length + 1} regions named ${JSON.stringify(region.name)} ` +
                `(${[found, ...others].map(({ resourceId }) => resourceId).join(", ")}): which one to adopt is not ` +
                `clear; rename the others in EMF, or give the parent`,
        );
    }
    return found && mayTakeOver(claimOf(found.metadata), true, describe(found), context) ? found : undefined;
}

async function namesakes(
    client: EmfClient,
    name: string,
    parent: string | undefined,
): Promise<RegionResource[]> {
    const named = await client.findByName("regions", name);
    return named.filter((candidate) => parent === undefined || parentOf(candidate) === parent);
}

function parentOf(region: RegionResource): string | undefined {
    const id = region.parentRegion?.resourceId ?? region.parentId;
    return id === "" ? undefined : id;
}

function describe({ name, resourceId }: RegionResource): string {
    return `region ${JSON.stringify(name)} (${resourceId})`;
}

function duplicateWarning(other: RegionResource): string {
    return `there is already a ${describe(other)}; a second one will be made. To take that one over, set adopt: true`;
}

async function withUsers(
    error: InUse,
    id: string,
    { client, signal, title }: Context<EmfClient>,
): Promise<EdgeError> {
    const regions = (await client.list("regions", { maxAge: 0, signal })).filter(
        (child) => parentOf(child) === id,
    );
    const sites = (await client.list("sites", { maxAge: 0, signal })).filter(
        (site) => site.region?.resourceId === id,
    );
    const names = [
        ...regions.map(describe),
        ...sites.map(({ name, resourceId }) => `site ${JSON.stringify(name)} (${resourceId})`),
    ];
    const users = names.length > 0 ? names.join(", ") : (error.usedBy ?? "other objects");
    return new EdgeError(`${title}: region ${id} still has ${users}: delete or move them first`);
}
