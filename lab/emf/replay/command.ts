import type { ReplayOutcome, Scenarios } from "../../replayOutcome";
import type { Recording } from "./recording";
import { replayScenario, scenariosOf, type StepOutcome } from "./replay";

export const form = 'its format has to be "emf-recorded-cases/1"';

/** The scenarios of a recording of EMF. */
export function read(recording: unknown): Scenarios | undefined {
    const { format, cases } = (recording ?? {}) as Partial<Recording>;
    if (format !== "emf-recorded-cases/1" || !Array.isArray(cases)) return undefined;
    return new Map(
        [...scenariosOf(cases)].map(([name, steps]) => [
            name,
            async () => (await replayScenario(steps)).map(outcomeOf),
        ]),
    );
}

function outcomeOf({ step, ...outcome }: StepOutcome): ReplayOutcome {
    const { scenario, step: number, note, auth, request, manager } = step;
    const what = request
        ? `${request.method} ${request.path} ${JSON.stringify(request.query ?? request.rawQuery ?? "")}`
        : `manager ${manager?.op ?? ""} ${manager?.kind ?? ""} ${manager?.resourceId ?? ""}`;
    const title = [`${scenario} ${number}`, note && `(${note})`, auth && `[${auth}]`, what]
        .filter(Boolean)
        .join(" ");
    return { ...outcome, title };
}
