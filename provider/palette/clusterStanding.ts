import { failed, ready, working, type Standing } from "../gate/standing";
import type { ClusterRecord, ClusterSummary } from "./clusterApi";

/** How far a cluster has to come. */
export const CLUSTER_PHASES = ["running", "healthy"] as const;
export type ClusterPhase = (typeof CLUSTER_PHASES)[number];

/** Judges a cluster as the list has it; `record`, where it was asked for, tells what it is doing. */
export function standingOfCluster(
    cluster: ClusterSummary | undefined,
    record: ClusterRecord | undefined,
    until: ClusterPhase,
    now: number,
): Standing {
    if (!cluster) return failed("it is not in Palette any more");
    const { state = "", health, repave } = cluster.status ?? {};
    switch (state) {
        case "Deleting":
        case "Deleted":
            return failed(`it is ${state.toLowerCase()}`);
        case "Running":
            break;
        default:
            return working(state === "" ? "pending" : state.toLowerCase(), conditionsOf(record));
    }
    if (until === "running") return ready(until);
    if (repave?.state === "Pending") return working("waiting for the approval of a repave", "");
    if (health?.state !== "Healthy") return working("running", conditionsOf(record) || (health?.state ?? ""));
    return isFollowing(record, now) ? working("following a change", conditionsOf(record)) : ready(until);
}

/** An agent that has not told so long after a change that it has applied it does not tell such things. */
const TELLS_WITHIN = 5 * 60_000;

/** A change of profiles is handed to the agents, and done when they have told so. Until they begin, all looks well. */
function isFollowing(record: ClusterRecord | undefined, now: number): boolean {
    const { canBeApplied, lastModifiedTime, patchAppliedTime } = record?.status?.spcApply ?? {};
    if (canBeApplied === false) return true;
    if (lastModifiedTime === undefined) return false;
    const changedAt = Date.parse(lastModifiedTime);
    if (patchAppliedTime !== undefined) return Date.parse(patchAppliedTime) < changedAt;
    return now - changedAt < TELLS_WITHIN;
}

/** What is not true yet, in Palette's own words. */
function conditionsOf(record: ClusterRecord | undefined): string {
    const open = (record?.status?.conditions ?? []).filter(({ status }) => status !== "True");
    const [first] = open;
    if (!first) return "";
    const text = first.message ?? first.reason ?? "";
    const more = open.length > 1 ? ` and ${open.length - 1} more` : "";
    return `${first.type ?? "condition"}${text === "" ? "" : `: ${text}`}${more}`;
}
