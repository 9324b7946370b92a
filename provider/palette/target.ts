import { z } from "zod";
import type { Context } from "../resource/context";
import type { ResourceDefinition } from "../resource/definition";
import { lookUpInCheck } from "../settings/checkLookUp";
import { inProject, type Projects } from "../settings/inProject";
import type { PaletteClient } from "./client";

export type PaletteContext = Context<PaletteClient>;

const SYSTEM = "Palette";

const text = z.string().min(1, "must not be empty").optional();

/** Which Palette a resource is in, and which project: the same inputs for every kind. */
export const targetFields = {
    connection: text.meta({ control: true }),
    project: text.meta({ control: true }),
    endpoint: z.string().optional().meta({ derived: true }),
    projectUid: z.string().optional().meta({ derived: true }),
};

/** The same for what belongs to the tenant: no program names a project for it. */
export const tenantTargetFields = {
    ...targetFields,
    project: z.string().optional().meta({ derived: true }),
};

type TargetShape = typeof targetFields & z.core.$ZodLooseShape;

const ofProject: Projects<PaletteClient> = {
    system: SYSTEM,
    async current({ project }, _before, client, signal) {
        const name = project ?? client.settings.project;
        return { uid: (await client.project(name, { signal })).projectUid, name };
    },
};

/**
 * Nothing tells tenants apart but what they have: as long as the key sees the project that it saw first, it is the same
 * tenant.
 */
const ofTenant: Projects<PaletteClient> = {
    system: SYSTEM,
    async current(_inputs, { projectUid }, client, signal) {
        const known = (await client.projects({ signal })).find(({ uid }) => uid === projectUid);
        if (known) return known;
        const name = client.settings.project;
        return { uid: (await client.project(name, { signal })).projectUid, name };
    },
};

/** A resource in a project of Palette. */
export function inPaletteProject<In extends z.ZodObject<TargetShape>, Out extends z.ZodObject>(
    definition: ResourceDefinition<In, Out, PaletteClient>,
): ResourceDefinition<In, Out, PaletteClient> {
    return inProject(ofProject, definition);
}

/** A resource of the whole tenant. */
export function inPaletteTenant<In extends z.ZodObject<TargetShape>, Out extends z.ZodObject>(
    definition: ResourceDefinition<In, Out, PaletteClient>,
): ResourceDefinition<In, Out, PaletteClient> {
    return inProject(ofTenant, definition);
}

/** A look-up of a check: short, and given up at once where one has just failed. */
export function inCheck<T>(
    context: PaletteContext,
    lookUp: (client: PaletteClient, signal: AbortSignal) => Promise<T>,
    fallback: T,
): Promise<T> {
    return lookUpInCheck(SYSTEM, context, lookUp, fallback);
}
