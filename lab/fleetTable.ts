import type { DeviceState } from "./emf/device";
import type { EmfStore, HostRow, InstanceRow } from "./emf/store";

/** A line of the fleet: a machine, a registered host, or both. */
export interface FleetLine {
    serial: string;
    uuid: string;
    /** `on (installer)`, `on (os)`, `off`, `unplugged`; empty for a host whose machine has never appeared. */
    power: string;
    /** Id and name of the host. */
    host: string;
    /** `REGISTERED`, `ONBOARDED` … */
    state: string;
    /** The text that tells most. */
    status: string;
}

/** Machines with their hosts, then hosts without a machine. */
export function fleetLines(store: EmfStore, devices: readonly DeviceState[]): FleetLine[] {
    const unclaimed = new Map(store.hosts().map((host) => [host.resourceId, host]));
    const lines = devices.map((device) => {
        const host = [...unclaimed.values()].find((candidate) => belongs(candidate, device));
        if (host) {
            unclaimed.delete(host.resourceId);
        }
        return line(store, host, device);
    });
    return [...lines, ...[...unclaimed.values()].map((host) => line(store, host, undefined))];
}

/** Columns as wide as their widest cell. */
export function formatTable(lines: readonly FleetLine[]): string {
    const columns = ["serial", "uuid", "power", "host", "state", "status"] as const;
    const rows = [
        columns.map((column) => column.toUpperCase()),
        ...lines.map((of) => columns.map((key) => of[key])),
    ];
    const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
    return rows
        .map((row) =>
            row
                .map((cell, index) => cell.padEnd(widths[index] ?? 0))
                .join("  ")
                .trimEnd(),
        )
        .join("\n");
}

function belongs(host: HostRow, device: DeviceState): boolean {
    return host.uuid === undefined
        ? host.serialNumber === device.serial
        : host.uuid.toLowerCase() === device.uuid.toLowerCase();
}

function line(store: EmfStore, host: HostRow | undefined, device: DeviceState | undefined): FleetLine {
    const instance = host && store.instanceOf(host.resourceId);
    return {
        serial: device?.serial ?? host?.serialNumber ?? "",
        uuid: device?.uuid ?? host?.uuid ?? "",
        power: device ? powerOf(device) : "",
        host: host ? [host.resourceId, host.name].filter(Boolean).join(" ") : "",
        state: host?.currentState.replace("HOST_STATE_", "") ?? "",
        status: host ? statusOf(host, instance) : "",
    };
}

function powerOf({ unplugged, power, running }: DeviceState): string {
    if (unplugged) {
        return "unplugged";
    }
    return running ? `${power} (${running})` : power;
}

/** An error first, then what is under way, then how the host is. */
function statusOf(host: HostRow, instance: InstanceRow | undefined): string {
    const statuses = [
        [host.registrationStatus, host.registrationStatusIndicator],
        [host.onboardingStatus, host.onboardingStatusIndicator],
        [instance?.provisioningStatus, instance?.provisioningStatusIndicator],
        [host.hostStatus, host.hostStatusIndicator],
    ] as const;
    for (const wanted of ["STATUS_INDICATION_ERROR", "STATUS_INDICATION_IN_PROGRESS"] as const) {
        const found = statuses.find(([, indicator]) => indicator === wanted);
        if (found?.[0] !== undefined) {
            return found[0];
        }
    }
    const idle = statuses.filter(([, indicator]) => indicator === "STATUS_INDICATION_IDLE");
    return idle.at(-1)?.[0] ?? host.hostStatus ?? "";
}
