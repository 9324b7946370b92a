import type { DeviceState } from "./device";
import { provision } from "./provisioning";
import { failed, Gone, idle, inProgress } from "./resourceManager";
import type { EmfStore, HostRow, InstanceRow, OsRow } from "./store";
import { hang, news, type World } from "./world";

const CONTACT_MS = 120;
const ONBOARD_MS = 120;
const REBOOT_MS = 250;
const BOOT_MS = 200;
const START_MS = 150;

/** What the registry says to a machine that asks for its host. */
type Match =
    | { is: "host"; host: HostRow }
    | { is: "mismatch"; host: HostRow; text: string }
    | { is: "unknown" | "ambiguous" };

/** Runs what a powered-on machine does until `signal` ends it (a boot, or no power). */
export async function runMachine(world: World, device: DeviceState, signal: AbortSignal): Promise<void> {
    if (device.running === "installer" && !(await install(world, device, signal))) {
        return;
    }
    try {
        await startSystem(world, device, signal);
    } catch (error) {
        if (!(error instanceof Gone)) {
            throw error;
        }
    }
}

/** The network installer: from finding its host to the written disk. False where only another boot helps. */
async function install(world: World, device: DeviceState, signal: AbortSignal): Promise<boolean> {
    for (;;) {
        const host = await register(world, device, signal);
        if (!host) {
            return false;
        }
        try {
            await onboard(world, device, host, signal);
            return await installInstances(world, device, host.resourceId, signal);
        } catch (error) {
            if (!(error instanceof Gone)) {
                throw error;
            }
        }
    }
}

/** Asks for its host until it may be onboarded; undefined when the registry sends the machine away. */
async function register(
    world: World,
    device: DeviceState,
    signal: AbortSignal,
): Promise<HostRow | undefined> {
    const { store, manager } = world;
    for (;;) {
        await world.pace.wait(CONTACT_MS, signal);
        const match = findHost(store, device);
        if (match.is === "ambiguous") {
            return undefined;
        }
        if (match.is === "mismatch") {
            if (match.host.registrationStatus !== match.text) {
                manager.host(match.host.resourceId, {
                    currentState: match.host.currentState,
                    ...manager.status("registrationStatus", failed(match.text)),
                });
            }
        } else if (match.is === "host") {
            const { resourceId, currentState, desiredState, registrationStatusIndicator } = match.host;
            if (currentState === "HOST_STATE_ONBOARDED") {
                // "Node is already HOST_STATE_ONBOARDED": only the installer that has got the credentials goes on.
                return device.session === resourceId ? match.host : undefined;
            }
            if (registrationStatusIndicator === "STATUS_INDICATION_ERROR") {
                return undefined;
            }
            if (desiredState !== "HOST_STATE_REGISTERED" && desiredState !== "HOST_STATE_ONBOARDED") {
                return undefined;
            }
            if (device.defect?.at === "registration") {
                manager.host(
                    resourceId,
                    manager.status("registrationStatus", failed("Host Registration Failed")),
                );
                return undefined;
            }
            if (currentState !== "HOST_STATE_REGISTERED") {
                manager.host(resourceId, {
                    ...(match.host.uuid === undefined ? { uuid: device.uuid } : {}),
                    currentState: "HOST_STATE_REGISTERED",
                    ...manager.status("registrationStatus", idle("Host is Registered")),
                });
            }
            if (desiredState === "HOST_STATE_ONBOARDED") {
                return match.host;
            }
        }
        await news(world, device, signal);
    }
}

async function onboard(world: World, device: DeviceState, host: HostRow, signal: AbortSignal): Promise<void> {
    const { manager, pace } = world;
    if (host.currentState === "HOST_STATE_ONBOARDED") {
        return;
    }
    const { resourceId } = host;
    await pace.wait(ONBOARD_MS, signal);
    for (const [at, text] of [
        ["initialization", "Device initialization failed"],
        ["onboarding", "Onboarding Failed"],
    ] as const) {
        if (device.defect?.at === at) {
            if (device.defect.do === "fail") {
                manager.host(resourceId, manager.status("onboardingStatus", failed(text)));
            }
            await hang(signal);
        }
        if (at === "initialization") {
            manager.host(resourceId, manager.status("onboardingStatus", inProgress("Device initialized")));
            await pace.wait(ONBOARD_MS, signal);
        }
    }
    manager.reportHardware(resourceId, device);
    device.session = resourceId;
    world.keep(device);
    manager.host(resourceId, {
        currentState: "HOST_STATE_ONBOARDED",
        ...manager.status("onboardingStatus", idle("Onboarded")),
    });
}

