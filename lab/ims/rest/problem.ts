const TITLES: Readonly<Record<number, string>> = {
    400: "Bad Request",
    404: "Not Found",
    409: "Conflict",
    422: "Unprocessable Entity",
    500: "Internal Server Error",
};

/** The end of most of the service's messages. */
export const DETERMINE =
    "Determine the specific information that is missing or invalid and then re-run the request with valid information.";
export const PLEASE_DETERMINE =
    "Please determine the specific information that is missing or invalid and then re-run the request with valid information.";

/** An error the service has thought of: `application/problem+json`. */
export class Problem extends Error {
    constructor(
        readonly status: number,
        /** Left out by the bulk deletion of jobs, which puts its text into the title. */
        readonly detail: string | undefined,
        readonly more: Readonly<Record<string, unknown>> = {},
    ) {
        super(detail);
    }

    toJSON(): object {
        const { status, detail, more } = this;
        return { status, title: TITLES[status] ?? "", ...(detail === undefined ? {} : { detail }), ...more };
    }
}

/** An error of the framework below the service: `application/json` with a message alone. */
export class FrameworkError extends Error {
    constructor(
        readonly status: number,
        message: string,
    ) {
        super(message);
    }
}

/** An exception nobody has thought of. */
export function unhandled(): FrameworkError {
    return new FrameworkError(500, "Internal Server Error");
}

export function noSuchRecord(): Problem {
    return new Problem(404, "Requested resource does not exist. Re-run request with valid ID.");
}

export function noInput(): Problem {
    return new Problem(400, `No input provided. ${DETERMINE}`);
}

export function patchConflict(): Problem {
    return new Problem(
        409,
        "Requested resource exists, but cannot be patched due to a patch conflict. Re-run request with valid input values.",
    );
}
