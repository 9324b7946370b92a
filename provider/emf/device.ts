import { EdgeError } from "../resource/errors";
import type { HostResource } from "./api";
import { sameText } from "./hostRules";

/** What a program knows of a machine: one of both at least. */
export interface DeviceIdentity {
    serial?: string | undefined;
    uuid?: string | undefined;
}

/** Whether the two describe one machine: something is equal and nothing differs. A value filled in later changes nothing. */
export function sameDevice(a: DeviceIdentity, b: DeviceIdentity): boolean {
    const compared = (["serial", "uuid"] as const).filter((name) => a[name] && b[name]);
    return compared.length > 0 && compared.every((name) => sameText(a[name], b[name]));
}

/**
 * The machine's registration among all hosts. EMF itself only keeps UUIDs apart: it registers a serial number a
 * second time when the UUID is another, so that one machine would become two hosts; such a mix-up throws.
 */
export function findDevice(hosts: readonly HostResource[], device: DeviceIdentity): HostResource | undefined {
    const { serial, uuid } = device;
    const byUuid = uuid ? hosts.filter((host) => sameText(host.uuid, uuid)) : [];
    const bySerial = serial ? hosts.filter((host) => sameText(host.serialNumber, serial)) : [];
    const candidates = [...new Set([...byUuid, ...bySerial])];
    const [host] = candidates;
    if (!host) return undefined;
    if (candidates.length > 1) {
        throw new EdgeError(
            `${given(device)} fits ${candidates.length} hosts: ${candidates.map(describeHost).join("; ")}. ` +
                (uuid
                    ? "Delete the registration that is wrong"
                    : "Give the uuid too, or delete the one that is wrong"),
        );
    }
    const wrong = conflict(host, device);
    if (wrong) {
        throw new EdgeError(
            `${given(device)}: ${describeHost(host)} is registered with another ${wrong}; ` +
                "registering again would make a second host of one machine. Correct the value, or delete that host",
        );
    }
    return host;
}

/** `host-1234abcd "store-17" (serial SN00001, UUID …)`. */
export function describeHost(host: HostResource): string {
    const identity = [
        host.serialNumber && `serial ${host.serialNumber}`,
        host.uuid && `UUID ${host.uuid}`,
    ].filter((part) => part !== "");
    const name = host.name && host.name !== host.resourceId ? ` ${JSON.stringify(host.name)}` : "";
    return `${host.resourceId}${name} (${identity.join(", ")})`;
}

function conflict(host: HostResource, device: DeviceIdentity): string | undefined {
    if (device.uuid && host.uuid && !sameText(host.uuid, device.uuid)) return "UUID";
    if (device.serial && host.serialNumber && !sameText(host.serialNumber, device.serial))
        return "serial number";
    return undefined;
}

function given({ serial, uuid }: DeviceIdentity): string {
    return [serial && `serial ${serial}`, uuid && `uuid ${uuid}`].filter(Boolean).join(", ");
}
