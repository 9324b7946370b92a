import { setMaxListeners } from "node:events";
import * as tls from "node:tls";

import { newDevice, type Defect, type DeviceSettings, type DeviceState } from "./device";
import { HostManager } from "./hostManager";
import { runMachine } from "./machine";
import { failed, Gone, ResourceManager } from "./resourceManager";
import type { EmfStore, HostRow, StoreChange } from "./store";
import { Pace, Turns, type World } from "./world";

/** More image streams at once than this only take each other's time. */
const STREAMS_AT_ONCE = 8;

/** The platform waits for missing heartbeats before it calls a connection lost. */
const HEARTBEAT_MS = 300;

/** How the simulated machines behave. */
export interface WorkerOptions {
    /** How many times faster than by default; a machine takes 2 to 3 seconds at 1. */
    speed?: number;
    /** A machine appears and boots as soon as its host is registered. */
    autoBoot?: boolean;
    /** The roots an installer trusts where a profile names no certificate, PEM. Default: those of Node. */
    systemRoots?: readonly string[];
}

/** The machines as they are kept. */
export interface FleetSnapshot {
    autoBoot: boolean;
    devices: DeviceState[];
}

interface Machine {
    readonly device: DeviceState;
    /** Ends what the machine does now. */
    stop?: AbortController;
    readonly listeners: Set<() => void>;
}

/** The machines of the lab, and the managers that lead their hosts and instances through their states. */
export class Worker implements World {
    readonly store: EmfStore;
    readonly manager: ResourceManager;
    readonly pace: Pace;
    readonly streams = new Turns(STREAMS_AT_ONCE);
    readonly systemRoots: readonly string[];
    autoBoot: boolean;

    private readonly machines = new Map<string, Machine>();
    private readonly byUuid = new Map<string, Machine>();
    /** The machine last seen at a host, also after the host is gone. */
    private readonly byHost = new Map<string, Machine>();
    private readonly hostManager: HostManager;
    private readonly closing = new AbortController();
    private endListening = (): void => undefined;
    private readonly busy = new Set<Promise<void>>();

    constructor(
        store: EmfStore,
        readonly scratch: string,
        private readonly changed: () => void,
        options: WorkerOptions & { snapshot?: FleetSnapshot; clock?: () => Date } = {},
    ) {
        this.store = store;
        this.manager = new ResourceManager(store, options.clock ?? (() => new Date()));
        this.pace = new Pace(options.speed ?? 1);
        this.systemRoots = options.systemRoots ?? tls.rootCertificates;
        this.autoBoot = options.autoBoot ?? options.snapshot?.autoBoot ?? false;
        // Every deletion waits on it, and a fleet is deleted at once; Node takes more than ten for a leak.
        setMaxListeners(0, this.closing.signal);
        this.hostManager = new HostManager(this, (work) => this.follow(work), this.closing.signal);
        for (const device of options.snapshot?.devices ?? []) {
            this.insert(device);
        }
    }

    /** Lets the machines go on from where they were. */
    start(): void {
        this.endListening = this.store.onChange((change) => this.onStoreChange(change));
        this.resume();
    }

    /** All machines, in the order they were added. */
    devices(): DeviceState[] {
        return [...this.machines.values()].map(({ device }) => device);
    }

    /** A machine by its serial number or UUID. */
    device(name: string): DeviceState | undefined {
        return this.find(name)?.device;
    }

    /** Puts up a machine, switched off. */
    add(settings: DeviceSettings): DeviceState {
        const device = newDevice(settings);
        if (this.find(device.serial) ?? this.find(device.uuid)) {
            throw new Error(
                `The lab has a device with serial ${device.serial} or UUID ${device.uuid} already.`,
            );
        }
        this.insert(device);
        this.changed();
        return device;
    }

