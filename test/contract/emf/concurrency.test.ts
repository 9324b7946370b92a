import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import type { EmfClient } from "../../../provider/emf/client";
import { labClient } from "../../support/emf";

const FAR_MS = 60;
const LOOKS = 300;

/** How many requests get under way before the first of them is answered. */
async function atOnce(lab: Lab, work: Promise<unknown>): Promise<number> {
    let sent = 0;
    let answered = false;
    lab.emf.tap = (side) => {
        if (side === "after") answered = true;
        else if (!answered) sent++;
        return undefined;
    };
    await work;
    return sent;
}

describe("the number of requests at once", () => {
    let lab: Lab;
    let client: EmfClient;
    let id: string;
    beforeEach(async () => {
        lab = await startLab({ images: false });
        ({ client } = labClient(lab, {}, { sleep: wait }));
        id = (await lab.emf.create("regions", { name: "north" })).resourceId;
        await client.project();
    });
    afterEach(async () => {
        await client.close();
        await lab.close();
    });

    function wait(milliseconds: number): Promise<void> {
        return new Promise((resolve) => setTimeout(resolve, milliseconds));
    }

    async function look(times: number): Promise<void> {
        await Promise.all(Array.from({ length: times }, () => client.get("regions", id)));
    }

    it("grows while EMF is far, to hide the way there", async () => {
        lab.emf.fault({ on: "GET regions/*", do: "latency", ms: FAR_MS });
        expect(await atOnce(lab, look(LOOKS))).to.be.at.most(4);
        expect(await atOnce(lab, look(LOOKS))).to.be.at.least(12);
    });

    it("is cut down when EMF refuses a burst, loses nothing by it, and goes on", async () => {
        lab.emf.fault({ on: "GET regions/*", do: "latency", ms: FAR_MS });
        await look(LOOKS);
        const before = await atOnce(lab, look(LOOKS / 4));
        lab.emf.fault({ on: "GET regions/*", do: "status", status: 429, body: null, times: LOOKS / 4 });
        await look(LOOKS / 4);
        const after = await atOnce(lab, look(LOOKS));
        expect(after).to.be.below(before);
        // How far it recovers on a busy machine is up to that; the unit test has the figures.
        expect(await atOnce(lab, look(LOOKS / 4))).to.be.at.least(after);
    });
});
