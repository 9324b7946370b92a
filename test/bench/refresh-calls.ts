import { report } from "../support/bench";
import { fleetOf, succeeded } from "../support/fleet";

const HOSTS = 1000;
const TARGET = 30;

/** API calls of a refresh of a fleet, beside one GET a host. */
async function main(): Promise<void> {
    await using fleet = await fleetOf(HOSTS);
    succeeded(await fleet.stack.up());
    fleet.lab.emf.resetCalls();
    succeeded(await fleet.stack.refresh());
    const { total } = fleet.lab.emf.calls();
    report({
        name: "refresh-calls",
        value: total,
        unit: `calls for ${HOSTS} hosts`,
        baseline: `${HOSTS} calls: one GET a host`,
        ratio: total / HOSTS,
        target: `<= ${TARGET} calls`,
        ok: total <= TARGET,
    });
}

void main();
