import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import { RateLimits } from "../../../lab/palette/rateLimits";
import type { PaletteClient } from "../../../provider/palette/client";
import { edgeHost } from "../../../provider/palette/edgeHost.handler";
import { hostGate } from "../../../provider/palette/hostGate.handler";
import { testContext, type TestContext, type TestHost } from "../../support/context";
import { paletteClient } from "../../support/palette";
import { Row } from "../../support/row";

const HOSTS = 1_000;

/*
 * Time is the client's own: it moves on by what the client waits, and not else. The limits that count are those of the
 * documentation, kept by that clock, so that nothing here depends on how fast the machine is.
 */
describe("a thousand edge hosts", function () {
    this.timeout(120_000);
    let lab: Lab;
    const rows: Row[] = [];
    const open: PaletteClient[] = [];
    let refused = 0;

    before(async () => {
        lab = await startLab({ emf: false, images: false, palette: true });
    });
    after(async () => {
        for (const client of open) await client.close();
        await lab.close();
    });

    function run(): { client: PaletteClient; host: TestHost } {
        const made = paletteClient(lab.palette, { project: "stores" });
        open.push(made.client);
        const limits = new RateLimits(() => made.host.now());
        lab.palette.tap = (side, route) => {
            lab.palette.rest();
            if (side === "before" && !limits.admit("here", `/${route.split(" ")[1] ?? ""}`)) refused++;
            return undefined;
        };
        lab.palette.resetCalls();
        return made;
    }

    function context(client: PaletteClient, name: string): TestContext<PaletteClient> {
        return testContext({ client, kind: "palette.EdgeHost", name });
    }

    const uid = (i: number): string => `edge-${String(i).padStart(4, "0")}`;

    it("are registered with at most two calls each, below the documented limits", async () => {
        const { client } = run();
        for (let i = 0; i < HOSTS; i++) {
            const row = new Row(edgeHost);
            await row.up({ uid: uid(i), labels: { site: String(i % 40) } }, context(client, uid(i)));
            rows.push(row);
        }
        const { total, routes } = lab.palette.calls();
        expect(lab.palette.store.edgeHosts.list()).to.have.lengthOf(HOSTS);
        expect(routes["POST v1/edgehosts"]).to.equal(HOSTS);
        expect(total).to.be.at.most(HOSTS + 5);
        expect(refused, "calls beyond the limits").to.equal(0);
    });

    it("#458: are refreshed by a search of 25 calls, paced as well", async () => {
        const { client } = run();
        const found = await Promise.all(rows.map((row) => row.refresh(context(client, row.id ?? ""))));
        expect(found.flat()).to.deep.equal([]);
        expect(lab.palette.calls().total).to.be.at.most(25);
        expect(refused, "calls beyond the limits").to.equal(0);
    });

    it("are waited for by a gate with as many calls a look", async () => {
        const { client } = run();
        const gate = testContext({ client, kind: "palette.HostGate" });
        await new Row(hostGate).up({ hosts: rows.map(({ id }) => id ?? "") }, gate);
        expect(gate.messages.progress).to.deep.equal([`0/${HOSTS} healthy, ${HOSTS} pending`]);
        expect(lab.palette.calls().total).to.be.at.most(25);
    });

    it("are no calls when nothing has changed, beyond that of the project", async () => {
        const { client } = run();
        for (const [i, row] of rows.entries()) {
            const inputs = { uid: uid(i), labels: { site: String(i % 40) } };
            expect(await row.up(inputs, context(client, uid(i)))).to.equal("same");
        }
        expect(lab.palette.calls().total).to.equal(1);
    });
});
