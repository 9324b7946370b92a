import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import type { EmfClient } from "../../../provider/emf/client";
import { EmfError, InUse } from "../../../provider/emf/errors";
import { UnavailableHere } from "../../../provider/resource/errors";
import type { TestHost } from "../../support/context";
import { labClient } from "../../support/emf";

const SHA = "6f7aef82c1aae6c914a9f173a6be91b0a222027937f5afcc87c2b12a9d71c056";
const OS = { sha256: SHA, osType: "OS_TYPE_MUTABLE", osProvider: "OS_PROVIDER_KIND_INFRA" };

describe("the EMF client against the lab", () => {
    let lab: Lab;
    let client: EmfClient;
    let host: TestHost;
    const clients: EmfClient[] = [];

    before(async () => {
        lab = await startLab({ images: false });
    });
    after(async () => {
        await Promise.all(clients.map((each) => each.close()));
        await lab.close();
    });
    beforeEach(() => {
        connect();
        lab.emf.resetCalls();
    });
    afterEach(() => {
        lab.emf.clearFaults();
    });

    function connect(overrides: Record<string, string | undefined> = {}): void {
        ({ client, host } = labClient(lab, overrides, {
            // Pauses are cut short, but real: the lab has a rate limit, and finishes deletions in its own time.
            sleep: () => new Promise((resolve) => setTimeout(resolve, 10)),
        }));
        clients.push(client);
    }

    async function failure(promise: Promise<unknown>): Promise<Error> {
        try {
            await promise;
        } catch (error) {
            return error as Error;
        }
        throw new Error("did not fail");
    }

    describe("login", () => {
        it("is one for all callers, and renewed before it ends", async () => {
            await Promise.all([client.list("os"), client.list("hosts"), client.project()]);
            expect(lab.emf.calls().tokens).to.equal(1);
            host.advance(299_000);
            await Promise.all([client.list("os", { maxAge: 0 }), client.list("hosts", { maxAge: 0 })]);
            expect(lab.emf.calls().tokens).to.equal(2);
        });

        it("starts anew when the refresh is refused", async () => {
            await client.list("os");
            host.advance(299_000);
            lab.emf.fault({
                on: "POST token",
                do: "status",
                status: 400,
                body: { error: "invalid_grant" },
                times: 1,
            });
            await client.list("os", { maxAge: 0 });
            expect(lab.emf.calls().tokens).to.equal(3);
        });

        it("is renewed once when a request is refused in the middle, for all that were", async () => {
            await client.list("os");
            const unauthorized = {
                do: "status",
                status: 401,
                body: { message: "Unauthorized" },
                times: 1,
            } as const;
            for (const path of ["sites", "regions", "compute/hosts"]) {
                lab.emf.fault({ on: `GET ${path}`, ...unauthorized });
            }
            await Promise.all([client.list("sites"), client.list("regions"), client.list("hosts")]);
            expect(lab.emf.calls().tokens).to.equal(2);
        });

        it("says whose was refused, and shows no password", async () => {
            connect({ password: "hunter2-wrong" });
            const error = await failure(client.list("os"));
            expect(error).not.to.be.instanceOf(UnavailableHere);
            expect(error.message)
                .to.contain('login of user "edge-operator"')
                .and.contain("Invalid user credentials")
                .and.not.contain("hunter2");
        });

        it("with a ready token that is not accepted asks for another", async () => {
            connect({ token: "eyJhbGciOiJub25lIn0.eyJ4IjoxfQ.c2VjcmV0" });
            const error = await failure(client.project());
            expect(error.message)
                .to.contain("login of the given token is not accepted")
                .and.not.contain("eyJ");
        });
    });

    describe("the project", () => {
        it("is asked for once", async () => {
            const [one, two] = await Promise.all([client.project(), client.project()]);
            expect(one).to.equal(two);
            expect(one).to.deep.equal({
                name: lab.emf.project,
                uid: lab.emf.projectUid,
                endpoint: lab.emf.endpoint,
            });
            expect(lab.emf.calls().routes["GET project"]).to.equal(1);
        });

        it("that does not exist is an error and no empty list", async () => {
            connect({ project: "no-such" });
            expect((await failure(client.project())).message).to.contain('there is no project "no-such"');
            expect((await failure(client.list("os"))).message).to.contain('there is no project "no-such"');
            expect(await failure(client.get("os", "os-00000000"))).to.be.instanceOf(EmfError);
        });
    });

    describe("shared lists", () => {
        it("are paged, and asked for once however many want them", async () => {
            for (let i = 0; i < 230; i++) await lab.emf.create("regions", { name: `r${i}` });
            const lists = await Promise.all(Array.from({ length: 50 }, () => client.list("regions")));
            expect(new Set(lists.map((list) => list.length))).to.deep.equal(new Set([230]));
            expect(lab.emf.calls().routes["GET regions"]).to.equal(3);
            expect(await client.findByName("regions", "r1")).to.have.lengthOf(1);
            for (const { resourceId } of await lab.emf.list("regions"))
                await lab.emf.remove("regions", resourceId);
        });

        it("show own writes, also those made while the pages were read", async () => {
            await client.list("regions");
            const made = await client.createOnce("regions", { name: "own" }, { same: () => false });
            expect((await client.findByName("regions", "own")).length).to.equal(1);
            await client.patch("regions", made.resourceId, { name: "renamed" });
            expect((await client.findByName("regions", "own")).length).to.equal(0);

            const reading = client.list("regions", { maxAge: 0 });
            const [late] = await Promise.all([
                client.createOnce("regions", { name: "late" }, { same: () => false }),
                client.remove("regions", made.resourceId),
            ]);
            await reading;
            const ids = (await client.list("regions")).map(({ resourceId }) => resourceId);
            expect(ids).to.deep.equal([late.resourceId]);
            expect(lab.emf.calls().routes["GET regions"]).to.equal(2);
            await client.remove("regions", late.resourceId);
        });

        it("do not decide what is gone: an id they miss is asked for", async () => {
            await client.list("regions");
            const behind = await lab.emf.create("regions", { name: "behind" });
            expect(await client.look("regions", behind.resourceId)).to.include({ name: "behind" });
            await lab.emf.remove("regions", behind.resourceId);
            expect(await client.get("regions", behind.resourceId)).to.equal(undefined);
            expect(await client.findByName("regions", "behind")).to.be.empty;
        });

        it("keep a host's profile and inherited keys, which answers to writes leave out", async () => {
            const os = await lab.emf.create("compute/os", { ...OS, name: "for-hosts" });
            const site = await lab.emf.create("sites", { name: "s", metadata: [{ key: "a", value: "b" }] });
            const registered = await client.createOnce(
                "hosts",
                { serialNumber: "SN00002" },
                { same: () => false },
            );
            await client.patch("hosts", registered.resourceId, { name: "h", siteId: site.resourceId });
            await client.list("hosts", { maxAge: 0 });
            const instance = await client.createOnce(
                "instances",
                { hostID: registered.resourceId, osID: os.resourceId },
                { same: () => false },
            );
            await client.patch("hosts", registered.resourceId, { name: "h2" });
            const [known] = await client.list("hosts");
            expect(known?.name).to.equal("h2");
            expect(known?.inheritedMetadata).to.deep.equal([{ key: "a", value: "b" }]);
            expect(known?.instance?.os?.resourceId).to.equal(os.resourceId);
            expect(known?.instance?.resourceId).to.equal(instance.resourceId);

            const used = await failure(client.remove("os", os.resourceId));
            expect(used).to.be.instanceOf(InUse);
            await client.remove("instances", instance.resourceId);
            await client.remove("hosts", registered.resourceId);
            expect(await lab.emf.list("compute/hosts")).to.be.empty;
            await client.remove("os", os.resourceId);
            await client.remove("sites", site.resourceId);
        });
    });

    describe("when EMF is in trouble", () => {
        it("creates once, however the answer is lost", async () => {
            for (const [i, fault] of (
                [
                    { do: "reset", after: "write" },
                    { do: "reset" },
                    { do: "status", status: 500, after: "write" },
                    { do: "status", status: 503, after: "write" },
                    { do: "status", status: 503 },
                    { do: "status", status: 429, body: null },
                ] as const
            ).entries()) {
                const name = `once-${i}`;
                lab.emf.fault({ on: "POST regions", times: 1, ...fault });
                const made = await client.createOnce(
                    "regions",
                    { name },
                    { same: (other) => other.name === name },
                );
                const there = (await lab.emf.list("regions")).filter((region) => region.name === name);
                expect(
                    there.map(({ resourceId }) => resourceId),
                    JSON.stringify(fault),
                ).to.deep.equal([made.resourceId]);
                await client.remove("regions", made.resourceId);
            }
        });

        it("does not create again what it cannot look for", async () => {
            lab.emf.fault({ on: "POST regions", do: "reset", after: "write", times: 1 });
            lab.emf.fault({ on: "GET regions", do: "status", status: 403, body: { message: "Forbidden" } });
            const error = await failure(client.createOnce("regions", { name: "x" }, { same: () => false }));
            expect(error.message).to.contain("lacks the role");
            lab.emf.clearFaults();
            const [made, ...others] = await lab.emf.list("regions");
            expect(others).to.be.empty;
            await client.remove("regions", made?.resourceId ?? "");
        });

        it("waits for a slow one, and says so when it stays down", async () => {
            lab.emf.fault({ on: "GET regions", do: "status", status: 503, times: 2 });
            await client.list("regions");
            lab.emf.fault({
                on: "GET sites",
                do: "status",
                status: 503,
                body: { message: "request timeout" },
            });
            const error = await failure(client.list("sites"));
            expect(error).to.be.instanceOf(UnavailableHere);
            expect(error.message).to.contain("EMF cannot serve it now (HTTP 503: request timeout)");
        });

        for (const [status, body, text] of [
            [403, "Access denied or project not found\n", "or edge-operator has no role in it"],
            [403, { message: "Forbidden" }, "lacks the role"],
            [404, { message: "no matching operation was found" }, "there is no such API at this address"],
            [
                400,
                { code: "InvalidArgument", message: "OS type cannot be unspecified" },
                "OS type cannot be unspecified",
            ],
            [200, "<html>login</html>", "but not by EMF's API"],
        ] as const) {
            it(`explains HTTP ${status} ${JSON.stringify(body).slice(0, 40)}`, async () => {
                lab.emf.fault({ on: "GET regions", do: "status", status, body });
                const { message } = await failure(client.list("regions"));
                expect(message)
                    .to.contain(text)
                    .and.match(/^EMF: GET \/v1\/projects\/[^ ?]+\/regions/);
            });
        }

        it("shows nothing secret in any error", async () => {
            const texts: string[] = [];
            for (const fault of [
                { do: "reset" },
                {
                    do: "status",
                    status: 500,
                    body: { code: "Internal", message: `password ${lab.emf.password}` },
                },
                { do: "status", status: 400, body: { message: `Bearer abc ${lab.emf.password}` } },
            ] as const) {
                lab.emf.fault({ on: "*", ...fault });
                texts.push((await failure(client.list("regions"))).message);
                lab.emf.clearFaults();
                await client.project();
                lab.emf.fault({ on: "GET regions", ...fault });
                texts.push((await failure(client.list("regions"))).message);
                lab.emf.clearFaults();
            }
            expect(texts.join("\n")).to.not.contain(lab.emf.password);
        });
    });
});
