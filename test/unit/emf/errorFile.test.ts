import { expect } from "chai";
import * as fc from "fast-check";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parseHostsCsv } from "../../../components/hostsCsv";
import { keepErrorFile } from "../../../provider/emf/errorFile";
import { csvLine, HOSTS_CSV_HEADER } from "../../../provider/emf/hostsCsvForm";

const FILE = "import_error_stores-wave-1_hosts.csv";

describe("the CSV of failed hosts", () => {
    let folder: string;
    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "error-file-"));
    });
    afterEach(() => {
        fs.rmSync(folder, { recursive: true, force: true });
    });

    const rows = {
        SN00001: csvLine(["SN00001", "", "ubuntu", "store 1", "", "", "a=b", "", "", "", "", ""]),
        SN00002: csvLine(["SN00002", "", "@ubuntu", "store, 2", "", "", "", "", "", "", "", ""]),
    };
    const read = (): string => fs.readFileSync(path.join(folder, FILE), "utf8");

    it("has the rows of those that failed, with the reason in orch-cli's column", () => {
        const reason = 'Provisioning Failed: 3/9: "dd"\n failed';
        const told = keepErrorFile({ path: FILE, rows }, new Map([["SN00002", reason]]), folder);
        expect(told).to.deep.equal([
            `${FILE} has 1 host with the reason; with its last column emptied it can be imported again`,
        ]);
        expect(read()).to.equal(
            `${HOSTS_CSV_HEADER.join(",")}\n` +
                `SN00002,,'@ubuntu,"store, 2",,,,,,,,,"Provisioning Failed: 3/9: ""dd"" failed"\n`,
        );
        expect(fs.readdirSync(folder), "nothing half-written beside it").to.deep.equal([FILE]);
    });

    it("is refused like orch-cli refuses it, until the last column is emptied", () => {
        keepErrorFile({ path: FILE, rows }, new Map([["SN00002", "failed"]]), folder);
        const [problem] = parseHostsCsv(read()).problems;
        expect(problem?.column).to.equal("Error - do not fill");
        expect(problem?.message).to.include('is not empty: "failed"');
        const corrected = parseHostsCsv(read().replace(",failed", ","));
        expect(corrected.problems).to.deep.equal([]);
        expect(corrected.rows[0]).to.include({ serial: "SN00002", osProfile: "@ubuntu", site: "store, 2" });
    });

    it("is replaced by the next failure, and gone without one", () => {
        const file = { path: FILE, rows };
        keepErrorFile(file, new Map([["SN00002", "first"]]), folder);
        keepErrorFile(file, new Map([["SN00001", "second"]]), folder);
        expect(read()).to.include("SN00001").and.not.include("SN00002");
        expect(keepErrorFile(file, new Map(), folder)).to.deep.equal([]);
        expect(fs.readdirSync(folder)).to.deep.equal([]);
        expect(keepErrorFile(file, new Map(), folder), "none was there").to.deep.equal([]);
    });

    it("is nowhere when nobody asked for it", () => {
        expect(keepErrorFile(undefined, new Map([["SN00001", "failed"]]), folder)).to.deep.equal([]);
        expect(fs.readdirSync(folder)).to.deep.equal([]);
    });

    it("that cannot be written is told, and leaves nothing behind", () => {
        fs.mkdirSync(path.join(folder, FILE));
        const [told] = keepErrorFile({ path: FILE, rows }, new Map([["SN00001", "failed"]]), folder);
        expect(told).to.include(`${FILE} could not be written`);
        expect(fs.readdirSync(folder)).to.deep.equal([FILE]);
    });

    it("keeps every cell as a reader gets it back", () => {
        // What begins like a protected cell cannot be told from one; no name in EMF has an apostrophe.
        const ambiguous = /^\s*'[=+\-@]/;
        const cell = fc.oneof(
            fc.string({ maxLength: 12 }),
            fc.string({
                unit: fc.constantFrom("a", " ", ",", '"', "'", "=", "+", "-", "@", "\n", "\r"),
                maxLength: 12,
            }),
        );
        fc.assert(
            fc.property(cell, cell, (profile, site) => {
                fc.pre(!ambiguous.test(profile) && !ambiguous.test(site));
                const line = csvLine(["SN00001", "", profile, site]);
                expect(line).not.to.match(/[\r\n]/);
                const { rows: found, problems } = parseHostsCsv(`${HOSTS_CSV_HEADER.join(",")}\n${line}\n`);
                expect(problems).to.deep.equal([]);
                const plain = (text: string): string => text.replace(/\s*[\r\n]+\s*/g, " ").trim();
                expect(found[0]?.osProfile ?? "").to.equal(plain(profile));
                expect(found[0]?.site ?? "").to.equal(plain(site));
            }),
            { numRuns: 300 },
        );
    });
});
