import type { Standing } from "../gate/standing";
import { HostWatch, type GateWishes } from "../gate/watch";
import type { Context } from "../resource/context";
import { UnavailableHere } from "../resource/errors";
import type { HostResource } from "./api";
import type { EmfClient } from "./client";
import { EmfError } from "./errors";
import { standingOf, type Phase } from "./hostStanding";
import type { HostVerification } from "./hostVerification";

/** Part of the time limit that is kept for looking at hosts. */
const VERIFICATION_SHARE = 0.2;

const ADVICE =
    "The hosts go on by themselves, and the next up looks at them again. A failed installation starts anew when its " +
    "EdgeHost gets another reimageToken; maxFailed says how many may fail";

/** What to wait for. */
export interface Wanted extends GateWishes {
    readonly hosts: readonly { readonly label: string; readonly hostId: string }[];
    readonly until: Phase;
    /** Hosts that are up are looked at too. */
    readonly verify?: object | undefined;
}

/** Follows many hosts of EMF on their way to a phase. */
export class GateWatch extends HostWatch<EmfClient> {
    private hosts: ReadonlyMap<string, HostResource> = new Map();
    /** Confirmed once; every look would ask for each of them again. */
    private readonly gone = new Set<string>();

    constructor(
        private readonly inputs: Wanted,
        context: Context<EmfClient>,
    ) {
        const kept = inputs.verify ? { kept: VERIFICATION_SHARE } : {};
        super(inputs, { system: "EMF", advice: ADVICE, ...kept }, context);
    }

    /** Looks at the hosts that are up; those that are not as they shall be count as failed. */
    async verifyWith(verification: HostVerification): Promise<void> {
        const { context } = this;
        const up = new Map([...this.hosts].filter(([label]) => this.standings.get(label)?.state === "ready"));
        const line = this.summary();
        const say = (done: number): void => context.progress(`${line}, ${done}/${up.size} verified`);
        say(0);
        const found = await verification.faults(up, say);
        const standings = new Map(this.standings);
        for (const [label, faults] of found) standings.set(label, notAsWanted(faults));
        this.standings = standings;
        context.progress(found.size === 0 ? `${line}, verified` : this.summary());
        this.assertFewFailed("did not pass verify");
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

    protected override async look(maxAge: number): Promise<ReadonlyMap<string, Standing>> {
        const { context } = this;
        const hosts = await context.client.list("hosts", { maxAge, signal: context.signal });
        const byId = new Map(hosts.map((host) => [host.resourceId, host]));
        const standings = new Map<string, Standing>();
        const seen = new Map<string, HostResource>();
        for (const { label, hostId } of this.inputs.hosts) {
            const host = byId.get(hostId) ?? (await this.confirm(hostId));
            standings.set(label, standingOf(host, this.inputs.until));
            if (host) seen.set(label, host);
        }
        this.hosts = seen;
        return standings;
    }

    protected override isOutage(error: unknown): boolean {
        return error instanceof UnavailableHere || (error instanceof EmfError && error.status >= 500);
    }

    /** Pages can miss a host. */
    private async confirm(hostId: string): Promise<HostResource | undefined> {
        if (this.gone.has(hostId)) return undefined;
        const { client, signal } = this.context;
        const host = await client.get("hosts", hostId, { signal });
        if (!host) this.gone.add(hostId);
        return host;
    }
}

function notAsWanted(faults: readonly string[]): Standing {
    const count = faults.length === 1 ? "one fault" : `${faults.length} faults`;
    return { state: "failed", doing: `the verification found ${count}`, faults };
}

function inOneLine({ doing, detail, faults = [] }: Standing): string {
    const text = [doing, detail].filter(Boolean).join(" ");
    return faults.length === 0 ? text : `${text}: ${faults.join("; ")}`;
}
