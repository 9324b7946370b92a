import type { Context } from "../resource/context";
import { messageOf, UnavailableHere } from "../resource/errors";
import type { HostResource } from "./api";
import type { EmfClient } from "./client";
import { EmfError } from "./errors";
import { report, standingOf, summarize, type Phase, type Standing } from "./hostStanding";
import type { HostVerification } from "./hostVerification";

/** Phases take from seconds (onboarding) to a quarter of an hour (streaming), so the pause grows while nothing moves. */
const SHORTEST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
/** Every look reads all hosts of the project; with many pages it is taken less often. */
const PAUSE_PER_HOST = 3;
/** Parts of the time limit that are kept for what comes after waiting: looking at hosts, telling how it ended. */
const VERIFICATION_SHARE = 0.2;
const ENDING_SHARE = 0.01;
/** How long EMF may be away before a wait of hours is given up. */
const TOLERATED_OUTAGE = 5 * 60_000;

const ADVICE =
    "The hosts go on by themselves, and the next up looks at them again. A failed installation starts anew when its " +
    "EdgeHost gets another reimageToken; maxFailed says how many may fail";

/** What to wait for. */
export interface Wanted {
    readonly hosts: readonly { readonly label: string; readonly hostId: string }[];
    readonly until: Phase;
    readonly maxFailed: number;
    readonly pending: "skip" | "wait";
    readonly onTimeout: "fail" | "warn";
    /** Hosts that are up are looked at too. */
    readonly verify?: object | undefined;
}

/** Follows many hosts on their way to a phase. */
export class GateWatch {
    private standings: ReadonlyMap<string, Standing> = new Map();
    private hosts: ReadonlyMap<string, HostResource> = new Map();
    private timedOut = false;
    /** When to stop waiting: what comes after it has to fit into the time limit too. */
    private readonly deadline: number;
    /** Confirmed once; every look would ask for each of them again. */
    private readonly gone = new Set<string>();
    private outageSince: number | undefined;

    constructor(
        private readonly inputs: Wanted,
        private readonly context: Context<EmfClient>,
    ) {
        const rest = inputs.verify ? VERIFICATION_SHARE : ENDING_SHARE;
        this.deadline = context.now() + context.timeLimit * (1 - rest);
    }

    /** Returns when there is nothing left to wait for, or at the time limit where that is no failure. */
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
                if (this.settled()) return;
                if (line !== before) pause = SHORTEST_PAUSE;
            }
            const left = this.deadline - context.now();
            if (left <= 0) {
                this.endOfTime();
                return;
            }
            // Gates that wait at the same time share their looks.
            maxAge = pause / 2;
            await context.sleep(Math.min(left, Math.max(pause, PAUSE_PER_HOST * this.standings.size)));
        }
    }

    /** Looks at the hosts that are up; those that are not as they shall be count as failed. */
    async verifyWith(verification: HostVerification): Promise<void> {
        const { context } = this;
        const up = new Map([...this.hosts].filter(([label]) => this.standings.get(label)?.state === "ready"));
        const line = summarize(this.standings, this.inputs.until);
        const say = (done: number): void => context.progress(`${line}, ${done}/${up.size} verified`);
        say(0);
        const found = await verification.faults(up, say);
        const standings = new Map(this.standings);
        for (const [label, faults] of found) standings.set(label, notAsWanted(faults));
        this.standings = standings;
        context.progress(
            found.size === 0 ? `${line}, verified` : summarize(this.standings, this.inputs.until),
        );
        this.assertFewFailed("did not pass verify");
    }

    report(): string[] {
        if (this.standings.size === 0) return [];
        return [...report(this.standings, this.inputs.until), ADVICE];
    }

    /**
     * What to say of each host that has failed; in an unready wave, where none has, of those that are not there yet:
     * they are why the wait has ended.
     */
    failures(which: "failed" | "unready"): Map<string, string> {
        const told = (states: readonly Standing["state"][]): [string, string][] =>
            [...this.standings]
                .filter(([, { state }]) => states.includes(state))
                .map(([label, standing]) => [label, inOneLine(standing)]);
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
            const seen = new Map<string, HostResource>();
            for (const { label, hostId } of this.inputs.hosts) {
                const host = byId.get(hostId) ?? (await this.confirm(hostId));
                standings.set(label, standingOf(host, this.inputs.until));
                if (host) seen.set(label, host);
            }
            this.standings = standings;
            this.hosts = seen;
            this.outageSince = undefined;
            return true;
        } catch (error) {
            if (context.signal.aborted || !isOutage(error)) throw error;
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
        const { until, pending } = this.inputs;
        this.assertFewFailed(`failed before ${until}`);
        return this.count("working") === 0 && (pending === "skip" || this.count("pending") === 0);
    }

    private assertFewFailed(how: string): void {
        const { maxFailed } = this.inputs;
        const failed = this.count("failed");
        if (failed <= maxFailed) return;
        const allowed = maxFailed === 0 ? "" : `, ${maxFailed} may`;
        throw new Error(`${failed} of ${this.standings.size} hosts ${how}${allowed}`);
    }

    private endOfTime(): void {
        const { context, standings } = this;
        const { until, onTimeout } = this.inputs;
        if (this.outageSince !== undefined || standings.size === 0) {
            throw new Error("EMF could not be asked until the time limit (customTimeouts) was reached");
        }
        const late = this.count("working") + (this.inputs.pending === "wait" ? this.count("pending") : 0);
        const minutes = Math.round(context.timeLimit / 60_000);
        const limit = minutes < 2 ? `${Math.round(context.timeLimit / 1000)} s` : `${minutes} min`;
        const what = `${late} of ${standings.size} hosts were not ${until} within the time limit of ${limit} (customTimeouts)`;
        if (onTimeout === "fail") throw new Error(`${what}; onTimeout: "warn" would go on without them`);
        this.timedOut = true;
        context.log.warn([`${what}; going on without them`, ...report(standings, until)].join("\n"));
    }

    sayWhatIsLeft(): void {
        const { log } = this.context;
        if (this.timedOut) return;
        const line = summarize(this.standings, this.inputs.until);
        const lines = [line, ...report(this.standings, this.inputs.until)].join("\n");
        if (this.count("failed") > 0) log.warn(lines);
        else if (this.count("pending") > 0) log.info(`${line}: pending hosts are not waited for`);
    }

    private count(state: Standing["state"]): number {
        return [...this.standings.values()].filter((standing) => standing.state === state).length;
    }
}

/** EMF is out of reach, or in trouble itself: a wait of hours outlives that. */
function isOutage(error: unknown): boolean {
    return error instanceof UnavailableHere || (error instanceof EmfError && error.status >= 500);
}

function notAsWanted(faults: readonly string[]): Standing {
    const count = faults.length === 1 ? "one fault" : `${faults.length} faults`;
    return { state: "failed", doing: `the verification found ${count}`, faults };
}

function inOneLine({ doing, detail, faults = [] }: Standing): string {
    const text = [doing, detail].filter(Boolean).join(" ");
    return faults.length === 0 ? text : `${text}: ${faults.join("; ")}`;
}
