import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import type { RegistrationToken } from "../../../lab/palette/store";
import type { PaletteClient } from "../../../provider/palette/client";
import { registrationToken } from "../../../provider/palette/registrationToken.handler";
import { testContext, type TestContext } from "../../support/context";
import { failure } from "../../support/failure";
import { paletteClient } from "../../support/palette";
import { Row } from "../../support/row";

const DAY = 24 * 3_600_000;

describe("palette.RegistrationToken", () => {
    let lab: Lab;
    const open: PaletteClient[] = [];

    before(async () => {
        lab = await startLab({ emf: false, images: false, palette: true });
    });
    afterEach(async () => {
        lab.palette.clearFaults();
        lab.palette.rest();
        for (const client of open.splice(0)) await client.close();
        lab.palette.store.tokens.clear();
    });
    after(() => lab.close());

    interface Options {
        preview?: boolean;
        days?: number;
        stack?: string;
        name?: string;
    }

    function context({ days = 0, ...more }: Options = {}): TestContext<PaletteClient> {
        const { client } = paletteClient(lab.palette);
        open.push(client);
        const now = (): number => Date.now() + days * DAY;
        return testContext({ client, kind: "palette.RegistrationToken", now, ...more });
    }

    function tokens(): RegistrationToken[] {
        return lab.palette.store.tokens.list();
    }

    function only(): RegistrationToken {
        const [token, ...others] = tokens();
        if (!token || others.length > 0) throw new Error(`there are ${tokens().length} tokens`);
        return token;
    }

    /** As the engine replaces: the new one is made without the old one's state, which is deleted last. */
    async function replaced(row: Row, inputs: Record<string, unknown>, options: Options): Promise<Row> {
        const next = new Row(registrationToken);
        await next.up(inputs, context(options));
        await row.delete(context(options));
        return next;
    }

    const ROTATED = { name: "stores", validFor: "90d", rotateBefore: "14d" };

    it("is made once, in the tenant, and its value is read by its uid and not by its name", async () => {
        const other = new Row(registrationToken);
        await other.up({ name: "stores", expiry: "2031-01-01" }, context({ name: "other" }));
        const row = new Row(registrationToken);
        const inputs = {
            name: "stores",
            expiry: "2030-01-31",
            defaultProject: "stores",
            description: "tills",
        };
        expect(await row.up(inputs, context())).to.equal("created");
        const made = lab.palette.store.tokens.get(row.id ?? "");
        expect(made).to.include({ expiry: "2030-01-31T00:00:00.000Z", isActive: true });
        expect(made?.annotations.description).to.equal("tills");
        expect(made?.defaultProjectUid).to.equal(lab.palette.store.projects[1]?.uid);
        expect(row.state?.outputs).to.include({ tokenUid: row.id, token: made?.token });
        expect(await row.up(inputs, context())).to.equal("same");
        expect(await row.refresh(context())).to.deep.equal([]);
        await row.delete(context());
        expect(tokens().map(({ uid }) => uid)).to.deep.equal([other.id]);
    });

    it("is made once when the answer is lost", async () => {
        lab.palette.fault({ on: "POST v1/edgehosts/tokens", do: "reset", after: "write", times: 1 });
        const row = new Row(registrationToken);
        await row.up(ROTATED, context());
        expect(only().uid).to.equal(row.id);
    });

    it("is continued when its value could not be read after it was made", async () => {
        lab.palette.fault({ on: "GET v1/edgehosts/tokens/{id}", do: "status", status: 500 });
        const row = new Row(registrationToken);
        expect(await failure(row.up(ROTATED, context()))).to.include("HTTP 500");
        lab.palette.clearFaults();
        expect(await row.up(ROTATED, context())).to.equal("updated");
        expect(row.state?.outputs.token).to.equal(only().token);
    });

    it("changes name, description, expiry and default project in place, and clears what is taken out", async () => {
        const row = new Row(registrationToken);
        await row.up(
            { name: "a", expiry: "2030-01-01", description: "x", defaultProject: "stores" },
            context(),
        );
        const { token } = only();
        await row.up({ name: "b", expiry: "2031-01-01T12:00:00+02:00" }, context());
        expect(only()).to.include({ name: "b", expiry: "2031-01-01T10:00:00.000Z", token });
        expect(only().annotations).to.not.have.property("description");
        expect(only()).to.not.have.property("defaultProjectUid");
    });

    it("leaves description, default project and annotations that others have set", async () => {
        const row = new Row(registrationToken);
        await row.up({ name: "a", expiry: "2030-01-01" }, context());
        const { tokens: records, projects } = lab.palette.store;
        const foreign = { team: "field", description: "by hand" };
        records.put({
            ...only(),
            annotations: { ...only().annotations, ...foreign },
            ...(projects[1] ? { defaultProjectUid: projects[1].uid } : {}),
        });
        expect(await row.refresh(context())).to.deep.equal([]);
        await row.up({ name: "b", expiry: "2030-01-01" }, context());
        expect(only().annotations).to.include(foreign);
        expect(only().defaultProjectUid).to.equal(projects[1]?.uid);
    });

    it("shows in a refresh that somebody deactivated or changed it, and repairs it", async () => {
        const row = new Row(registrationToken);
        const inputs = { ...ROTATED, defaultProject: "stores" };
        await row.up(inputs, context());
        const before = only();
        const edited = { ...before, isActive: false, expiry: "2027-01-01T00:00:00.000Z", name: "x" };
        delete edited.defaultProjectUid;
        lab.palette.store.tokens.put(edited);
        expect(await row.refresh(context())).to.have.members([
            "active",
            "expiresAt",
            "name",
            "defaultProject",
        ]);
        expect(await row.up(inputs, context())).to.equal("updated");
        expect({ ...only(), changedAt: "" }).to.deep.equal({ ...before, changedAt: "" });
    });

    it("is made anew when somebody deleted it", async () => {
        const row = new Row(registrationToken);
        await row.up(ROTATED, context());
        lab.palette.store.tokens.clear();
        const run = context();
        expect(await row.refresh(run)).to.equal("gone");
        expect(run.messages.warn[0]).to.include("the next up makes a new one");
        expect(await row.up(ROTATED, context())).to.equal("created");
    });

    it("gets a new value when it is about to expire, once, and the old one goes last", async () => {
        const row = new Row(registrationToken);
        await row.up(ROTATED, context());
        const old = only();
        expect(await row.up(ROTATED, context({ days: 75 }))).to.equal("same");
        const due = row.up(ROTATED, context({ days: 77 }));
        expect(await failure(due)).to.equal("would be replaced for issuedAt");
        const next = await replaced(row, ROTATED, { days: 77 });
        expect(only().token).to.not.equal(old.token);
        expect(Date.parse(only().expiry) - Date.parse(old.expiry)).to.be.within(76.9 * DAY, 77.1 * DAY);
        expect(await next.up(ROTATED, context({ days: 78 }))).to.equal("same");
    });

    it("gets a new value when the trigger changes, also there and back", async () => {
        const row = new Row(registrationToken);
        await row.up({ ...ROTATED, rotationTrigger: "a" }, context());
        const a = only();
        const attempt = row.up({ ...ROTATED, rotationTrigger: "b" }, context());
        expect(await failure(attempt)).to.equal("would be replaced for rotationTrigger");
        const b = new Row(registrationToken);
        await b.up({ ...ROTATED, rotationTrigger: "b" }, context());
        expect(b.id, "another value").to.not.equal(a.uid);
        expect(tokens().map(({ token }) => token)).to.include(a.token);
        // The deletion of the old one failed, and the program goes back: the old one is live again.
        const again = new Row(registrationToken);
        await again.up({ ...ROTATED, rotationTrigger: "a" }, context());
        expect(again.id).to.equal(a.uid);
        await b.delete(context());
        await row.delete(context());
        expect(only().uid).to.equal(a.uid);
    });

    it("is found again by the run after one that was cut off while it rotated", async () => {
        const row = new Row(registrationToken);
        await row.up(ROTATED, context());
        const lost = new Row(registrationToken);
        await lost.up(ROTATED, context({ days: 77 }));
        const next = await replaced(row, ROTATED, { days: 77.5 });
        expect(next.id).to.equal(lost.id);
        expect(only().uid).to.equal(lost.id);
    });

    it("is taken over by its name with adopt only, when one has it and no other stack", async () => {
        const inputs = { name: "stores", expiry: "2030-01-01", adopt: true };
        const byHand = async (): Promise<string> =>
            context().client.createRegistrationToken(
                { metadata: { name: "stores" }, spec: { expiry: "2030-01-01T00:00:00.000Z" } },
                { same: () => false },
            );
        const uid = await byHand();
        const row = new Row(registrationToken);
        await row.up(inputs, context());
        expect(row.id).to.equal(uid);
        const foreign = new Row(registrationToken).check(inputs, context({ preview: true, stack: "other" }));
        expect(await failure(foreign)).to.include("another Pulumi stack");
        await byHand();
        const unclear = new Row(registrationToken).check(inputs, context({ preview: true, name: "b" }));
        expect(await failure(unclear)).to.include("2 registration tokens are named");
    });

    it("gets a new value when it was taken over once, and is due or has another trigger", async () => {
        await context().client.createRegistrationToken(
            { metadata: { name: "stores" }, spec: { expiry: "2030-01-01T00:00:00.000Z" } },
            { same: () => false },
        );
        const inputs = { ...ROTATED, adopt: true };
        const row = new Row(registrationToken);
        await row.up(inputs, context());
        const old = only();
        const next = await replaced(row, inputs, { days: 77 });
        expect(only().token).to.not.equal(old.token);
        const last = await replaced(next, { ...inputs, rotationTrigger: "lost" }, { days: 78 });
        expect(only().uid).to.equal(last.id).and.not.equal(next.id);
    });

    it("keeps its value in the state where Palette does not show it", async () => {
        const row = new Row(registrationToken);
        await row.up(ROTATED, context());
        const { token, ...hidden } = only();
        lab.palette.store.tokens.put({ ...hidden, token: "" });
        expect(await row.refresh(context())).to.deep.equal([]);
        expect(row.state?.outputs.token).to.equal(token);
    });

    it("is left alone when another stack has taken it over since", async () => {
        const row = new Row(registrationToken);
        await row.up(ROTATED, context());
        lab.palette.store.tokens.put({ ...only(), annotations: { "pulumi-edge-os/claim": "abc-def" } });
        expect(await failure(row.up({ ...ROTATED, name: "b" }, context()))).to.include("was taken over");
        const run = context();
        await row.delete(run);
        expect(only().name).to.equal("stores");
        expect(run.messages.warn[0]).to.include("is left in Palette");
    });

    it("proves nothing gone with the key of another tenant", async () => {
        const row = new Row(registrationToken);
        await row.up(ROTATED, context());
        if (row.state) row.state.inputs.projectUid = "2ab0000000000000000000ff";
        lab.palette.store.tokens.clear();
        expect(await failure(row.refresh(context()))).to.include("Nothing was changed");
        expect(await failure(row.delete(context()))).to.include("Nothing was changed");
    });

    for (const [title, inputs, told] of [
        ["without an end", { name: "a" }, "needs either expiry, a date, or validFor"],
        ["with two ends", { name: "a", expiry: "2030-01-01", validFor: "90d" }, "needs either"],
        ["that is over", { name: "a", expiry: "2020-01-01" }, "expiry: is over"],
        ["with a date that is none", { name: "a", expiry: "soon" }, "must be a date such as"],
        [
            "that would always rotate",
            { name: "a", validFor: "7d", rotateBefore: "7d" },
            "shorter than validFor",
        ],
        [
            "with a rotation of nothing",
            { name: "a", expiry: "2030-01-01", rotateBefore: "7d" },
            "needs validFor",
        ],
    ] as const) {
        it(`refuses one ${title} in a preview`, async () => {
            const attempt = new Row(registrationToken).check(inputs, context({ preview: true }));
            expect(await failure(attempt)).to.include(told);
        });
    }
});