    /**
     * Switches a machine on, or resets it. It starts the system on its disk where that belongs to a host and instance
     * that still stand, else the network installer; `installer` chooses that in any case.
     */
    boot(name: string, { installer = false }: { installer?: boolean } = {}): void {
        const machine = this.mustFind(name);
        const { device } = machine;
        this.halt(machine);
        delete device.unplugged;
        device.power = "on";
        device.running = !installer && this.hasSystem(device) ? "os" : "installer";
        this.changed();
        this.run(machine);
    }

    /** Switches a machine off. A system that was running is missed after a while. */
    off(name: string): void {
        const machine = this.mustFind(name);
        const { device } = machine;
        const wasRunning = device.running === "os" ? device.installed : undefined;
        this.halt(machine);
        device.power = "off";
        delete device.running;
        this.changed();
        if (wasRunning) {
            this.follow(this.missHeartbeats(wasRunning.host, device));
        }
    }

    /** Cuts a machine off from power and network: nothing but `boot` by hand brings it back. */
    unplug(name: string): void {
        this.mustFind(name).device.unplugged = true;
        this.off(name);
    }

    /** Gives a machine a defect, or takes it away. It shows when the machine gets there. */
    setDefect(name: string, defect: Defect | undefined): void {
        const { device } = this.mustFind(name);
        if (defect) {
            device.defect = defect;
        } else {
            delete device.defect;
        }
        this.changed();
    }

    /** Switches `autoBoot` on or off for registrations from now on. */
    setAutoBoot(on: boolean): void {
        this.autoBoot = on;
        this.changed();
    }

    snapshot(): FleetSnapshot {
        return { autoBoot: this.autoBoot, devices: this.devices() };
    }

    keep(): void {
        this.changed();
    }

    onNews(device: DeviceState, listener: () => void): () => void {
        const listeners = this.machines.get(device.serial)?.listeners;
        listeners?.add(listener);
        return () => listeners?.delete(listener);
    }

    /** Stops all machines as they are; a later start goes on from there. */
    async close(): Promise<void> {
        this.endListening();
        this.closing.abort();
        for (const { stop } of this.machines.values()) {
            stop?.abort();
        }
        await Promise.allSettled(this.busy);
    }

    private insert(device: DeviceState): Machine {
        const machine: Machine = { device, listeners: new Set() };
        this.machines.set(device.serial, machine);
        this.byUuid.set(device.uuid.toLowerCase(), machine);
        return machine;
    }

    private find(name: string): Machine | undefined {
        return this.machines.get(name) ?? this.byUuid.get(name.toLowerCase());
    }

    private mustFind(name: string): Machine {
        const machine = this.find(name);
        if (!machine) {
            const known = [...this.machines.keys()];
            const list = known.length > 0 ? `It has ${known.slice(0, 10).join(", ")}` : "It has none";
            throw new Error(`The lab has no device "${name}". ${list}${known.length > 10 ? ", …" : ""}.`);
        }
        return machine;
    }

    private resume(): void {
        for (const machine of this.machines.values()) {
            if (machine.device.power === "on" && !this.isSettled(machine.device)) {
                this.run(machine);
            }
        }
        for (const host of this.store.hosts()) {
            this.onHost(host);
        }
        for (const instance of this.store.instances()) {
            this.hostManager.instanceChanged(instance.resourceId);
        }
    }

    /** A running system whose agents have reported has nothing more to say. */
    private isSettled({ running, installed }: DeviceState): boolean {
        const instance = installed && this.store.find("instance", installed.instance);
        return running === "os" && (!instance || instance.instanceStatus === "Running");
    }

    private run(machine: Machine): void {
        const stop = new AbortController();
        machine.stop = stop;
        this.follow(runMachine(this, machine.device, stop.signal));
    }

    private halt(machine: Machine): void {
        machine.stop?.abort();
        delete machine.stop;
        // Memory is lost: an installer that starts anew has no credentials.
        delete machine.device.session;
    }

    private hasSystem({ installed }: DeviceState): boolean {
        const host = installed && this.store.find("host", installed.host);
        const instance = installed && this.store.find("instance", installed.instance);
        return (
            host?.desiredState === "HOST_STATE_ONBOARDED" &&
            instance?.desiredState === "INSTANCE_STATE_RUNNING"
        );
    }

