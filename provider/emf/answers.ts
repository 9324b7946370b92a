import type { HttpAnswer } from "../http/client";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import type { Collection } from "./api";
import { COLLECTIONS } from "./collections";
import { AlreadyExists, EmfError, InUse } from "./errors";
import type { EmfSettings } from "./settings";

/** EMF cannot serve right now; the write may or may not have been done. */
export class Busy extends UnavailableHere {
    constructor(
        message: string,
        readonly status: number,
    ) {
        super(message);
    }
}

/** The two shapes of an error: `{code, message}` from the services, `{message}` from the layers before them. */
interface ErrorBody {
    code?: string;
    message: string;
}

/** An answer that is no success, as the error to throw. `what` is the request in words, already redacted. */
export function translate(what: string, answer: HttpAnswer, settings: EmfSettings): Error {
    const { status } = answer;
    const { code, message } = errorBody(answer);
    const says = message === "" ? "" : `: ${message}`;
    const duplicate = /unique constraint "([^"]+)"/.exec(message)?.[1];

    if (status >= 300 && status < 400) {
        const to = answer.headers.location ?? "another address";
        return new EdgeError(`${what} is redirected to ${to}: is ${settings.advice.endpoint} right?`);
    }
    if (status === 401) {
        const who = "token" in settings.credentials ? "the given token" : settings.credentials.username;
        return new EmfError(
            `${what}: the login of ${who} is not accepted (expired, or of another realm): ${settings.advice.login}`,
            401,
        );
    }
    if (status === 403) return forbidden(what, message, settings);
    if (status === 429)
        return new Busy(`${what}: EMF asks for fewer requests (HTTP 429), and did so again`, 429);
    if (status >= 502 && status <= 504) {
        return new Busy(`${what}: EMF cannot serve it now (HTTP ${status}${says}): try again`, status);
    }
    if (duplicate !== undefined || message.includes("is already connected to a different")) {
        return new AlreadyExists(`${what} is refused${says}`, status, code, duplicate ?? "");
    }
    const users = /relations? with ([\w|]+)/.exec(message)?.[1];
    if (users !== undefined || message.includes("SQLSTATE 23503")) {
        return new InUse(`${what} is refused, it is in use${says}`, status, code, users?.toLowerCase());
    }
    if (status === 404 && code === undefined) {
        return new EdgeError(
            `${what}: there is no such API at this address (HTTP 404${says}): is ${settings.advice.endpoint} right?`,
        );
    }
    return new EmfError(`${what} is refused (HTTP ${status}${code ? ` ${code}` : ""})${says}`, status, code);
}

/** *Not found* of this kind of object, told by the service itself: anything else proves nothing. */
export function isNotFound(collection: Collection, answer: HttpAnswer): boolean {
    const { code, message } = errorBody(answer);
    if (answer.status !== 404 || code !== "NotFound") return false;
    const named = /^(\w+_resource) not found/.exec(message)?.[1];
    return named === undefined || named === COLLECTIONS[collection].noun;
}

function forbidden(what: string, message: string, settings: EmfSettings): EmfError {
    const who = "token" in settings.credentials ? "the token's user" : settings.credentials.username;
    const project = JSON.stringify(settings.project);
    // Plain text from the layer that looks the project up; JSON from the one that checks roles.
    const text = message.includes("Access denied or project not found")
        ? `there is no project ${project}, or ${who} has no role in it: check the project's name (${settings.advice.project})`
        : `${who} lacks the role for it in project ${project}: reading needs <project uid>_im-r, writing <project uid>_im-rw`;
    return new EmfError(`${what} is forbidden: ${text}`, 403);
}

function errorBody(answer: HttpAnswer): ErrorBody {
    const { json, text } = answer;
    if (!isRecord(json)) return { message: json === null ? "" : firstLine(text) };
    return {
        ...(typeof json.code === "string" ? { code: json.code } : {}),
        message: typeof json.message === "string" ? json.message.trim() : "",
    };
}

/** Of a gateway's HTML page the first words are enough. */
function firstLine(text: string): string {
    const [line = ""] = text
        .replace(/<[^>]*>/g, " ")
        .trim()
        .split(/\s*\n\s*/, 1);
    return line.slice(0, 200);
}
