import { EdgeError } from "../resource/errors";
import type { ClusterInputs } from "./edgeCluster.schema";
import type { PaletteContext } from "./target";
import { pauses, withinTime } from "./timeLimit";
import type { Scope } from "./transport";

const SHORTEST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;

const UNAPPROVED =
    'the changed profiles repave all nodes, which Palette wants approved, and repave is "refuse": set it to "allow", ' +
    "approve it in the console, or take the change back";

/**
 * Waits until Palette hands changed profiles to the agents, which takes from seconds to minutes. What becomes of it on the
 * nodes is a gate's affair. A repave that somebody has to approve is approved here, unless the program refuses it: not
 * every one is seen in a preview.
 */
export async function applyProfiles(
    { uid, repave }: { readonly uid: string; readonly repave: ClusterInputs["repave"] },
    scope: Exclude<Scope, "tenant">,
    context: PaletteContext,
): Promise<void> {
    await withinTime(
        context,
        () => handedOver(uid, repave, scope, context),
        "Palette has not handed the changed profiles to the nodes. The next up looks again; the cluster's events in the " +
            "console tell why",
    );
}

async function handedOver(
    uid: string,
    repave: ClusterInputs["repave"],
    scope: Exclude<Scope, "tenant">,
    context: PaletteContext,
): Promise<void> {
    const { client, signal } = context;
    let isApproved = false;
    for (const pause of pauses(SHORTEST_PAUSE, LONGEST_PAUSE)) {
        const { status } = (await client.clusters.get(uid, scope, { signal })) ?? {};
        if (status?.repave?.state === "Pending" && !isApproved) {
            if (repave === "refuse") throw new EdgeError(UNAPPROVED);
            context.log.info("approves the repave that the change of its profiles needs");
            await client.clusters.approveRepave(uid, scope, { signal });
            isApproved = true;
        }
        const apply = status?.spcApply;
        if (status && (apply === undefined || apply.canBeApplied === true)) {
            context.progress("its nodes take the changed profiles over");
            return;
        }
        context.progress("its profiles are changed; waiting until Palette hands that to the nodes");
        await context.sleep(pause);
    }
}
