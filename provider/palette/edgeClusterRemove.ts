import { PaletteError } from "./answers";
import { isTombstone } from "./edgeClusterObserve";
import type { PaletteContext } from "./target";
import { pauses, withinTime } from "./timeLimit";
import type { Scope } from "./transport";

type Project = Exclude<Scope, "tenant">;

const SHORTEST_PAUSE = 1_000;
const LONGEST_PAUSE = 15_000;
/** Palette takes a forced deletion when the usual one has been stuck for so long. */
const FORCE_AFTER = 15 * 60_000;
/** How long it is left alone when it does not take that yet. */
const FORCE_AGAIN = 60_000;

interface Removal {
    /** As messages name the cluster. */
    readonly name: string;
    readonly force: boolean;
}

/** Deletes a cluster, and returns when its hosts are free. */
export async function removeCluster(
    uid: string,
    removal: Removal,
    scope: Project,
    context: PaletteContext,
): Promise<void> {
    const { name, force } = removal;
    const advice = force ? "" : "; forceDelete: true, set by an up before, forces it after 15 minutes";
    await withinTime(
        context,
        () => removed(uid, removal, scope, context),
        `Palette has not finished deleting ${name}. The next run goes on waiting${advice}`,
    );
}

async function removed(
    uid: string,
    { name, force }: Removal,
    scope: Project,
    context: PaletteContext,
): Promise<void> {
    const { client, signal } = context;
    const began = context.now();
    let forceAt = began + FORCE_AFTER;
    for (const pause of pauses(SHORTEST_PAUSE, LONGEST_PAUSE)) {
        const record = await client.clusters.get(uid, scope, { signal });
        if (!record || isTombstone(record)) return;
        if (record.status?.state !== "Deleting") {
            await client.clusters.remove(uid, scope, { signal });
        } else if (force && context.now() >= forceAt) {
            forceAt = context.now() + FORCE_AGAIN;
            await forced(uid, scope, context);
        }
        const minutes = Math.round((context.now() - began) / 60_000);
        context.progress(`waiting until Palette has deleted ${name}${minutes > 0 ? `, ${minutes} min` : ""}`);
        await context.sleep(pause);
    }
}

async function forced(uid: string, scope: Project, context: PaletteContext): Promise<void> {
    const { client, signal, log } = context;
    try {
        await client.clusters.remove(uid, scope, { signal, force: true });
        log.warn("its deletion was stuck and has been forced: look whether its hosts need a reset");
    } catch (error) {
        // It may have been in deletion for less time than it was watched.
        if (!(error instanceof PaletteError) || error.status >= 500) throw error;
        log.info(`its deletion cannot be forced yet: ${error.message}`);
    }
}
