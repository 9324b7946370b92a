import type { HttpAnswer } from "../http/client";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import type { ImsSettings } from "./settings";

/** An answer of the service that is an error. */
export class ImsError extends EdgeError {
    override readonly name: string = "ImsError";

    constructor(
        message: string,
        readonly status: number,
    ) {
        super(message);
    }
}

/** The gateway or the service cannot serve now; a write may or may not have been done. */
export class Busy extends UnavailableHere {
    constructor(
        message: string,
        readonly status: number,
    ) {
        super(message);
    }
}

/** An answer that is no success, as the error to throw. `what` is the request in words, already redacted. */
export function translate(what: string, answer: HttpAnswer, { advice }: ImsSettings): Error {
    const { status } = answer;
    const says = textOf(answer);
    const reason = says === "" ? "" : `: ${says}`;
    if (status >= 300 && status < 400) {
        return new EdgeError(`${what} is redirected: is ${advice.endpoint} right?`);
    }
    if (status === 401)
        return new ImsError(`${what}: the login is not accepted${reason}: ${advice.login}`, status);
    if (status === 403) {
        return new ImsError(
            `${what} is forbidden${reason}: only administrators may use IMS. Check the account (${advice.login}); ` +
                "on a system that has just been installed or upgraded, Keycloak may have lost its user federation",
            status,
        );
    }
    if (status === 404 && !isNotFound(answer)) {
        return new EdgeError(
            `${what}: there is no Image Management Service v3 at this address: is ${advice.endpoint} right?`,
        );
    }
    if (status === 429 || (status >= 502 && status <= 504)) {
        return new Busy(
            `${what}: the gateway cannot serve it now (HTTP ${status}${reason}): try again`,
            status,
        );
    }
    if (status === 500 && says === "Internal Server Error") {
        // An exception nobody has thought of, which carries no text: these are the known causes.
        return new ImsError(
            `${what} failed inside the service (HTTP 500), which does not say why. Known causes are a manifest in S3 ` +
                "that is no JSON, and names or keys that break the YAML of its job templates",
            status,
        );
    }
    return new ImsError(`${what} is refused (HTTP ${status})${reason}`, status);
}

/** *Not found* told by the service itself about a record; anything else proves nothing. */
export function isNotFound(answer: HttpAnswer): boolean {
    return answer.status === 404 && textOf(answer).startsWith("Requested resource does not exist");
}

/** The words of all forms of its errors: problem+json, the framework's message, a gateway's page. */
function textOf({ json, text }: HttpAnswer): string {
    if (!isRecord(json)) {
        const [line = ""] = text
            .replace(/<[^>]*>/g, " ")
            .trim()
            .split(/\s*\n\s*/, 1);
        return line.slice(0, 200);
    }
    const { detail, title, message, errors } = json;
    const main = [detail, message, title].find((part) => typeof part === "string" && part !== "");
    const fields = errors === undefined ? "" : ` ${JSON.stringify(errors)}`;
    return `${typeof main === "string" ? main : ""}${fields}`.trim();
}
