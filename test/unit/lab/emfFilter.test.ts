import { expect } from "chai";
import * as fc from "fast-check";
import { EmfError } from "../../../lab/emf/errors";
import { filterRows } from "../../../lab/emf/query/list";
import { EmfStore } from "../../../lab/emf/store";

const PROJECT = "11111111-0000-4000-8000-000000000001";
const OTHER = "11111111-0000-4000-8000-000000000002";

/** Two sites, three hosts, one of them with an instance, and a host of another project. */
function sampleStore(): EmfStore {
    const store = new EmfStore();
    const region = store.create("region", PROJECT, { name: "north" });
    const site = store.create("site", PROJECT, { name: "Plant 1", region: region.resourceId });
    const os = store.create("os", PROJECT, {
        name: "ubuntu",
        osType: "OS_TYPE_MUTABLE",
        osProvider: "OS_PROVIDER_KIND_INFRA",
    });
    const placed = store.create("host", PROJECT, {
        name: "placed",
        uuid: "u1",
        serialNumber: "SN_0001",
        site: site.resourceId,
        desiredPowerState: "POWER_STATE_RESET_REPEAT",
        cpuCores: 8,
    });
    store.create("host", PROJECT, { name: "loose", uuid: "u2", note: "spare part" });
    store.create("host", PROJECT, { serialNumber: "SN-0003" });
    store.create("host", OTHER, { name: "foreign", uuid: "u4" });
    store.create("instance", PROJECT, { name: "inst", host: placed.resourceId, os: os.resourceId });
    return store;
}

describe("EMF filters", () => {
    const store = sampleStore();

    function names(filter: string): string[] {
        return filterRows(store, "host", PROJECT, filter).map((row) => String(row.name ?? "-"));
    }

    function refusal(filter: string): string {
        try {
            names(filter);
        } catch (error) {
            if (error instanceof EmfError) return error.code;
            throw error;
        }
        return "accepted";
    }

    const found: [filter: string, expected: string[]][] = [
        ['name = "PLACE"', ["placed"]],
        ["name='place*d'", ["placed"]],
        ['name="p*e*d"', ["placed"]],
        ['serialNumber="SN_"', ["placed"]],
        ['serial_number="sn-"', ["-"]],
        ['name=""', ["-"]],
        ['name=("loose")', ["loose"]],
        ['uuid="u1" OR uuid="u2" AND name="loose"', ["loose"]],
        ['(uuid="u1" AND name="placed") OR name="loose"', ["placed", "loose"]],
        ["has(site)", ["placed"]],
        ["NOT has(site)", ["loose", "-"]],
        ["has( instance )", ["placed"]],
        ['site.region.name="north"', ["placed"]],
        ['NOT site.name="plant"', ["loose", "-"]],
        ["has(instance.os)", ["placed"]],
        ['instance.os.osType=OS_TYPE_MUTABLE AND instance.os.name="ubuntu"', ["placed"]],
        ["desiredPowerState=POWER_STATE_RESET", ["placed"]],
        ["cpuCores=8", ["placed"]],
        ["cpuCores=-8", []],
        ["hostStatusIndicator=null", ["placed", "loose", "-"]],
        ['hostStatus="not connected"', ["placed", "loose", "-"]],
        ['name="placed") OR (name="loose"', ["placed", "loose"]],
        ['name="placed") OR (name="foreign"', ["placed"]],
    ];
    for (const [filter, expected] of found) {
        it(`${filter} finds ${expected.join(", ") || "nothing"}`, () => {
            expect(names(filter)).to.deep.equal(expected);
        });
    }

    it("finds an unset text neither by a pattern nor by its negation, as SQL does", () => {
        expect(names('note="spare"')).to.deep.equal(["loose"]);
        expect(names('NOT note="spare"')).to.deep.equal([]);
    });

    const refused = [
        "name=placed",
        'name="open',
        'nosuch="x"',
        'site="x"',
        'site.nosuch="x"',
        "has(name)",
        "has(site, instance)",
        'name:"x"',
        'desiredState="HOST_STATE_REGISTERED"',
        "desiredState=OS_TYPE_MUTABLE",
        'cpuCores="8"',
        "cpuCores=8.0",
        'name="a" name="b"',
        'name="a" ',
        'name="a" AND',
        'name="a"AND name="b"',
        "NOT(has(site))",
        "()",
        " ",
        '"x"="x"',
        'instance.host.instance.host.instance.name="x"',
    ];
    for (const filter of refused) {
        it(`refuses ${JSON.stringify(filter)}`, () => {
            expect(refusal(filter)).to.equal("InvalidArgument");
        });
    }

    it("takes no filter as everything of the project", () => {
        expect(names("")).to.have.lengthOf(3);
    });

    it("answers any text with rows or an EMF error", () => {
        const words = [
            "name",
            "site",
            ".",
            "=",
            ":",
            "(",
            ")",
            " ",
            "AND",
            "OR",
            "NOT",
            "-",
            "has",
            '"x"',
            "7",
            "*",
            ",",
        ];
        fc.assert(
            fc.property(fc.array(fc.constantFrom(...words), { maxLength: 14 }), (parts) => {
                expect(refusal(parts.join(""))).to.be.oneOf(["accepted", "InvalidArgument", "Unimplemented"]);
            }),
            { numRuns: 2000 },
        );
    });

    it("finds each name by each of its parts, whatever the case", () => {
        fc.assert(
            fc.property(
                fc.stringMatching(/^[a-zA-Z0-9_./: -]{1,20}$/),
                fc.nat(),
                fc.nat(),
                (name, from, length) => {
                    const own = new EmfStore();
                    own.create("host", PROJECT, { name, uuid: "u" });
                    const start = from % name.length;
                    const part = name.slice(start, start + 1 + (length % name.length));
                    for (const text of [part, part.toUpperCase(), `*${part}*`]) {
                        expect(filterRows(own, "host", PROJECT, `name="${text}"`)).to.have.lengthOf(1);
                    }
                },
            ),
            { numRuns: 200 },
        );
    });

    it("knows De Morgan where nothing is unset", () => {
        const term = fc.constantFrom("has(site)", "has(instance)", 'resourceId="a"', 'resourceId="1"');
        fc.assert(
            fc.property(term, term, (a, b) => {
                expect(names(`NOT (${a} OR ${b})`)).to.deep.equal(names(`NOT ${a} AND NOT ${b}`));
                expect(names(`NOT (${a} AND ${b})`)).to.deep.equal(names(`NOT ${a} OR NOT ${b}`));
            }),
        );
    });
});
