import { expect } from "chai";
import * as fc from "fast-check";
import { ImageDamage } from "../../../../provider/image/check";
import { readColumnStarts, runsOf } from "../../../../provider/image/root/sqliteTable";
import type { PlacedFile } from "../../../../provider/image/root/tree";
import { openSql } from "../../../support/rpmDatabase";

/** A file in memory that counts what is read of it. */
function placed(bytes: Buffer): PlacedFile & { sent: number; reads: number } {
    return {
        size: bytes.length,
        sent: 0,
        reads: 0,
        async read(offset, length) {
            expect(offset + length).to.be.at.most(bytes.length);
            this.sent += length;
            this.reads++;
            return Buffer.from(bytes.subarray(offset, offset + length));
        },
    };
}

async function database(rows: readonly number[], pageSize = 4096): Promise<Buffer> {
    const sql = await openSql();
    try {
        sql.run(`PRAGMA page_size = ${pageSize}`);
        sql.run("CREATE TABLE Other (a TEXT, b INTEGER)");
        sql.run("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)");
        sql.run("BEGIN");
        for (const [at, size] of rows.entries()) {
            sql.run("INSERT INTO Packages (blob) VALUES (?)", [valueOf(at, size)]);
            sql.run("INSERT INTO Other VALUES (?, ?)", ["x".repeat(size % 700), at]);
        }
        sql.run("COMMIT");
        return Buffer.from(sql.export());
    } finally {
        sql.close();
    }
}

function valueOf(at: number, size: number): Buffer {
    return Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 31 + at) & 0xff));
}

const starts = (file: PlacedFile, length: number): ReturnType<typeof readColumnStarts> =>
    readColumnStarts(file, { table: "Packages", column: 1, needed: () => length, most: 10_000 });

describe("the values of an SQLite table, read in places", () => {
    it("begin as those that SQLite itself has written, whatever the sizes of rows and pages", async () => {
        await fc.assert(
            fc.asyncProperty(
                fc.array(fc.oneof(fc.nat(300), fc.integer({ min: 300, max: 40_000 })), { maxLength: 60 }),
                fc.constantFrom(512, 1024, 4096, 65_536),
                fc.nat(3000),
                async (others, pageSize, length) => {
                    // And those around which a row begins to need a page of its own.
                    const sizes = [...others, ...Array.from({ length: 16 }, (_, at) => pageSize - 46 + at)];
                    const found = await starts(placed(await database(sizes, pageSize)), length);
                    expect(found.map(({ size }) => size)).to.deep.equal(sizes);
                    for (const [at, { bytes, size }] of found.entries()) {
                        expect(bytes.length).to.be.at.least(Math.min(size, length));
                        expect(bytes.equals(valueOf(at, size).subarray(0, bytes.length))).to.equal(true);
                    }
                },
            ),
            { numRuns: 60 },
        );
    });

    it("cost little of a database of large ones", async () => {
        const bytes = await database(Array.from({ length: 300 }, () => 60_000));
        const file = placed(bytes);
        expect(await starts(file, 2000)).to.have.lengthOf(300);
        expect(bytes.length).to.be.greaterThan(17e6);
        expect(file.sent).to.be.lessThan(4.2 * 2 ** 20);
    });

    it("come in few reads where the database is small", async () => {
        const file = placed(await database(Array.from({ length: 300 }, () => 9000)));
        await starts(file, 2000);
        expect(file.reads).to.be.lessThan(12);
    });

    it("are a list or a clear error whatever is damaged", async () => {
        const good = await database(
            Array.from({ length: 40 }, (_, at) => at * 300),
            1024,
        );
        await fc.assert(
            fc.asyncProperty(
                fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 40 }),
                fc.array(fc.tuple(fc.nat(140), fc.nat(255)), { maxLength: 4 }),
                fc.option(fc.nat(good.length), { nil: undefined }),
                async (anywhere, inHeader, end) => {
                    const damaged = Buffer.from(good.subarray(0, end));
                    for (const [at, value] of [...anywhere, ...inHeader]) {
                        if (at < damaged.length) damaged.writeUInt8(value, at);
                    }
                    try {
                        expect(await starts(placed(damaged), 5000)).to.be.an("array");
                    } catch (error) {
                        expect(error).to.be.instanceOf(ImageDamage);
                    }
                },
            ),
            { numRuns: 1500 },
        );
    });

    it("do not go round in a tree that leads back into itself", async () => {
        const good = await database(
            Array.from({ length: 400 }, () => 200),
            512,
        );
        const schema = await readColumnStarts(placed(good), {
            ...{ table: "Packages", column: 1, most: 10_000 },
            needed: () => 10,
        });
        expect(schema).to.have.lengthOf(400);
        for (let page = 1; page < good.length / 512; page++) {
            // Every inner page's right-most child is the page itself.
            if (good.readUInt8(page * 512) === 5) good.writeUInt32BE(page + 1, page * 512 + 8);
        }
        const error = await starts(placed(good), 10).catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(ImageDamage);
        expect((error as Error).message).to.match(/used twice|depth/);
    });

    it("are read together when they lie near, and alone when that would be too much", () => {
        const pages = [1, 2, 5, 200, 201];
        expect(runsOf(pages, 1000)).to.deep.equal([
            { first: 1, last: 5 },
            { first: 200, last: 201 },
        ]);
        expect(runsOf(pages, 6)).to.deep.equal([
            { first: 1, last: 2 },
            { first: 5, last: 5 },
            { first: 200, last: 201 },
        ]);
        expect(runsOf([], 6)).to.deep.equal([]);
    });
});
