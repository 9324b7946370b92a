import { z } from "zod";
import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import type { Patches, SiteResource } from "./api";
import { createPlace, deletePlace, type Namesakes, updatePlace, warnOfNamesake } from "./claimedPlaces";
import type { EmfClient } from "./client";
import { idOf, placeMetadata, placeName, targetFields } from "./fields";
import { declaredMetadata, mergeMetadata, sameItems } from "./placeMetadata";
import { emf } from "./system";
import { defineEmfResource } from "./target";

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

const NAMESAKES: Namesakes<"sites"> = { above: regionOf, input: "regionId" };

export const site = defineEmfResource({
    kind: "emf.Site",
    system: emf,
    inputs,
    outputs,

    async check({ name, regionId, adopt }, context, state) {
        if (!state) await warnOfNamesake("sites", { name, above: regionId, adopt }, NAMESAKES, context);
        return {};
    },

    async create(site, context) {
        const { name, regionId, latitude, longitude, metadata = {}, adopt } = site;
        const bodies = {
            create: (claim: string) => ({
                name,
                ...(regionId === undefined ? {} : { regionId }),
                ...(latitude === undefined ? {} : { siteLat: units(latitude) }),
                ...(longitude === undefined ? {} : { siteLng: units(longitude) }),
                metadata: mergeMetadata([], metadata, {}, claim),
            }),
            take: (present: SiteResource, claim: string) => planSite(present, site, {}, claim),
        };
        return createPlace("sites", { name, above: regionId, adopt }, NAMESAKES, bodies, context);
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
