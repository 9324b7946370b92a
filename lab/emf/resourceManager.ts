import type { DeviceState } from "./device";
import { snakeCase } from "./inventory/kinds";
import type { EmfStore, StatusIndication } from "./store";

/** The host or instance is no longer there. */
export class Gone extends Error {
    constructor(resourceId: string) {
        super(`${resourceId} is gone`);
        this.name = "Gone";
    }
}

/** A status as the managers write it. */
export interface Status {
    readonly text: string;
    readonly indicator:
        Exclude<StatusIndication, "STATUS_INDICATION_UNSPECIFIED"> | "STATUS_INDICATION_UNSPECIFIED";
}

export const idle = (text: string): Status => ({ text, indicator: "STATUS_INDICATION_IDLE" });
export const inProgress = (text: string): Status => ({ text, indicator: "STATUS_INDICATION_IN_PROGRESS" });
export const failed = (text: string): Status => ({ text, indicator: "STATUS_INDICATION_ERROR" });
export const unknown: Status = { text: "Unknown", indicator: "STATUS_INDICATION_UNSPECIFIED" };

type Fields = Readonly<Record<string, unknown>>;

/** The writes of EMF's onboarding and host managers on the inventory. */
export class ResourceManager {
    constructor(
        private readonly store: EmfStore,
        private readonly clock: () => Date,
    ) {}

    /** The fields of a status: text, indicator and since when. */
    status(name: string, { text, indicator }: Status): Fields {
        return {
            [name]: text,
            [`${name}Indicator`]: indicator,
            [`${name}Timestamp`]: String(Math.floor(this.clock().getTime() / 1000)),
        };
    }

    host(resourceId: string, fields: Fields): void {
        this.update("host", resourceId, fields);
    }

    instance(resourceId: string, fields: Fields): void {
        this.update("instance", resourceId, fields);
    }

    /** What the machine has told about itself when it was onboarded. */
    reportHardware(hostId: string, device: DeviceState): void {
        const { disks, nics, gpus = [], ...hardware } = device.hardware;
        this.host(hostId, {
            ...hardware,
            memoryBytes: String(hardware.memoryBytes),
            hostname: hostId,
        });
        this.removeParts(hostId);
        const tenantId = this.store.find("host", hostId)?.tenantId;
        const host = { resourceId: hostId };
        for (const { capacityBytes, ...disk } of disks) {
            const fields = { tenantId, host, ...disk, capacityBytes: String(capacityBytes) };
            this.store.manager({ op: "create", kind: "hoststorage", fields });
        }
        for (const nic of nics) {
            const fields = { tenantId, host, ...nic, linkState: "NETWORK_INTERFACE_LINK_STATE_UP" };
            this.store.manager({ op: "create", kind: "hostnic", fields });
        }
        for (const gpu of gpus) {
            this.store.manager({ op: "create", kind: "hostgpu", fields: { tenantId, host, ...gpu } });
        }
    }

    /** Completes the deletion of a host; its parts go first. */
    removeHost(hostId: string): void {
        this.removeParts(hostId);
        this.host(hostId, { currentState: "HOST_STATE_DELETED" });
    }

    private removeParts(hostId: string): void {
        for (const kind of ["hoststorage", "hostnic", "hostusb", "hostgpu"] as const) {
            for (const { resourceId } of this.store.referencing(kind, "host", hostId)) {
                this.store.manager({ op: "delete", kind, resourceId });
            }
        }
    }

    private update(kind: "host" | "instance", resourceId: string, fields: Fields): void {
        const mask = Object.keys(fields).map(snakeCase);
        const result = this.store.manager({ op: "update", kind, resourceId, fields, mask });
        if (!result.ok) {
            if (result.code === "NotFound") {
                throw new Gone(resourceId);
            }
            throw new Error(`The lab's manager could not write ${resourceId}: ${result.message}`);
        }
    }
}
