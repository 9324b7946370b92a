import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import type { ImsClient } from "../../../provider/ims/client";
import { publicKey } from "../../../provider/ims/publicKey.handler";
import { testContext, type TestContext } from "../../support/context";
import { failure } from "../../support/failure";
import { imsClient } from "../../support/ims";
import { Row } from "../../support/row";
import { publicKey as newKey } from "../../support/sshKeys";

const DAY = 24 * 3_600_000;

describe("ims.PublicKey", () => {
    let lab: Lab;
    const open: ImsClient[] = [];

    before(async () => {
        lab = await startLab({ emf: false, images: false, ims: true });
    });
    afterEach(async () => {
        lab.ims.clearFaults();
        for (const client of open.splice(0)) await client.close();
        const { publicKeys } = lab.ims.store;
        for (const { id } of publicKeys.list()) publicKeys.remove(id);
        for (const { id } of publicKeys.listDeleted()) publicKeys.forget(id);
    });
    after(() => lab.close());

    function context(more: { preview?: boolean; now?: () => number } = {}): TestContext<ImsClient> {
        const { client } = imsClient(lab.ims);
        open.push(client);
        return testContext({ client, kind: "ims.PublicKey", ...more });
    }

    const tomorrow = (): { now: () => number } => ({ now: () => Date.now() + 2 * DAY });

    async function registered(name: string, content: string): Promise<string> {
        const { client } = context();
        const body = { name, public_key: content };
        return (await client.createOnce("public-keys", body, { same: () => false })).id;
    }

    function records(): { id: string; name: string; public_key: string }[] {
        return lab.ims.store.publicKeys.list().map(({ id, name, public_key }) => ({ id, name, public_key }));
    }

    it("is registered once, trimmed, and deleted without a rest", async () => {
        const content = `${newKey("ssh-ed25519")} ops@example.com`;
        const row = new Row(publicKey);
        expect(await row.up({ name: "ops", publicKey: `${content}\n` }, context())).to.equal("created");
        expect(records()).to.deep.equal([{ id: row.id, name: "ops", public_key: content }]);
        expect(row.state?.outputs).to.deep.equal({ keyId: row.id, adopted: false });
        expect(await row.refresh(context())).to.deep.equal([]);
        expect(await row.up({ name: "ops", publicKey: content }, context(tomorrow()))).to.equal("same");
        await row.delete(context());
        expect(records()).to.deep.equal([]);
        expect(lab.ims.store.publicKeys.listDeleted()).to.deep.equal([]);
    });

    it("is registered once when the answer is lost", async () => {
        lab.ims.fault({ on: "POST public-keys", do: "reset", after: "write", times: 1 });
        const row = new Row(publicKey);
        await row.up({ name: "ops", publicKey: newKey("ssh-ed25519") }, context());
        expect(records().map(({ id }) => id)).to.deep.equal([row.id]);
    });

    it("is replaced by another name or key, since IMS changes neither", async () => {
        const row = new Row(publicKey);
        const content = newKey("ssh-ed25519");
        await row.up({ name: "ops", publicKey: content }, context());
        const other = row.up({ name: "ops-2", publicKey: content }, context());
        expect(await failure(other)).to.equal("would be replaced for name");
        const changed = row.up({ name: "ops", publicKey: newKey("ssh-ed25519") }, context());
        expect(await failure(changed)).to.equal("would be replaced for publicKey");
        // The second half of a replacement finds the first one's record.
        const next = new Row(publicKey);
        await next.up({ name: "ops-2", publicKey: content }, context(tomorrow()));
        await row.delete(context());
        expect(records().map(({ name }) => name)).to.deep.equal(["ops-2"]);
    });

    it("is taken over by its contents, and left", async () => {
        const content = newKey("ssh-ed25519");
        const id = await registered("somebody's", `${content}\n`);
        const row = new Row(publicKey);
        await row.up({ name: "ops", publicKey: content, adopt: true }, context(tomorrow()));
        expect(row.id).to.equal(id);
        expect(row.state?.outputs.adopted).to.equal(true);
        expect(await row.refresh(context()), "its name is its own affair").to.deep.equal([]);
        const last = context();
        await row.delete(last);
        expect(records().map((record) => record.id)).to.deep.equal([id]);
        expect(last.messages.info).to.deep.equal([`public key ${id} was there before, and stays`]);
    });

    it("of several of the contents takes the one of the name, and says so", async () => {
        const content = newKey("ssh-ed25519");
        await registered("a", content);
        const named = await registered("ops", content);
        const run = context();
        const row = new Row(publicKey);
        await row.up({ name: "ops", publicKey: content, adopt: true }, run);
        expect(row.id).to.equal(named);
        expect(run.messages.info).to.deep.equal([`2 records have this key; taken is ${named}, "ops"`]);
    });

    it("is refused in a preview when it is there by the same name, unless it is what a run has just left", async () => {
        const content = newKey("ssh-ed25519");
        const id = await registered("ops", content);
        const row = new Row(publicKey);
        const inputs = { name: "ops", publicKey: content };
        const attempt = row.check(inputs, context({ preview: true, ...tomorrow() }));
        expect(await failure(attempt))
            .to.include(id)
            .and.include("set adopt: true");
        const run = context();
        await row.up(inputs, run);
        expect(row.id).to.equal(id);
        expect(run.messages.warn[0]).to.include("what an interrupted run left");
    });

    it("is registered anew when somebody has deleted it", async () => {
        const row = new Row(publicKey);
        const inputs = { name: "ops", publicKey: newKey("ssh-ed25519") };
        await row.up(inputs, context());
        await context().client.remove("public-keys", row.id ?? "");
        const run = context();
        expect(await row.refresh(run)).to.equal("gone");
        expect(run.messages.warn[0]).to.include("the next up registers it anew");
        expect(await row.up(inputs, context())).to.equal("created");
        expect(records()).to.have.lengthOf(1);
    });

    it("proves nothing gone when the settings lead to another system", async () => {
        const row = new Row(publicKey);
        await row.up({ name: "ops", publicKey: newKey("ssh-ed25519") }, context());
        lab.ims.store.publicKeys.remove(row.id ?? "");
        lab.ims.store.publicKeys.forget(row.id ?? "");
        if (row.state) row.state.inputs.endpoint = "https://api.cmn.elsewhere.example.com";
        expect(await failure(row.refresh(context()))).to.include("nothing was changed");
        expect(await failure(row.delete(context()))).to.include("edge-os:ims.endpoint");
    });

    for (const [title, content, told] of [
        ["of two lines", "ssh-ed25519 AAAA a\nssh-ed25519 AAAA b", "must be one line"],
        ["that is private", "-----BEGIN OPENSSH PRIVATE KEY-----", "is a private key"],
        ["whose comment is YAML", "ssh-ed25519 AAAA ops: tills", "IMS reads it as YAML"],
        ["that is none", "hunter2", "must be an OpenSSH public key"],
    ] as const) {
        it(`refuses a key ${title} in a preview`, async () => {
            const attempt = new Row(publicKey).check({ name: "ops", publicKey: content }, context());
            expect(await failure(attempt)).to.include(told);
        });
    }
});
