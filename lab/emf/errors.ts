/** The gRPC codes the EMF services answer with, and the HTTP status each becomes at the gateway. */
const HTTP_STATUS = {
    InvalidArgument: 400,
    FailedPrecondition: 400,
    OutOfRange: 400,
    Unauthenticated: 401,
    PermissionDenied: 403,
    NotFound: 404,
    AlreadyExists: 409,
    Aborted: 409,
    ResourceExhausted: 429,
    Internal: 500,
    Unknown: 500,
    Unimplemented: 501,
    Unavailable: 503,
    DeadlineExceeded: 504,
} as const;

/** A gRPC code as it appears in the `code` of an error body. */
export type GrpcCode = keyof typeof HTTP_STATUS;

/** An error of the EMF services behind the gateway: answered as `{code, message}`. */
export class EmfError extends Error {
    constructor(
        readonly code: GrpcCode,
        message: string,
    ) {
        super(message);
        this.name = "EmfError";
    }

    /** The HTTP status the gateway turns the code into. */
    get status(): number {
        return HTTP_STATUS[this.code];
    }
}

/** An error of the HTTP layer in front of the services: answered as `{message}`, without a code. */
export class GatewayError extends Error {
    constructor(
        readonly status: number,
        message: string,
    ) {
        super(message);
        this.name = "GatewayError";
    }
}

/** The answer for an id that names nothing in the project. */
export function notFound(what: string): EmfError {
    return new EmfError("NotFound", `${what} not found`);
}

/** PostgreSQL's refusal of a second row with the same key, as the inventory passes it on. */
export function duplicateKey(constraint: string): EmfError {
    return new EmfError(
        "FailedPrecondition",
        `constraint failed: ERROR: duplicate key value violates unique constraint "${constraint}" (SQLSTATE 23505)`,
    );
}

/** PostgreSQL's refusal to remove a row that others point to. */
export function stillReferenced(table: string, constraint: string, referencing: string): EmfError {
    return new EmfError(
        "FailedPrecondition",
        `constraint failed: ERROR: update or delete on table "${table}" violates foreign key constraint ` +
            `"${constraint}" on table "${referencing}" (SQLSTATE 23503)`,
    );
}
