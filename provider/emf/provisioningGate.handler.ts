import { z } from "zod";
import type { Context } from "../resource/context";
import { messageOf, PartialFailure, UnavailableHere } from "../resource/errors";
import type { HostResource } from "./api";
import type { EmfClient } from "./client";
import { errorFile, keepErrorFile } from "./errorFile";
import { targetFields } from "./fields";
import { PHASES, report, standingOf, summarize, type Standing } from "./hostStanding";
import { emf } from "./system";
import { defineEmfResource } from "./target";

const HOUR = 3_600_000;
/** Phases take from seconds (onboarding) to a quarter of an hour (streaming), so the pause grows while nothing moves. */
const SHORTEST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
/** Every look reads all hosts of the project; with many pages it is taken less often. */
const PAUSE_PER_HOST = 3;
/** How long EMF may be away before a wait of hours is given up. */
const TOLERATED_OUTAGE = 5 * 60_000;

const gateHost = z.object({
    label: z.string(),
    hostId: z.string().regex(/^host-[0-9a-f]{8}$/, "must be an id such as host-1a2b3c4d"),
    /** Not looked at: another instance is another installation to wait for. */
    instanceId: z.string().optional(),
});

const inputs = z.object({
    ...targetFields,
    hosts: z.array(gateHost).superRefine((hosts, context) => {
        const labels = new Set<string>();
        for (const { label } of hosts) {
            if (labels.has(label)) {
                context.addIssue({
                    code: "custom",
                    message: `two hosts have the label ${JSON.stringify(label)}`,
                });
            }
            labels.add(label);
        }
    }),
    until: z.enum(PHASES).default("running"),
    maxFailed: z.int().min(0).default(0),
    pending: z.enum(["skip", "wait"]).default("skip"),
    errorFile: errorFile.optional().meta({ control: true }),
});

type Inputs = z.output<typeof inputs>;
type GateContext = Context<EmfClient>;

/** Waits for many hosts in one row, so that no host holds one of the engine's few slots while it installs itself. */
export const provisioningGate = defineEmfResource({
    kind: "emf.ProvisioningGate",
    system: emf,
    timeouts: { create: 2 * HOUR, update: 2 * HOUR },
    inputs,
    outputs: z.object({}),

    async create(inputs, context) {
        const id = `gate-${context.random(8).toString("hex")}`;
        await waitForHosts(id, inputs, context);
        return { id, outputs: {} };
    },

    /** What has become of the hosts since is their affair; a gate has only said when to go on. */
    async read() {
        return {};
    },

    async update(id, _state, inputs, context) {
        await waitForHosts(id, inputs, context);
        return {};
    },

    async delete(_id, { inputs }, { projectDir }) {
        keepErrorFile(inputs.errorFile, new Map(), projectDir);
    },
});

async function waitForHosts(id: string, inputs: Inputs, context: GateContext): Promise<void> {
    const watch = new Watch(inputs, context);
    try {
        await watch.untilSettled();
    } catch (error) {
        const reason = context.signal.aborted ? messageOf(context.signal.reason) : messageOf(error);
        const written = keepErrorFile(inputs.errorFile, watch.failures("unready"), context.projectDir);
        throw new PartialFailure(
            [[reason, ...watch.report(), ...written].join("\n")],
            { id },
            { cause: error },
        );
    }
    const written = keepErrorFile(inputs.errorFile, watch.failures("failed"), context.projectDir);
    if (written.length > 0) context.log.warn(written.join("\n"));
}

class Watch {
    private standings: ReadonlyMap<string, Standing> = new Map();
    /** Confirmed once; every look would ask for each of them again. */
    private readonly gone = new Set<string>();
    private outageSince: number | undefined;

    constructor(
        private readonly inputs: Inputs,
        private readonly context: GateContext,
    ) {}

    async untilSettled(): Promise<void> {
        const { context } = this;
        let line = "";
        // The first look is a fresh one: whatever the run has listed before may be minutes old.
        let maxAge = 0;
        for (let pause = SHORTEST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
            if (await this.looked(maxAge)) {
                const before = line;
                line = summarize(this.standings, this.inputs.until);
                context.progress(line);
                if (this.settled()) break;
                if (line !== before) pause = SHORTEST_PAUSE;
            }
            // Gates that wait at the same time share their looks.
            maxAge = pause / 2;
            await context.sleep(Math.max(pause, PAUSE_PER_HOST * this.standings.size));
        }
        this.sayWhatIsLeft(line);
    }

    report(): string[] {
        if (this.standings.size === 0) return [];
        return [
            ...report(this.standings, this.inputs.until),
            "The hosts go on by themselves, and the next up waits for them again. A failed installation starts anew " +
                "when its EdgeHost gets another reimageToken; maxFailed says how many may fail",
        ];
    }

    /**
     * What to say of each host that has failed; in an unready wave, where none has, of those that are not there yet:
     * they are why the wait has ended.
     */
    failures(which: "failed" | "unready"): Map<string, string> {
        const told = (states: readonly Standing["state"][]): [string, string][] =>
            [...this.standings]
                .filter(([, { state }]) => states.includes(state))
                .map(([label, { doing, detail }]) => [label, [doing, detail].filter(Boolean).join(" ")]);
        const failed = told(["failed"]);
        if (failed.length > 0 || which === "failed") return new Map(failed);
        return new Map(told(this.inputs.pending === "wait" ? ["working", "pending"] : ["working"]));
    }

    /** One look at all hosts; false when EMF could not be asked. */
    private async looked(maxAge: number): Promise<boolean> {
        const { context } = this;
        try {
            const hosts = await context.client.list("hosts", { maxAge, signal: context.signal });
            const byId = new Map(hosts.map((host) => [host.resourceId, host]));
            const standings = new Map<string, Standing>();
            for (const { label, hostId } of this.inputs.hosts) {
                const host = byId.get(hostId) ?? (await this.confirm(hostId));
                standings.set(label, standingOf(host, this.inputs.until));
            }
            this.standings = standings;
            this.outageSince = undefined;
            return true;
        } catch (error) {
            if (context.signal.aborted || !(error instanceof UnavailableHere)) throw error;
            const now = context.now();
            this.outageSince ??= now;
            if (now - this.outageSince > TOLERATED_OUTAGE) throw error;
            context.progress(`asking again: ${messageOf(error)}`);
            return false;
        }
    }

    /** Pages can miss a host. */
    private async confirm(hostId: string): Promise<HostResource | undefined> {
        if (this.gone.has(hostId)) return undefined;
        const { client, signal } = this.context;
        const host = await client.get("hosts", hostId, { signal });
        if (!host) this.gone.add(hostId);
        return host;
    }

    private settled(): boolean {
        const { until, maxFailed, pending } = this.inputs;
        const failed = this.count("failed");
        if (failed > maxFailed) {
            const allowed = maxFailed === 0 ? "" : `, ${maxFailed} may`;
            throw new Error(`${failed} of ${this.standings.size} hosts failed before ${until}${allowed}`);
        }
        return this.count("working") === 0 && (pending === "skip" || this.count("pending") === 0);
    }

    private sayWhatIsLeft(line: string): void {
        const { log } = this.context;
        const lines = [line, ...report(this.standings, this.inputs.until)].join("\n");
        if (this.count("failed") > 0) log.warn(lines);
        else if (this.count("pending") > 0) log.info(`${line}: pending hosts are not waited for`);
    }

    private count(state: Standing["state"]): number {
        return [...this.standings.values()].filter((standing) => standing.state === state).length;
    }
}
