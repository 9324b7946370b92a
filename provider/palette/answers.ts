import type { HttpAnswer } from "../http/client";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import type { PaletteSettings } from "./settings";

/** An answer of Palette that is an error. */
export class PaletteError extends EdgeError {
    override readonly name: string = "PaletteError";

    constructor(
        message: string,
        readonly status: number,
        /** Palette's own word for it, `AlreadyRegisteredEdgeHostDevice`. */
        readonly code: string,
    ) {
        super(message);
    }
}

/** Palette cannot serve now; a write may or may not have been done. */
export class Busy extends UnavailableHere {
    constructor(
        message: string,
        readonly status: number,
    ) {
        super(message);
    }
}

/** An answer that is no success, as the error to throw. `what` is the request in words. */
export function translate(what: string, answer: HttpAnswer, settings: PaletteSettings): Error {
    const { status } = answer;
    const { advice } = settings;
    const { code, message } = errorIn(answer);
    const reason = message === "" ? "" : `: ${message}`;
    if (isKeyRefusal(answer, settings)) {
        return new PaletteError(`${what}: the API key is not accepted: check ${advice.apiKey}`, status, code);
    }
    if (status >= 300 && status < 400) {
        return new EdgeError(`${what} is redirected: is ${advice.endpoint} right?`);
    }
    if (status === 403) {
        return new PaletteError(
            `${what} is forbidden${reason}: the user of the API key (${advice.apiKey}) needs a role for it; ` +
                "registration tokens need the tenant's administrator",
            status,
            code,
        );
    }
    if (code === "" && status === 404) {
        return new EdgeError(
            `${what}: there is no Palette API at this address: is ${advice.endpoint} right?`,
        );
    }
    if (status === 429 || (status >= 502 && status <= 504)) {
        return new Busy(`${what}: Palette cannot serve it now (HTTP ${status}${reason}): try again`, status);
    }
    const named = code === "" ? "" : `, ${code}`;
    return new PaletteError(`${what} is refused (HTTP ${status}${named})${reason}`, status, code);
}

/** *Not found* in Palette's own words. It proves nothing unless the key is known to be good. */
export function saysNotFound(answer: HttpAnswer, settings: PaletteSettings): boolean {
    const isMissing = answer.status === 404 && errorIn(answer).code === "ResourceNotFound";
    return isMissing && !isKeyRefusal(answer, settings);
}

/** A key that is not known is also answered as a missing resource, with the key in the text (palette-sdk-go #209). */
function isKeyRefusal(answer: HttpAnswer, { apiKey }: PaletteSettings): boolean {
    return answer.status === 401 || errorIn(answer).message.includes(apiKey);
}

/** What an error says; it is no JSON when it comes from something before Palette. */
function errorIn({ json, text, status }: HttpAnswer): { code: string; message: string } {
    if (status < 300) return { code: "", message: "" };
    if (!isRecord(json)) {
        const [line = ""] = text
            .replace(/<[^>]*>/g, " ")
            .trim()
            .split(/\s*\n\s*/, 1);
        return { code: "", message: line.slice(0, 200) };
    }
    const { code, message } = json;
    return {
        code: typeof code === "string" ? code : "",
        message: typeof message === "string" ? message : "",
    };
}
