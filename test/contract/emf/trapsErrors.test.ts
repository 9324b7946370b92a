import { expect } from "chai";
import { region } from "../../../provider/emf/region.handler";
import { Row } from "../../support/row";
import { failure, TrapLab } from "../../support/traps";

describe("traps of EMF's errors and of the layers before it", () => {
    let traps: TrapLab;
    before(async () => {
        traps = await TrapLab.start();
    });
    after(() => traps[Symbol.asyncDispose]());
    afterEach(() => {
        traps.lab.emf.clearFaults();
    });

    it("an error has a code or has none, by the layer it comes from", async () => {
        const ofService = await traps.raw("GET", "regions/region-00000000");
        expect(ofService.status).to.equal(404);
        expect(ofService.body).to.have.all.keys("code", "message");
        const ofGateway = await traps.raw("GET", "no/such/api");
        expect(ofGateway.status).to.equal(404);
        expect(ofGateway.body).to.have.all.keys("message");

        // Only the first says that the object is gone.
        const row = new Row(region);
        await row.up({ name: "north" }, traps.run());
        traps.lab.emf.fault({ on: "GET regions", do: "status", status: 404, body: ofGateway.body });
        traps.lab.emf.fault({ on: "GET regions/*", do: "status", status: 404, body: ofGateway.body });
        expect((await failure(row.refresh(traps.run()))).message).to.contain(
            "there is no such API at this address",
        );
        traps.lab.emf.clearFaults();
        expect(await row.refresh(traps.run())).to.deep.equal([]);
    });

    it("a wrong method is not found, never 405", async () => {
        const { status, body } = await traps.raw("PUT", "localAccounts");
        expect({ status, body }).to.deep.equal({ status: 404, body: { message: "method not allowed" } });
    });

    it("an unknown project is refused in plain text, a missing role in JSON", async () => {
        const plain = await traps.raw("GET", "regions", undefined, { project: "no-such" });
        expect(plain).to.include({ status: 403, text: "Access denied or project not found\n" });
        const { emf } = traps.lab;
        const authorization = `Bearer ${await emf.issuer.mint({ roles: [`${emf.projectUid}_im-r`] })}`;
        const forbidden = await traps.raw("POST", "regions", { name: "x" }, { authorization });
        expect(forbidden.status).to.equal(403);
        expect(forbidden.body).to.deep.equal({ message: "Forbidden" });

        const reader = traps.client({ token: authorization.replace("Bearer ", "") });
        const error = await failure(reader.createOnce("regions", { name: "x" }, { same: () => false }));
        expect(error.message).to.contain("lacks the role");
        const elsewhere = await failure(traps.client({ project: "no-such" }).list("regions"));
        expect(elsewhere.message).to.contain("no-such").and.not.contain("undefined");
    });

    it("an expired login is 401 without a code, and one more login helps", async () => {
        const { emf } = traps.lab;
        const roles = [`${emf.projectUid}_im-rw`, `${emf.projectUid}_im-r`];
        const authorization = `Bearer ${await emf.issuer.mint({ roles, expiresIn: -10 })}`;
        const { status, body } = await traps.raw("GET", "regions", undefined, { authorization });
        expect({ status, body }).to.deep.equal({ status: 401, body: { message: "Unauthorized" } });

        const client = traps.client();
        await client.list("regions");
        emf.fault({ on: "GET sites", do: "status", status: 401, body, times: 1 });
        emf.resetCalls();
        await client.list("sites");
        expect(emf.calls().tokens).to.equal(1);
    });

    it("too many requests are refused with the body null", async () => {
        // The lab's own limit is tested where no connection slows the requests down.
        traps.lab.emf.fault({ on: "GET regions", do: "status", status: 429, times: 1 });
        expect(await traps.raw("GET", "regions")).to.include({ status: 429, body: null });

        traps.lab.emf.fault({ on: "POST sites", do: "status", status: 429, body: null, times: 2 });
        const client = traps.client();
        const made = await client.createOnce("sites", { name: "patient" }, { same: () => false });
        expect(made.name).to.equal("patient");
        traps.lab.emf.fault({ on: "POST sites", do: "status", status: 429, body: null });
        const { message } = await failure(client.createOnce("sites", { name: "x" }, { same: () => false }));
        expect(message).to.contain("asks for fewer requests").and.not.contain("null");
    });

    it("characters that cannot be seen are refused, wherever they stand", async () => {
        const text = await traps.refused(400, "POST", "regions", { name: "a\u200Bb" });
        expect(text).to.contain("non printable");
        expect((await failure(new Row(region).up({ name: "a\u200Bb" }, traps.run()))).message).to.match(
            /^name: /,
        );
    });

    it("a body of more than 100 000 bytes is refused before it is read", async () => {
        await traps.refused(413, "POST", "customConfigs", { name: "big", config: "x".repeat(100_000) });
    });

    it("a key that is there twice in a body is refused", async () => {
        await traps.refused(400, "POST", "regions", '{"name":"a","name":"b"}');
    });
});
