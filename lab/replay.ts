import * as fs from "node:fs";
import { parseArgs } from "node:util";
import * as emf from "./emf/replay/command";
import * as ims from "./ims/replay/command";
import type { Difference, ReadScenarios, ReplayOutcome, Scenarios } from "./replayOutcome";

const USAGE = `Usage: node dist/lab/replay.js emf|ims FILE [--scenario NAME]

Replays recorded requests on an empty lab and compares its answers with the recorded ones. Each differing step is
printed; the last line is "N passed, N failed".`;

/** Differences of one step that are printed; the rest is counted. */
const MAX_DIFFERENCES = 8;

const SYSTEMS: Readonly<Record<string, { read: ReadScenarios; form: string }>> = { emf, ims };

class UsageError extends Error {}

async function main(args: string[]): Promise<boolean> {
    const { values, positionals } = parseArgs({
        args,
        allowPositionals: true,
        options: { scenario: { type: "string" } },
    });
    const [name = "", file, ...others] = positionals;
    const system = Object.hasOwn(SYSTEMS, name) ? SYSTEMS[name] : undefined;
    if (!system || file === undefined || others.length > 0) throw new UsageError(USAGE);
    const scenarios = system.read(readJson(file));
    if (!scenarios) throw new UsageError(`${file} is no recording of ${name}: ${system.form}.`);
    const outcomes: ReplayOutcome[] = [];
    for (const replay of chosen(scenarios, values.scenario, file)) outcomes.push(...(await replay()));
    for (const outcome of outcomes) if (outcome.verdict === "failed") console.log(describe(outcome));
    console.log(closing(outcomes));
    return outcomes.every(({ verdict }) => verdict !== "failed");
}

function readJson(file: string): unknown {
    try {
        return JSON.parse(fs.readFileSync(file, "utf8")) as unknown;
    } catch (error) {
        throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
    }
}

function chosen(
    scenarios: Scenarios,
    name: string | undefined,
    file: string,
): (() => Promise<ReplayOutcome[]>)[] {
    if (name === undefined) return [...scenarios.values()];
    const one = scenarios.get(name);
    if (one) return [one];
    throw new UsageError(`${file} has no scenario ${name}. It has: ${[...scenarios.keys()].join(", ")}.`);
}

function describe({ title, differences }: ReplayOutcome): string {
    const shown = differences.slice(0, MAX_DIFFERENCES).map(describeDifference);
    const hidden = differences.length - shown.length;
    return [title, ...shown, ...(hidden > 0 ? [`    … and ${hidden} more`] : [])].join("\n");
}

function describeDifference({ path, expected, actual }: Difference): string {
    return `    ${path}: expected ${shorten(expected)}, got ${shorten(actual)}`;
}

function shorten(value: unknown): string {
    const text = value === undefined ? "nothing" : JSON.stringify(value);
    return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}

function closing(outcomes: readonly ReplayOutcome[]): string {
    const count = (verdict: ReplayOutcome["verdict"]): number =>
        outcomes.filter((outcome) => outcome.verdict === verdict).length;
    const reworded = outcomes.filter(
        ({ verdict, otherWording }) => verdict === "passed" && otherWording,
    ).length;
    return [
        `Not counted: ${count("exempt")} exempt steps; ${reworded} passed steps word an error differently.`,
        `${count("passed")} passed, ${count("failed")} failed`,
    ].join("\n");
}

if (require.main === module) {
    main(process.argv.slice(2)).then(
        (passed) => {
            process.exitCode = passed ? 0 : 1;
        },
        (error: unknown) => {
            console.error(error instanceof Error ? error.message : String(error));
            process.exitCode = 2;
        },
    );
}
