import { expect } from "chai";
import * as fc from "fast-check";
import type { EmfError } from "../../../lab/emf/errors";
import { listRows } from "../../../lab/emf/query/list";
import { EmfStore } from "../../../lab/emf/store";

const PROJECT = "11111111-0000-4000-8000-000000000001";

describe("EMF lists", () => {
    const store = new EmfStore();
    for (const [name, note, cpuCores] of [
        ["b", "2", 1],
        ["B", "10", 9],
        ["a", "1", 10],
        [undefined, "3", undefined],
    ] as const) {
        const uuid = `u-${note}`;
        store.create("host", PROJECT, { uuid, note, ...(name && { name }), ...(cpuCores && { cpuCores }) });
    }

    function notes(orderBy: string, pageSize = 0, offset = 0): unknown[] {
        return listRows(store, "host", PROJECT, { filter: "", orderBy, pageSize, offset }).rows.map(
            (row) => row.note,
        );
    }

    function refused(orderBy: string): string | undefined {
        try {
            notes(orderBy);
        } catch (error) {
            return (error as EmfError).message;
        }
        return undefined;
    }

    it("orders texts by their bytes and unset values last", () => {
        expect(notes("name")).to.deep.equal(["10", "1", "2", "3"]);
        expect(notes("name desc")).to.deep.equal(["3", "2", "1", "10"]);
    });

    it("orders numbers as numbers", () => {
        expect(notes("cpuCores asc")).to.deep.equal(["2", "10", "1", "3"]);
        expect(notes("cpu_cores")).to.deep.equal(notes("cpuCores"));
    });

    it("orders by several columns", () => {
        expect(notes("desiredState, note desc")).to.deep.equal(["3", "2", "10", "1"]);
    });

    it("takes names in any of EMF's spellings", () => {
        expect(notes("NOTE")).to.deep.equal(notes("note"));
        expect(notes("createdAt")).to.deep.equal(["2", "10", "1", "3"]);
    });

    it("orders by id where nothing is asked for", () => {
        const { rows } = listRows(store, "host", PROJECT, {
            filter: "",
            orderBy: "",
            pageSize: 0,
            offset: 0,
        });
        const ids = rows.map((row) => row.resourceId);
        expect(ids).to.deep.equal([...ids].sort());
    });

    for (const [orderBy, message] of [
        ["nosuch", "unknown column `nosuch`"],
        ["name sideways", "unknown column `name_sideways`"],
        ["site.name", "unknown column `site_name`"],
        ["name,,note", "empty `order_by` field"],
        [" ", "empty `order_by` field"],
    ] as const) {
        it(`refuses the order ${JSON.stringify(orderBy)}`, () => {
            expect(refused(orderBy)).to.equal(message);
        });
    }

    it("pages through every row once, whatever the page size", () => {
        fc.assert(
            fc.property(fc.integer({ min: 1, max: 6 }), (pageSize) => {
                const seen: unknown[] = [];
                for (let offset = 0, more = true; more; offset += pageSize) {
                    const page = listRows(store, "host", PROJECT, {
                        filter: "",
                        orderBy: "note",
                        pageSize,
                        offset,
                    });
                    expect(page.totalElements).to.equal(4);
                    seen.push(...page.rows.map((row) => row.note));
                    more = page.hasNext;
                }
                expect(seen).to.deep.equal(["1", "10", "2", "3"]);
            }),
        );
    });

    it("answers an offset behind the end with nothing", () => {
        const page = listRows(store, "host", PROJECT, { filter: "", orderBy: "", pageSize: 0, offset: 10 });
        expect(page).to.deep.equal({ rows: [], totalElements: 4, hasNext: false });
    });
});
