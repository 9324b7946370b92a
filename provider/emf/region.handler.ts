import { z } from "zod";
import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import type { Patches, RegionResource } from "./api";
import {
    createPlace,
    deletePlace,
    describePlace,
    type Namesakes,
    updatePlace,
    warnOfNamesake,
} from "./claimedPlaces";
import type { EmfClient } from "./client";
import { idOf, placeMetadata, placeName, targetFields } from "./fields";
import { declaredMetadata, mergeMetadata, sameItems } from "./placeMetadata";
import { emf } from "./system";
import { defineEmfResource } from "./target";

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

const NAMESAKES: Namesakes<"regions"> = { above: parentOf, input: "the parent" };

export const region = defineEmfResource({
    kind: "emf.Region",
    system: emf,
    inputs,
    outputs,

    async check({ name, parent, adopt }, context, state) {
        if (!state) await warnOfNamesake("regions", { name, above: parent, adopt }, NAMESAKES, context);
        return {};
    },

    async create(region, context) {
        const { name, parent, metadata = {}, adopt } = region;
        const bodies = {
            create: (claim: string) => ({
                name,
                ...(parent === undefined ? {} : { parentId: parent }),
                metadata: mergeMetadata([], metadata, {}, claim),
            }),
            take: (present: RegionResource, claim: string) => planRegion(present, region, {}, claim),
        };
        return createPlace("regions", { name, above: parent, adopt }, NAMESAKES, bodies, context);
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
        const { claim } = state.outputs;
        await updatePlace(
            "regions",
            id,
            claim,
            (present) => planRegion(present, region, state.inputs, claim),
            context,
        );
        return {};
    },

    async delete(id, state, context) {
        await deletePlace("regions", id, state.outputs.claim, () => withUsers(id, context), context);
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

function parentOf(region: RegionResource): string | undefined {
    const id = region.parentRegion?.resourceId ?? region.parentId;
    return id === "" ? undefined : id;
}

async function withUsers(id: string, { client, signal, title }: Context<EmfClient>): Promise<EdgeError> {
    const regions = (await client.list("regions", { maxAge: 0, signal })).filter(
        (child) => parentOf(child) === id,
    );
    const sites = (await client.list("sites", { maxAge: 0, signal })).filter(
        (site) => site.region?.resourceId === id,
    );
    const names = [
        ...regions.map((region) => describePlace("regions", region)),
        ...sites.map((site) => describePlace("sites", site)),
    ];
    const users = names.length > 0 ? names.join(", ") : "other objects";
    return new EdgeError(`${title}: region ${id} still has ${users}: delete or move them first`);
}
