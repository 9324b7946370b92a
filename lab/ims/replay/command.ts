import type { ReplayOutcome, Scenarios } from "../../replayOutcome";
import type { Recording } from "./recording";
import { replayScenario, type StepOutcome } from "./replay";

export const form = "it has to have scenarios, each with steps";

/** The scenarios of a recording of the Image Management Service. */
export function read(recording: unknown): Scenarios | undefined {
    const { scenarios } = (recording ?? {}) as Partial<Recording>;
    if (
        !Array.isArray(scenarios) ||
        !scenarios.every(({ steps }: { steps?: unknown }) => Array.isArray(steps))
    ) {
        return undefined;
    }
    return new Map(
        (scenarios as Recording["scenarios"]).map((scenario) => [
            scenario.scenario,
            async () => (await replayScenario(scenario)).map(outcomeOf),
        ]),
    );
}

function outcomeOf({ scenario, step, ...outcome }: StepOutcome): ReplayOutcome {
    const { request } = step;
    const what = request ? ` ${request.method} ${request.path}` : "";
    return { ...outcome, title: `${scenario} "${step.step}"${what}` };
}
