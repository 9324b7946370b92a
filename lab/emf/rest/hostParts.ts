import type { HostGpuRow, HostNicRow, HostStorageRow, HostUsbRow } from "../inventory/rows";
import type { EmfStore } from "../store";
import { emptyAnswer, presentColumns, type Answer } from "./present";

/** What the device has reported about a host's hardware. */
export function presentParts(store: EmfStore, hostId: string): Answer {
    return {
        hostStorages: store.referencing("hoststorage", "host", hostId).map(presentStorage),
        hostNics: store.referencing("hostnic", "host", hostId).map(presentNic),
        hostUsbs: store.referencing("hostusb", "host", hostId).map(presentUsb),
        hostGpus: store.referencing("hostgpu", "host", hostId).map(presentGpu),
    };
}

function presentStorage(row: HostStorageRow): Answer {
    return { ...presentColumns("HoststorageResource", row), capacityBytes: String(row.capacityBytes ?? 0) };
}

function presentNic(row: HostNicRow): Answer {
    const type = row.linkState ?? "NETWORK_INTERFACE_LINK_STATE_UNSPECIFIED";
    return {
        ...presentColumns("HostnicResource", row),
        linkState: { ...emptyAnswer("NetworkInterfaceLinkState"), type },
    };
}

function presentUsb(row: HostUsbRow): Answer {
    return {
        ...presentColumns("HostusbResource", row),
        idVendor: row.idvendor ?? "",
        idProduct: row.idproduct ?? "",
    };
}

function presentGpu(row: HostGpuRow): Answer {
    return { ...presentColumns("HostgpuResource", row), capabilities: (row.features ?? "").split(",") };
}
