import { expect } from "chai";
import { CallCounter, routeOf } from "../../../lab/calls";
import { FaultList, matches, type Fault } from "../../../lab/faults";

const REGIONS = "/v1/projects/edge-lab/regions";
const HOST = "/v1/projects/edge-lab/compute/hosts/host-0123abcd";

describe("lab call counts", () => {
    it("names a route without project and ids", () => {
        expect(routeOf("PATCH", `${HOST}/register?x=1`)).to.equal("PATCH compute/hosts/{id}/register");
        expect(routeOf("GET", "/v1/projects/edge-lab")).to.equal("GET project");
        expect(routeOf("POST", "/realms/master/protocol/openid-connect/token")).to.equal("POST token");
        expect(routeOf("GET", "/v1/projects/p/compute/hosts?pageSize=100&offset=0")).to.equal(
            "GET compute/hosts",
        );
    });

    it("tells reads, writes and token calls apart", () => {
        const counter = new CallCounter();
        counter.count("POST", "/realms/master/protocol/openid-connect/token");
        counter.count("GET", "/realms/master/.well-known/openid-configuration");
        counter.count("GET", REGIONS);
        counter.count("DELETE", HOST);
        expect(counter.counts()).to.include({ total: 2, reads: 1, writes: 1, tokens: 2 });
        counter.reset();
        expect(counter.counts()).to.deep.equal({ total: 0, reads: 0, writes: 0, tokens: 0, routes: {} });
    });
});

describe("lab faults", () => {
    const plans = (fault: Fault, calls: number): boolean[] => {
        const faults = new FaultList();
        faults.add(fault);
        return Array.from({ length: calls }, () => faults.plan("POST", REGIONS).before !== undefined);
    };

    for (const [pattern, route, expected] of [
        ["POST regions", "POST regions", true],
        ["POST regions", "GET regions", false],
        ["* regions", "GET regions", true],
        ["GET hosts", "GET compute/hosts", true],
        ["GET compute/hosts", "GET compute/hosts/{id}", false],
        ["PATCH compute/hosts/*", "PATCH compute/hosts/{id}", true],
        ["PATCH hosts/{id}", "PATCH compute/hosts/{id}", true],
        ["POST osts/register", "POST compute/hosts/register", false],
        ["POST token", "POST token", true],
        ["POST *", "POST compute/hosts/register", true],
        ["*", "DELETE compute/instances/{id}", true],
    ] as const) {
        it(`"${pattern}" ${expected ? "hits" : "leaves"} ${route}`, () => {
            expect(matches(pattern, route)).to.equal(expected);
        });
    }

    it("hits so many times, from the call after the skipped ones, each n-th", () => {
        const status = { on: "POST regions", do: "status", status: 500 } as const;
        expect(plans({ ...status, times: 1 }, 3)).to.deep.equal([true, false, false]);
        expect(plans({ ...status, skip: 1, times: 1 }, 3)).to.deep.equal([false, true, false]);
        expect(plans({ ...status, every: 2 }, 4)).to.deep.equal([false, true, false, true]);
        expect(plans(status, 2)).to.deep.equal([true, true]);
    });

    it("adds up latencies and lets the first answer win, in the order they were added", () => {
        const faults = new FaultList();
        faults.add({ on: "*", do: "latency", ms: 5 });
        const first = faults.add({ on: "*", do: "status", status: 429, times: 1 });
        const second = faults.add({ on: "*", do: "reset" });
        faults.add({ on: "*", do: "latency", ms: 7 });
        expect(faults.plan("GET", REGIONS)).to.deep.equal({
            delayMs: 12,
            before: { do: "status", status: 429, body: "null" },
        });
        expect(faults.plan("GET", REGIONS)).to.deep.equal({ delayMs: 12, before: { do: "reset" } });
        expect([first.hits, second.hits]).to.deep.equal([1, 1]);
    });

    it("keeps an answer that is lost apart from a call that never arrives", () => {
        const faults = new FaultList();
        faults.add({ on: "POST regions", do: "reset", after: "write", times: 1 });
        expect(faults.plan("POST", REGIONS)).to.deep.equal({ delayMs: 0, after: { do: "reset" } });
    });

    it("removes one, or all", () => {
        const faults = new FaultList();
        const first = faults.add({ on: "*", do: "reset" });
        faults.add({ on: "*", do: "reset" });
        faults.clear(first.id);
        expect(faults.list()).to.have.lengthOf(1);
        faults.clear();
        expect(faults.list()).to.have.lengthOf(0);
    });

    it("refuses what cannot be meant, all at once", () => {
        expect(() => new FaultList().add({ on: "regions", do: "status", times: 0 })).to.throw(
            /on: "regions".*\n.*status:.*\n.*times:/,
        );
        expect(() => new FaultList().add({ on: "*", do: "latency" })).to.throw(/ms:/);
    });
});
