import { expect } from "chai";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { abortable } from "../../../provider/http/abortable";
import { runningTimeLimit } from "../../../provider/http/runningTime";

const LIMIT = 400;

/** Nothing in this process runs meanwhile, as when the machine is suspended. */
function stopTheProcess(milliseconds: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

describe("a limit on running time", () => {
    it("does not give up an answer that came while the whole process stood still", async () => {
        const server = http.createServer((_request, response) => response.end("here"));
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const limit = runningTimeLimit(LIMIT, () => new Error("gave up"));
        try {
            const { port } = server.address() as AddressInfo;
            const answer = fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());
            stopTheProcess(2 * LIMIT);
            expect(await abortable(answer, limit.signal)).to.equal("here");
        } finally {
            limit.end();
            server.closeAllConnections();
            server.close();
        }
    });

    it("is a limit", async () => {
        const limit = runningTimeLimit(LIMIT, () => new Error("gave up"));
        const never = new Promise<void>(() => undefined);
        const started = performance.now();
        const outcome = await abortable(never, limit.signal).catch((error: unknown) => error);
        expect(outcome).to.be.instanceOf(Error).with.property("message", "gave up");
        expect(performance.now() - started).to.be.at.least(LIMIT * 0.9);
    });

    it("does nothing after its end", async () => {
        const limit = runningTimeLimit(20, () => new Error("gave up"));
        limit.end();
        await new Promise((resolve) => setTimeout(resolve, 60));
        expect(limit.signal.aborted).to.equal(false);
    });
});
