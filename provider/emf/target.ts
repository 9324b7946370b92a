import type { z } from "zod";
import type { Context } from "../resource/context";
import type { ResourceDefinition } from "../resource/definition";
import { lookUpInCheck } from "../settings/checkLookUp";
import { inProject, type Projects } from "../settings/inProject";
import type { EmfClient } from "./client";
import type { targetFields } from "./fields";

const SYSTEM = "EMF";

const projects: Projects<EmfClient> = {
    system: SYSTEM,
    async current(_inputs, _before, client, signal) {
        const { uid } = await client.project({ signal });
        return { uid, name: client.settings.project };
    },
};

/** An EMF resource: its state names the project it is in. */
export function defineEmfResource<
    In extends z.ZodObject<typeof targetFields & z.core.$ZodLooseShape>,
    Out extends z.ZodObject,
>(definition: ResourceDefinition<In, Out, EmfClient>): ResourceDefinition<In, Out, EmfClient> {
    return inProject(projects, definition);
}

/** A look-up of a check: short, and given up at once where one has just failed. */
export function inCheck<T>(
    context: Context<EmfClient>,
    lookUp: (client: EmfClient, signal: AbortSignal) => Promise<T>,
    fallback: T,
): Promise<T> {
    return lookUpInCheck(SYSTEM, context, lookUp, fallback);
}
