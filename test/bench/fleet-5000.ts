import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { HOSTS_CSV_HEADER } from "../../components/hostsCsv";
import { report } from "../support/bench";
import { fleetOf, succeeded } from "../support/fleet";
import { runMeasured } from "../support/measuredProcess";

const SMALL = 1000;
const LARGE = Number(process.env.FLEET_5000_HOSTS ?? 5000);
const MIB = 1024 ** 2;

interface Run {
    seconds: number;
    peakMemory: number;
    stateBytes: number;
}

/**
 * The first `up` of a fleet of 5,000 beside one of 1,000: time, memory and state may grow with the hosts and no
 * faster. Every other machine has no UUID.
 */
async function main(): Promise<void> {
    // The small runs enclose the large one, so that a machine that gets slower or faster does not count.
    const before = await firstUp(SMALL);
    const large = await firstUp(LARGE);
    const after = await firstUp(SMALL);
    const smallOf = (of: (run: Run) => number): number => (of(before) + of(after)) / 2;
    const hosts = `${LARGE} hosts, half of them without UUID`;
    const lines = [
        { name: "time", of: (run: Run) => run.seconds, unit: "s", limit: 1.25 },
        { name: "memory", of: (run: Run) => run.peakMemory / MIB, unit: "MiB", limit: 1.1 },
        { name: "state", of: (run: Run) => run.stateBytes / MIB, unit: "MiB", limit: 1.02 },
    ];
    for (const { name, of, unit, limit } of lines) {
        const ratio = of(large) / smallOf(of) / (LARGE / SMALL);
        report({
            name: `fleet-5000-${name}`,
            value: of(large),
            unit: `${unit} for the first up of ${hosts}${name === "memory" ? " (engine, program and provider)" : ""}`,
            baseline: `${smallOf(of).toFixed(1)} ${unit}: ${SMALL} hosts, mean of 2 runs`,
            ratio,
            target: `<= ${limit} x as much a host as with ${SMALL} hosts`,
            ok: ratio <= limit,
        });
    }
}

async function firstUp(count: number): Promise<Run> {
    await using fleet = await fleetOf(count);
    const { lab, stack } = fleet;
    const rows = Array.from(
        { length: count },
        (_, i) => `SN${String(i).padStart(6, "0")},${i % 2 === 0 ? crypto.randomUUID() : ""}`,
    );
    fs.writeFileSync(path.join(stack.dir, "hosts.csv"), [HOSTS_CSV_HEADER.join(","), ...rows].join("\n"));
    const { file, args, env } = stack.commandLine("up", ["--yes"]);
    const { seconds, peakMemory, exitCode, stdout } = await runMeasured(file, args, { cwd: stack.dir, env });
    succeeded({ exitCode: exitCode ?? -1, stdout });
    const registered = lab.emf.store.list("host").length;
    if (registered !== count) throw new Error(`${registered} of ${count} hosts are registered`);
    const stateBytes = fs.statSync(stack.checkpointFile).size;
    await assertNothingToDo(fleet, count);
    return { seconds, peakMemory, stateBytes };
}

async function assertNothingToDo(
    { stack }: Awaited<ReturnType<typeof fleetOf>>,
    count: number,
): Promise<void> {
    const { changes } = succeeded(await stack.up());
    const changed = Object.entries(changes).filter(([op, times]) => op !== "same" && times > 0);
    if (changed.length > 0 || (changes.same ?? 0) < count) {
        throw new Error(`a second up did ${JSON.stringify(changes)}`);
    }
}

void main();
