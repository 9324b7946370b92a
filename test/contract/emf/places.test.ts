import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import type { EmfClient } from "../../../provider/emf/client";
import { EMF_CLAIM_KEY } from "../../../provider/emf/claims";
import { region } from "../../../provider/emf/region.handler";
import { site } from "../../../provider/emf/site.handler";
import { testContext, type TestContext } from "../../support/context";
import { labClient } from "../../support/emf";

interface Item {
    key: string;
    value: string;
}

/** What both kinds have in common, tested on both. */
const PLACES = [
    { kind: region, path: "regions", noun: "region" },
    { kind: site, path: "sites", noun: "site" },
] as const;

for (const { kind, path, noun } of PLACES) {
    describe(`${kind.kind} against the lab`, () => {
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
            for (const { resourceId } of await lab.emf.list(path)) await lab.emf.remove(path, resourceId);
        });

        /** A row in a new run: its client has seen nothing yet. */
        function run(
            options: { name?: string; stack?: string; project?: string } = {},
        ): TestContext<EmfClient> {
            const { client } = labClient(
                lab,
                options.project === undefined ? {} : { project: options.project },
            );
            clients.push(client);
            return testContext({ client, kind: kind.kind, ...options });
        }

        function metadataOf(object: Record<string, unknown>): Record<string, string> {
            return Object.fromEntries(
                ((object.metadata ?? []) as Item[]).map(({ key, value }) => [key, value]),
            );
        }

        it("creates, reads without drift, updates in place and deletes", async () => {
            const inputs = { name: "north", metadata: { country: "de" } };
            const { id, outputs } = await kind.create(inputs, run());
            const [made] = await lab.emf.list(path);
            expect(made).to.include({ resourceId: id, name: "north" });
            expect(metadataOf(made ?? {})).to.deep.equal({ country: "de", [EMF_CLAIM_KEY]: outputs.claim });

            const state = { inputs, outputs };
            const found = await kind.read(id, state, run());
            expect(found?.inputs).to.deep.include(inputs);

            await kind.update(id, state, { name: "south", metadata: { line: "4" } }, run());
            const changed = await lab.emf.get(path, id);
            expect(changed.name).to.equal("south");
            expect(metadataOf(changed)).to.deep.equal({ line: "4", [EMF_CLAIM_KEY]: outputs.claim });

            await kind.delete(id, state, run());
            expect(await lab.emf.list(path)).to.be.empty;
            expect(await kind.read(id, state, run())).to.equal(undefined);
            await kind.delete(id, state, run());
        });

        it("keeps metadata that others set, and shows a changed declared key as drift", async () => {
            const inputs = { name: "north", metadata: { country: "de" } };
            const { id, outputs } = await kind.create(inputs, run());
            const items = (await lab.emf.get(path, id)).metadata as Item[];
            const others = [...items.filter(({ key }) => key !== "country"), { key: "owner", value: "ops" }];
            await lab.emf.patch(path, id, { metadata: [...others, { key: "country", value: "fr" }] });

            const found = await kind.read(id, { inputs, outputs }, run());
            expect(found?.inputs?.metadata).to.deep.equal({ country: "fr" });

            await kind.update(id, { inputs, outputs }, inputs, run());
            const repaired = metadataOf(await lab.emf.get(path, id));
            expect(repaired).to.include({ owner: "ops", country: "de" });
        });

        it("sends nothing when nothing differs: an empty PATCH would write defaults", async () => {
            const inputs = { name: "north", metadata: { country: "de" } };
            const { id, outputs } = await kind.create(inputs, run());
            const before = await lab.emf.get(path, id);
            await kind.update(id, { inputs, outputs }, inputs, run());
            expect(await lab.emf.get(path, id)).to.deep.equal(before);
        });

        it("exists once when the answer to its creation is lost", async () => {
            lab.emf.fault({ on: `POST ${path}`, do: "reset", after: "write", times: 1 });
            const { id } = await kind.create({ name: "north" }, run());
            expect(await lab.emf.list(path))
                .to.have.lengthOf(1)
                .and.to.have.nested.property("[0].resourceId", id);
        });

        it("exists once when its creation is answered 503 after the write", async () => {
            lab.emf.fault({ on: `POST ${path}`, do: "status", status: 503, after: "write", times: 1 });
            const { id } = await kind.create({ name: "north" }, run());
            expect((await lab.emf.list(path)).map(({ resourceId }) => resourceId)).to.deep.equal([id]);
        });

        it("is found again by the row whose run was killed after the write", async () => {
            const first = await kind.create({ name: "north" }, run());
            const second = await kind.create({ name: "north again" }, run());
            expect(second.id).to.equal(first.id);
            expect(second.outputs.claim).not.to.equal(first.outputs.claim);
            expect(await lab.emf.list(path)).to.have.lengthOf(1);
        });

        it("is not taken from another row of the same stack that has the same name", async () => {
            const first = await kind.create({ name: "north" }, run({ name: "a" }));
            const second = await kind.create({ name: "north" }, run({ name: "b" }));
            expect(second.id).not.to.equal(first.id);
        });

        it("warns of another of its name while it is not there yet, unless that is to be taken over", async () => {
            const warnings = async (more: object, state?: object): Promise<string[]> => {
                const context = run();
                await kind.check?.({ name: "north", ...more }, context, state);
                return context.messages.warn;
            };
            expect(await warnings({})).to.be.empty;
            const { id } = await kind.create({ name: "north" }, run({ name: "other" }));
            expect(await warnings({})).to.deep.equal([
                `there is already a ${noun} "north" (${id}); a second one will be made. To take that one over, set adopt: true`,
            ]);
            const above = { parent: "region-00000000", regionId: "region-00000000" };
            expect(await warnings(above), "hangs elsewhere").to.be.empty;
            expect(await warnings({ adopt: true })).to.be.empty;
            expect(await warnings({}, { name: "north" }), "is there already").to.be.empty;
        });

        it("adopts the one of its name, and leaves it when another has taken it over since", async () => {
            const existing = await lab.emf.create(path, {
                name: "north",
                metadata: [{ key: "a", value: "b" }],
            });
            const adopted = await kind.create({ name: "north", adopt: true }, run({ name: "a" }));
            expect(adopted.id).to.equal(existing.resourceId);
            expect(metadataOf(await lab.emf.get(path, adopted.id))).to.include({ a: "b" });

            await kind.create({ name: "north", adopt: true }, run({ name: "b" }));
            const context = run({ name: "a" });
            await kind.delete(adopted.id, { inputs: { name: "north" }, outputs: adopted.outputs }, context);
            expect(await lab.emf.list(path)).to.have.lengthOf(1);
            expect(context.messages.warn.join()).to.contain("left in EMF");
        });

        it("refuses to adopt another stack's, and to choose between two", async () => {
            await kind.create({ name: "north" }, run({ stack: "other" }));
            await rejects(
                kind.create({ name: "north", adopt: true }, run()),
                "belongs to another Pulumi stack",
            );
            await lab.emf.create(path, { name: "south" });
            await lab.emf.create(path, { name: "south" });
            await rejects(
                kind.create({ name: "south", adopt: true }, run()),
                `there are 2 ${noun}s named "south"`,
            );
        });

        it("forgets nothing when the settings name another project", async () => {
            const { id, outputs } = await kind.create({ name: "north" }, run());
            const state = { inputs: { name: "north", projectUid: lab.emf.projectUid }, outputs };
            const elsewhere = { project: lab.emf.otherProject };
            await rejects(kind.read(id, state, run(elsewhere)), "Nothing was changed");
            await rejects(kind.update(id, state, { name: "x" }, run(elsewhere)), "Nothing was changed");
            await rejects(kind.delete(id, state, run(elsewhere)), "Nothing was changed");
            const checked = await kind.check?.({ name: "north" }, run(elsewhere), state.inputs);
            expect(checked?.problems?.[0]?.message).to.contain("Nothing was changed");
            expect(await lab.emf.list(path)).to.have.lengthOf(1);
        });

        it("is no longer there only when EMF itself says so", async () => {
            const { id, outputs } = await kind.create({ name: "north" }, run());
            const state = { inputs: { name: "north" }, outputs };
            for (const fault of [
                { status: 403, body: { message: "Forbidden" } },
                { status: 404, body: { message: "no matching operation was found" } },
                { status: 404, body: { code: "NotFound", message: "host_resource not found" } },
                { status: 500, body: { code: "Internal", message: "boom" } },
            ]) {
                lab.emf.fault({ on: `GET ${path}/*`, do: "status", ...fault });
                lab.emf.fault({ on: `GET ${path}`, do: "status", ...fault });
                await rejects(kind.read(id, state, run()), "EMF: GET");
                lab.emf.clearFaults();
            }
        });
    });
}

