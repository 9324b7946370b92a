import { oneOf, readFields, required } from "./fields";
import { noInput, noSuchRecord } from "./problem";
import type { Call } from "./service";

/** A body with something in it: Python's falsy values count as nothing. */
export function input(call: Call): unknown {
    const body = call.body();
    const isEmpty =
        body === null ||
        body === "" ||
        body === 0 ||
        body === false ||
        (typeof body === "object" && Object.keys(body).length === 0);
    if (isEmpty) throw noInput();
    return body;
}

/** The record, or the answer to an id that is none. */
export function found<T>(record: T | undefined): T {
    if (record === undefined) throw noSuchRecord();
    return record;
}

const UNDELETE = {
    // The service names the wrong field.
    operation: required(oneOf(["undelete"], "Recipe type must be one of: undelete.")),
};

/** Refuses everything that is not `{"operation": "undelete"}`. */
export function expectUndelete(call: Call): void {
    readFields(UNDELETE, input(call));
}
