import { EmfError } from "../errors";
import { accounts } from "./accounts";
import type { Handler, Handlers } from "./call";
import { customConfigs } from "./customConfigs";
import { hosts } from "./hosts";
import { instances } from "./instances";
import { locations } from "./locations";
import { osProfiles } from "./osProfiles";
import { osUpdatePolicies } from "./osUpdatePolicies";
import { providers } from "./providers";
import { regions } from "./regions";
import { sites } from "./sites";

const SERVICES: Handlers = {
    ...osProfiles,
    ...hosts,
    ...instances,
    ...regions,
    ...sites,
    ...locations,
    ...accounts,
    ...customConfigs,
    ...providers,
    ...osUpdatePolicies,
};

/** The handler of an operation. What the lab does not keep (schedules, telemetry, workloads) is answered honestly. */
export function serviceOf(operation: string): Handler {
    const handler = SERVICES[operation];
    if (!handler) throw new EmfError("Unimplemented", `the lab does not serve ${operation}`);
    return handler;
}
