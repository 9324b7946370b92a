import * as crypto from "node:crypto";
import type * as http from "node:http";

import { CallCounter } from "../calls";
import type { CertificateAuthority } from "../certificates";
import { FaultList } from "../faults";
import { keptSecret, readJson, writeAtomically, type LabFolder } from "../folder";
import type { Tap } from "../handler";
import { Keeper } from "../keeper";
import { listen, type Listener, type PortBook } from "../server";
import { StandIn, type Front } from "../standIn";
import { createEmfApi } from "./api";
import { TokenIssuer, type IssuerSnapshot } from "./auth";
import { Operator, type ApiObject } from "./client";
import { createKeycloak } from "./keycloak";
import { createEmfHandler } from "./server";
import type { Defect, DeviceSettings, DeviceState } from "./device";
import { Worker, type FleetSnapshot, type WorkerOptions } from "./worker";
import { EmfStore, type Project, type StoreSnapshot } from "./store";

const PROJECT = "edge-lab";
const OTHER_PROJECT = "edge-lab-2";
const USERNAME = "edge-operator";
/** Shorter than the realm's 3600 s, so that clients have to refresh while somebody watches. */
const DEFAULT_TOKEN_LIFETIME = 300;

/** How the EMF stand-in behaves. */
export interface EmfLabOptions extends WorkerOptions {
    /** Let machines live, and finish deletions. Default true; without it only the API answers. */
    workers?: boolean;
    /** Seconds an access token is valid. Default 300; EMF's realm has 3600. */
    tokenLifetime?: number;
}

interface Parts extends Front {
    folder: LabFolder;
    store: EmfStore;
    issuer: TokenIssuer;
    operator: Operator;
    listener: Listener;
    keepers: Keeper[];
    worker: Worker | undefined;
    password: string;
    ca: string;
}

/** The running stand-in of an EMF orchestrator. */
export class EmfLab extends StandIn {
    /** Root of the API: `https://127.0.0.1:<port>`. */
    readonly endpoint: string;
    /** The realm, as clients take it: `<endpoint>/realms/master`. The lab's Keycloak shares the API's origin. */
    readonly keycloak: string;
    readonly project = PROJECT;
    /** A second project, for tests of what must not happen across projects. */
    readonly otherProject = OTHER_PROJECT;
    readonly username = USERNAME;
    readonly password: string;
    /** The certificate authority of the lab's servers: a file, and its text. */
    readonly caFile: string;
    readonly ca: string;
    /** The inventory itself. */
    readonly store: EmfStore;
    /** Signs tokens that the API accepts, for tests of odd ones. */
    readonly issuer: TokenIssuer;

    private constructor(private readonly parts: Parts) {
        super(parts);
        this.endpoint = parts.listener.origin;
        this.keycloak = `${this.endpoint}/realms/master`;
        this.password = parts.password;
        this.caFile = parts.folder.caFile;
        this.ca = parts.ca;
        this.store = parts.store;
        this.issuer = parts.issuer;
    }

    static async start(
        folder: LabFolder,
        authority: CertificateAuthority,
        ports: PortBook,
        options: EmfLabOptions = {},
    ): Promise<EmfLab> {
        const store = openStore(folder);
        const faults = new FaultList();
        const calls = new CallCounter();
        const password = keptSecret(folder.password);
        const issuer = await openIssuer(folder);
        const roles = store.projects().flatMap(({ uid }) => [`${uid}_im-rw`, `${uid}_im-r`]);
        const api = createEmfApi({ store, auth: issuer });
        const identity = await authority.server("emf");
        // The realm names its own address, which is known when the server listens.
        const served: { handler?: http.RequestListener } = {};
        const listener = await listen({
            name: "emf",
            ports,
            identity,
            handler: (request, response) => served.handler?.(request, response),
        });
        const keycloak = createKeycloak({
            issuer,
            origin: listener.origin,
            users: [{ username: USERNAME, password, roles }],
            sessionSecret: keptSecret(folder.sessionSecret),
            tokenLifetime: options.tokenLifetime ?? DEFAULT_TOKEN_LIFETIME,
        });
        const started: { lab?: EmfLab } = {};
        const tap: Tap = (side, route) => started.lab?.tap?.(side, route);
        served.handler = createEmfHandler({ api, keycloak, faults, calls, tap });
        const data = new Keeper(folder.emfData, () => store);
        store.onChange(() => data.touch());
        const { worker, fleet } = startWorker(folder, store, options);
        const keepers = fleet ? [data, fleet] : [data];
        const operator = new Operator(api, issuer, PROJECT, roles);
        const ca = authority.certificate;
        started.lab = new EmfLab({
            folder,
            store,
            issuer,
            operator,
            faults,
            calls,
            listener,
            keepers,
            worker,
            password,
            ca,
        });
        return started.lab;
    }

    /** The uid of the project, as ids and roles carry it. */
    get projectUid(): string {
        return this.store.project(PROJECT)?.uid ?? "";
    }

    /** All objects of a kind in the project: `regions`, `compute/hosts`, `compute/os`, `localAccounts` … */
    list(path: string): Promise<ApiObject[]> {
        return this.parts.operator.list(path);
    }

