import { execFileSync } from "node:child_process";
import * as path from "node:path";
import { expect } from "chai";

describe("the library for ext4", () => {
    it("adds no listener that would end the process when another resource's work goes wrong", () => {
        const module = JSON.stringify(path.resolve(__dirname, "../../../provider/image/extLibrary"));
        const script = `
            const events = ["uncaughtException", "unhandledRejection"];
            const own = () => console.log("heard");
            for (const event of events) process.on(event, own);
            const count = () => events.map((event) => process.listenerCount(event)).join();
            const before = count();
            const { interact } = require(${module}).balenaImageFs();
            console.log(typeof interact, count() === before);
            Promise.reject(new Error("of another resource"));`;
        const said = execFileSync(process.execPath, ["-r", "ts-node/register/transpile-only", "-e", script], {
            cwd: path.resolve(__dirname, "../../.."),
            encoding: "utf8",
        });
        expect(said).to.equal("function true\nheard\n");
    });
});