/** Waits for an instance and installs it; a failed one is final, so that it waits for the next. */
async function installInstances(
    world: World,
    device: DeviceState,
    hostId: string,
    signal: AbortSignal,
): Promise<boolean> {
    const { store } = world;
    for (;;) {
        const host = store.find("host", hostId);
        if (host?.desiredState !== "HOST_STATE_ONBOARDED") {
            return false;
        }
        const instance = store.instanceOf(hostId);
        const os = instance && store.find("os", instance.os);
        if (instance && os && isWanted(instance) && os.osProvider === "OS_PROVIDER_KIND_INFRA") {
            if (
                instance.currentState === "INSTANCE_STATE_RUNNING" ||
                (await provisionWhileWanted(world, device, instance, os, signal))
            ) {
                device.installed = { host: hostId, instance: instance.resourceId, os: os.resourceId };
                device.running = "os";
                delete device.session;
                world.keep(device);
                world.manager.host(hostId, world.manager.status("hostStatus", inProgress("Rebooting")));
                await world.pace.wait(REBOOT_MS, signal);
                return true;
            }
            continue;
        }
        await news(world, device, signal);
    }
}

function isWanted(instance: InstanceRow | undefined): boolean {
    return (
        instance?.desiredState === "INSTANCE_STATE_RUNNING" &&
        instance.provisioningStatusIndicator !== "STATUS_INDICATION_ERROR"
    );
}

/** Deleting the instance ends its installation at once. */
async function provisionWhileWanted(
    world: World,
    device: DeviceState,
    instance: InstanceRow,
    os: OsRow,
    signal: AbortSignal,
): Promise<boolean> {
    const unwanted = new AbortController();
    const end = world.onNews(device, () => {
        if (world.store.find("instance", instance.resourceId)?.desiredState !== "INSTANCE_STATE_RUNNING") {
            unwanted.abort();
        }
    });
    try {
        return await provision(device, instance, os, world, AbortSignal.any([signal, unwanted.signal]));
    } catch (error) {
        signal.throwIfAborted();
        if (unwanted.signal.aborted || error instanceof Gone) {
            return false;
        }
        throw error;
    } finally {
        end();
    }
}

/** The installed system starts, and its agents report. */
async function startSystem(world: World, device: DeviceState, signal: AbortSignal): Promise<void> {
    const { store, manager, pace } = world;
    const { installed } = device;
    if (!installed || !isTrusted(store.find("host", installed.host))) {
        return;
    }
    const { host, instance } = installed;
    manager.host(host, manager.status("hostStatus", inProgress("Booting")));
    manager.instance(instance, manager.status("instanceStatus", inProgress("Initializing")));
    await pace.wait(BOOT_MS, signal);
    if (device.defect?.at === "running") {
        if (device.defect.do === "fail") {
            manager.host(host, manager.status("hostStatus", failed("Error")));
            manager.instance(instance, manager.status("instanceStatus", failed("Error")));
        }
        return;
    }
    manager.host(host, manager.status("hostStatus", idle("Running")));
    await pace.wait(START_MS, signal);
    manager.instance(instance, {
        ...manager.status("instanceStatus", idle("Running")),
        instanceStatusDetail: "all components running",
    });
}

function isTrusted(host: HostRow | undefined): boolean {
    return host?.desiredState === "HOST_STATE_ONBOARDED" && host.currentState === "HOST_STATE_ONBOARDED";
}

/**
 * The host a machine belongs to, by the UUID and serial number it reports: what the registration lacks matches, what
 * it has must be equal (infra-onboarding, grpc_server.go `getHostResource`).
 */
export function findHost(store: EmfStore, { uuid, serial }: DeviceState): Match {
    const hosts = store.hosts();
    const byUuid = hosts.find((host) => host.uuid?.toLowerCase() === uuid.toLowerCase());
    if (byUuid && byUuid.serialNumber === undefined) {
        return { is: "host", host: byUuid };
    }
    const [bySerial, ...others] = hosts.filter((host) => host.serialNumber === serial);
    if (others.length > 0) {
        return { is: "ambiguous" };
    }
    if (bySerial && !byUuid && bySerial.uuid === undefined) {
        return { is: "host", host: bySerial };
    }
    if (byUuid && bySerial) {
        return byUuid === bySerial ? { is: "host", host: byUuid } : { is: "ambiguous" };
    }
    const failure = "Host Registration Failed due to mismatch of";
    if (byUuid) {
        const text = `${failure} Serial Number, Reported Serial Number is: ${serial}`;
        return { is: "mismatch", host: byUuid, text };
    }
    if (bySerial) {
        return { is: "mismatch", host: bySerial, text: `${failure} UUID, Reported UUID is: ${uuid}` };
    }
    return { is: "unknown" };
}
