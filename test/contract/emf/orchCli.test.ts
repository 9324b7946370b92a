import { expect } from "chai";
import { CELLS, fleetOf } from "../../support/fleet";
import { OrchCli } from "../../support/orchCli";

/** As logged from the real orch-cli, importing a CSV that names a profile, a site, an account and a config. */
const LOOK_UPS = [
    "GET project",
    "GET project",
    "GET compute/os",
    "GET regions/region/sites",
    "GET localAccounts",
    "GET customConfigs",
];
const EACH_HOST = ["POST compute/hosts/register", "POST compute/instances", "PATCH compute/hosts/{id}"];

describe("the client that stands for orch-cli in comparisons", () => {
    for (const [hosts, calls] of [
        [1, 9],
        [10, 36],
    ] as const) {
        it(`makes orch-cli's ${calls} calls for ${hosts} hosts, one after the other`, async () => {
            await using fleet = await fleetOf(hosts, { allCells: true });
            const { emf } = fleet.lab;
            emf.resetCalls();
            const routes: string[] = [];
            let underWay = 0;
            let most = 0;
            emf.tap = (side, route) => {
                if (side === "before") routes.push(route);
                underWay += side === "before" ? 1 : -1;
                most = Math.max(most, underWay);
                return undefined;
            };
            using cli = await OrchCli.login(emf);
            await cli.importHosts(fleet.hosts, CELLS);

            expect(routes).to.deep.equal([...LOOK_UPS, ...fleet.hosts.flatMap(() => EACH_HOST)]);
            expect(emf.calls()).to.include({ total: calls, writes: 3 * hosts, tokens: 0 });
            expect(most).to.equal(1);
            const registered = await emf.list("compute/hosts");
            expect(registered.map(({ serialNumber }) => serialNumber)).to.have.members(
                fleet.hosts.map(({ serial }) => serial),
            );
            expect(registered.map(({ name, resourceId }) => name === resourceId)).not.to.include(false);
        });
    }
});
