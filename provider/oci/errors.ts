import { EdgeError } from "../resource/errors";
import { isRecord } from "../resource/unknown";

/** A request that the registry answered with a refusal. */
export class RegistryRefusal extends EdgeError {
    override readonly name = "RegistryRefusal";

    constructor(
        message: string,
        readonly status: number,
        /** The registry's own names for it, `DENIED`. */
        readonly codes: readonly string[],
    ) {
        super(message);
    }
}

/** Where things are set, for messages. */
export interface RegistryAdvice {
    readonly endpoint: string;
    readonly caFile: string;
    readonly credentials: string;
}

interface Answered {
    readonly status: number;
    readonly text: string;
}

/** What a registry says is wrong, in words to act on. */
export function refusal(what: string, { status, text }: Answered, advice: RegistryAdvice): RegistryRefusal {
    const found = errorsOf(text);
    const codes = found.map(({ code }) => code);
    const said = found.map(({ code, message }) => (message === "" ? code : `${code}: ${message}`)).join("; ");
    const detail = said === "" ? `status ${status}` : `status ${status}, ${said}`;
    return new RegistryRefusal(`${what}: ${reason(status, codes, advice)} (${detail})`, status, codes);
}

function reason(status: number, codes: readonly string[], advice: RegistryAdvice): string {
    if (codes.includes("DIGEST_INVALID")) return "what arrived has another digest than what was sent";
    if (codes.includes("BLOB_UPLOAD_UNKNOWN")) return "the registry has given up the upload: run again";
    if (codes.includes("BLOB_UPLOAD_INVALID")) return "the registry lost track of the upload: run again";
    if (codes.includes("MANIFEST_BLOB_UNKNOWN"))
        return "the registry lost a blob that was pushed before: run again";
    switch (status) {
        case 401:
            return `the login is missing, or not taken: set ${advice.credentials}`;
        case 403:
            return `this login may not do that: allow it in the registry, or set another (${advice.credentials})`;
        case 404:
            return `there is no such thing: is ${advice.endpoint} right?`;
        case 405:
            return "the registry does not allow it (deletion is often switched off)";
        case 413:
            return "the registry, or a proxy before it, takes no body as large as this one";
        case 429:
            return "the registry asked to be left alone at every attempt: try again later";
        case 507:
            return "the registry has no room left";
    }
    return status >= 500 ? "the registry failed, and did so at every attempt" : "the registry refused it";
}

function errorsOf(text: string): { code: string; message: string }[] {
    let body: unknown;
    try {
        body = JSON.parse(text);
    } catch {
        return [];
    }
    const errors = isRecord(body) && Array.isArray(body.errors) ? body.errors : [];
    return errors.filter(isRecord).map(({ code, message }) => ({
        code: typeof code === "string" ? code : "UNKNOWN",
        message: typeof message === "string" ? message.slice(0, 300) : "",
    }));
}
