import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import { call, login, type Answer } from "./client";

describe("faults of the lab", () => {
    let lab: Lab;
    let token: string;
    beforeEach(async () => {
        lab = await startLab({ images: false });
        token = String((await login(lab.emf)).access_token);
        lab.emf.resetCalls();
    });
    afterEach(() => lab.close());

    const createRegion = (): Promise<Answer> =>
        call(`${lab.emf.endpoint}/v1/projects/${lab.emf.project}/regions`, lab.ca, {
            method: "POST",
            headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
            body: JSON.stringify({ name: "north" }),
        });
    const failureOf = (answer: Promise<Answer>): Promise<{ code?: string } | undefined> =>
        answer.then(
            () => undefined,
            (error: unknown) => error as { code?: string },
        );
    const count = async (): Promise<number> => (await lab.emf.list("regions")).length;

    it("lose the answer after the write", async () => {
        const fault = lab.emf.fault({ on: "POST regions", after: "write", do: "reset", times: 1 });
        expect(await failureOf(createRegion())).to.include({ code: "ECONNRESET" });
        expect(await count()).to.equal(1);
        expect(fault.hits).to.equal(1);
        expect((await createRegion()).status).to.equal(200);
    });

    it("break the connection before the write", async () => {
        lab.emf.fault({ on: "POST regions", do: "reset", times: 1 });
        expect(await failureOf(createRegion())).to.include({ code: "ECONNRESET" });
        expect(await count()).to.equal(0);
    });

    it("answer 401, a burst of 429 and 5xx with EMF's own bodies", async () => {
        lab.emf.fault({ on: "*", do: "status", status: 401, times: 1 });
        lab.emf.fault({ on: "*", do: "status", status: 429, times: 2 });
        lab.emf.fault({ on: "*", do: "status", status: 503, times: 1, after: "write" });
        const answers = [];
        for (let index = 0; index < 5; index++) {
            const { status, text } = await createRegion();
            answers.push([status, status === 200 ? "" : text.trim()]);
        }
        expect(answers).to.deep.equal([
            [401, '{"message":"Unauthorized"}'],
            [429, "null"],
            [429, "null"],
            [503, '{"message":"request timeout"}'],
            [200, ""],
        ]);
        expect(await count(), "the 503 came after the write").to.equal(2);
    });

    it("slow a call down", async () => {
        lab.emf.fault({ on: "POST regions", do: "latency", ms: 120 });
        const start = performance.now();
        expect((await createRegion()).status).to.equal(200);
        expect(performance.now() - start).to.be.at.least(119);
    });

    it("are counted as calls like any other; the operator's own are not", async () => {
        lab.emf.fault({ on: "POST regions", do: "status", status: 500, times: 1 });
        await createRegion();
        await createRegion();
        await count();
        expect(lab.emf.calls()).to.deep.equal({
            total: 2,
            reads: 0,
            writes: 2,
            tokens: 0,
            routes: { "POST regions": 2 },
        });
    });

    it("strike the token endpoint too", async () => {
        lab.emf.fault({ on: "POST token", do: "status", status: 503, times: 1 });
        const failure = await login(lab.emf).then(
            () => undefined,
            (error: unknown) => error as Error,
        );
        expect(failure?.message).to.contain("request timeout");
    });
});
