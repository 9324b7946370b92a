import * as os from "node:os";
import { median, report } from "../support/bench";
import { CELLS, fleetOf, succeeded, type Fleet } from "../support/fleet";
import { OrchCli } from "../support/orchCli";

const HOSTS = Number(process.env.FLEET_WALL_HOSTS ?? 1000);
const LATENCY_MS = 50;
const ROUNDS = 2;
const TARGET = 4;

/**
 * Time from a CSV to so many registered hosts with every call 50 ms away, beside a client that makes orch-cli's calls.
 * Our runs enclose the one slow run they are compared with.
 */
async function main(): Promise<void> {
    const ours = [];
    const baseline = [];
    for (let round = 0; round < ROUNDS; round++) {
        ours.push(await onNewFleet(async ({ stack }) => void succeeded(await stack.up())));
        if (baseline.length === 0) baseline.push(await onNewFleet(importSequentially));
    }
    const ratio = median(baseline) / median(ours);
    // The slow client hardly needs a processor, the engine does: on a busy machine the ratio is lower.
    const load = `load ${(os.loadavg()[0] ?? 0).toFixed(1)} on ${os.availableParallelism()} processors`;
    report({
        name: "fleet-wall",
        value: median(ours),
        unit: `s from a CSV to ${HOSTS} registered hosts, ${LATENCY_MS} ms a call (${ROUNDS} runs: ${ours.map((s) => s.toFixed(1)).join(", ")}; ${load})`,
        baseline: `${median(baseline).toFixed(1)} s: the ${6 + 3 * HOSTS} calls of orch-cli for the same file, one after the other (1 run, without its token requests)`,
        ratio,
        target: `>= ${TARGET} x faster`,
        ok: ratio >= TARGET,
    });
}

/** Seconds that `work` takes on a fleet that nobody has registered yet. */
async function onNewFleet(work: (fleet: Fleet) => Promise<void>): Promise<number> {
    await using fleet = await fleetOf(HOSTS, { allCells: true });
    fleet.lab.emf.fault({ on: "*", do: "latency", ms: LATENCY_MS });
    const start = performance.now();
    await work(fleet);
    const seconds = (performance.now() - start) / 1000;
    const registered = fleet.lab.emf.store.list("host").length;
    if (registered !== HOSTS) throw new Error(`${registered} of ${HOSTS} hosts are registered`);
    return seconds;
}

async function importSequentially({ lab, hosts }: Fleet): Promise<void> {
    using cli = await OrchCli.login(lab.emf);
    await cli.importHosts(hosts, CELLS);
}

void main();
