import { expect } from "chai";
import * as fc from "fast-check";
import { defaultMaxRemovals, fleetRoster, removedDevices } from "../../../provider/emf/fleetRoster.handler";
import { checkInputs } from "../../../provider/resource/check";
import { diffInputs } from "../../../provider/resource/diff";
import { testContext } from "../../support/context";

type Devices = Record<string, string>;

const UUID_A = "4c4c4544-0051-3010-8034-b6c04f4e3233";
const UUID_B = "4c4c4544-0051-3010-8034-b6c04f4e3244";

function fleet(size: number, from = 0): Devices {
    return Object.fromEntries(
        Array.from({ length: size }, (_, i) => [`SN${String(i + from).padStart(5, "0")}`, ""]),
    );
}

/** What the check says of a list after another. There is no client: it must not ask anything. */
async function problems(
    before: Devices | undefined,
    devices: Devices,
    maxRemovals?: number,
): Promise<string[]> {
    const inputs = { devices, ...(maxRemovals === undefined ? {} : { maxRemovals }) };
    const olds = before && { devices: before };
    const checked = await checkInputs(fleetRoster, inputs, olds, testContext({ client: undefined }));
    return checked.problems.map(({ message }) => message);
}

describe("a fleet's roster", () => {
    it("has nothing against the first list, a longer one, and a few removals", async () => {
        expect(await problems(undefined, fleet(3))).to.deep.equal([]);
        expect(await problems(fleet(3), fleet(300))).to.deep.equal([]);
        expect(await problems(fleet(12), fleet(7))).to.deep.equal([]);
        expect(await problems(fleet(1000), fleet(900))).to.deep.equal([]);
    });

    it("refuses a list that was cut off, with what would go and what to do", async () => {
        expect(await problems(fleet(12), fleet(6))).to.deep.equal([
            "6 of 12 hosts are not in the list any more, and would be deleted (5 may go at once, the larger of 5 and 10 %): " +
                "SN00006, SN00007, SN00008, SN00009, SN00010, SN00011. Nothing was changed. If the list was cut off, " +
                "restore it; if they really are to go, set maxRemovals: 6",
        ]);
    });

    it("warns of runs that are each within the limit and add up to more, for a week", async () => {
        const check = async (
            olds: Record<string, unknown>,
            devices: Devices,
            date: string,
        ): Promise<[Record<string, unknown>, string[]]> => {
            const context = testContext({ client: undefined, now: () => Date.parse(date) });
            const { inputs, problems } = await checkInputs(fleetRoster, { devices }, olds, context);
            expect(problems).to.deep.equal([]);
            return [inputs, context.messages.warn];
        };
        const [monday, none] = await check({ devices: fleet(30) }, fleet(27), "2026-11-16");
        expect(none).to.deep.equal([]);
        expect(monday).to.deep.include({ removals: { "2026-11-16": 3 } });
        const [same, nothing] = await check(monday, fleet(27), "2026-11-17");
        expect([same, nothing]).to.deep.equal([monday, []]);
        const [wednesday, told] = await check(monday, fleet(24), "2026-11-18");
        expect(wednesday).to.deep.include({ removals: { "2026-11-16": 3, "2026-11-18": 3 } });
        expect(told).to.deep.equal([
            "3 more hosts are not in the list any more: with those of earlier runs 6 of 30 since 2026-11-16. Each run " +
                "is within maxRemovals, which looks at one run alone. If nobody takes them out on purpose, stop here " +
                "and look at what writes the list",
        ]);
        const [later, quiet] = await check(wednesday, fleet(22), "2026-11-24");
        expect(quiet).to.deep.equal([]);
        expect(later).to.deep.include({ removals: { "2026-11-18": 3, "2026-11-24": 2 } });
    });

    it("names a few of thousands", async () => {
        const [message = ""] = await problems(fleet(5000), fleet(100));
        expect(message).to.include("4900 of 5000 hosts").and.to.include("SN00119 and 4880 more");
        expect(message.length).to.be.lessThan(600);
    });

    it("lets as many go as maxRemovals says", async () => {
        expect(await problems(fleet(12), fleet(2), 10)).to.deep.equal([]);
        expect((await problems(fleet(12), fleet(1), 10))[0]).to.include("(maxRemovals is 10)");
        expect((await problems(fleet(12), fleet(11), 0))[0]).to.include("1 of 12 hosts");
    });

    it("counts no device as gone for a cell filled in later, emptied, or spelled in another way", () => {
        const before = { SN00001: "", [UUID_B]: "", SN00003: UUID_A };
        expect(removedDevices(before, { sn00001: UUID_A, SN00002: UUID_B, [UUID_A]: "" })).to.deep.equal([]);
        expect(removedDevices({ SN00001: UUID_A }, { SN00001: UUID_A.toUpperCase() })).to.deep.equal([]);
    });

    it("counts a device as gone whose serial number or UUID became another", () => {
        expect(removedDevices({ SN00001: UUID_A }, { SN00001: UUID_B })).to.deep.equal(["SN00001"]);
        expect(removedDevices({ SN00001: UUID_A }, { SN00002: UUID_A })).to.deep.equal(["SN00001"]);
    });

    it("allows the larger of 5 hosts and 10 %", () => {
        expect([0, 12, 50, 59, 60, 5000].map(defaultMaxRemovals)).to.deep.equal([5, 5, 5, 5, 6, 500]);
    });

    it("finds exactly what was taken out of a list, in any order", () => {
        const device = fc.tuple(fc.integer({ min: 10_000, max: 99_999 }), fc.option(fc.uuid(), { nil: "" }));
        fc.assert(
            fc.property(
                fc.uniqueArray(device, { selector: ([serial]) => serial, maxLength: 40 }),
                fc.func(fc.boolean()),
                (devices, stays) => {
                    fc.pre(
                        new Set(devices.map(([, uuid]) => uuid)).size >=
                            devices.filter(([, uuid]) => uuid).length,
                    );
                    const named = devices.map(([serial, uuid]): [string, string] => [`SN${serial}`, uuid]);
                    const left = named.filter(([serial]) => stays(serial)).reverse();
                    const gone = named.filter(([serial]) => !stays(serial)).map(([serial]) => serial);
                    expect(removedDevices(Object.fromEntries(named), Object.fromEntries(left))).to.deep.equal(
                        gone,
                    );
                },
            ),
            { numRuns: 200 },
        );
    });

    it("changes nothing for another limit alone", () => {
        const olds = { devices: fleet(3), maxRemovals: 5 };
        const news = { devices: fleet(3), maxRemovals: 50 };
        expect(diffInputs(fleetRoster, olds, news).changed).to.deep.equal([]);
    });
});
