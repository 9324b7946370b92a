import type { z } from "zod";
import { runningTimeLimit } from "../http/runningTime";
import type { Context } from "../resource/context";
import { defineResource, type ResourceDefinition } from "../resource/definition";
import { EdgeError, UnavailableHere } from "../resource/errors";
import type { Problem } from "../resource/problem";
import { isKnown, UNKNOWN, type Unknown } from "../resource/unknown";
import type { EmfClient, Project } from "./client";
import type { targetFields } from "./fields";

/** Seconds a check may wait: little where the answer only makes a preview better, longer where its lack fails the run. */
const CHECK_WAIT = { preview: 5, update: 60 };
/** After a look-up of a check failed, others do not wait for the same again. */
const GIVE_UP_FOR = 30_000;

interface Target {
    endpoint?: string | undefined;
    projectUid?: string | undefined;
}

/**
 * An EMF resource: its state names the project it is in. Where the settings name another one, nothing can be
 * told, and nothing is forgotten; the same project under another address is an update.
 */
export function defineEmfResource<
    In extends z.ZodObject<typeof targetFields & z.core.$ZodLooseShape>,
    Out extends z.ZodObject,
>(definition: ResourceDefinition<In, Out, EmfClient>): ResourceDefinition<In, Out, EmfClient> {
    type Inputs = z.output<In>;
    return defineResource({
        ...definition,

        async check(inputs, context, state) {
            const before = (state ?? {}) as Target;
            const target = await currentTarget(context, before);
            const problem =
                isKnown(target.projectUid) && differentProject(before, target.projectUid, context);
            if (problem) return { problems: [problem] };
            const outcome = (await definition.check?.(inputs, context, state)) ?? {};
            return { ...outcome, values: { ...outcome.values, ...target } as typeof outcome.values };
        },

        async create(inputs, context) {
            await assertSameProject(inputs, context);
            return definition.create(inputs, context);
        },

        async read(id, state, context) {
            const project = await withLastSettings(() => assertSameProject(state.inputs, context));
            const found = await definition.read(id, state, context);
            if (!found) return undefined;
            const given = state.inputs as Target;
            const target = {
                endpoint: given.endpoint ?? project.endpoint,
                projectUid: given.projectUid ?? project.uid,
            };
            return { ...found, inputs: { ...target, ...found.inputs } as unknown as Partial<Inputs> };
        },

        async update(id, state, inputs, context) {
            await assertSameProject(state.inputs, context);
            return definition.update(id, state, inputs, context);
        },

        async delete(id, state, context) {
            await withLastSettings(() => assertSameProject(state.inputs, context));
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

/** A look-up of a check: short, and given up at once where one has just failed. */
export function inCheck<T>(
    context: Context<EmfClient>,
    lookUp: (client: EmfClient, signal: AbortSignal) => Promise<T>,
    fallback: T,
): Promise<T> {
    return context.ifAvailable(async () => {
        const { client } = context;
        const failed = failures.get(client);
        if (failed && context.now() - failed.at < GIVE_UP_FOR) throw failed.error;
        const seconds = context.preview ? CHECK_WAIT.preview : CHECK_WAIT.update;
        const limit = runningTimeLimit(
            seconds * 1000,
            () => new UnavailableHere(`EMF at ${client.endpoint} did not answer within ${seconds} s`),
        );
        try {
            return await lookUp(client, AbortSignal.any([context.signal, limit.signal]));
        } catch (error) {
            if (error instanceof UnavailableHere) failures.set(client, { at: context.now(), error });
            throw error;
        } finally {
            limit.end();
        }
    }, fallback);
}

const failures = new WeakMap<EmfClient, { at: number; error: UnavailableHere }>();

async function currentTarget(
    context: Context<EmfClient>,
    before: Target,
): Promise<{ endpoint: string | Unknown; projectUid: string | Unknown }> {
    const fallback = { endpoint: before.endpoint ?? UNKNOWN, projectUid: before.projectUid ?? UNKNOWN };
    const endpoint = await context.ifAvailable(
        async () => context.client.endpoint as string | Unknown,
        fallback.endpoint,
    );
    const projectUid = await inCheck(
        context,
        async (client, signal): Promise<string | Unknown> => (await client.project({ signal })).uid,
        fallback.projectUid,
    );
    return { endpoint, projectUid };
}

function differentProject(before: Target, uid: string, context: Context<EmfClient>): Problem | undefined {
    if (before.projectUid === undefined || before.projectUid === uid) return undefined;
    return { path: [], message: otherProject(before, uid, context) };
}

async function assertSameProject(state: Target, context: Context<EmfClient>): Promise<Project> {
    const project = await context.client.project({ signal: context.signal });
    if (state.projectUid !== undefined && state.projectUid !== project.uid) {
        throw new EdgeError(otherProject(state, project.uid, context));
    }
    return project;
}

function otherProject(state: Target, uid: string, { client }: Context<EmfClient>): string {
    const { project, advice } = client.settings;
    return (
        `it is in project ${state.projectUid ?? ""} at ${state.endpoint ?? "an unknown address"}, but the settings ` +
        `name project ${JSON.stringify(project)} (${uid}) at ${client.endpoint}. Nothing was changed. ` +
        `Set ${advice.endpoint} and the project back; to move, destroy it there and create it here`
    );
}
