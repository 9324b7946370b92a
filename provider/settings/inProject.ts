import type { z } from "zod";
import type { Context } from "../resource/context";
import { defineResource, type ResourceDefinition } from "../resource/definition";
import { EdgeError, UnavailableHere } from "../resource/errors";
import type { Problem } from "../resource/problem";
import { isKnown, UNKNOWN, type Checked, type Unknown } from "../resource/unknown";
import { lookUpInCheck, type AddressedClient } from "./checkLookUp";

/** Where a state says that its object is. */
export interface Target {
    readonly endpoint?: string | undefined;
    readonly projectUid?: string | undefined;
}

/** A client of a system that has projects. */
interface ProjectClient extends AddressedClient {
    readonly settings: { readonly advice: { readonly endpoint: string } };
}

/** Which project the settings lead to. */
export interface CurrentProject {
    readonly uid: string;
    /** As the settings name it. */
    readonly name: string;
}

/** How a system's projects are found. */
export interface Projects<Client> {
    /** How messages name the system. */
    readonly system: string;
    /** What the settings and the inputs lead to; `before` is where the object is. */
    current(
        inputs: { readonly project?: string | undefined },
        before: Target,
        client: Client,
        signal: AbortSignal,
    ): Promise<CurrentProject>;
}

/** Inputs that every such resource has. */
interface TargetShape extends z.core.$ZodLooseShape {
    project: z.ZodType<string | undefined>;
    endpoint: z.ZodType<string | undefined>;
    projectUid: z.ZodType<string | undefined>;
}

/**
 * A resource in a project: its state names the project it is in. Where the settings name another one, nothing can be
 * told, and nothing is forgotten; the same project under another address is an update.
 */
export function inProject<
    In extends z.ZodObject<TargetShape>,
    Out extends z.ZodObject,
    Client extends ProjectClient,
>(
    projects: Projects<Client>,
    definition: ResourceDefinition<In, Out, Client>,
): ResourceDefinition<In, Out, Client> {
    type Inputs = z.output<In>;
    const given = (inputs: Inputs): { project?: string | undefined } & Target => inputs;

    const assertSame = async (before: Target, inputs: Inputs, context: Context<Client>) => {
        const current = await projects.current(given(inputs), before, context.client, context.signal);
        const message = differentProject(before, current, context);
        if (message !== undefined) throw new EdgeError(message);
        return current;
    };

    return defineResource({
        ...definition,

        async check(inputs, context, state) {
            const before = (state ?? {}) as Target;
            const { target, message } = await checkTarget(projects, inputs, before, context);
            if (message !== undefined) return { problems: [{ path: [], message } satisfies Problem] };
            const outcome = (await definition.check?.(inputs, context, state)) ?? {};
            return { ...outcome, values: { ...outcome.values, ...target } as typeof outcome.values };
        },

        async create(inputs, context) {
            await assertSame(given(inputs), inputs, context);
            return definition.create(inputs, context);
        },

        async read(id, state, context) {
            const before = given(state.inputs);
            const project = await withLastSettings(() => assertSame(before, state.inputs, context));
            const found = await definition.read(id, state, context);
            if (!found) return undefined;
            const target = {
                endpoint: before.endpoint ?? context.client.endpoint,
                projectUid: before.projectUid ?? project.uid,
            };
            return { ...found, inputs: { ...target, ...found.inputs } as unknown as Partial<Inputs> };
        },

        async update(id, state, inputs, context) {
            await assertSame(given(state.inputs), inputs, context);
            return definition.update(id, state, inputs, context);
        },

        async delete(id, state, context) {
            await withLastSettings(() => assertSame(given(state.inputs), state.inputs, context));
            await definition.delete(id, state, context);
        },
    });
}

const LAST_SETTINGS =
    "\nA refresh and a deletion use the stack configuration of the last up: where that was wrong or has changed since, " +
    "run up with --refresh=false, or set the right values in the environment, which always counts";

/** The engine does not run the program to refresh or delete, and hands out the configuration it ran with last. */
async function withLastSettings<T>(connect: () => Promise<T>): Promise<T> {
    try {
        return await connect();
    } catch (error) {
        if (!(error instanceof EdgeError)) throw error;
        const Kind = error instanceof UnavailableHere ? UnavailableHere : EdgeError;
        throw new Kind(`${error.message}${LAST_SETTINGS}`);
    }
}

async function checkTarget<Client extends ProjectClient>(
    projects: Projects<Client>,
    inputs: Checked<Record<string, unknown>>,
    before: Target,
    context: Context<Client>,
): Promise<{
    target: { endpoint: string | Unknown; projectUid: string | Unknown };
    message?: string | undefined;
}> {
    const endpoint = await context.ifAvailable(
        async () => context.client.endpoint as string | Unknown,
        before.endpoint ?? UNKNOWN,
    );
    const project = inputs.project as string | Unknown | undefined;
    if (!isKnown(project)) return { target: { endpoint, projectUid: before.projectUid ?? UNKNOWN } };
    const current = await lookUpInCheck<Client, CurrentProject | undefined>(
        projects.system,
        context,
        (client, signal) => projects.current({ project }, before, client, signal),
        undefined,
    );
    const projectUid = current?.uid ?? before.projectUid ?? UNKNOWN;
    return {
        target: { endpoint, projectUid },
        message: current && differentProject(before, current, context),
    };
}

function differentProject<Client extends ProjectClient>(
    before: Target,
    { uid, name }: CurrentProject,
    { client }: Context<Client>,
): string | undefined {
    if (before.projectUid === undefined || before.projectUid === uid) return undefined;
    return (
        `it is in project ${before.projectUid} at ${before.endpoint ?? "an unknown address"}, but the settings ` +
        `name project ${JSON.stringify(name)} (${uid}) at ${client.endpoint}. Nothing was changed. ` +
        `Set ${client.settings.advice.endpoint} and the project back; to move, destroy it there and create it here`
    );
}
