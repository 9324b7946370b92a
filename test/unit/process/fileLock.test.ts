import { expect } from "chai";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { FileLock } from "../../../provider/process/fileLock";

describe("a lock that processes hold", () => {
    let folder: string;
    let file: string;
    const sleep = (milliseconds: number): Promise<void> =>
        new Promise((resolve) => setTimeout(resolve, milliseconds / 50));

    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "file-lock-"));
        file = path.join(folder, "lock");
    });
    afterEach(() => {
        fs.rmSync(folder, { recursive: true });
    });

    it("is held by one at a time", async () => {
        let holders = 0;
        let most = 0;
        const waited: string[] = [];
        const use = async (what: string): Promise<void> => {
            const lock = await FileLock.take(file, { what, sleep, onWait: (holder) => waited.push(holder) });
            most = Math.max(most, ++holders);
            await sleep(200);
            holders--;
            lock.release();
        };
        await Promise.all(["a", "b", "c", "d"].map(use));

        expect(most).to.equal(1);
        expect(waited).to.include("a");
        expect(fs.readdirSync(folder)).to.deep.equal([]);
    });

    it("is free once the process that it was handed to has ended", async () => {
        const child = spawn("sleep", ["60"]);
        const ended = new Promise((resolve) => child.once("exit", resolve));
        (await FileLock.take(file, { what: "child", sleep })).handTo(child.pid ?? 0);
        let looks = 0;
        const onWait = (): void => {
            if (++looks === 2) child.kill("SIGKILL");
        };
        const lock = await FileLock.take(file, { what: "next", sleep, onWait });
        await ended;
        lock.release();

        expect(looks).to.be.greaterThan(1);
    });

    it("is free where its holder's number is another process's by now", async () => {
        fs.writeFileSync(file, JSON.stringify({ pid: process.pid, started: "long ago", what: "old" }));
        const lock = await FileLock.take(file, { what: "next", sleep });
        lock.release();
    });
});
