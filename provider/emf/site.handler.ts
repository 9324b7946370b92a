import { z } from "zod";
import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { isKnown } from "../resource/unknown";
import type { Patches, SiteResource } from "./api";
import { deletePlace, describePlace, findPresent, updatePlace } from "./claimedPlaces";
import type { EmfClient } from "./client";
import { idOf, placeMetadata, placeName, targetFields } from "./fields";
import { claimOf, declaredMetadata, mergeMetadata, sameItems } from "./placeMetadata";
import { emf } from "./system";
import { defineEmfResource, inCheck } from "./target";

/** EMF keeps whole numbers of 10⁻⁷ degrees. */
const PER_DEGREE = 1e7;

const inputs = z.object({
    ...targetFields,
    name: placeName(),
    regionId: idOf("region").optional(),
    latitude: degrees(90).optional(),
    longitude: degrees(180).optional(),
    metadata: placeMetadata().optional(),
    adopt: z.boolean().optional().meta({ control: true }),
});

const outputs = z.object({
    resourceId: z.string(),
    claim: z.string(),
});

type Inputs = z.output<typeof inputs>;
type Declared = Pick<Inputs, "name" | "regionId" | "latitude" | "longitude" | "metadata">;

export const site = defineEmfResource({
    kind: "emf.Site",
    system: emf,
    inputs,
    outputs,

    async check({ name, regionId, adopt }, context, state) {
        if (state || adopt === true || !isKnown(name) || !isKnown(regionId)) return {};
        const existing = await inCheck(
            context,
            async (client) => (await client.findByName("sites", name)).filter(inPlace(regionId)),
            [],
        );
        const other = existing.find((candidate) => context.ownership(claimOf(candidate.metadata)) !== "row");
        if (other) {
            context.log.warn(
                `there is already a ${describePlace("sites", other)}; a second one will be made. To take that one over, set adopt: true`,
            );
        }
        return {};
    },

    async create(site, context) {
        const { client, signal } = context;
        const claim = context.newClaim();
        const present = await findPresent("sites", site, inPlace(site.regionId), "regionId", context);
        if (present) {
            const taken = await client.patch(
                "sites",
                present.resourceId,
                planSite(present, site, {}, claim),
                {
                    signal,
                },
            );
            return { id: taken.resourceId, outputs: { resourceId: taken.resourceId, claim } };
        }
        const { resourceId } = await client.createOnce(
            "sites",
            {
                name: site.name,
                ...(site.regionId === undefined ? {} : { regionId: site.regionId }),
                ...(site.latitude === undefined ? {} : { siteLat: units(site.latitude) }),
                ...(site.longitude === undefined ? {} : { siteLng: units(site.longitude) }),
                metadata: mergeMetadata([], site.metadata ?? {}, {}, claim),
            },
            { signal, same: (candidate) => claimOf(candidate.metadata) === claim },
        );
        return { id: resourceId, outputs: { resourceId, claim } };
    },

    async read(id, { inputs: declared }, { client, signal }) {
        const found = await client.look("sites", id, { signal });
        if (!found) return undefined;
        return {
            inputs: {
                name: found.name,
                regionId: declared.regionId === undefined ? undefined : regionOf(found),
                latitude: declared.latitude === undefined ? undefined : found.siteLat / PER_DEGREE,
                longitude: declared.longitude === undefined ? undefined : found.siteLng / PER_DEGREE,
                metadata: declaredMetadata(found.metadata, declared.metadata),
            },
            outputs: { resourceId: id },
        };
    },

    async update(id, state, site, context) {
        const { claim } = state.outputs;
        await updatePlace(
            "sites",
            id,
            claim,
            (present) => planSite(present, site, state.inputs, claim),
            context,
        );
        return {};
    },

    async delete(id, state, context) {
        await deletePlace("sites", id, state.outputs.claim, () => withHosts(id, context), context);
    },
});

/** Exactly the fields that differ. A field that the program no longer gives is cleared. */
export function planSite(
    present: SiteResource,
    desired: Declared,
    before: Partial<Declared>,
    claim: string,
): Patches["sites"] {
    const body: Patches["sites"] = {};
    if (present.name !== desired.name) body.name = desired.name;
    const region = desired.regionId ?? (before.regionId === undefined ? undefined : "");
    if (region !== undefined && (regionOf(present) ?? "") !== region) body.regionId = region;
    const latitude = desired.latitude ?? (before.latitude === undefined ? undefined : 0);
    if (latitude !== undefined && present.siteLat !== units(latitude)) body.siteLat = units(latitude);
    const longitude = desired.longitude ?? (before.longitude === undefined ? undefined : 0);
    if (longitude !== undefined && present.siteLng !== units(longitude)) body.siteLng = units(longitude);
    const metadata = mergeMetadata(present.metadata, desired.metadata ?? {}, before.metadata ?? {}, claim);
    if (!sameItems(present.metadata, metadata)) body.metadata = metadata;
    return body;
}

function degrees(most: number): z.ZodType<number, number> {
    const message = `must be ${-most} to ${most} degrees`;
    return z
        .number()
        .min(-most, message)
        .max(most, message)
        .overwrite((value) => units(value) / PER_DEGREE);
}

function units(angle: number): number {
    return Math.round(angle * PER_DEGREE);
}

/** Whether a candidate hangs where the program says; anywhere, where it says nothing. */
function inPlace(wanted: string | undefined): (candidate: SiteResource) => boolean {
    return (candidate) => wanted === undefined || regionOf(candidate) === wanted;
}

function regionOf(site: SiteResource): string | undefined {
    const id = site.region?.resourceId ?? site.regionId;
    return id === "" ? undefined : id;
}

async function withHosts(id: string, { client, signal, title }: Context<EmfClient>): Promise<EdgeError> {
    const hosts = (await client.list("hosts", { maxAge: 0, signal })).filter(
        (host) => host.site?.resourceId === id,
    );
    const shown = hosts.slice(0, 5).map((host) => host.serialNumber || host.uuid || host.resourceId);
    const rest = hosts.length > shown.length ? ` and ${hosts.length - shown.length} more` : "";
    return new EdgeError(
        `${title}: site ${id} still has hosts (${shown.join(", ")}${rest}): delete or move them first`,
    );
}
