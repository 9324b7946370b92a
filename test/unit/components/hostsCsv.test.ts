import { expect } from "chai";
import * as fc from "fast-check";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import {
    formatCsvProblems,
    HOSTS_CSV_HEADER,
    parseHostsCsv,
    readHostsCsv,
    type HostRow,
} from "../../../components/hostsCsv";

const HEADER = HOSTS_CSV_HEADER.join(",");
const UUID_A = "4c4c4544-0051-3010-8034-b6c04f4e3233";

function problemsOf(...lines: string[]): string {
    return formatCsvProblems(parseHostsCsv(lines.join("\n")).problems);
}

function rowsOf(...lines: string[]): HostRow[] {
    const { rows, problems } = parseHostsCsv(lines.join("\n"));
    expect(problems).to.deep.equal([]);
    return rows;
}

describe("hosts CSV", () => {
    it("reads every column", () => {
        const [row] = rowsOf(
            HEADER,
            `SN00001,${UUID_A.toUpperCase()},ubuntu-edge,store-17,true,admin,tier=gold&zone=a.b,60,base&extra,false,,,`,
        );
        expect(row).to.deep.equal({
            line: 2,
            serial: "SN00001",
            uuid: UUID_A,
            osProfile: "ubuntu-edge",
            site: "store-17",
            secure: true,
            remoteUser: "admin",
            metadata: { tier: "gold", zone: "a.b" },
            lvmSizeGb: 60,
            cloudInit: ["base", "extra"],
        });
    });

    it("leaves empty cells out", () => {
        expect(rowsOf(HEADER, "SN00001,,,,,,,,,,,,")).to.deep.equal([
            { line: 2, serial: "SN00001", metadata: {}, cloudInit: [] },
        ]);
    });

    it("takes a header without its trailing columns, a byte order mark, CRLF, blank lines and short rows", () => {
        const rows = parseHostsCsv(
            "\uFEFFSerial,UUID,OSProfile,Site\r\nSN00001\r\n\r\nSN00002,,p\n,,,\n",
        ).rows;
        expect(rows.map(({ line, serial }) => [line, serial])).to.deep.equal([
            [2, "SN00001"],
            [4, "SN00002"],
        ]);
    });

    it("counts lines of the file, not records, behind a quoted line break", () => {
        expect(problemsOf("Serial,UUID,OSProfile", 'SN00001,,"a\nb"', "bad")).to.equal(
            '  line 4, Serial: "bad" must be 5 to 20 letters and digits',
        );
    });

    it("takes off the apostrophe that protects a cell from a spreadsheet", () => {
        expect(rowsOf(HEADER, "SN00001,,'-site,'=x")[0]).to.include({ osProfile: "-site", site: "=x" });
    });

    it("tells everything that is wrong at once, with line and column", () => {
        const text = problemsOf(
            HEADER,
            "SN1,not-a-uuid,p,s,maybe,,NoEquals,1.5,,true,,,",
            ",,p,s",
            "SN00003,,p,s,,,a=b=c&X=1&y=&y=2,,,perhaps,,,went wrong",
            "SN00004,,p,s,,,,,,,,,,surplus",
        );
        for (const part of [
            'line 2, Serial: "SN1" must be 5 to 20 letters and digits',
            'line 2, UUID: "not-a-uuid" must be a UUID',
            'line 2, Secure: "maybe" must be true or false',
            'line 2, Metadata: "NoEquals" must have the form key=value',
            'line 2, LVMSize: "1.5" must be a whole number of GB',
            "line 2, K8sEnable: true asks for a Kubernetes cluster",
            "line 3: needs a Serial, a UUID or both",
            'line 4, Metadata: "a=b=c" must have the form key=value',
            'line 4, Metadata: metadata key "X" must be lower-case',
            'line 4, Metadata: the key "y" stands there twice',
            'line 4, K8sEnable: "perhaps" must be false or empty',
            'line 4, Error - do not fill: is not empty: "went wrong"',
            "line 5: has 14 cells, the header only 13",
        ]) {
            expect(text).to.include(part);
        }
    });

    it("finds serials that differ in case only, and UUIDs, with both lines", () => {
        expect(problemsOf(HEADER, `SN00001,${UUID_A}`, "", `sn00001,${UUID_A.toUpperCase()}`)).to.equal(
            [
                '  line 4, Serial: "sn00001" stands on line 2 too; each device has one row',
                `  line 4, UUID: "${UUID_A}" stands on line 2 too; each device has one row`,
            ].join("\n"),
        );
    });

    it("refuses a file that ends within a row, which could be read as another machine", () => {
        const whole = "SN00001,,ubuntu,store-17,,,,,,,,,";
        expect(problemsOf(HEADER, whole, "SN000")).to.equal(
            "  line 3: ends after 1 cell, without a line break, where the row before has 13: the file may have been " +
                "cut off here. Restore it, or end the line",
        );
        expect(rowsOf(HEADER, whole, "SN00002,,ubuntu", "")).to.have.lengthOf(2);
        expect(rowsOf(HEADER, "SN00001,,ubuntu", "SN00002,,ubuntu")).to.have.lengthOf(2);
    });

    it("says what to do about semicolons", () => {
        expect(problemsOf("Serial;UUID;OSProfile", "SN00001;;ubuntu")).to.include(
            'the cells are separated by ";": save the file with commas',
        );
    });

    it("names the first column of a header that differs", () => {
        expect(problemsOf("Serial,Uuid,OSProfile", "SN00001")).to.include(
            'line 1: column 2 of the header, "Uuid", must be "UUID"',
        );
        expect(problemsOf(`${HEADER},Rack`, "SN00001")).to.include("is one column too many");
        expect(problemsOf("")).to.include("is empty");
        expect(problemsOf(HEADER)).to.include("no hosts follow the header");
        expect(problemsOf(HEADER, 'SN00001,"open')).to.include("is not CSV");
    });

    it("reads back whatever orch-cli writes", () => {
        const word = fc.stringMatching(/^[=+\-@]?[A-Za-z0-9 .,"\n]{0,12}[a-z]$/).map((text) => text.trim());
        const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
            fc.option(arbitrary, { nil: undefined });
        const host = fc.record({
            serial: fc.stringMatching(/^[A-Za-z0-9]{5,20}$/),
            uuid: optional(fc.uuid()),
            osProfile: optional(word),
            site: optional(word),
            secure: optional(fc.boolean()),
            metadata: fc.dictionary(
                fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/),
                fc.stringMatching(/^[a-z0-9]{1,6}$/),
            ),
            lvmSizeGb: optional(fc.nat(99999)),
            cloudInit: fc.array(fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/), { maxLength: 3 }),
        });
        const hosts = fc.uniqueArray(host, {
            minLength: 1,
            maxLength: 5,
            comparator: (a, b) =>
                a.serial.toLowerCase() === b.serial.toLowerCase() ||
                (a.uuid !== undefined && a.uuid === b.uuid),
        });
        fc.assert(
            fc.property(hosts, fc.constantFrom("\n", "\r\n"), (given, lineBreak) => {
                const text = [HEADER, ...given.map((row) => orchCliLine(row))].join(lineBreak);
                const { rows, problems } = parseHostsCsv(text);
                expect(problems).to.deep.equal([]);
                expect(rows.map((row) => ({ ...row, line: 0 }))).to.deep.equal(
                    given.map((row) => JSON.parse(JSON.stringify({ ...row, line: 0 })) as unknown),
                );
            }),
            { numRuns: 100 },
        );
    });

    it("never throws on any text", () => {
        fc.assert(
            fc.property(fc.string(), (text) => {
                parseHostsCsv(`${HEADER}\n${text}`);
                parseHostsCsv(text);
            }),
            { numRuns: 300 },
        );
    });

    describe("file", () => {
        let folder: string;
        before(() => {
            folder = fs.mkdtempSync(path.join(os.tmpdir(), "hosts-csv-"));
        });
        after(() => fs.rmSync(folder, { recursive: true }));

        it("is found from the program's folder", () => {
            fs.writeFileSync(path.join(folder, "hosts.csv"), `${HEADER}\n`);
            expect(readHostsCsv("hosts.csv", folder)).to.equal(`${HEADER}\n`);
        });

        it("that cannot be read says why", () => {
            expect(() => readHostsCsv("none.csv", folder)).to.throw("there is no file none.csv");
            expect(() => readHostsCsv(".", folder)).to.throw("is a folder");
            fs.writeFileSync(path.join(folder, "latin1.csv"), Buffer.from([0x53, 0xe4, 0x0a]));
            expect(() => readHostsCsv("latin1.csv", folder)).to.throw("is not UTF-8 text");
        });
    });
});

/** A row as Go's csv writer and orch-cli's protection against formulas put it down. */
function orchCliLine(row: {
    serial?: string | undefined;
    uuid?: string | undefined;
    osProfile?: string | undefined;
    site?: string | undefined;
    secure?: boolean | undefined;
    metadata: Record<string, string>;
    lvmSizeGb?: number | undefined;
    cloudInit: readonly string[];
}): string {
    const metadata = Object.entries(row.metadata).map(([key, value]) => `${key}=${value}`);
    const cells = [
        row.serial ?? "",
        row.uuid ?? "",
        row.osProfile ?? "",
        row.site ?? "",
        row.secure === undefined ? "" : String(row.secure),
        "",
        metadata.join("&"),
        row.lvmSizeGb === undefined ? "" : String(row.lvmSizeGb),
        row.cloudInit.join("&"),
        "",
        "",
        "",
        "",
    ];
    return cells
        .map((cell) => (/^[=+\-@]/.test(cell) ? `'${cell}` : cell))
        .map((cell) => (/[",\r\n]|^ /.test(cell) ? `"${cell.replace(/"/g, '""')}"` : cell))
        .join(",");
}