describe("deleting what is still used", () => {
    it("names the regions, sites and hosts", async () => {
        await using lab = await startLab({ images: false });
        const { client } = labClient(lab);
        const north = await region.create({ name: "north" }, testContext({ client, name: "north" }));
        const state = { inputs: { name: "north" }, outputs: north.outputs };
        const child = await lab.emf.create("regions", { name: "child", parentId: north.id });
        const plant = await lab.emf.create("sites", { name: "plant", regionId: north.id });
        const error = await rejects(region.delete(north.id, state, testContext({ client })), "still has");
        expect(error.message).to.contain(`region "child" (${child.resourceId})`).and.contain('site "plant"');

        const own = await site.create({ name: "plant", adopt: true }, testContext({ client, name: "plant" }));
        expect(own.id).to.equal(plant.resourceId);
        const host = await lab.emf.create("compute/hosts/register", { serialNumber: "SN00001" });
        await lab.emf.patch("compute/hosts", host.resourceId, { name: "h", siteId: own.id });
        const siteState = { inputs: { name: "plant" }, outputs: own.outputs };
        await rejects(site.delete(own.id, siteState, testContext({ client })), "still has hosts (SN00001)");
        await client.close();
    });
});

describe("emf.Site against the lab", () => {
    it("keeps whole 10⁻⁷ degrees and clears what the program no longer gives", async () => {
        await using lab = await startLab({ images: false });
        const { client } = labClient(lab);
        const context = testContext({ client });
        const north = await lab.emf.create("regions", { name: "north" });
        const inputs = {
            name: "plant",
            regionId: north.resourceId,
            latitude: 52.1234567,
            longitude: -9.1234567,
        };
        const { id, outputs } = await site.create(inputs, context);
        expect(await lab.emf.get("sites", id)).to.include({ siteLat: 521234567, siteLng: -91234567 });
        const found = await site.read(id, { inputs, outputs }, context);
        expect(found?.inputs).to.deep.include(inputs);

        await site.update(id, { inputs, outputs }, { name: "plant" }, context);
        const cleared = await lab.emf.get("sites", id);
        expect(cleared).to.include({ siteLat: 0, siteLng: 0, regionId: "" });
        await client.close();
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
