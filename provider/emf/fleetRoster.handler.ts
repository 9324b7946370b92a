import { z } from "zod";
import { defineResource } from "../resource/definition";
import type { Problem } from "../resource/problem";
import { isKnown } from "../resource/unknown";
import { sameDevice, type DeviceIdentity } from "./device";
import { UUID } from "./hostRules";
import { emf } from "./system";

/** So many may always go, and this part of a large fleet. */
const REMOVALS_AT_LEAST = 5;
const REMOVALS_PART = 0.1;
/** So many are named; the message has to stay readable. */
const LISTED = 20;
/** Runs of so many days are looked at together. */
const REMEMBERED_DAYS = 7;
const DAY = 86_400_000;

const inputs = z.object({
    devices: z.record(z.string(), z.string()),
    maxRemovals: z.int().min(0).optional().meta({ control: true }),
    /** How many went on which of the last days: runs that are each within the limit can together empty a fleet. */
    removals: z.record(z.string(), z.int()).optional().meta({ derived: true }),
});

type Devices = z.output<typeof inputs>["devices"];
type Removals = NonNullable<z.output<typeof inputs>["removals"]>;

/** Remembers which devices a fleet had, so that a truncated list is refused instead of deleting what it lost. */
export const fleetRoster = defineResource({
    kind: "emf.FleetRoster",
    system: emf,
    inputs,
    outputs: z.object({}),

    async check({ devices, maxRemovals }, context, last) {
        if (!last?.devices || !isKnown(devices) || !isKnown(maxRemovals)) return {};
        const { removals } = last;
        const before = Object.keys(last.devices).length;
        const allowed = maxRemovals ?? defaultMaxRemovals(before);
        const removed = removedDevices(last.devices, devices);
        if (removed.length > allowed) {
            return { problems: [tooMany(removed, before, allowed, maxRemovals !== undefined)] };
        }
        if (removed.length === 0) return { values: { removals } };
        const recent = recentRemovals(removals, context.now());
        const earlier = Object.values(recent).reduce((sum, count) => sum + count, 0);
        const inAll = earlier + removed.length;
        if (earlier > 0 && inAll > (maxRemovals ?? defaultMaxRemovals(before + earlier))) {
            context.log.warn(addingUp(removed.length, inAll, before + earlier, recent));
        }
        const today = dayOf(context.now());
        return { values: { removals: { ...recent, [today]: (recent[today] ?? 0) + removed.length } } };
    },

    async create(_inputs, context) {
        return { id: `roster-${context.random(8).toString("hex")}`, outputs: {} };
    },

    /** The list is the program's: nothing outside can change it. */
    async read() {
        return {};
    },

    async update() {
        return {};
    },

    async delete() {
        return;
    },
});

export function defaultMaxRemovals(devices: number): number {
    return Math.max(REMOVALS_AT_LEAST, Math.floor(devices * REMOVALS_PART));
}

/** Those of the old list that no entry of the new one means, as the old list calls them. */
export function removedDevices(olds: Devices, news: Devices): string[] {
    const known = new Map<string, DeviceIdentity[]>();
    for (const entry of Object.entries(news)) {
        const device = deviceOf(entry);
        for (const name of namesOf(device)) known.set(name, [...(known.get(name) ?? []), device]);
    }
    return Object.entries(olds)
        .filter((entry) => {
            const device = deviceOf(entry);
            const candidates = namesOf(device).flatMap((name) => known.get(name) ?? []);
            return !candidates.some((candidate) => sameDevice(device, candidate));
        })
        .map(([label]) => label);
}

function deviceOf([label, uuid]: [string, string]): DeviceIdentity {
    return UUID.test(label) ? { uuid: label } : { serial: label, ...(uuid === "" ? {} : { uuid }) };
}

function namesOf({ serial, uuid }: DeviceIdentity): string[] {
    return [serial, uuid].filter((name) => name !== undefined).map((name) => name.toLowerCase());
}

function dayOf(time: number): string {
    return new Date(time).toISOString().slice(0, "2026-11-21".length);
}

function recentRemovals(removals: Removals = {}, now: number): Removals {
    const first = dayOf(now - (REMEMBERED_DAYS - 1) * DAY);
    return Object.fromEntries(Object.entries(removals).filter(([day]) => day >= first));
}

function addingUp(removed: number, inAll: number, before: number, recent: Removals): string {
    const since = Object.keys(recent).sort()[0] ?? "";
    return (
        `${removed === 1 ? "1 more host is" : `${removed} more hosts are`} not in the list any more: with those of ` +
        `earlier runs ${inAll} of ${before} since ${since}. Each run is within maxRemovals, which looks at one run ` +
        "alone. If nobody takes them out on purpose, stop here and look at what writes the list"
    );
}

/** Without a path: the engine would print the whole list before the message. */
function tooMany(removed: readonly string[], before: number, allowed: number, chosen: boolean): Problem {
    const rule = chosen ? `maxRemovals is ${allowed}` : `${allowed} may go at once, the larger of 5 and 10 %`;
    const listed = removed.slice(0, LISTED).join(", ");
    const more = removed.length > LISTED ? ` and ${removed.length - LISTED} more` : "";
    return {
        path: [],
        message:
            `${removed.length} of ${before} hosts are not in the list any more, and would be deleted (${rule}): ` +
            `${listed}${more}. Nothing was changed. If the list was cut off, restore it; if they really are to go, ` +
            `set maxRemovals: ${removed.length}`,
    };
}
