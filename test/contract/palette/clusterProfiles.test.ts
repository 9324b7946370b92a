import { expect } from "chai";
import { edgeCluster } from "../../../provider/palette/edgeCluster.handler";
import { checkInputs } from "../../../provider/resource/check";
import { UNKNOWN } from "../../../provider/resource/unknown";
import { failure } from "../../support/failure";
import {
    cluster,
    context,
    edit,
    only,
    palette,
    profile,
    up,
    useClusters,
} from "../../support/paletteClusters";
import { Row } from "../../support/row";

const PIN = "4711-very-secret";

describe("palette.EdgeCluster: its profiles", () => {
    useClusters();

    for (const repaveApproval of ["given", "needed"] as const) {
        it(`#946, #955: moves to a new version of its profile in one call, with approval ${repaveApproval}`, async () => {
            palette().behaviour.repaveApproval = repaveApproval;
            palette().store.profiles.put(profile("infra", "1.1.0"));
            const row = await up();
            palette().resetCalls();
            const run = context();
            expect(await row.up(cluster({ profiles: [{ uid: "infra-1.1.0" }] }), run)).to.equal("updated");
            expect(only().profiles.map(({ uid }) => uid)).to.deep.equal(["infra-1.1.0"]);
            const { routes } = palette().calls();
            expect(routes["PATCH v1/spectroclusters/{id}/profiles"]).to.equal(1);
            expect(routes).to.not.have.property("DELETE v1/spectroclusters/{id}/profiles");
            expect(run.messages.warn).to.deep.equal([
                "all nodes are repaved, one after another: system.uri r.example.com/ubuntu:1.0.0 becomes " +
                    "r.example.com/ubuntu:1.1.0",
            ]);
            expect(only().rollout?.applicableAt, "handed to the nodes").to.be.at.most(palette().store.now());
        });
    }

    it("refuses to repave in a preview where it is told to", async () => {
        palette().store.profiles.put(profile("infra", "1.1.0"));
        const row = await up();
        const inputs = cluster({ profiles: [{ uid: "infra-1.1.0" }], repave: "refuse" });
        const told = await failure(row.check(inputs, context({ preview: true })));
        expect(told).to.include("would repave all nodes").and.include("r.example.com/ubuntu:1.1.0");
    });

    it("approves no repave where it is told to refuse one, also when no preview could see it", async () => {
        palette().behaviour.repaveApproval = "needed";
        const values = `options: { system.uri: "r.example.com/ubuntu:{{ .spectro.var.release }}" }`;
        const published = (profile("infra", "1.1.0").published ?? []).map((pack) => ({ ...pack, values }));
        palette().store.profiles.put(profile("infra", "1.1.0", { published }));
        const row = await up();
        const inputs = cluster({ profiles: [{ uid: "infra-1.1.0" }], repave: "refuse" });
        const told = await failure(row.up(inputs, context()));
        expect(told).to.include('repave is "refuse"').and.include("approve it in the console");
        expect(only().repave).to.equal("Pending");
        await row.up({ ...inputs, repave: "allow" }, context());
        expect(only().repave).to.equal("Approved");
    });

    it("#846: replaces the profile that is meant, and leaves the add-ons beside it", async () => {
        const { profiles } = palette().store;
        for (const name of ["monitoring", "backup"]) {
            for (const version of ["1.0.0", "2.0.0"]) {
                profiles.put(profile(name, version, { type: "add-on", cloudType: "all", published: [] }));
            }
        }
        profiles.put(profile("other-base", "1.0.0"));
        const uses = (...uids: string[]): object => ({ profiles: uids.map((uid) => ({ uid })) });
        const row = await up(cluster(uses("infra-1.0.0", "monitoring-1.0.0", "backup-1.0.0")));
        await row.up(cluster(uses("infra-1.0.0", "monitoring-1.0.0", "backup-2.0.0")), context());
        expect(only().profiles.map(({ uid }) => uid)).to.deep.equal([
            ...["infra-1.0.0", "monitoring-1.0.0", "backup-2.0.0"],
        ]);
        // One of another name takes the place of the only one with an operating system.
        await row.up(cluster(uses("other-base-1.0.0", "backup-2.0.0")), context());
        expect(only().profiles.map(({ uid }) => uid)).to.deep.equal(["other-base-1.0.0", "backup-2.0.0"]);
    });

    it("#846: keeps the old state when profiles cannot be applied, and goes on with the next run", async () => {
        palette().store.profiles.put(profile("infra", "1.1.0"));
        const row = await up();
        const inputs = cluster({ profiles: [{ uid: "infra-1.1.0" }] });
        palette().fault({ on: "PATCH spectroclusters/{id}/profiles", do: "status", status: 400, times: 1 });
        await failure(row.up(inputs, context()));
        expect(row.state?.inputs.profiles).to.deep.equal([{ uid: "infra-1.0.0" }]);
        expect(await row.up(inputs, context())).to.equal("updated");
        expect(only().profiles[0]?.uid).to.equal("infra-1.1.0");
    });

    it("#846: goes on with profiles that an interrupted run has changed, also where a repave waits for approval", async () => {
        palette().behaviour.repaveApproval = "needed";
        palette().store.profiles.put(profile("infra", "1.1.0"));
        const row = await up();
        const inputs = cluster({ profiles: [{ uid: "infra-1.1.0" }] });
        const interrupted = palette().fault({
            on: "PATCH repave/approve",
            do: "status",
            status: 400,
            times: 1,
        });
        await failure(row.up(inputs, context()));
        expect(interrupted.hits).to.equal(1);
        expect(only().repave).to.equal("Pending");
        await row.up(inputs, context());
        expect(only().repave).to.not.equal("Pending");
    });

    it("takes a profile back that somebody has swapped", async () => {
        palette().store.profiles.put(profile("infra", "0.9.0"));
        const row = await up();
        edit(({ profiles }) => ({ profiles: profiles.map((use) => ({ ...use, uid: "infra-0.9.0" })) }));
        expect(await row.refresh(context())).to.deep.equal(["profiles"]);
        await row.up(cluster(), context());
        expect(only().profiles.map(({ uid }) => uid)).to.deep.equal(["infra-1.0.0"]);
    });

    it("#921: sets variables, sees those that were changed, and none that are sensitive", async () => {
        const variables = [{ name: "site" }, { name: "pin", isSensitive: true }];
        palette().store.profiles.put(profile("infra", "1.0.0", { variables }));
        const uses = (site: string, pin: string): object => ({
            profiles: [{ uid: "infra-1.0.0", variables: { site, pin } }],
        });
        const row = await up(cluster(uses("17", PIN)));
        expect(await row.refresh(context())).to.deep.equal([]);
        edit(({ profiles }) => ({
            profiles: profiles.map((use) => ({ ...use, variables: [{ name: "site", value: "18" }] })),
        }));
        expect(await row.refresh(context())).to.deep.equal(["profiles"]);
        const run = context();
        await row.up(cluster(uses("17", "another")), run);
        expect(
            Object.fromEntries(only().profiles[0]?.variables.map(({ name, value }) => [name, value]) ?? []),
        ).to.deep.equal({ site: "17", pin: "another" });
        expect(run.client.clean(`pin another`)).to.equal("pin [secret]");
    });

    it("lets no secret variable out", async () => {
        palette().store.profiles.put(
            profile("infra", "1.0.0", { variables: [{ name: "pin", isSensitive: true }] }),
        );
        const inputs = cluster({ profiles: [{ uid: "infra-1.0.0", variables: { pin: PIN } }] });
        palette().fault({
            on: "POST spectroclusters/edge-native",
            ...{
                do: "status",
                status: 400,
                times: 1,
                body: { code: "InvalidRequest", message: `pin ${PIN}` },
            },
        });
        const run = context();
        const row = new Row(edgeCluster);
        expect(await failure(row.up(inputs, run))).to.include("pin [secret]");
        await row.up(inputs, run);
        const { profiles, ...rest } = row.state?.inputs ?? {};
        expect(JSON.stringify(profiles)).to.include(PIN);
        expect(JSON.stringify([rest, row.state?.outputs, run.messages])).to.not.include(PIN);
    });

    it("approves a repave and takes a profile out once, when the answers are lost", async () => {
        palette().behaviour.repaveApproval = "needed";
        const { profiles } = palette().store;
        profiles.put(profile("infra", "1.1.0"));
        profiles.put(profile("monitoring", "1.0.0", { type: "add-on", cloudType: "all", published: [] }));
        const row = await up(cluster({ profiles: [{ uid: "infra-1.0.0" }, { uid: "monitoring-1.0.0" }] }));
        const lost = [
            "PATCH spectroclusters/{id}/profiles",
            "DELETE spectroclusters/{id}/profiles",
            "PATCH repave/approve",
        ].map((on) => palette().fault({ on, do: "reset", after: "write", times: 1 }));
        expect(await row.up(cluster({ profiles: [{ uid: "infra-1.1.0" }] }), context())).to.equal("updated");
        expect(lost.map(({ hits }) => hits)).to.deep.equal([1, 1, 1]);
        expect(only().profiles.map(({ uid }) => uid)).to.deep.equal(["infra-1.1.0"]);
    });

    it("warns of a repave in a preview where the new version of its profile is not there yet", async () => {
        const row = await up();
        const run = context({ preview: true });
        const { inputs } = await checkInputs(
            edgeCluster,
            cluster({ profiles: [{ uid: UNKNOWN, variables: { site: "17" } }] }),
            row.state?.inputs,
            run,
        );
        expect(inputs.systemUri).to.equal(UNKNOWN);
        expect(run.messages.warn).to.deep.equal([
            "if the nodes' image is another than r.example.com/ubuntu:1.0.0, all of them are repaved",
        ]);
    });

    it("#877: sees no drift in variables that the program leaves to the profile", async () => {
        const variables = [{ name: "site", defaultValue: "0" }, { name: "zone" }];
        palette().store.profiles.put(profile("infra", "1.0.0", { variables }));
        const inputs = cluster({ profiles: [{ uid: "infra-1.0.0", variables: { site: "17" } }] });
        const row = await up(inputs);
        edit(({ profiles }) => ({
            profiles: profiles.map((use) => ({
                ...use,
                variables: [...use.variables, { name: "zone", value: "filled in" }],
            })),
        }));
        expect(await row.refresh(context())).to.deep.equal([]);
        expect(await row.up(inputs, context())).to.equal("same");
    });
});
