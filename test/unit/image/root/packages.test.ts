import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { expect } from "chai";
import * as fc from "fast-check";
import { ImageDamage } from "../../../../provider/image/check";
import { readContents } from "../../../../provider/image/root/contents";
import { parseDpkgStatus } from "../../../../provider/image/root/dpkg";
import { readRpmDatabase, readRpmDatabaseInPlaces } from "../../../../provider/image/root/rpmDatabase";
import { parseRpmHeader } from "../../../../provider/image/root/rpmHeader";
import { buildRpmDatabase } from "../../../support/rpmDatabase";
import type { PlacedFile } from "../../../../provider/image/root/tree";
import { needsTool } from "../../../support/tools";
import { temporaryFolder } from "../fixtures";
import { buildRoot, withTree } from "../rootImage";

describe("the packages of an image", () => {
    const folder = temporaryFolder();
    let rpmdb: Buffer | undefined;

    it("are dpkg's own list", function () {
        needsTool(this, "dpkg-query");
        const format = "${binary:Package}\\t${Version}\\t${Architecture}\\t${Status}\\n";
        const { stdout } = spawnSync("dpkg-query", ["-W", "-f", format], { encoding: "utf8" });
        const listed = stdout
            .trim()
            .split("\n")
            .map((line) => line.split("\t"))
            .filter(([, , , status]) => status?.endsWith(" ok installed"))
            .map(([name = "", version, architecture]) => ({
                name: name.split(":")[0],
                version,
                architecture,
            }));
        const found = parseDpkgStatus(fs.readFileSync("/var/lib/dpkg/status", "utf8"));
        expect(listed.length).to.be.greaterThan(50);
        expect(found).to.have.deep.members(listed);
    });

    it("do not count half-installed ones, nor what was removed", () => {
        const status = [
            "Package: cloud-init\nStatus: install ok unpacked\nVersion: 24.1\nArchitecture: all",
            "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all",
            "Package: broken\nStatus: install reinstreq half-installed\nVersion: 1\nArchitecture: all",
            "Package: held\nStatus: hold ok installed\nVersion: 1:2-3\nArchitecture: amd64\nDescription: x\n Package: not-one",
        ].join("\n\n");
        expect(parseDpkgStatus(status)).to.deep.equal([
            { name: "held", version: "1:2-3", architecture: "amd64" },
        ]);
    });

    it("are rpm's own list", async function () {
        this.timeout(60_000);
        needsTool(this, "rpmbuild");
        const database = buildRpmDatabase(folder.path("rpm"));
        rpmdb = fs.readFileSync(`${database}/rpmdb.sqlite`);
        const query = ["--dbpath", database, "-qa", "--qf", "%{NAME}\\t%{EVR}\\t%{ARCH}\\n"];
        const listed = spawnSync("rpm", query, { encoding: "utf8" })
            .stdout.trim()
            .split("\n")
            .map((line) => line.split("\t"))
            .map(([name, version, architecture]) => ({ name, version, architecture }));
        expect(listed).to.have.lengthOf(3);
        expect(await readRpmDatabase(Buffer.from(rpmdb))).to.have.deep.members(listed);
        expect(await readRpmDatabaseInPlaces(inPlaces(rpmdb))).to.have.deep.members(listed);

        const root = buildRoot({ "etc/os-release": "ID=emt\n", "var/lib/rpm/rpmdb.sqlite": rpmdb });
        const { packages } = await withTree(root, readContents);
        expect(packages?.manager).to.equal("rpm");
        expect(packages?.packages.map(({ name, version }) => `${name} ${version}`)).to.deep.equal([
            "cloud-init 24.1-2",
            "node-agent 2:1.9.0-1.emt3",
            "with.dots-and_more 1.0~rc1-1",
        ]);
    });

    it("are not made up from a database that was not closed, or of another kind", async function () {
        if (!rpmdb) return this.skip();
        const unread = async (files: Record<string, string | Buffer>): Promise<string | undefined> =>
            (await withTree(buildRoot({ "etc/os-release": "ID=emt\n", ...files }), readContents)).unread
                .packages;
        const open = { "var/lib/rpm/rpmdb.sqlite": rpmdb, "var/lib/rpm/rpmdb.sqlite-wal": "something" };
        expect(await unread(open)).to.contain("was not closed");
        expect(await unread({ "var/lib/rpm/Packages": "x" })).to.contain("Berkeley DB");
        expect(await unread({ "var/lib/rpm/rpmdb.sqlite": "no database at all" })).to.contain(
            "no SQLite database",
        );
    });

    it("give a list or a clear error for any damage to the rpm database", async function () {
        this.timeout(60_000);
        const good = rpmdb;
        if (!good) return this.skip();
        await fc.assert(
            fc.asyncProperty(
                fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 60 }),
                fc.option(fc.nat(good.length), { nil: undefined }),
                async (changes, end) => {
                    const damaged = Buffer.from(good.subarray(0, end));
                    for (const [at, value] of changes) if (at < damaged.length) damaged.writeUInt8(value, at);
                    for (const read of [
                        readRpmDatabase,
                        (bytes: Buffer) => readRpmDatabaseInPlaces(inPlaces(bytes)),
                    ]) {
                        try {
                            expect(await read(Buffer.from(damaged))).to.be.an("array");
                        } catch (error) {
                            expect(error).to.be.instanceOf(ImageDamage);
                        }
                    }
                },
            ),
            { numRuns: 100 },
        );
    });

    it("give a header or a clear error for any bytes", () => {
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(3), (bytes, count) => {
                const blob = Buffer.from(bytes);
                if (blob.length >= 8) {
                    blob.writeUInt32BE(count, 0);
                    blob.writeUInt32BE(Math.max(0, blob.length - 8 - count * 16), 4);
                }
                try {
                    expect(parseRpmHeader(blob).name).to.be.a("string");
                } catch (error) {
                    expect(error).to.be.instanceOf(ImageDamage);
                }
            }),
            { numRuns: 3000 },
        );
    });

    it("give a list for any dpkg status", () => {
        const line = fc.oneof(
            fc.constantFrom("Package: a", "Status: install ok installed", "Version:", ":", " more", "", "\t"),
            fc.string({ maxLength: 30 }),
        );
        fc.assert(
            fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
                expect(parseDpkgStatus(lines.join("\n"))).to.be.an("array");
            }),
            { numRuns: 1000 },
        );
    });
});

function inPlaces(bytes: Buffer): PlacedFile {
    return {
        size: bytes.length,
        read: async (offset, length) => Buffer.from(bytes.subarray(offset, offset + length)),
    };
}
