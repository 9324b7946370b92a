import type { Context } from "../resource/context";
import { messageOf } from "../resource/errors";
import { report, summarize, type Standing } from "./standing";

/** Phases take from seconds (onboarding) to a quarter of an hour (streaming), so the pause grows while nothing moves. */
const SHORTEST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
/** Every look reads all hosts of the project; with many pages it is taken less often. */
const PAUSE_PER_HOST = 3;
/** Part of the time limit that is kept for telling how it ended. */
const ENDING_SHARE = 0.01;
/** How long a system may be away before a wait of hours is given up. */
const TOLERATED_OUTAGE = 5 * 60_000;

/** How far hosts have to come, and what may go wrong. */
export interface GateWishes {
    /** The phase, as messages name it. */
    readonly until: string;
    readonly maxFailed: number;
    readonly pending: "skip" | "wait";
    readonly onTimeout: "fail" | "warn";
}

export interface GateWords {
    /** `EMF`. */
    readonly system: string;
    /** What is waited for, in the plural. Default: hosts. */
    readonly things?: string;
    /** What can be done about hosts that did not come up. */
    readonly advice: string;
    /** Part of the time limit that is kept for what comes after waiting. */
    readonly kept?: number;
}

/** Follows many hosts on their way to a phase. */
export abstract class HostWatch<Client> {
    protected standings: ReadonlyMap<string, Standing> = new Map();
    private timedOut = false;
    /** When to stop waiting: what comes after it has to fit into the time limit too. */
    private readonly deadline: number;
    private outageSince: number | undefined;

    protected constructor(
        private readonly wishes: GateWishes,
        private readonly words: GateWords,
        protected readonly context: Context<Client>,
    ) {
        this.deadline = context.now() + context.timeLimit * (1 - (words.kept ?? ENDING_SHARE));
    }

    /** Where every host stands now, by label; the answers may be `maxAge` milliseconds old. */
    protected abstract look(maxAge: number): Promise<ReadonlyMap<string, Standing>>;

    /** The system is out of reach, or in trouble itself: a wait of hours outlives that. */
    protected abstract isOutage(error: unknown): boolean;

    /** Returns when there is nothing left to wait for, or at the time limit where that is no failure. */
    async untilSettled(): Promise<void> {
        const { context } = this;
        let line = "";
        // The first look is a fresh one: whatever the run has listed before may be minutes old.
        let maxAge = 0;
        for (let pause = SHORTEST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
            if (await this.looked(maxAge)) {
                const before = line;
                line = this.summary();
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

    /** Every host's state, and what to do. */
    report(): string[] {
        if (this.standings.size === 0) return [];
        return [...report(this.standings, this.wishes.until), this.words.advice];
    }

    sayWhatIsLeft(): void {
        const { log } = this.context;
        if (this.timedOut) return;
        const line = this.summary();
        const lines = [line, ...report(this.standings, this.wishes.until)].join("\n");
        if (this.count("failed") > 0) log.warn(lines);
        else if (this.count("pending") > 0)
            log.info(`${line}: pending ${this.words.things ?? "hosts"} are not waited for`);
    }

    protected summary(): string {
        return summarize(this.standings, this.wishes.until);
    }

    protected assertFewFailed(how: string): void {
        const { maxFailed } = this.wishes;
        const failed = this.count("failed");
        if (failed <= maxFailed) return;
        const allowed = maxFailed === 0 ? "" : `, ${maxFailed} may`;
        throw new Error(
            `${failed} of ${this.standings.size} ${this.words.things ?? "hosts"} ${how}${allowed}`,
        );
    }

    /** One look at all hosts; false when the system could not be asked. */
    private async looked(maxAge: number): Promise<boolean> {
        const { context } = this;
        try {
            this.standings = await this.look(maxAge);
            this.outageSince = undefined;
            return true;
        } catch (error) {
            if (context.signal.aborted || !this.isOutage(error)) throw error;
            const now = context.now();
            this.outageSince ??= now;
            if (now - this.outageSince > TOLERATED_OUTAGE) throw error;
            context.progress(`asking again: ${messageOf(error)}`);
            return false;
        }
    }

    private settled(): boolean {
        const { until, pending } = this.wishes;
        this.assertFewFailed(`failed before ${until}`);
        return this.count("working") === 0 && (pending === "skip" || this.count("pending") === 0);
    }

    private endOfTime(): void {
        const { context, standings } = this;
        const { until, onTimeout, pending } = this.wishes;
        if (this.outageSince !== undefined || standings.size === 0) {
            throw new Error(
                `${this.words.system} could not be asked until the time limit (customTimeouts) was reached`,
            );
        }
        const late = this.count("working") + (pending === "wait" ? this.count("pending") : 0);
        const minutes = Math.round(context.timeLimit / 60_000);
        const limit = minutes < 2 ? `${Math.round(context.timeLimit / 1000)} s` : `${minutes} min`;
        const things = this.words.things ?? "hosts";
        const what = `${late} of ${standings.size} ${things} were not ${until} within the time limit of ${limit} (customTimeouts)`;
        if (onTimeout === "fail") throw new Error(`${what}; onTimeout: "warn" would go on without them`);
        this.timedOut = true;
        context.log.warn([`${what}; going on without them`, ...report(standings, until)].join("\n"));
    }

    private count(state: Standing["state"]): number {
        return [...this.standings.values()].filter((standing) => standing.state === state).length;
    }
}
