import { z } from "zod";
import { gateVerbs, namedOnce, waitThrough } from "../gate/gate";
import type { Standing } from "../gate/standing";
import { HostWatch, type GateWishes } from "../gate/watch";
import { UnavailableHere } from "../resource/errors";
import { PaletteError } from "./answers";
import type { EdgeHostSummary } from "./api";
import type { PaletteClient } from "./client";
import { PHASES, standingOf, type Phase } from "./edgeHostStanding";
import { palette } from "./system";
import { inPaletteProject, targetFields, type PaletteContext } from "./target";

const ADVICE =
    "The hosts go on by themselves, and the next up looks at them again. One that never pairs has another name or token " +
    "in its user-data, or no way to Palette: its console says which";

const inputs = z.object({
    ...targetFields,
    hosts: z.array(z.string().min(1, "must not be empty")).superRefine(namedOnce((uid) => uid)),
    until: z.enum(PHASES).default("healthy"),
    maxFailed: z.int().min(0).default(0),
    pending: z.enum(["skip", "wait"]).default("skip"),
    onTimeout: z.enum(["fail", "warn"]).default("fail").meta({ control: true }),
});

type Inputs = z.output<typeof inputs>;

/** Waits for many hosts in one row, so that none of them holds one of the engine's few slots. */
export const hostGate = inPaletteProject({
    kind: "palette.HostGate",
    system: palette,
    inputs,
    ...gateVerbs(waitForHosts),
});

async function waitForHosts(id: string, gate: Inputs, context: PaletteContext): Promise<void> {
    const { projectUid } = await context.client.project(gate.project, { signal: context.signal });
    const watch = new EdgeHostWatch(gate, projectUid, context);
    await waitThrough(id, watch, context);
}

interface Wanted extends GateWishes {
    readonly hosts: readonly string[];
    readonly until: Phase;
}

class EdgeHostWatch extends HostWatch<PaletteClient> {
    /** Confirmed once; every look would ask for each of them again. */
    private readonly gone = new Set<string>();

    constructor(
        private readonly wanted: Wanted,
        private readonly projectUid: string,
        context: PaletteContext,
    ) {
        super(wanted, { system: "Palette", advice: ADVICE }, context);
    }

    protected override async look(maxAge: number): Promise<ReadonlyMap<string, Standing>> {
        const { client, signal } = this.context;
        const { hosts, until } = this.wanted;
        const listed = await client.listedEdgeHosts(this.projectUid, { maxAge, signal });
        const standings = new Map<string, Standing>();
        for (const uid of hosts) {
            standings.set(uid, standingOf(listed.get(uid) ?? (await this.confirmed(uid)), until));
        }
        return standings;
    }

    protected override isOutage(error: unknown): boolean {
        return error instanceof UnavailableHere || (error instanceof PaletteError && error.status >= 500);
    }

    /** Pages can miss a host. */
    private async confirmed(uid: string): Promise<EdgeHostSummary | undefined> {
        if (this.gone.has(uid)) return undefined;
        const { client, signal } = this.context;
        const host = await client.edgeHost(uid, { projectUid: this.projectUid }, { signal });
        if (!host) this.gone.add(uid);
        return host;
    }
}
