import { expect } from "chai";
import * as fc from "fast-check";
import { planWaves, type Wave } from "../../../components/waves";

const hosts = Array.from({ length: 10 }, (_, i) => ({ serial: `SN000${i}`, uuid: `uuid-${i}` }));

function serials(waves: readonly Wave[] | undefined, of = hosts): string[][] {
    const { waves: planned, problems } = planWaves(waves, of);
    expect(problems).to.deep.equal([]);
    return planned.map((wave) => wave.map((host) => host.serial.slice(-1)));
}

function problems(...waves: Wave[]): string[] {
    return planWaves(waves, hosts).problems;
}

describe("waves", () => {
    it("take all hosts together when none are given", () => {
        expect(serials(undefined)).to.deep.equal([["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]]);
    });

    it("take hosts in order by count, percent of all rounded up, and the rest", () => {
        expect(serials([{ count: 1 }, { percent: 25 }, { rest: true }])).to.deep.equal([
            ["0"],
            ["1", "2", "3"],
            ["4", "5", "6", "7", "8", "9"],
        ]);
    });

    it("keep named hosts, by serial or UUID in any case, for their wave wherever it stands", () => {
        expect(serials([{ count: 2 }, { hosts: ["sn0000", "UUID-3"] }, { rest: true }])).to.deep.equal([
            ["1", "2"],
            ["0", "3"],
            ["4", "5", "6", "7", "8", "9"],
        ]);
    });

    it("may run out of hosts", () => {
        expect(
            serials([{ count: 9 }, { count: 9 }, { rest: true }]).map((wave) => wave.length),
        ).to.deep.equal([9, 1, 0]);
    });

    it("that leave hosts over are refused", () => {
        expect(problems({ count: 8 })).to.deep.equal([
            "2 hosts are in no wave: SN0008, SN0009; add { rest: true } as the last wave",
        ]);
        expect(problems({ count: 9 })).to.deep.equal([
            "1 host is in no wave: SN0009; add { rest: true } as the last wave",
        ]);
        expect(problems({ count: 1 })[0]).to.include("SN0005 and 4 more");
    });

    it("that say nothing, too much or the impossible are refused together", () => {
        expect(
            problems({}, { count: 1, rest: true }, { count: 0 }, { percent: 101 }, { hosts: [] }),
        ).to.deep.equal([
            "waves[0] says nothing; it must say one of count, percent, hosts or rest: true",
            "waves[1] says count and rest; it must say one of count, percent, hosts or rest: true",
            "waves[2].count must be a whole number from 1, not 0",
            "waves[3].percent must be above 0 and at most 100, not 101",
            "waves[4].hosts names no host",
        ]);
        expect(problems({ rest: true }, { count: 1 })).to.deep.equal([
            "waves[0].rest can only be the last wave",
        ]);
        expect(planWaves([], hosts).problems[0]).to.include("there are no waves");
    });

    it("naming a host that is not there, or twice, are refused", () => {
        expect(
            problems({ hosts: ["nobody", "SN0001"] }, { hosts: ["uuid-1"] }, { rest: true }),
        ).to.deep.equal([
            'waves[0].hosts: no host has the serial number or UUID "nobody"',
            "waves[1].hosts: uuid-1 is already in waves[0]",
        ]);
    });

    it("are as large as they say, while hosts last", () => {
        const wave = fc.oneof(
            fc.record({ count: fc.integer({ min: 1, max: 20 }) }),
            fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
            fc.record({
                hosts: fc.uniqueArray(
                    fc.nat(9).map((i) => `SN000${i}`),
                    { minLength: 1, maxLength: 3 },
                ),
            }),
        );
        fc.assert(
            fc.property(fc.array(wave, { maxLength: 5 }), (first: Wave[]) => {
                const named = first.flatMap((one) => one.hosts ?? []);
                fc.pre(new Set(named).size === named.length);
                const { waves, problems: found } = planWaves([...first, { rest: true }], hosts);
                expect(found).to.deep.equal([]);
                let left = hosts.length - named.length;
                first.forEach((one, i) => {
                    const wanted = one.count ?? Math.ceil((hosts.length * (one.percent ?? 0)) / 100);
                    const size = one.hosts?.length ?? Math.min(wanted, left);
                    if (!one.hosts) left -= size;
                    expect(waves[i]).to.have.lengthOf(size);
                });
                expect(waves.flat()).to.have.members(hosts);
            }),
        );
    });

    it("hold every host exactly once", () => {
        const wave = fc.oneof(
            fc.record({ count: fc.integer({ min: 1, max: 20 }) }),
            fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
        );
        fc.assert(
            fc.property(fc.array(wave, { maxLength: 5 }), fc.nat(30), (first, size) => {
                const devices = Array.from({ length: size }, (_, i) => ({ serial: `S${i}` }));
                const { waves, problems: found } = planWaves([...first, { rest: true }], devices);
                expect(found).to.deep.equal([]);
                expect(waves.flat()).to.deep.equal(devices);
            }),
        );
    });
});
