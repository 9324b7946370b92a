import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import type { EmfClient } from "../../../provider/emf/client";
import { customConfig, suffixedName } from "../../../provider/emf/customConfig.handler";
import { testContext, type TestContext } from "../../support/context";
import { labClient } from "../../support/emf";
import { bindInstance, unbind } from "../../support/instances";
import { Row } from "../../support/row";

const A = "#cloud-config\nntp: { servers: [a.example.com] }\n";
const B = "#cloud-config\nntp: { servers: [b.example.com] }\n";

describe("emf.CustomConfig against the lab", () => {
    let lab: Lab;
    let dir: string;
    const clients: EmfClient[] = [];
    before(async () => {
        lab = await startLab({ images: false });
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "configs-"));
    });
    after(async () => {
        await Promise.all(clients.map((client) => client.close()));
        await lab.close();
        fs.rmSync(dir, { recursive: true });
    });
    afterEach(async () => {
        lab.emf.clearFaults();
        await unbind(lab);
        for (const { resourceId } of await configs()) await lab.emf.remove("customConfigs", resourceId);
    });

    const configs = (): ReturnType<Lab["emf"]["list"]> => lab.emf.list("customConfigs");
    const names = async (): Promise<unknown[]> => (await configs()).map(({ name }) => name).sort();

    function run(
        options: { name?: string; stack?: string; project?: string; preview?: boolean } = {},
    ): TestContext<EmfClient> {
        const { client } = labClient(lab, options.project === undefined ? {} : { project: options.project });
        clients.push(client);
        return testContext({ client, kind: customConfig.kind, projectDir: dir, ...options });
    }

    it("creates under a suffixed name, reads without drift, and deletes", async () => {
        const row = new Row(customConfig);
        const inputs = { name: "ntp", config: A, description: "time of day" };
        await row.up(inputs, run());
        const [made] = await configs();
        expect(made).to.include({ config: A, description: "time of day" });
        expect(made?.name).to.match(/^ntp-[0-9a-f]{6}$/);
        expect(row.state?.outputs).to.deep.equal({ resourceId: made?.resourceId, configName: made?.name });
        expect(row.id).to.equal(`${lab.emf.projectUid}/${String(made?.name)}`);

        expect(await row.refresh(run())).to.deep.equal([]);
        expect(await row.up(inputs, run())).to.equal("same");
        await row.delete(run());
        expect(await configs()).to.be.empty;
        expect(await new Row(customConfig).refresh(run())).to.deep.equal([]);
    });

    it("makes a new object of a new content, and leaves the old one that hosts use with a warning", async () => {
        const old = new Row(customConfig);
        await old.up({ name: "ntp", config: A }, run());
        await bindInstance(lab, { customConfigID: [String(old.state?.outputs.resourceId)] });
        await rejects(old.up({ name: "ntp", config: B }, run()), "would be replaced for configHash");

        const next = new Row(customConfig);
        await next.up({ name: "ntp", config: B }, run());
        const context = run();
        await old.delete(context);
        expect(await configs()).to.have.lengthOf(2);
        expect(context.messages.warn.join()).to.contain("is left in EMF: in use by hosts");
    });

    it("keeps a changed description, which EMF cannot change, and says so", async () => {
        const row = new Row(customConfig);
        await row.up({ name: "ntp", config: A, description: "one" }, run());
        const context = run();
        expect(await row.up({ name: "ntp", config: A, description: "two" }, context)).to.equal("same");
        expect(context.messages.warn).to.deep.equal([
            'description stays "one": EMF does not change it in an existing custom config',
        ]);
    });

    it("takes its content from a file, byte for byte, and not into the state", async () => {
        fs.writeFileSync(path.join(dir, "ntp.yaml"), A);
        const row = new Row(customConfig);
        await row.up({ name: "ntp", configFile: "ntp.yaml" }, run());
        expect((await configs())[0]?.config).to.equal(A);
        expect(JSON.stringify(row.state)).not.to.contain("a.example.com");
        expect(await row.up({ name: "ntp", config: A }, run())).to.equal("same");
        fs.writeFileSync(path.join(dir, "ntp.yaml"), B);
        await rejects(row.up({ name: "ntp", configFile: "ntp.yaml" }, run()), "would be replaced");
    });

    it("warns in a preview and fails in an update where the file is not", async () => {
        const row = new Row(customConfig);
        const inputs = { name: "ntp", configFile: "missing.yaml" };
        const context = run({ preview: true });
        await customConfig.check?.(inputs, context);
        expect(context.messages.warn.join()).to.contain("missing.yaml cannot be read");
        await rejects(row.up(inputs, run()), "configFile: missing.yaml cannot be read");
        fs.writeFileSync(path.join(dir, "binary.yaml"), Buffer.of(0xff, 0xfe, 0, 1));
        await rejects(row.up({ name: "ntp", configFile: "binary.yaml" }, run()), "is not UTF-8 text");
        fs.writeFileSync(path.join(dir, "big.yaml"), Buffer.alloc(2 << 20, "#"));
        await rejects(row.up({ name: "ntp", configFile: "big.yaml" }, run()), "is no cloud-init config");
        await rejects(row.up({ name: "ntp" }, run()), "either as config (text) or as configFile");
        await rejects(row.up({ ...inputs, config: A }, run()), "either as config (text) or as configFile");
    });

    it("exists once when the answer to its creation is lost", async () => {
        for (const fault of [{ do: "reset" }, { do: "status", status: 503 }] as const) {
            lab.emf.fault({ on: "POST customConfigs", after: "write", times: 1, ...fault });
            const row = new Row(customConfig);
            await row.up({ name: "ntp", config: A }, run());
            expect(await configs()).to.have.lengthOf(1);
            await row.delete(run());
        }
    });

    it("is resumed by the row whose run was killed after the write, also with a host on it", async () => {
        const first = new Row(customConfig);
        await first.up({ name: "ntp", config: A }, run());
        const second = new Row(customConfig);
        await second.up({ name: "ntp", config: A }, run());
        expect(await names()).to.deep.equal([first.state?.outputs.configName]);
        await bindInstance(lab, { customConfigID: [String(second.state?.outputs.resourceId)] });
        const third = new Row(customConfig);
        await third.up({ name: "ntp", config: A }, run());
        expect(third.state).to.deep.equal(second.state);
    });

    it("is not taken from another row, nor from another stack, of the same name and content", async () => {
        for (const who of [{ name: "a" }, { name: "b" }, { stack: "other" }]) {
            await new Row(customConfig).up({ name: "ntp", config: A }, run(who));
        }
        expect(new Set(await names()).size).to.equal(3);
    });

    it("A → B (fails half-way) → A loses nothing: the old row's delete does not reach the new object", async () => {
        const old = new Row(customConfig);
        await old.up({ name: "ntp", config: A }, run());
        const replaced = new Row(customConfig);
        await replaced.up({ name: "ntp", config: B }, run());
        const back = new Row(customConfig);
        await back.up({ name: "ntp", config: A }, run());
        await replaced.delete(run());
        await old.delete(run());
        expect((await configs()).map(({ resourceId }) => resourceId)).to.deep.equal([
            back.state?.outputs.resourceId,
        ]);
        expect(await back.refresh(run())).to.deep.equal([]);
    });

    it("adopts one of exactly its name and content, and makes a new one beside another content", async () => {
        const existing = await lab.emf.create("customConfigs", { name: "ntp", config: A });
        await bindInstance(lab, { customConfigID: [existing.resourceId] });
        const row = new Row(customConfig);
        await row.up({ name: "ntp", config: A, adopt: true }, run());
        expect(row.state?.outputs).to.deep.equal({ resourceId: existing.resourceId, configName: "ntp" });

        const other = new Row(customConfig);
        const context = run({ name: "other" });
        await other.up({ name: "ntp", config: B, adopt: true }, context);
        expect(await names()).to.have.lengthOf(2);
        expect(context.messages.warn.join()).to.contain("has other content and is not taken over");
        const plain = new Row(customConfig);
        await plain.up({ name: "ntp", config: A }, run({ name: "plain" }));
        expect(await names()).to.have.lengthOf(3);
    });

    it("refuses a name that happens to be taken by another content", async () => {
        const context = run();
        const author = context.newClaim().slice(0, -8);
        await lab.emf.create("customConfigs", { name: suffixedName("ntp", A, author), config: B });
        await rejects(new Row(customConfig).up({ name: "ntp", config: A }, context), "with other content");
    });

    it("forgets nothing for a wrong project", async () => {
        const row = new Row(customConfig);
        await row.up({ name: "ntp", config: A }, run());
        const elsewhere = { project: lab.emf.otherProject };
        await rejects(row.refresh(run(elsewhere)), "Nothing was changed");
        await rejects(row.delete(run(elsewhere)), "Nothing was changed");
        expect(await configs()).to.have.lengthOf(1);
    });

    it("never shows its content, whatever the server answers", async () => {
        const secret = crypto.randomBytes(12).toString("hex");
        const config = `#cloud-config\npassword: ${secret}\n`;
        for (const status of [400, 404, 409, 500]) {
            const body = { code: "InvalidArgument", message: `config: invalid value ${config}` };
            lab.emf.fault({ on: "POST customConfigs", do: "status", status, body });
            const error = await rejects(new Row(customConfig).up({ name: "ntp", config }, run()), "EMF");
            expect(error.message).not.to.contain(secret);
            lab.emf.clearFaults();
        }
    });

    it("has names that EMF takes, whatever the name given", () => {
        for (const name of ["n", "ntp", "x".repeat(32), `${"x".repeat(24)}-yyyyyyy`]) {
            expect(suffixedName(name, A, "author"))
                .to.match(/^[a-z][a-z0-9-]{0,31}$/)
                .and.to.match(/[a-z]-[0-9a-f]{6}$/);
        }
        expect(suffixedName("x".repeat(32), A, "")).not.to.equal(suffixedName("x".repeat(31), A, ""));
    });
});

async function rejects(promise: Promise<unknown>, text: string): Promise<Error> {
    try {
        await promise;
    } catch (error) {
        expect((error as Error).message).to.contain(text);
        return error as Error;
    }
    throw new Error(`did not fail with: ${text}`);
}
