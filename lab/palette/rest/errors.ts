import { json, type ApiResponse } from "../../http";

/** A refusal, in the form that all errors of the API have. */
export class PaletteError extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        message: string,
        readonly details?: object,
    ) {
        super(message);
    }

    toResponse(ref: string): ApiResponse {
        const { status, code, message, details } = this;
        return json(status, { code, message, ref, ...(details === undefined ? {} : { details }) });
    }
}

export function notFound(kind: string, uid: string): PaletteError {
    return new PaletteError(404, "ResourceNotFound", `${kind} '${uid}' is not found`);
}

export function invalid(message: string, details?: object): PaletteError {
    return new PaletteError(400, "InvalidRequest", message, details);
}
