import { report } from "../support/bench";
import { fleetOf, succeeded } from "../support/fleet";

/** API calls of an `up` of a fleet from a CSV, beside those orch-cli makes for the same file. */
async function main(): Promise<void> {
    for (const hosts of [1, 100, 1000]) {
        await using fleet = await fleetOf(hosts, { allCells: true });
        fleet.lab.emf.resetCalls();
        succeeded(await fleet.stack.up());
        const { writes, reads, total } = fleet.lab.emf.calls();
        const allowed = 3 * hosts + 20 + 2 * Math.ceil(hosts / 100);
        const orchCli = 6 + 3 * hosts;
        report({
            name: `fleet-calls-${hosts}`,
            value: total,
            unit: `calls (${writes} writes, ${reads} reads)`,
            baseline: `${orchCli} calls: orch-cli for the same file`,
            ratio: total / orchCli,
            target: `<= 3 writes a host, ${allowed} calls in all`,
            ok: writes <= 3 * hosts && total <= allowed,
        });
    }
}

void main();
