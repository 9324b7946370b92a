import { EmfError } from "../errors";
import type { Handler, Handlers } from "./call";

const SERVICES: Handlers = {};

/** The handler of an operation. What the lab does not keep (schedules, telemetry, workloads) is answered honestly. */
export function serviceOf(operation: string): Handler {
    const handler = SERVICES[operation];
    if (!handler) throw new EmfError("Unimplemented", `the lab does not serve ${operation}`);
    return handler;
}
