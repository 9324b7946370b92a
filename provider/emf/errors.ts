import { EdgeError } from "../resource/errors";

/** An answer of EMF that is an error. */
export class EmfError extends EdgeError {
    override readonly name: string = "EmfError";

    constructor(
        message: string,
        readonly status: number,
        /** The machine-readable part, where there is one: `FailedPrecondition`. */
        readonly code?: string,
    ) {
        super(message);
    }
}

/** A value that must be unique is taken (the server answers 400 FailedPrecondition, SQLSTATE 23505). */
export class AlreadyExists extends EmfError {
    override readonly name = "AlreadyExists";

    constructor(
        message: string,
        status: number,
        code: string | undefined,
        /** The database's name of the rule, `operatingsystemresource_name_tenant_id`. */
        readonly constraint: string,
    ) {
        super(message, status, code);
    }
}

/** A delete was refused because something still refers to the object. */
export class InUse extends EmfError {
    override readonly name = "InUse";

    constructor(
        message: string,
        status: number,
        code: string | undefined,
        /** Kinds that refer to it, in the server's words (`host`, `region|site`), where it says so. */
        readonly usedBy?: string,
    ) {
        super(message, status, code);
    }
}
