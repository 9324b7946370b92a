import * as fs from "node:fs";
import { parseArgs } from "node:util";
import type { Difference } from "./emf/replay/compare";
import type { Recording, Step } from "./emf/replay/recording";
import { replayScenario, scenariosOf, type StepOutcome } from "./emf/replay/replay";

const USAGE = `Usage: node dist/lab/replay.js emf FILE [--scenario NAME]

Replays recorded requests on an empty lab and compares its answers with the recorded ones. Each differing step is
printed; the last line is "N passed, N failed".`;

/** Differences of one step that are printed; the rest is counted. */
const MAX_DIFFERENCES = 8;

class UsageError extends Error {}

async function main(args: string[]): Promise<boolean> {
    const { values, positionals } = parseArgs({
        args,
        allowPositionals: true,
        options: { scenario: { type: "string" } },
    });
    const [system, file] = positionals;
    if (system !== "emf" || file === undefined || positionals.length > 2) throw new UsageError(USAGE);
    const scenarios = chosenScenarios(readRecording(file), values.scenario, file);
    const outcomes: StepOutcome[] = [];
    for (const steps of scenarios) outcomes.push(...(await replayScenario(steps)));
    for (const outcome of outcomes) if (outcome.verdict === "failed") console.log(describe(outcome));
    console.log(closing(outcomes));
    return outcomes.every(({ verdict }) => verdict !== "failed");
}

function readRecording(file: string): Recording {
    let recording: Partial<Recording>;
    try {
        recording = JSON.parse(fs.readFileSync(file, "utf8")) as Partial<Recording>;
    } catch (error) {
        throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
    }
    if (recording.format !== "emf-recorded-cases/1" || !Array.isArray(recording.cases)) {
        throw new UsageError(`${file} is no recording of EMF: its format has to be "emf-recorded-cases/1".`);
    }
    return recording as Recording;
}

function chosenScenarios(recording: Recording, name: string | undefined, file: string): Step[][] {
    const scenarios = scenariosOf(recording.cases);
    if (name === undefined) return [...scenarios.values()];
    const chosen = scenarios.get(name);
    if (chosen) return [chosen];
    throw new UsageError(`${file} has no scenario ${name}. It has: ${[...scenarios.keys()].join(", ")}.`);
}

function describe({ step, differences }: StepOutcome): string {
    const { scenario, step: number, note, auth, request, manager } = step;
    const what = request
        ? `${request.method} ${request.path} ${JSON.stringify(request.query ?? request.rawQuery ?? "")}`
        : `manager ${manager?.op ?? ""} ${manager?.kind ?? ""} ${manager?.resourceId ?? ""}`;
    const title = [`${scenario} ${number}`, note && `(${note})`, auth && `[${auth}]`, what]
        .filter(Boolean)
        .join(" ");
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

function closing(outcomes: readonly StepOutcome[]): string {
    const count = (verdict: StepOutcome["verdict"]): number =>
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
