import { setTimeout as sleep } from "node:timers/promises";

import type { DeviceState } from "./device";
import type { ResourceManager } from "./resourceManager";
import type { EmfStore } from "./store";

/** What a simulated machine lives in. */
export interface World {
    readonly store: EmfStore;
    readonly manager: ResourceManager;
    readonly pace: Pace;
    /** Image streams, which share this machine's processor and memory. */
    readonly streams: Turns;
    /** The roots an installer brings along, PEM. */
    readonly systemRoots: readonly string[];
    /** A directory for large temporary files. */
    readonly scratch: string;
    /** The machine has changed and is to be kept. */
    keep(device: DeviceState): void;
    /** Calls `listener` whenever something has changed that may concern the machine; returns the end of it. */
    onNews(device: DeviceState, listener: () => void): () => void;
}

/** How long things take: the times of the simulation, divided by its speed. */
export class Pace {
    constructor(private readonly speed: number) {}

    wait(ms: number, signal: AbortSignal): Promise<void> {
        return sleep(ms / this.speed, undefined, { signal });
    }
}

/** Lets a limited number work at a time, the others in the order they came. */
export class Turns {
    private free: number;
    private readonly waiting: (() => void)[] = [];

    constructor(atOnce: number) {
        this.free = atOnce;
    }

    async take<T>(work: () => Promise<T>): Promise<T> {
        if (this.free > 0) {
            this.free -= 1;
        } else {
            await new Promise<void>((resolve) => this.waiting.push(resolve));
        }
        try {
            return await work();
        } finally {
            const next = this.waiting.shift();
            if (next) {
                next();
            } else {
                this.free += 1;
            }
        }
    }
}

/** Waits until something has changed that may concern the machine. */
export function news(world: World, device: DeviceState, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        const end = world.onNews(device, () => {
            signal.removeEventListener("abort", stop);
            end();
            resolve();
        });
        const stop = (): void => {
            end();
            reject(signal.reason as Error);
        };
        if (signal.aborted) {
            stop();
        } else {
            signal.addEventListener("abort", stop, { once: true });
        }
    });
}

/** Waits for ever: what hangs stays so until the machine boots or is switched off. */
export function hang(signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
}
