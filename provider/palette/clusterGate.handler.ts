import { z } from "zod";
import { gateVerbs, namedOnce, waitThrough } from "../gate/gate";
import type { Standing } from "../gate/standing";
import { HostWatch } from "../gate/watch";
import { UnavailableHere } from "../resource/errors";
import { PaletteError } from "./answers";
import type { PaletteClient } from "./client";
import type { ClusterRecord } from "./clusterApi";
import { CLUSTER_PHASES, standingOfCluster } from "./clusterStanding";
import { palette } from "./system";
import { inPaletteProject, targetFields, type PaletteContext } from "./target";

const ADVICE =
    "The clusters go on by themselves, and the next up looks at them again. The events of a cluster in the console tell " +
    "what it waits for";

const inputs = z.object({
    ...targetFields,
    clusters: z
        .array(
            z.object({
                label: z.string().min(1, "must not be empty"),
                uid: z.string().min(1, "must not be empty"),
                /** Not looked at: another one is another change to wait for. */
                revision: z.string().optional(),
            }),
        )
        .superRefine(namedOnce(({ label }) => label)),
    until: z.enum(CLUSTER_PHASES).default("healthy"),
    maxFailed: z.int().min(0).default(0),
    onTimeout: z.enum(["fail", "warn"]).default("fail").meta({ control: true }),
});

type Inputs = z.output<typeof inputs>;

/** Waits for many clusters in one row. */
export const clusterGate = inPaletteProject({
    kind: "palette.ClusterGate",
    system: palette,
    inputs,
    ...gateVerbs(waitForClusters),
});

async function waitForClusters(id: string, gate: Inputs, context: PaletteContext): Promise<void> {
    const { projectUid } = await context.client.project(gate.project, { signal: context.signal });
    const watch = new ClusterWatch(gate, projectUid, context);
    await waitThrough(id, watch, context);
}

class ClusterWatch extends HostWatch<PaletteClient> {
    constructor(
        private readonly gate: Inputs,
        private readonly projectUid: string,
        context: PaletteContext,
    ) {
        const words = { system: "Palette", things: "clusters", advice: ADVICE };
        super({ ...gate, pending: "wait" }, words, context);
    }

    /** One list tells the state of all; what each of them does, only it can tell. */
    protected override async look(maxAge: number): Promise<ReadonlyMap<string, Standing>> {
        const { client, signal } = this.context;
        const { clusters, until } = this.gate;
        const scope = { projectUid: this.projectUid };
        const listed = await client.clusters.listed(scope, { maxAge, signal });
        const standings = new Map<string, Standing>();
        for (const { label, uid } of clusters) {
            const record: ClusterRecord | undefined =
                this.standings.get(label)?.state === "ready"
                    ? undefined
                    : await client.clusters.get(uid, scope, { signal });
            standings.set(
                label,
                standingOfCluster(listed.get(uid) ?? record, record, until, this.context.now()),
            );
        }
        return standings;
    }

    protected override isOutage(error: unknown): boolean {
        return error instanceof UnavailableHere || (error instanceof PaletteError && error.status >= 500);
    }
}
