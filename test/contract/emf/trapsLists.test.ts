import { expect } from "chai";
import { edgeHost } from "../../../provider/emf/edgeHost.handler";
import { resolve } from "../../../provider/emf/references";
import { Row } from "../../support/row";
import { publicKey } from "../../support/sshKeys";
import { failure, TrapLab } from "../../support/traps";

describe("traps of EMF's lists and filters", () => {
    let traps: TrapLab;
    before(async () => {
        traps = await TrapLab.start();
    });
    after(() => traps[Symbol.asyncDispose]());
    afterEach(async () => {
        delete traps.lab.emf.tap;
        for (const path of ["compute/instances", "compute/hosts", "regions", "localAccounts", "compute/os"]) {
            for (const { resourceId } of await traps.lab.emf.list(path))
                await traps.lab.emf.remove(path, resourceId);
        }
    });

    async function names(query: string): Promise<unknown[]> {
        const { regions } = await traps.taken("GET", `regions?${query}`);
        return (regions as { name: string }[]).map(({ name }) => name);
    }

    function filter(text: string): string {
        return `filter=${encodeURIComponent(text)}`;
    }

    it("paging in the default order, by random ids, misses or repeats rows when one is made meanwhile", async () => {
        for (let i = 0; i < 120; i++) await traps.lab.emf.create("regions", { name: `r${i}` });
        const first = await names("pageSize=100&offset=0");
        for (let i = 0; i < 40; i++) await traps.lab.emf.create("regions", { name: `late${i}` });
        const second = await names("pageSize=100&offset=100");
        expect(second, "a row of the first page comes again").to.satisfy((page: unknown[]) =>
            page.some((name) => first.includes(name)),
        );

        let made = 0;
        traps.lab.emf.tap = (side, route) => {
            // One more is made as soon as the first page has been read.
            if (side === "after" && route === "GET regions" && made++ === 0) {
                for (let i = 0; i < 40; i++) {
                    traps.lab.emf.store.create("region", traps.lab.emf.projectUid, { name: `later${i}` });
                }
            }
            return undefined;
        };
        const seen = (await traps.client().list("regions")).map(({ name }) => name);
        expect(new Set(seen).size).to.equal(seen.length);
        expect(seen.filter((name) => name.startsWith("r"))).to.have.lengthOf(120);
        expect(seen.filter((name) => name.startsWith("late"))).to.have.lengthOf.at.least(40);
    });

    it("a page holds 100 at most, and without a page size an old server may give 20", async () => {
        for (let i = 0; i < 105; i++) await traps.lab.emf.create("regions", { name: `r${i}` });
        await traps.refused(400, "GET", "regions?pageSize=101");
        await traps.refused(400, "GET", "regions?pageSize=0");
        await traps.refused(400, "GET", "regions?pageSize=100&offset=10001");
        expect(await traps.taken("GET", "regions?pageSize=100")).to.include({
            hasNext: true,
            totalElements: 105,
        });
        expect(await traps.client().list("regions")).to.have.lengthOf(105);
    });

    it('a filter for name="x" finds every name that contains x, in any case', async () => {
        for (const name of ["north", "North", "northwest", "far north"]) {
            await traps.lab.emf.create("regions", { name });
        }
        expect(await names(filter('name="north"'))).to.have.lengthOf(4);
        const found = await traps.client().findByName("regions", "north");
        expect(found.map(({ name }) => name)).to.deep.equal(["north"]);
    });

    it("a star in a filter matches anything, an underscore only itself, and other signs are refused", async () => {
        for (const name of ["a_b", "acb"]) await traps.lab.emf.create("regions", { name });
        expect(await names(filter('name="a*b"'))).to.have.members(["a_b", "acb"]);
        expect(await names(filter('name="a_b"'))).to.deep.equal(["a_b"]);
        for (const sign of ["%", "!", "<", ">", "+", "?"]) {
            await traps.refused(400, "GET", `regions?${filter(`name="a${sign}b"`)}`);
        }
        expect(await traps.client().findByName("regions", "a_b")).to.have.lengthOf(1);
        expect(await traps.client().findByName("regions", "a*b")).to.be.empty;
    });

    it("a value that was never set is found by no filter for UNSPECIFIED", async () => {
        await traps.lab.emf.create("compute/os", {
            sha256: "0".repeat(64),
            osType: "OS_TYPE_MUTABLE",
            osProvider: "OS_PROVIDER_KIND_INFRA",
        });
        const unset = `compute/os?${filter("securityFeature=SECURITY_FEATURE_UNSPECIFIED")}`;
        expect(await traps.taken("GET", unset)).to.include({ totalElements: 0 });
        expect((await traps.client().list("os")).map(({ securityFeature }) => securityFeature)).to.deep.equal(
            ["SECURITY_FEATURE_UNSPECIFIED"],
        );
    });

    it("an empty query value is refused", async () => {
        await traps.refused(400, "GET", "regions?filter=");
        expect(await traps.client().list("regions")).to.be.empty;
    });

    it("admin finds admin-b and xadmin too: orch-cli then gives a host the wrong SSH account", async () => {
        const ids: Record<string, string> = {};
        for (const username of ["xadmin", "admin", "admin-b", "admin-c"]) {
            const { resourceId } = await traps.lab.emf.create("localAccounts", {
                username,
                sshKey: publicKey("ssh-ed25519"),
            });
            ids[username] = resourceId;
        }
        const { localAccounts } = await traps.taken(
            "GET",
            `localAccounts?${filter("username='admin' OR resourceId='admin'")}`,
        );
        expect(localAccounts).to.have.lengthOf(4);

        const profile = await traps.profile({ name: "ubuntu" });
        const context = traps.run();
        expect((await resolve(context.client, "localAccounts", "admin", context.signal)).resourceId).to.equal(
            ids.admin,
        );
        const inputs = { serial: "SN00001", osProfile: profile.resourceId, localAccount: "admin" };
        await new Row(edgeHost).up(inputs, context);
        const [instance] = await traps.lab.emf.list("compute/instances");
        const { localaccount } = await traps.lab.emf.get("compute/instances", instance?.resourceId ?? "");
        expect(localaccount).to.include({ username: "admin" });
    });

    it("names of sites, regions and hosts may be there twice: which one is meant is asked, not guessed", async () => {
        for (let i = 0; i < 2; i++) await traps.taken("POST", "sites", { name: "store" });
        const { message } = await failure(
            new Row(edgeHost).up({ serial: "SN00001", site: "store" }, traps.run()),
        );
        expect(message).to.contain("2 sites in EMF project").and.contain("give the id");
        for (const { resourceId } of await traps.lab.emf.list("sites"))
            await traps.lab.emf.remove("sites", resourceId);
    });
});
