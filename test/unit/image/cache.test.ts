import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { ResultCache } from "../../../provider/image/cache";
import { temporaryFolder } from "./fixtures";

const isText = (value: unknown): value is string => typeof value === "string";

describe("the cache of results by file times", () => {
    const folder = temporaryFolder();
    let cache: ResultCache;
    let entries: string;
    let computed = 0;

    beforeEach(() => {
        entries = folder.path(`cache-${Math.random()}`);
        cache = new ResultCache(entries);
        computed = 0;
    });

    /** A file last changed an hour ago; its ctime is now, so the clock of the test is moved on. */
    function oldFile(name: string, content = "content"): string {
        const file = folder.path(name);
        fs.writeFileSync(file, content);
        return file;
    }

    async function ask(file: string, purpose = "digest"): Promise<string> {
        return cache.through(purpose, file, isText, async () => `result ${++computed}`);
    }

    async function later<T>(work: () => Promise<T>): Promise<T> {
        const { now } = Date;
        Date.now = () => now() + 10_000;
        try {
            return await work();
        } finally {
            Date.now = now;
        }
    }

    it("computes once for an unchanged file", async () => {
        const file = oldFile("a");
        expect(await later(() => ask(file))).to.equal("result 1");
        expect(await ask(file)).to.equal("result 1");
        expect(computed).to.equal(1);
    });

    it("computes again when the file, or the question, is another", async () => {
        const file = oldFile("b");
        await later(() => ask(file));
        fs.writeFileSync(file, "CONTENT");
        expect(await later(() => ask(file))).to.equal("result 2");
        expect(await later(() => ask(file, "inspection"))).to.equal("result 3");
        const copy = folder.path("copy");
        fs.copyFileSync(file, copy);
        expect(await ask(copy)).to.equal("result 4");
    });

    it("sees a change that puts the old times back", async () => {
        const file = oldFile("c");
        const { atime, mtime } = fs.statSync(file);
        await later(() => ask(file));
        fs.writeFileSync(file, "CONTENT");
        fs.utimesSync(file, atime, mtime);
        expect(await ask(file)).to.equal("result 2");
    });

    it("does not keep what was read of a file changed a moment before", async () => {
        const file = oldFile("d");
        expect(await ask(file)).to.equal("result 1");
        expect(await ask(file)).to.equal("result 2");
    });

    it("does not keep what was read of a file that changed meanwhile", async () => {
        const file = oldFile("e");
        await later(() =>
            cache.through("digest", file, isText, async () => {
                fs.appendFileSync(file, "more");
                return "stale";
            }),
        );
        expect(await ask(file)).to.equal("result 1");
    });

    it("passes over entries that are damaged", async () => {
        const file = oldFile("f");
        await later(() => ask(file));
        for (const damage of ["", "{", '{"value":7}', "null"]) {
            for (const name of fs.readdirSync(entries)) fs.writeFileSync(path.join(entries, name), damage);
            expect(await ask(file)).to.match(/^result/);
        }
        expect(computed).to.equal(5);
    });

    it("works without a folder it can write to", async () => {
        const blocked = folder.path("blocked");
        fs.writeFileSync(blocked, "a file where the folder should be");
        cache = new ResultCache(path.join(blocked, "cache"));
        const file = oldFile("g");
        expect(await later(() => ask(file))).to.equal("result 1");
        expect(await later(() => ask(file))).to.equal("result 2");
    });

    it("lies in the user's cache folder, or where EDGE_OS_CACHE_DIR says", () => {
        expect(ResultCache.defaultFolder({ EDGE_OS_CACHE_DIR: "/x/y" })).to.equal(path.resolve("/x/y"));
        expect(ResultCache.defaultFolder({ XDG_CACHE_HOME: "/c" })).to.equal(
            path.join("/c", "pulumi-edge-os"),
        );
        expect(ResultCache.defaultFolder({ XDG_CACHE_HOME: "relative" })).to.match(/\.cache.pulumi-edge-os$/);
    });
});
