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

const inputs = z.object({
    devices: z.record(z.string(), z.string()),
    maxRemovals: z.int().min(0).optional().meta({ control: true }),
});

type Devices = z.output<typeof inputs>["devices"];

/** Remembers which devices a fleet had, so that a truncated list is refused instead of deleting what it lost. */
export const fleetRoster = defineResource({
    kind: "emf.FleetRoster",
    system: emf,
    inputs,
    outputs: z.object({}),

    async check({ devices, maxRemovals }, _context, last) {
        if (!last?.devices || !isKnown(devices) || !isKnown(maxRemovals)) return {};
        const before = Object.keys(last.devices).length;
        const allowed = maxRemovals ?? defaultMaxRemovals(before);
        const removed = removedDevices(last.devices, devices);
        if (removed.length <= allowed) return {};
        return { problems: [tooMany(removed, before, allowed, maxRemovals !== undefined)] };
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
