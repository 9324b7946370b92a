import { deviceLabel } from "../provider/emf/hostRules";
import type { Reference } from "./fleetSettings";

/**
 * A group of hosts that is brought up together; the next begins when this one runs. Each wave says in one of four
 * ways which hosts it takes.
 */
export interface Wave {
    /** The next so many hosts, in the order of the file. */
    count?: number;
    /** So many percent of all hosts, rounded up, in the order of the file. */
    percent?: number;
    /** These hosts, by serial number or UUID; no other wave takes them. */
    hosts?: string[];
    /** All hosts that no other wave takes. Only the last wave can be this. */
    rest?: boolean;
    /**
     * The OS profile of this wave's hosts, whatever their cells and the fleet say; only an override of a single host
     * wins. Lets a new version reach the first waves alone. Default: as without waves.
     */
    osProfile?: Reference;
}

interface Device {
    serial?: string;
    uuid?: string;
}

/** The hosts of each wave, in its order, and what is wrong with the waves. */
export interface PlannedWaves<H> {
    waves: H[][];
    problems: string[];
}

/**
 * Puts every host into exactly one wave. Hosts that are named are taken out first, wherever their wave stands;
 * `count` and `percent` share the others in their order. Hosts left over are a problem and not a further wave:
 * whoever wrote `[{ count: 1 }]` may have meant one host and no more.
 */
export function planWaves<H extends Device>(
    waves: readonly Wave[] | undefined,
    hosts: readonly H[],
): PlannedWaves<H> {
    const plan = waves ?? [{ rest: true }];
    const problems = plan.flatMap((wave, i) => waveProblems(wave, i, plan.length));
    if (plan.length === 0)
        problems.push("there are no waves; leave waves out to bring all hosts up together");
    if (problems.length > 0) return { waves: [], problems };

    const { named, problems: unknown } = takeNamed(plan, hosts);
    if (unknown.length > 0) return { waves: [], problems: unknown };
    const taken = new Set([...named.values()].flat());
    const free = hosts.filter((host) => !taken.has(host));
    let next = 0;
    const take = (count: number): H[] => free.slice(next, (next += count));
    const filled = plan.map((wave, i) => {
        if (wave.hosts) return named.get(i) ?? [];
        if (wave.rest) return take(free.length);
        return take(wave.count ?? Math.ceil((hosts.length * (wave.percent ?? 0)) / 100));
    });
    const left = free.slice(next);
    if (left.length > 0) {
        problems.push(
            `${left.length === 1 ? "1 host is" : `${left.length} hosts are`} in no wave: ${listed(left)}; add { rest: true } as the last wave`,
        );
    }
    return { waves: filled, problems };
}

function waveProblems(wave: Wave, index: number, waves: number): string[] {
    const at = `waves[${index}]`;
    const given = (["count", "percent", "hosts", "rest"] as const).filter(
        (way) => wave[way] !== undefined && wave[way] !== false,
    );
    if (given.length !== 1) {
        const found = given.length === 0 ? "says nothing" : `says ${given.join(" and ")}`;
        return [`${at} ${found}; it must say one of count, percent, hosts or rest: true`];
    }
    const { count, percent } = wave;
    if (count !== undefined && !(Number.isInteger(count) && count >= 1)) {
        return [`${at}.count must be a whole number from 1, not ${count}`];
    }
    if (percent !== undefined && !(percent > 0 && percent <= 100)) {
        return [`${at}.percent must be above 0 and at most 100, not ${percent}`];
    }
    if (wave.hosts?.length === 0) return [`${at}.hosts names no host`];
    if (wave.rest && index !== waves - 1) return [`${at}.rest can only be the last wave`];
    return [];
}

function takeNamed<H extends Device>(
    waves: readonly Wave[],
    hosts: readonly H[],
): { named: Map<number, H[]>; problems: string[] } {
    const byName = new Map<string, H>();
    for (const host of hosts) {
        for (const name of [host.serial, host.uuid]) if (name) byName.set(name.toLowerCase(), host);
    }
    const named = new Map<number, H[]>();
    const problems: string[] = [];
    const takenBy = new Map<H, number>();
    waves.forEach((wave, i) => {
        const taken = (wave.hosts ?? []).flatMap((name) => {
            const host = byName.get(name.toLowerCase());
            if (!host) {
                problems.push(
                    `waves[${i}].hosts: no host has the serial number or UUID ${JSON.stringify(name)}`,
                );
                return [];
            }
            const other = takenBy.get(host);
            if (other !== undefined) {
                problems.push(`waves[${i}].hosts: ${name} is already in waves[${other}]`);
                return [];
            }
            takenBy.set(host, i);
            return [host];
        });
        named.set(i, taken);
    });
    return { named, problems };
}

const LISTED = 5;

function listed(hosts: readonly Device[]): string {
    const labels = hosts.slice(0, LISTED).map(deviceLabel).join(", ");
    return hosts.length > LISTED ? `${labels} and ${hosts.length - LISTED} more` : labels;
}
