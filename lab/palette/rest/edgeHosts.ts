import type { EdgeHost, Hardware, TunnelConfig } from "../store";
import {
    newRecord,
    projectOf,
    shownMetadata,
    visible,
    type Call,
    type Metadata,
    type PaletteService,
} from "./call";
import { PaletteError, invalid } from "./errors";
import { matches, page, type SearchFilter } from "./search";

const KIND = "EdgeHostDevice";
const LONGEST_UID = 128;
const FORBIDDEN = /[/?#&+%,$~!@*(){}|=;:<>'.^"]/;

interface Registration {
    metadata?: Metadata;
    spec?: { archType?: "amd64" | "arm64"; hostPairingKey?: string; tunnelConfig?: TunnelConfig };
}

export function create(call: Call): object {
    const { store, behaviour } = call.service;
    const project = projectOf(call);
    const { metadata = {}, spec = {} } = call.body as Registration;
    const uid = metadata.uid ?? "";
    if (uid === "" || uid.length > LONGEST_UID || FORBIDDEN.test(uid)) {
        throw invalid(`metadata.uid '${uid}' is not valid`);
    }
    // Across the whole tenant, not only in the project of the call.
    if (store.edgeHosts.get(uid)) {
        throw new PaletteError(
            behaviour.alreadyRegisteredStatus,
            "AlreadyRegisteredEdgeHostDevice",
            `Edge host device '${uid}' is already registered`,
        );
    }
    store.edgeHosts.put({
        ...newRecord(store, { ...metadata, name: metadata.name ?? uid }, project.uid),
        uid,
        archType: spec.archType ?? "amd64",
        pairingKey: spec.hostPairingKey ?? "",
        tunnelConfig: spec.tunnelConfig ?? {},
    });
    return { uid };
}

export function get(call: Call): object {
    const { service } = call;
    const host = visible(call, KIND, service.store.edgeHosts);
    const { store } = service;
    const { serviceAuthToken } = host;
    return {
        metadata: shownMetadata(host),
        aclmeta: { projectUid: host.projectUid, tenantUid: store.tenantUid },
        spec: {
            host: {
                hostUid: host.uid,
                ...addressOf(host),
                ...(host.pairingKey === "" ? {} : { hostPairingKey: host.pairingKey }),
                project: projectMeta(service, host),
            },
            ...deviceOf(service, host),
            tunnelConfig: host.tunnelConfig,
        },
        status: { ...statusOf(service, host), ...(serviceAuthToken ? { serviceAuthToken } : {}) },
    };
}

/** The whole update, which only a host that has paired takes. */
export function update(call: Call): void {
    const { store } = call.service;
    const host = visible(call, KIND, store.edgeHosts);
    if (!host.hardware) {
        throw new PaletteError(
            400,
            "EdgeHostDeviceNotRegistered",
            `Edge host device '${host.uid}' is not registered`,
        );
    }
    const { metadata = {}, spec = {} } = call.body as Registration;
    const { name = host.name, labels = {} } = metadata;
    const tunnelConfig = spec.tunnelConfig ?? {};
    store.edgeHosts.put({ ...host, name, labels, tunnelConfig, changedAt: store.time() });
}

export function updateMeta(call: Call): void {
    const { store, behaviour } = call.service;
    const host = visible(call, KIND, store.edgeHosts);
    const { metadata = {} } = call.body as Registration;
    const { name = host.name, labels = {} } = metadata;
    const isEmpty = Object.keys(labels).length === 0;
    const kept = isEmpty && behaviour.emptyLabels === "keep" ? host.labels : labels;
    store.edgeHosts.put({ ...host, name, labels: kept, changedAt: store.time() });
}

export function setTunnel(call: Call): void {
    const { store } = call.service;
    const host = visible(call, KIND, store.edgeHosts);
    const tunnelConfig = { ...host.tunnelConfig, ...(call.body as TunnelConfig) };
    store.edgeHosts.put({ ...host, tunnelConfig, changedAt: store.time() });
}

export function setPairingKey(call: Call): void {
    const { store } = call.service;
    const host = visible(call, KIND, store.edgeHosts);
    const { hostPairingKey: pairingKey = "" } = call.body as { hostPairingKey?: string };
    store.edgeHosts.put({ ...host, pairingKey, changedAt: store.time() });
}

export function remove(call: Call): void {
    const { store, behaviour, deletedHost } = call.service;
    const host = visible(call, KIND, store.edgeHosts);
    if (host.clusterUid !== undefined && behaviour.deleteInUse === "refuse") {
        const cluster = store.clusters.get(host.clusterUid)?.name ?? host.clusterUid;
        throw new PaletteError(
            400,
            "EdgeHostDeviceInUse",
            `Edge host device '${host.uid}' is in use by cluster '${cluster}'`,
        );
    }
    store.edgeHosts.remove(host.uid);
    if (host.hardware && behaviour.agentReturns) deletedHost(host.uid);
}

export function search(call: Call): object {
    const { service, query, project } = call;
    const { filter } = call.body as { filter?: SearchFilter };
    const found = service.store.edgeHosts
        .list()
        .filter(({ projectUid }) => project === undefined || projectUid === project.uid)
        .filter((host) => matches(filter, (property) => propertyOf(host, property)));
    const { items, listmeta } = page(found, query);
    return { items: items.map((host) => summaryOf(service, host)), listmeta };
}

export function listMetadata({ service, query, project }: Call): object {
    const unusedOnly = query.get("quickFilter") === "unusedEdgeHosts";
    const hosts = service.store.edgeHosts
        .list()
        .filter(({ projectUid }) => project === undefined || projectUid === project.uid)
        .filter((host) => !unusedOnly || host.clusterUid === undefined);
    return {
        edgeHosts: hosts.map((host) => ({
            ...{ uid: host.uid, name: host.name, state: stateOf(host), edgeHostType: "edge-native" },
            ...(host.health ? { healthState: host.health } : {}),
            ...(host.hardware ? { archType: host.hardware.archType } : {}),
        })),
    };
}

export function tags({ service, project }: Call): object {
    const all = service.store.edgeHosts
        .list()
        .filter(({ projectUid }) => project === undefined || projectUid === project.uid)
        .flatMap(tagsOf);
    return { tags: [...new Set(all)].sort() };
}

export function stateOf({ hardware, clusterUid }: EdgeHost): "unpaired" | "ready" | "in-use" {
    if (clusterUid !== undefined) return "in-use";
    return hardware ? "ready" : "unpaired";
}

/** A label as searches spell it: `key:value`, or the key of one without a value. */
function tagsOf({ labels }: EdgeHost): string[] {
    return Object.entries(labels).map(([key, value]) => (value === "spectro__tag" ? key : `${key}:${value}`));
}

function propertyOf(host: EdgeHost, property: string): string[] {
    switch (property) {
        case "name":
            return [host.name];
        case "state":
            return [stateOf(host)];
        case "healthState":
            return host.health ? [host.health] : [];
        case "architecture":
            return host.hardware ? [host.hardware.archType] : [];
        case "tags":
            return tagsOf(host);
        default:
            throw invalid(`there is no property '${property}' to search for`);
    }
}

function summaryOf(service: PaletteService, host: EdgeHost): object {
    return {
        metadata: shownMetadata(host),
        spec: {
            host: addressOf(host),
            ...deviceOf(service, host),
            projectMeta: projectMeta(service, host),
        },
        status: statusOf(service, host),
    };
}

function projectMeta({ store }: PaletteService, { projectUid }: EdgeHost): object {
    return store.projects.find(({ uid }) => uid === projectUid) ?? {};
}

function addressOf({ hardware }: EdgeHost): object {
    return { hostAddress: hardware?.ip ?? "", macAddress: hardware?.macAddress ?? "" };
}

function deviceOf({ behaviour }: PaletteService, host: EdgeHost): object {
    if (host.hardware) return { device: deviceSpec(host, host.hardware) };
    return behaviour.architectureBeforePairing ? { device: { archType: host.archType } } : {};
}

function deviceSpec({ clusterUid }: EdgeHost, hardware: Hardware): object {
    const { archType, cores, memoryMb, nicName, macAddress, ip } = hardware;
    return {
        archType,
        cpu: { cores },
        memory: { sizeInMB: memoryMb },
        nics: [{ nicName, macAddr: macAddress, ip, isDefault: true }],
        os: { family: "ubuntu", version: "24.04" },
        hostState: clusterUid === undefined ? "registration" : "cluster",
        hostType: "appliance",
    };
}

function statusOf({ store }: PaletteService, host: EdgeHost): object {
    const cluster = host.clusterUid === undefined ? undefined : store.clusters.get(host.clusterUid);
    const { health, hardware } = host;
    return {
        state: stateOf(host),
        ...(health ? { health: { state: health, agentVersion: hardware?.agentVersion ?? "" } } : {}),
        inUseClustersRef: cluster ? [{ uid: cluster.uid, name: cluster.name }] : [],
    };
}
