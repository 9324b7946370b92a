import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import type { PaletteClient } from "../../../provider/palette/client";
import { kinds } from "../../../provider/palette/kinds";
import { UnavailableHere } from "../../../provider/resource/errors";
import { paletteJourneys, type Journey } from "../../faults/journeys";
import { READS } from "../../faults/killing";
import { testContext, type TestContext } from "../../support/context";
import { paletteClient } from "../../support/palette";
import { Row } from "../../support/row";

type Values = Record<string, unknown>;

/** Where a connection is cut: at which write, and whether Palette has done it. */
interface Cut {
    readonly write: number;
    readonly side: "before" | "after";
}

describe("a connection to Palette that is cut during a write", function () {
    this.timeout(60_000);

    for (const journey of paletteJourneys.filter(({ watched }) => watched.length > 0)) {
        it(`is made again, and ${journey.kind} is what it should be in the same run`, async () => {
            await using lab = await startLab({ emf: false, images: false, palette: true });
            const { first, second } = await journey.prepare(lab);
            const writes: string[] = [];
            lab.palette.tap = (side, route) => {
                if (side === "before" && !READS.test(route)) writes.push(route);
                return undefined;
            };
            await lives(journey, first, second, lab);
            expect(writes).to.have.lengthOf.at.least(2);
            for (const [i, route] of writes.entries()) {
                for (const side of ["before", "after"] as const) {
                    const cut = cutting(lab, { write: i, side });
                    await lives(journey, first, second, lab).catch((error: unknown) => {
                        throw new Error(`cut ${side} ${route}: ${String(error)}`);
                    });
                    expect(cut.done, route).to.equal(true);
                }
            }
        });
    }
});

function cutting({ palette }: Lab, { write, side: cutSide }: Cut): { done: boolean } {
    const cut = { done: false };
    let seen = 0;
    palette.tap = (side, route) => {
        if (READS.test(route)) return undefined;
        if (side === "before") seen += 1;
        if (cut.done || side !== cutSide || seen !== write + 1) return undefined;
        cut.done = true;
        return "drop";
    };
    return cut;
}

/** It is made, changed and deleted; what is replaced by a change has its successor made first. */
async function lives(journey: Journey, first: Values, second: Values, lab: Lab): Promise<void> {
    lab.palette.rest();
    const { client } = paletteClient(lab.palette);
    const context = (): TestContext<PaletteClient> =>
        testContext({
            ...{ client, kind: journey.kind, now: () => lab.palette.store.now() },
            sleep: async (milliseconds) => lab.palette.advance(milliseconds),
        });
    const row = (): Row => new Row(kinds.find(({ kind }) => kind === journey.kind));
    // Names need not be unique: what could be made twice is left to the next run.
    const create = async (one: Row, inputs: Values): Promise<unknown> =>
        one.up(inputs, context()).catch((error: unknown) => {
            if (!(error instanceof UnavailableHere) || journey.kind === "palette.EdgeHost") throw error;
            return one.up(inputs, context());
        });
    const old = row();
    await create(old, first);
    expect(inventory(journey, lab)).to.deep.equal(journey.made);
    const next = journey.replaces === true ? row() : old;
    if (next === old) await old.up(second, context());
    else {
        await create(next, second);
        await old.delete(context());
    }
    expect(inventory(journey, lab)).to.deep.equal(journey.made);
    await next.delete(context());
    expect(inventory(journey, lab)).to.deep.equal({});
    await client.close();
}

/** How many objects of each watched kind there are; deleted clusters are shown for days. */
function inventory({ watched }: Journey, { palette: { store } }: Lab): Record<string, number> {
    const live = {
        ...{ edgeHosts: store.edgeHosts.list(), tokens: store.tokens.list() },
        ...{ profiles: store.profiles.list() },
        clusters: store.clusters.list().filter(({ state }) => state !== "Deleted"),
    };
    const counts = watched.map((name) => [name, live[name as keyof typeof live].length] as const);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
}
