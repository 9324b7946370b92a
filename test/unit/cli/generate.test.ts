import { expect } from "chai";
import * as fc from "fast-check";
import * as ts from "typescript";
import { parseHostsCsv } from "../../../components/hostsCsv";
import { hostsCsv } from "../../../cli/generate/csv";
import { identifier, Names, safeName } from "../../../cli/generate/names";
import { code, literal, wrapped } from "../../../cli/generate/typescript";

describe("names of a generated program", () => {
    it("are safe", () => {
        fc.assert(
            fc.property(fc.string({ unit: "grapheme" }), (text) => {
                expect(safeName(text)).to.match(/^([A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?)?$/);
            }),
        );
    });

    it("are unique, and the same whatever comes later", () => {
        const names = new Names();
        expect(names.take("store 1", "site-00000001")).to.equal("store-1");
        expect(names.take("store/1", "site-00000002")).to.equal("store-1-00000002");
        expect(names.take("Store-1", "site-00000003")).to.equal("Store-1-00000003");
        expect(names.take("店", "site-00000004")).to.equal("site-00000004");
    });

    for (const [name, expected] of [
        ["north", "regionNorth"],
        ["class", "regionClass"],
        ["1st-of.many", "region1stOfMany"],
    ] as const) {
        it(`make ${expected} of ${name}`, () => {
            expect(identifier("region", name)).to.equal(expected);
        });
    }
});

describe("literals of a generated program", () => {
    it("are read back as they were", () => {
        const value = fc.letrec((tie) => ({
            any: fc.oneof(
                fc.string({ unit: "grapheme" }),
                fc.integer(),
                fc.boolean(),
                tie("map"),
                fc.array(fc.string()),
            ),
            map: fc.dictionary(
                fc.string().filter((key) => key !== "__proto__"),
                tie("any"),
            ),
        })).map;
        fc.assert(
            fc.property(value, (given) => {
                const { outputText } = ts.transpileModule(`(${literal(given)})`, {});
                expect((0, eval)(outputText)).to.deep.equal({ ...given });
            }),
            { numRuns: 50 },
        );
    });

    it("leave out what is undefined, and take expressions as they are", () => {
        expect(literal({ a: undefined, b: code("north.id"), "c-d": [1] })).to.equal(
            '{ b: north.id, "c-d": [1] }',
        );
    });

    it("wrap comments, and never begin a line outside of them", () => {
        fc.assert(
            fc.property(fc.string(), (text) => {
                for (const line of wrapped(text, 20)) expect(line).to.not.match(/[\r\n]/);
            }),
        );
    });
});

describe("a generated CSV", () => {
    it("is read back as the same hosts", () => {
        const text = new Map([
            ["os-00000001", "-odd, name"],
            ["site-00000001", "store 1"],
            ["localaccount-00000001", "ops"],
            ["customconfig-00000001", "ntp"],
            ["customconfig-00000002", "proxy"],
        ]);
        const args = {
            serial: "SN0001",
            osProfile: "os-00000001",
            site: "site-00000001",
            securityFeature: "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION",
            localAccount: "localaccount-00000001",
            customConfigs: ["customconfig-00000001", "customconfig-00000002"],
            metadata: { app: "till", line: "" },
            lvmSizeGb: 40,
        };
        const other = { uuid: "4c4c4544-0051-3010-8034-b6c04f4e3233", osProfile: "os-00000002" };
        const csv = hostsCsv(
            [
                { id: "host-1", name: "a", args },
                { id: "host-2", name: "b", args: other },
            ],
            text,
        );
        const { rows, problems } = parseHostsCsv(csv);
        expect(problems).to.deep.equal([]);
        expect(rows).to.deep.equal([
            {
                line: 2,
                serial: "SN0001",
                osProfile: "-odd, name",
                site: "store 1",
                secure: true,
                remoteUser: "ops",
                cloudInit: ["ntp", "proxy"],
                metadata: { app: "till", line: "" },
                lvmSizeGb: 40,
            },
            { line: 3, uuid: other.uuid, osProfile: "os-00000002", metadata: {}, cloudInit: [] },
        ]);
        expect(csv.split("\n")[0]).to.equal(
            "Serial,UUID,OSProfile,Site,Secure,RemoteUser,Metadata,LVMSize,CloudInitMeta",
        );
    });
});
