import { expect } from "chai";
import { AdaptiveLimiter } from "../../../provider/http/adaptiveLimiter";

/** Milliseconds on a clock of its own, which moves to the next thing that happens. */
class Time {
    now = 0;
    private readonly due: { at: number; happen: () => void }[] = [];

    at(at: number, happen: () => void): void {
        this.due.push({ at, happen });
    }

    /** Runs until nothing is due any more. */
    async pass(): Promise<void> {
        for (;;) {
            // What has just happened may have led to more, a few promises later.
            for (let i = 0; i < 20; i++) await Promise.resolve();
            this.due.sort((a, b) => a.at - b.at);
            const next = this.due.shift();
            if (!next) return;
            this.now = next.at;
            next.happen();
        }
    }
}

interface Server {
    /** On the way there and back. */
    latency: number;
    /** Of one request, while the server works on it. */
    work: number;
    /** So many are worked on at the same time. */
    workers: number;
    /** Whether a request is refused; it takes no work then. */
    refuses?: (now: number) => boolean;
}

interface Outcome {
    /** Answers a second, over the second half of the run. */
    perSecond: number;
    /** The bound, as each answer found it. */
    bounds: { at: number; bound: number }[];
}

/** Sends so many requests, as many at once as the limiter lets. */
async function load(server: Server, requests: number): Promise<Outcome> {
    const time = new Time();
    const limiter = new AdaptiveLimiter(() => time.now);
    const free = Array.from({ length: server.workers }, () => 0);
    const bounds: Outcome["bounds"] = [];
    const serve = (answer: (refused: boolean) => void): void => {
        time.at(time.now + server.latency / 2, () => {
            const refused = server.refuses?.(time.now) ?? false;
            free.sort((a, b) => a - b);
            const done = refused ? time.now : Math.max(time.now, free[0] ?? 0) + server.work;
            if (!refused) free[0] = done;
            time.at(done + server.latency / 2, () => {
                answer(refused);
            });
        });
    };
    const request = (): Promise<void> =>
        limiter.run(async () => {
            const sent = limiter.sent("GET x");
            const refused = await new Promise<boolean>(serve);
            if (refused) limiter.refused(sent);
            else limiter.answered(sent);
            bounds.push({ at: time.now, bound: limiter.limit });
        });
    const all = Promise.all(Array.from({ length: requests }, request));
    await time.pass();
    await all;
    const half = bounds.slice(requests / 2);
    const [first, last] = [half[0]?.at ?? 0, half[half.length - 1]?.at ?? 0];
    return { perSecond: ((half.length - 1) / (last - first)) * 1000, bounds };
}

describe("the bound on requests at once", () => {
    for (const { what, server, best, most } of [
        // EMF's backend on 2 cores: 132 calls a second at 4 at once, fewer with more.
        { what: "a near, busy server", server: { latency: 0, work: 15, workers: 2 }, best: 133, most: 9 },
        { what: "the same behind 50 ms", server: { latency: 50, work: 15, workers: 2 }, best: 133, most: 16 },
        { what: "a far, strong server", server: { latency: 200, work: 10, workers: 8 }, best: 152, most: 32 },
    ]) {
        it(`gets the most of ${what}, and makes no long queue there`, async () => {
            const { perSecond, bounds } = await load(server, 2000);
            expect(perSecond).to.be.at.least(best * 0.95);
            expect(Math.max(...bounds.map(({ bound }) => bound))).to.be.at.most(most);
        });
    }

    it("grows within a short run", async () => {
        const { bounds } = await load({ latency: 50, work: 1, workers: 4 }, 100);
        expect(bounds[60]?.bound).to.be.at.least(16);
    });

    it("halves once for requests refused together, and recovers", async () => {
        let left = 32;
        const refuses = (now: number): boolean => now > 1000 && left-- > 0;
        const { bounds } = await load({ latency: 50, work: 1, workers: 4, refuses }, 2000);
        const before = bounds.filter(({ at }) => at < 1000).map(({ bound }) => bound);
        const during = bounds.filter(({ at }) => at > 1000 && at < 1100).map(({ bound }) => bound);
        expect(before[before.length - 1]).to.equal(32);
        expect(Math.min(...during)).to.equal(16);
        expect(bounds[bounds.length - 1]?.bound).to.be.at.least(24);
    });

    it("keeps to one at a time where everything is refused, and never to none", async () => {
        const { bounds } = await load({ latency: 10, work: 1, workers: 1, refuses: () => true }, 200);
        expect(bounds[bounds.length - 1]?.bound).to.equal(1);
    });

    it("does not grow for requests that come one at a time", async () => {
        const time = new Time();
        const limiter = new AdaptiveLimiter(() => time.now);
        for (let i = 0; i < 100; i++) {
            await limiter.run(() => {
                limiter.answered(limiter.sent("GET x"));
                return Promise.resolve();
            });
        }
        expect(limiter.limit).to.equal(4);
    });
});
