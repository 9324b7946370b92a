import type { Lab } from "../../lab";

/** One kind's life for the tests that disturb it: two sets of inputs, and what it leaves in EMF. */
export interface Journey {
    kind: string;
    /** Makes what the kind needs around it. */
    prepare(lab: Lab): Promise<{ first: Record<string, unknown>; second: Record<string, unknown> }>;
    /** Collections in which the kind makes objects; empty but for them. */
    watched: readonly string[];
    /** Objects by collection once it is created. */
    made: Readonly<Record<string, number>>;
}

export const journeys: readonly Journey[] = [
    {
        kind: "emf.Region",
        prepare: async () => ({
            first: { name: "north", metadata: { zone: "a" } },
            second: { name: "north-2", metadata: { tier: "b" } },
        }),
        watched: ["regions"],
        made: { regions: 1 },
    },
    {
        kind: "emf.Site",
        async prepare(lab) {
            const { resourceId } = await lab.emf.create("regions", { name: "north" });
            return {
                first: { name: "store-1", regionId: resourceId, metadata: { zone: "a" } },
                second: { name: "store-2", regionId: resourceId, metadata: { tier: "b" } },
            };
        },
        watched: ["sites"],
        made: { sites: 1 },
    },
];
