import { choice, flag, integer, text, type KindDefinition } from "./columns";

/** A disk of a host. */
export const hoststorage: KindDefinition = {
    prefix: "hoststorage",
    noun: "hoststorage_resource",
    messageName: "HoststorageResource",
    table: "hoststorage_resources",
    columns: {
        kind: text,
        providerStatus: text,
        wwid: text,
        serial: text,
        vendor: text,
        model: text,
        capacityBytes: integer,
        deviceName: text,
    },
    edges: { host: { kind: "host", required: true } },
    unique: [],
};

/** A network card of a host. */
export const hostnic: KindDefinition = {
    prefix: "hostnic",
    noun: "hostnic_resource",
    messageName: "HostnicResource",
    table: "hostnic_resources",
    columns: {
        kind: text,
        providerStatus: text,
        deviceName: text,
        pciIdentifier: text,
        macAddr: text,
        sriovEnabled: flag,
        sriovVfsNum: integer,
        sriovVfsTotal: integer,
        peerName: text,
        peerDescription: text,
        peerMac: text,
        peerMgmtIp: text,
        peerPort: text,
        supportedLinkMode: text,
        advertisingLinkMode: text,
        currentSpeedBps: integer,
        currentDuplex: text,
        features: text,
        mtu: integer,
        linkState: choice("LinkState"),
        bmcInterface: flag,
    },
    edges: { host: { kind: "host", required: true } },
    unique: [],
};

/** A USB device of a host. */
export const hostusb: KindDefinition = {
    prefix: "hostusb",
    noun: "hostusb_resource",
    messageName: "HostusbResource",
    table: "hostusb_resources",
    columns: {
        kind: text,
        ownerId: text,
        idvendor: text,
        idproduct: text,
        bus: integer,
        addr: integer,
        class: text,
        serial: text,
        deviceName: text,
    },
    edges: { host: { kind: "host", required: true } },
    unique: [],
};

/** A GPU of a host. */
export const hostgpu: KindDefinition = {
    prefix: "hostgpu",
    noun: "hostgpu_resource",
    messageName: "HostgpuResource",
    table: "hostgpu_resources",
    columns: {
        pciId: text,
        product: text,
        vendor: text,
        description: text,
        deviceName: text,
        features: text,
    },
    edges: { host: { kind: "host", required: true } },
    unique: [],
};
