import { EmfError } from "../errors";
import { snakeCase } from "../inventory/kinds";
import type { Call } from "./call";

const PCHAR = "(?:[\\w.~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";
const AUTHORITY = `(?:[^\\s/?#@[\\]]*@)?(?:\\[[0-9A-Fa-fvV:.]+\\]|(?:[\\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::\\d*)?`;
const TAIL = `(?:\\?(?:${PCHAR}|[/?])*)?(?:#(?:${PCHAR}|[/?])*)?`;
/** RFC 3986: without a scheme the first part of a path may hold no colon. */
const URI_REFERENCE = new RegExp(
    `^(?:[A-Za-z][A-Za-z0-9+.-]*:(?!//)(?:${PCHAR}|/)*|(?:[A-Za-z][A-Za-z0-9+.-]*:)?//${AUTHORITY}(?:/${PCHAR}*)*|` +
        `(?!//)(?:(?!:)${PCHAR})*(?:/${PCHAR}*)*)${TAIL}$`,
);

/** Refuses fields that have to be URI references; the API description lets them pass. */
export function requireUriReferences({ body }: Call, names: readonly string[]): void {
    for (const name of names) {
        const value = body[name];
        if (typeof value === "string" && !URI_REFERENCE.test(value)) {
            throw violation(name, "must be a valid URI Reference");
        }
    }
}

/** Refuses a text that the inventory restricts more than the API description does. */
export function requirePattern(name: string, value: unknown, pattern: RegExp): void {
    if (typeof value === "string" && !pattern.test(value)) {
        throw violation(name, `does not match regex pattern \`${pattern.source}\``);
    }
}

function violation(name: string, rule: string): EmfError {
    return new EmfError("InvalidArgument", `validation error: ${snakeCase(name)}: ${rule}`);
}
