import { z } from "zod";
import type { Context } from "../resource/context";
import { messageOf, PartialFailure } from "../resource/errors";
import type { HostWatch } from "./watch";

const HOUR = 60 * 60_000;

/** The verbs of a resource that only waits: it is nothing in the system, and asks again whenever its inputs change. */
export function gateVerbs<Inputs, Client>(
    wait: (id: string, inputs: Inputs, context: Context<Client>) => Promise<void>,
) {
    return {
        timeouts: { create: 2 * HOUR, update: 2 * HOUR },
        outputs: z.object({}),

        async create(inputs: Inputs, context: Context<Client>) {
            const id = `gate-${context.random(8).toString("hex")}`;
            await wait(id, inputs, context);
            return { id, outputs: {} };
        },

        /** What has become of the hosts since is their affair; a gate has only said when to go on. */
        async read() {
            return {};
        },

        async update(id: string, _state: unknown, inputs: Inputs, context: Context<Client>) {
            await wait(id, inputs, context);
            return {};
        },

        async delete() {
            // A gate is nothing in the system.
        },
    };
}

/** Waits to the end. A wait that fails leaves the gate in the state, so that the next run waits in its place. */
export async function waitThrough<Client>(
    id: string,
    watch: HostWatch<Client>,
    context: Context<Client>,
): Promise<void> {
    try {
        await watch.untilSettled();
    } catch (error) {
        throw gateFailure(id, error, watch.report(), context);
    }
    watch.sayWhatIsLeft();
}

/** Why a wait has ended, and how all of it stands, in one text. */
export function gateFailure<Client>(
    id: string,
    error: unknown,
    lines: readonly string[],
    { signal }: Context<Client>,
): PartialFailure {
    const reason = messageOf(signal.aborted ? signal.reason : error);
    return new PartialFailure([[reason, ...lines].join("\n")], { id }, { cause: error });
}

/** A refinement: everything that is waited for has a name of its own. */
export function namedOnce<T>(
    nameOf: (thing: T) => string,
): (things: readonly T[], issues: z.RefinementCtx) => void {
    return (things, issues) => {
        const names = things.map(nameOf);
        const twice = names.filter((name, i) => names.indexOf(name) < i);
        for (const name of new Set(twice)) {
            issues.addIssue({ code: "custom", message: `has ${JSON.stringify(name)} twice` });
        }
    };
}
