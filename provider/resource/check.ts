import type { Context } from "./context";
import { fieldsOf, traitsOf, type AnyResource } from "./definition";
import { closest, describeIssue, type Problem } from "./problem";
import { hasUnknown, leadsToUnknown, UNKNOWN, type Checked } from "./unknown";

export interface CheckedInputs {
    /** Normalised, with defaults and derived values; unknown parts stay as they came. */
    inputs: Record<string, unknown>;
    problems: Problem[];
}

/** Checks the raw inputs of a program against a definition. `olds` are the inputs of the last run, if any. */
export async function checkInputs(
    definition: AnyResource,
    news: Readonly<Record<string, unknown>>,
    olds: Readonly<Record<string, unknown>> | undefined,
    context: Context<unknown>,
): Promise<CheckedInputs> {
    const { inputs, problems } = checkFields(definition, news);
    if (!definition.check) return { inputs, problems };

    const faulty = new Set(problems.map(({ path }) => path[0]));
    let outcome;
    try {
        outcome = await definition.check(wholeFields(definition, inputs, faulty), context, olds);
    } catch (error) {
        // What has already been found says more than a look-up that fails beside it, perhaps for the same reason.
        if (problems.length > 0) return { inputs, problems };
        throw error;
    }
    for (const [name, value] of Object.entries(outcome.values ?? {})) {
        if (value === undefined) delete inputs[name];
        else inputs[name] = value;
    }
    return { inputs, problems: [...problems, ...(outcome.problems ?? [])] };
}

/** What the schema alone can tell, field by field, so that one unknown field does not hide the faults of others. */
export function checkFields(
    definition: AnyResource,
    news: Readonly<Record<string, unknown>>,
): { inputs: Record<string, unknown>; problems: Problem[] } {
    const inputs: Record<string, unknown> = {};
    const problems: Problem[] = [];
    const fields = fieldsOf(definition.inputs);
    const given = fields.filter(([, field]) => !traitsOf(field).derived);

    for (const [name, field] of given) {
        const raw = news[name] ?? undefined; // null means "not given" throughout Pulumi's languages
        const parsed = field.safeParse(raw, { reportInput: true });
        if (parsed.success && !hasUnknown(raw)) {
            if (parsed.data !== undefined) inputs[name] = parsed.data;
            continue;
        }
        if (raw !== undefined) inputs[name] = raw;
        for (const issue of parsed.error?.issues ?? []) {
            if (leadsToUnknown(raw, issue.path)) continue;
            problems.push({ path: [name, ...issue.path], message: describeIssue(issue) });
        }
    }

    const names = given.map(([name]) => name);
    for (const name of Object.keys(news)) {
        if (news[name] === undefined || fields.some(([known]) => known === name)) continue;
        const meant = closest(name, names);
        const advice = meant ? `did you mean ${meant}?` : `allowed are ${names.join(", ")}`;
        problems.push({ path: [], message: `there is no input ${JSON.stringify(name)}; ${advice}` });
    }
    return { inputs, problems };
}

/** For rules over several fields a field that is faulty or has an unknown part is unknown as a whole. */
function wholeFields(
    definition: AnyResource,
    inputs: Readonly<Record<string, unknown>>,
    faulty: ReadonlySet<PropertyKey | undefined>,
): Checked<Record<string, unknown>> {
    const names = Object.keys(definition.inputs.shape);
    const isOpen = (name: string): boolean => faulty.has(name) || hasUnknown(inputs[name]);
    return Object.fromEntries(names.map((name) => [name, isOpen(name) ? UNKNOWN : inputs[name]]));
}
