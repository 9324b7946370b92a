/** An error made for the user: its message says what, where, why and what to do next. Shown without a stack. */
export class EdgeError extends Error {
    override readonly name: string = "EdgeError";
}

/**
 * Something is only missing on this machine: no network, no credentials, no file. In a preview that is a
 * warning (a pull-request runner has none of them), in an update a failure.
 */
export class UnavailableHere extends EdgeError {
    override readonly name = "UnavailableHere";
}

/**
 * A create or update that stopped half-way. What exists is kept in the state with the reasons, and the next
 * update continues from there.
 */
export class PartialFailure<I = unknown, O = unknown> extends EdgeError {
    override readonly name = "PartialFailure";

    constructor(
        readonly reasons: string[],
        readonly reached: {
            /** Needed from a create; an update keeps its own. */
            id?: string;
            /** Inputs known to be in place; default: a create's all, an update's old ones. */
            inputs?: Partial<I>;
            outputs?: Partial<O>;
        },
        options?: ErrorOptions,
    ) {
        super(reasons.join("\n"), options);
    }
}

/** The text of any thrown value, with the causes that undici and node:tls hide one level down. */
export function messageOf(error: unknown): string {
    if (!(error instanceof Error)) return String(error);
    const { cause } = error;
    const text = error.message || error.name;
    return cause instanceof Error && !text.includes(cause.message) ? `${text}: ${messageOf(cause)}` : text;
}