    private onStoreChange({ type, kind, resourceId }: StoreChange): void {
        if (kind === "host") {
            const host = this.store.find("host", resourceId);
            if (host) {
                this.onHost(host);
            } else {
                this.wake(this.byHost.get(resourceId));
                this.byHost.delete(resourceId);
            }
        } else if (kind === "instance") {
            if (type === "deleted") {
                this.wakeAll();
            }
            this.hostManager.instanceChanged(resourceId);
            const host = this.store.find("instance", resourceId)?.host;
            this.wake(host === undefined ? undefined : this.byHost.get(host));
        }
    }

    private onHost(host: HostRow): void {
        const named = [host.serialNumber, host.uuid].filter((name) => name !== undefined);
        const machines = new Set(named.map((name) => this.find(name)).filter((found) => found !== undefined));
        const wanted =
            host.desiredState === "HOST_STATE_REGISTERED" || host.desiredState === "HOST_STATE_ONBOARDED";
        if (machines.size === 0 && this.autoBoot && wanted) {
            machines.add(this.insert(newDevice({ serial: host.serialNumber, uuid: host.uuid })));
        }
        for (const machine of machines) {
            this.byHost.set(host.resourceId, machine);
            this.bootByItself(machine, host, wanted);
            this.followPower(machine, host);
            this.wake(machine);
        }
        this.hostManager.hostChanged(host.resourceId);
    }

    private bootByItself({ device }: Machine, { resourceId, currentState }: HostRow, wanted: boolean): void {
        const isNew = currentState === "HOST_STATE_UNSPECIFIED" && device.bootedFor !== resourceId;
        if (wanted && isNew && !device.unplugged && (device.autoBoot ?? this.autoBoot)) {
            device.bootedFor = resourceId;
            this.boot(device.serial, { installer: true });
        }
    }

    /** A changed `desiredPowerState` acts on the machine. */
    private followPower({ device }: Machine, { resourceId, desiredPowerState: state }: HostRow): void {
        const { powerSeen } = device;
        if (powerSeen?.host === resourceId && powerSeen.state === state) {
            return;
        }
        device.powerSeen = { host: resourceId, state };
        this.changed();
        const isFirst = powerSeen?.host !== resourceId && state === "POWER_STATE_ON";
        if (isFirst || device.unplugged) {
            // ON is what every registration begins with.
            return;
        }
        if (state === "POWER_STATE_OFF") {
            this.off(device.serial);
        } else if (state !== "POWER_STATE_ON" || device.power === "off") {
            this.boot(device.serial);
        }
        const currentPowerState = device.power === "on" ? "POWER_STATE_ON" : "POWER_STATE_OFF";
        this.manager.host(resourceId, { currentPowerState });
    }

    private wake(machine: Machine | undefined): void {
        for (const listener of [...(machine?.listeners ?? [])]) {
            listener();
        }
    }

    private wakeAll(): void {
        for (const machine of this.machines.values()) {
            this.wake(machine);
        }
    }

    private async missHeartbeats(hostId: string, device: DeviceState): Promise<void> {
        await this.pace.wait(HEARTBEAT_MS, this.closing.signal);
        const status = this.store.find("host", hostId)?.hostStatus;
        if (device.power === "off" && ["Running", "Booting", "Error"].includes(status ?? "")) {
            this.manager.host(hostId, this.manager.status("hostStatus", failed("No Connection")));
        }
    }

    /** Lets something run on its own; a deliberate end is none of anybody's business. */
    private follow(work: Promise<void>): void {
        const followed = work
            .catch((error: unknown) => {
                if (!(error instanceof Gone) && (error as Error).name !== "AbortError") {
                    process.stderr.write(`lab EMF: ${(error as Error).stack ?? String(error)}\n`);
                }
            })
            .finally(() => this.busy.delete(followed));
        this.busy.add(followed);
    }
}
