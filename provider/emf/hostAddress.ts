import * as net from "node:net";
import type { HostResource } from "./api";

/** Where a host can be reached, as it has told EMF itself: IPv4 before IPv6, the management controller's left out. */
export function addressOf(host: Pick<HostResource, "hostNics">): string | undefined {
    const addresses = host.hostNics
        .filter(({ bmcInterface }) => !bmcInterface)
        .flatMap(({ ipaddresses }) => ipaddresses.map(({ address }) => address.replace(/\/\d+$/, "")))
        .filter((address) => net.isIP(address) !== 0 && !isLocal(address));
    return addresses.find((address) => net.isIPv4(address)) ?? addresses[0];
}

/** Addresses that mean another machine to everybody else. */
function isLocal(address: string): boolean {
    return /^(127\.|169\.254\.|0\.0\.0\.0$)|^(::1$|::$|fe80:)/i.test(address);
}
