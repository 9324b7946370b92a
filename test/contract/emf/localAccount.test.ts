import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import type { EmfClient } from "../../../provider/emf/client";
import { localAccount } from "../../../provider/emf/localAccount.handler";
import { testContext, type TestContext } from "../../support/context";
import { labClient } from "../../support/emf";
import { bindInstance, unbind } from "../../support/instances";
import { Row } from "../../support/row";
import { publicKey } from "../../support/sshKeys";

const KEY = `${publicKey("ssh-ed25519")} ops@laptop`;
const OTHER_KEY = publicKey("ecdsa-sha2-nistp521");
const DAY = 24 * 3_600_000;

describe("emf.LocalAccount against the lab", () => {
    let lab: Lab;
    const clients: EmfClient[] = [];
    before(async () => {
        lab = await startLab({ images: false });
    });
    after(async () => {
        await Promise.all(clients.map((client) => client.close()));
        await lab.close();
    });
    afterEach(async () => {
        lab.emf.clearFaults();
        await unbind(lab);
        for (const { resourceId } of await accounts()) await lab.emf.remove("localAccounts", resourceId);
    });

    const accounts = (): ReturnType<Lab["emf"]["list"]> => lab.emf.list("localAccounts");

    /** A row in a new run: its client has seen nothing yet. */
    function run(
        options: { name?: string; project?: string; preview?: boolean; later?: number } = {},
    ): TestContext<EmfClient> {
        const { client } = labClient(lab, options.project === undefined ? {} : { project: options.project });
        clients.push(client);
        const now = (): number => Date.now() + (options.later ?? 0);
        return testContext({ client, kind: localAccount.kind, now, ...options });
    }

    it("creates, reads without drift, and deletes", async () => {
        const row = new Row(localAccount);
        await row.up({ username: "ops", sshKey: `${KEY}\n` }, run());
        expect(row.id).to.equal(`${lab.emf.projectUid}/ops`);
        const [made] = await accounts();
        expect(made).to.include({ username: "ops", sshKey: KEY });
        expect(row.state?.outputs.resourceId).to.equal(made?.resourceId);

        expect(await row.refresh(run())).to.deep.equal([]);
        expect(await row.up({ username: "ops", sshKey: KEY }, run())).to.equal("same");
        await row.delete(run());
        expect(await accounts()).to.be.empty;
    });

    it("takes another comment for no change", async () => {
        const row = new Row(localAccount);
        await row.up({ username: "ops", sshKey: KEY }, run());
        const renamed = KEY.replace("ops@laptop", "ops@desk");
        expect(await row.up({ username: "ops", sshKey: renamed }, run())).to.equal("same");
        expect((await accounts())[0]?.sshKey).to.equal(KEY);
    });

    it("refuses another key under the same username in the preview, and says the way out", async () => {
        const row = new Row(localAccount);
        await row.up({ username: "ops", sshKey: KEY }, run());
        const error = await rejects(
            row.check({ username: "ops", sshKey: OTHER_KEY }, run({ preview: true })),
            'sshKey: the key of local account "ops" cannot change from SHA256:',
        );
        expect(error.message).to.contain('new username ("ops-2")');
        await rejects(
            row.up({ username: "ops-2", sshKey: OTHER_KEY }, run()),
            "would be replaced for username",
        );
    });

    it("refuses a taken name: another key always, the same key without adopt", async () => {
        await lab.emf.create("localAccounts", { username: "ops", sshKey: OTHER_KEY });
        const row = new Row(localAccount);
        for (const adopt of [false, true]) {
            await rejects(
                row.check({ username: "ops", sshKey: KEY, adopt }, run({ preview: true })),
                "is already there with another key",
            );
            await rejects(
                localAccount.create({ username: "ops", sshKey: KEY, adopt }, run()),
                "is already there with another key",
            );
        }
        const yesterday = { later: DAY };
        await rejects(row.up({ username: "ops", sshKey: OTHER_KEY }, run(yesterday)), "set adopt: true");
        expect(await accounts()).to.have.lengthOf(1);
        await row.up({ username: "ops", sshKey: OTHER_KEY, adopt: true }, run(yesterday));
        expect(await accounts()).to.have.lengthOf(1);
    });

    it("adopts an account that hosts use as it is, with its own comment", async () => {
        const existing = await lab.emf.create("localAccounts", { username: "ops", sshKey: KEY });
        await bindInstance(lab, { localAccountID: existing.resourceId });
        const row = new Row(localAccount);
        const inputs = { username: "ops", sshKey: publicPart(KEY) };
        await rejects(row.up(inputs, run()), "and hosts use it: set adopt: true");
        await row.up({ ...inputs, adopt: true }, run());
        expect(row.state?.outputs.resourceId).to.equal(existing.resourceId);
        expect(row.state?.inputs.sshKey).to.equal(KEY);
        expect(await row.up({ ...inputs, adopt: true }, run())).to.equal("same");
    });

    it("exists once when the answer to its creation is lost", async () => {
        for (const fault of [{ do: "reset" }, { do: "status", status: 503 }] as const) {
            lab.emf.fault({ on: "POST localAccounts", after: "write", times: 1, ...fault });
            const row = new Row(localAccount);
            await row.up({ username: "ops", sshKey: KEY }, run());
            expect((await accounts()).map(({ resourceId }) => resourceId)).to.deep.equal([
                row.state?.outputs.resourceId,
            ]);
            await row.delete(run());
        }
    });

    it("is resumed by the next run when the first was killed after the write", async () => {
        await localAccount.create({ username: "ops", sshKey: KEY }, run());
        const row = new Row(localAccount);
        const context = run();
        await row.up({ username: "ops", sshKey: KEY }, context);
        expect(await accounts()).to.have.lengthOf(1);
        expect(context.messages.warn.join()).to.contain("taken for what an interrupted run left");
    });

    it("is made by somebody else between the list and the write: judged by the same rules", async () => {
        const context = run();
        await context.client.list("localAccounts");
        await lab.emf.create("localAccounts", { username: "ops", sshKey: OTHER_KEY });
        await rejects(
            localAccount.create({ username: "ops", sshKey: KEY }, context),
            "is already there with another key",
        );
    });

    it("A → B (fails half-way) → A loses nothing: the old row's delete does not reach the new account", async () => {
        const a = { username: "ops", sshKey: KEY, adopt: true };
        const old = new Row(localAccount);
        await old.up(a, run());
        // The replacement by another username was made, the deletion of the old account was not.
        const replaced = new Row(localAccount);
        await replaced.up({ username: "ops-2", sshKey: KEY }, run());
        const back = new Row(localAccount);
        await back.up(a, run());
        await replaced.delete(run());
        await old.delete(run());
        expect((await accounts()).map(({ resourceId }) => resourceId)).to.deep.equal([
            back.state?.outputs.resourceId,
        ]);
        expect(await back.refresh(run())).to.deep.equal([]);
    });

    it("is left with a warning when it is still in use, naming the hosts", async () => {
        const row = new Row(localAccount);
        await row.up({ username: "ops", sshKey: KEY }, run());
        const bound = { localAccountID: String(row.state?.outputs.resourceId) };
        await bindInstance(lab, bound);
        const context = run();
        await row.delete(context);
        expect(await accounts()).to.have.lengthOf(1);
        expect(context.messages.warn.join()).to.match(
            /local account "ops" \(localaccount-\w+\) is left in EMF: in use by host SN00001/,
        );
    });

    it("forgets nothing for a wrong project or a failing server", async () => {
        const row = new Row(localAccount);
        await row.up({ username: "ops", sshKey: KEY }, run());
        const elsewhere = { project: lab.emf.otherProject };
        await rejects(row.refresh(run(elsewhere)), "Nothing was changed");
        await rejects(row.delete(run(elsewhere)), "Nothing was changed");
        const forbidden = { do: "status", status: 403, body: { message: "Forbidden" } } as const;
        lab.emf.fault({ on: "GET localAccounts", ...forbidden });
        await rejects(row.refresh(run()), "is forbidden");
        lab.emf.clearFaults();
        expect(await row.refresh(run())).to.deep.equal([]);
    });

    it("is gone once its own id is, whoever has made another of the name", async () => {
        const row = new Row(localAccount);
        await row.up({ username: "ops", sshKey: KEY }, run());
        await lab.emf.remove("localAccounts", String(row.state?.outputs.resourceId));
        await lab.emf.create("localAccounts", { username: "ops", sshKey: KEY });
        expect(await row.refresh(run())).to.equal("gone");
    });

    it("is only warned about where EMF cannot be asked in a preview", async () => {
        lab.emf.fault({ on: "*", do: "reset" });
        const context = run({ preview: true });
        await new Row(localAccount).check({ username: "ops", sshKey: KEY }, context);
        expect(context.messages.warn).not.to.be.empty;
    });
});

function publicPart(key: string): string {
    return key.split(" ", 2).join(" ");
}

async function rejects(promise: Promise<unknown>, text: string): Promise<Error> {
    try {
        await promise;
    } catch (error) {
        expect((error as Error).message).to.contain(text);
        return error as Error;
    }
    throw new Error(`did not fail with: ${text}`);
}