    get(path: string, id: string): Promise<ApiObject> {
        return this.parts.operator.get(path, id);
    }

    /** Makes an object as an operator would behind the program's back. */
    create(path: string, body: object): Promise<ApiObject> {
        return this.parts.operator.create(path, body);
    }

    patch(path: string, id: string, body: object): Promise<ApiObject> {
        return this.parts.operator.patch(path, id, body);
    }

    remove(path: string, id: string): Promise<void> {
        return this.parts.operator.remove(path, id);
    }

    /** Any other call; fails with the answer unless that is 200. */
    request(method: string, path: string, body?: object): Promise<unknown> {
        return this.parts.operator.request(method, path, body);
    }

    /** The machines of the lab. */
    devices(): readonly DeviceState[] {
        return this.worker.devices();
    }

    /** Puts up a machine, switched off. */
    addDevice(settings: DeviceSettings): Device {
        return new Device(this.worker, this.worker.add(settings).serial);
    }

    /** A machine by its serial number or UUID. */
    device(name: string): Device {
        const state = this.worker.device(name);
        if (!state) {
            throw new Error(`The lab has no device "${name}".`);
        }
        return new Device(this.worker, state.serial);
    }

    /** Whether machines appear and boot when their host is registered. */
    get autoBoot(): boolean {
        return this.worker.autoBoot;
    }
    set autoBoot(on: boolean) {
        this.worker.setAutoBoot(on);
    }

    /** Waits until `condition` holds, looking after every change; fails with `what` after `timeoutMs`. */
    async until(condition: () => boolean, what: string, timeoutMs = 15_000): Promise<void> {
        if (condition()) {
            return;
        }
        await new Promise<void>((resolve, reject) => {
            const end = this.store.onChange(() => {
                if (condition()) {
                    finish();
                    resolve();
                }
            });
            const timer = setTimeout(() => {
                finish();
                reject(new Error(`The lab waited ${timeoutMs / 1000} s in vain for: ${what}`));
            }, timeoutMs);
            const finish = (): void => {
                end();
                clearTimeout(timer);
            };
        });
    }

    /** Writes what is not yet written. */
    flush(): void {
        this.parts.keepers.forEach((keeper) => keeper.flush());
    }

    async close(): Promise<void> {
        await this.parts.listener.close();
        await this.parts.worker?.close();
        this.flush();
    }

    private get worker(): Worker {
        if (!this.parts.worker) {
            throw new Error("This lab was started with its workers off.");
        }
        return this.parts.worker;
    }
}

/** One machine of the lab. */
export class Device {
    constructor(
        private readonly worker: Worker,
        readonly serial: string,
    ) {}

    get state(): DeviceState {
        const state = this.worker.device(this.serial);
        if (!state) {
            throw new Error(`The lab has no device "${this.serial}".`);
        }
        return state;
    }

    /** Switches it on, or resets it: a boot event. `installer`: from the network, whatever is on its disk. */
    boot(options: { installer?: boolean } = {}): void {
        this.worker.boot(this.serial, options);
    }

    off(): void {
        this.worker.off(this.serial);
    }

    /** Cuts it off from power and network; `boot` brings it back. */
    unplug(): void {
        this.worker.unplug(this.serial);
    }

    /** Gives it a defect, which shows when it gets there and stays until {@link repair}. */
    fail(defect: Defect): void {
        this.worker.setDefect(this.serial, defect);
    }

    repair(): void {
        this.worker.setDefect(this.serial, undefined);
    }
}

function startWorker(
    folder: LabFolder,
    store: EmfStore,
    options: EmfLabOptions,
): { worker?: Worker; fleet?: Keeper } {
    if (options.workers === false) {
        return {};
    }
    const snapshot = readJson(folder.devices) as FleetSnapshot | undefined;
    const touch = (): void => fleet.touch();
    const worker = new Worker(store, folder.scratch, touch, {
        ...options,
        ...(snapshot ? { snapshot } : {}),
    });
    const fleet: Keeper = new Keeper(folder.devices, () => worker.snapshot());
    worker.start();
    return { worker, fleet };
}

function openStore(folder: LabFolder): EmfStore {
    const kept = readJson(folder.emfData) as StoreSnapshot | undefined;
    const store = kept ? EmfStore.load(kept) : new EmfStore();
    for (const name of [PROJECT, OTHER_PROJECT]) {
        if (!store.project(name)) {
            store.addProject(newProject(name));
        }
    }
    if (!kept) {
        // The uids of the projects are in ids and tokens, so they are kept before anybody sees them.
        writeAtomically(folder.emfData, `${JSON.stringify(store)}\n`, 0o600);
    }
    return store;
}

function newProject(name: string): Project {
    return { name, uid: crypto.randomUUID() };
}

async function openIssuer(folder: LabFolder): Promise<TokenIssuer> {
    const kept = readJson(folder.signingKey) as IssuerSnapshot | undefined;
    const issuer = await TokenIssuer.create(kept ? { snapshot: kept } : {});
    if (!kept) {
        writeAtomically(folder.signingKey, `${JSON.stringify(await issuer.snapshot())}\n`, 0o600);
    }
    return issuer;
}
