import { expect } from "chai";
import * as fc from "fast-check";
import { Pace } from "../../../provider/http/pace";

/** A clock that moves only by being waited on. */
function clockAt(start: number): { now: () => number; sleep: (milliseconds: number) => Promise<void> } {
    let now = start;
    return {
        now: () => now,
        sleep: (milliseconds) => {
            now += milliseconds;
            return Promise.resolve();
        },
    };
}

/** When each of `count` requests in a row may go, in milliseconds. */
async function times(count: number, rate: { perSecond: number; burst: number }): Promise<number[]> {
    const clock = clockAt(0);
    const pace = new Pace(rate, clock);
    const sent = [];
    for (let i = 0; i < count; i++) {
        await pace.turn();
        sent.push(clock.now());
    }
    return sent;
}

describe("the pace of requests", () => {
    it("lets a burst go at once, and the rest at the rate", async () => {
        expect(await times(8, { perSecond: 10, burst: 5 })).to.deep.equal([0, 0, 0, 0, 0, 100, 200, 300]);
    });

    it("sends no more in any second than burst and rate allow", async () => {
        await fc.assert(
            fc.asyncProperty(
                fc.integer({ min: 1, max: 500 }),
                fc.integer({ min: 1, max: 50 }),
                async (perSecond, burst) => {
                    const sent = await times(burst + perSecond + 20, { perSecond, burst });
                    for (const start of sent) {
                        const within = sent.filter((time) => time >= start && time < start + 1000);
                        expect(within.length).to.be.at.most(burst + perSecond);
                    }
                },
            ),
            { numRuns: 30 },
        );
    });

    it("saves up no more than one burst while nothing is asked", async () => {
        const clock = clockAt(0);
        const pace = new Pace({ perSecond: 10, burst: 2 }, clock);
        for (let i = 0; i < 4; i++) await pace.turn();
        await clock.sleep(60_000);
        const from = clock.now();
        for (let i = 0; i < 3; i++) await pace.turn();
        expect(clock.now() - from).to.equal(100);
    });

    it("gives up waiting when it is cancelled", async () => {
        const cancelled = new AbortController();
        const pace = new Pace({ perSecond: 1, burst: 1 }, clockAt(0));
        cancelled.abort(new Error("cancelled"));
        const refused = await pace.turn(cancelled.signal).catch((error: unknown) => error);
        expect(refused).to.be.instanceOf(Error).with.property("message", "cancelled");
    });
});
