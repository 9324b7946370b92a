import { filterRows } from "../query/list";
import type { Call } from "./call";
import { parameter } from "./lists";

const ERROR = "STATUS_INDICATION_ERROR";

const HOST_ERROR = anyOf(
    "host_status",
    "onboarding_status",
    "registration_status",
    "power_status",
    "amt_status",
);

const INSTANCE_ERROR = anyOf(
    "instance.instance_status",
    "instance.provisioning_status",
    "instance.update_status",
    "instance.trusted_attestation_status",
);

const RUNNING = `has(instance) AND instance.current_state = INSTANCE_STATE_RUNNING AND NOT (${INSTANCE_ERROR})`;

function anyOf(...statuses: string[]): string {
    return statuses.map((status) => `${status}_indicator = ${ERROR}`).join(" OR ");
}

/** Counts hosts by their condition; a running host with an error of its own counts as error only. */
export function summarizeHosts({ store, tenantId, query }: Call): Record<string, number> {
    const asked = parameter(query, "filter") ?? "";
    const count = (condition: string): number => {
        const filter = asked === "" ? condition : `${asked} AND (${condition})`;
        return filterRows(store, "host", tenantId, filter).length;
    };
    return {
        total: filterRows(store, "host", tenantId, asked).length,
        error: count(`${HOST_ERROR} OR ${INSTANCE_ERROR}`),
        running: count(RUNNING) - count(`(${RUNNING}) AND (${HOST_ERROR})`),
        unallocated: count("NOT has(site)"),
    };
}
