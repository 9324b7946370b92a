import { abortable } from "../http/abortable";
import type { HttpRequest } from "../http/client";
import { NoAnswer } from "../http/failure";
import type { Host } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import type { Collection, Creates, InstanceResource, Objects, Patches } from "./api";
import { Busy, isNotFound } from "./answers";
import { COLLECTIONS } from "./collections";
import { AlreadyExists, EmfError } from "./errors";
import { KernelIndex } from "./kernelIndex";
import { listAll } from "./pages";
import type { EmfSettings } from "./settings";
import { assertWritable } from "./patchMask";
import { filled, SharedLists } from "./sharedLists";
import { EmfTransport } from "./transport";

/** The target of a client: state that names another project is none of its business. */
export interface Project {
    readonly name: string;
    readonly uid: string;
    readonly endpoint: string;
}

export interface CallOptions {
    readonly signal?: AbortSignal | undefined;
}

export interface ListOptions extends CallOptions {
    /** How old the shared list may be, in milliseconds. 0 asks anew. Default: 5 minutes. */
    readonly maxAge?: number;
}

export interface RemoveOptions extends CallOptions {
    /** Wait until the object is really gone. Default true. */
    readonly wait?: boolean;
    /** Told of each look while waiting, with the object as it is. */
    readonly onWait?: (object: Objects[Collection]) => void;
}

const SHARED_AGE = 5 * 60_000;
/** A create is tried this often, each time after making sure that the last try did not get through. */
const CREATE_TRIES = 3;
const FIRST_POLL = 500;
const LONGEST_POLL = 5_000;

/** One project of one EMF. All resources of a run share it: its login, its lists and its bound on requests. */
export class EmfClient {
    readonly kernels: KernelIndex;
    private readonly transport: EmfTransport;
    private readonly lists: SharedLists;
    private projectLookUp?: Promise<Project>;

    constructor(
        readonly settings: EmfSettings,
        private readonly host: Host,
    ) {
        this.transport = new EmfTransport(settings, host);
        this.kernels = new KernelIndex(settings, host);
        this.lists = new SharedLists(
            () => host.now(),
            (collection) => listAll(collection, this.transport),
        );
    }

    get endpoint(): string {
        return this.settings.endpoint;
    }

    /** The project's identity, asked for once. */
    project(options: CallOptions = {}): Promise<Project> {
        this.projectLookUp ??= this.lookUpProject().catch((error: unknown) => {
            delete this.projectLookUp;
            throw error;
        });
        return abortable(this.projectLookUp, options.signal);
    }

    /** All objects of a kind, from a list that the whole run shares. */
    async list<K extends Collection>(collection: K, options: ListOptions = {}): Promise<Objects[K][]> {
        return [...(await this.shared(collection, options)).values()];
    }

    /** By exact name; names of regions, sites and hosts are not unique, so there may be several. */
    async findByName<K extends Collection>(
        collection: K,
        name: string,
        options: ListOptions = {},
    ): Promise<Objects[K][]> {
        const { nameField } = COLLECTIONS[collection];
        const objects = await this.list(collection, options);
        return objects.filter((object) => (object as unknown as Record<string, unknown>)[nameField] === name);
    }

    /** The object as it is now; undefined only when EMF itself says that there is none. */
    async get<K extends Collection>(
        collection: K,
        id: string,
        options: CallOptions = {},
    ): Promise<Objects[K] | undefined> {
        const call: HttpRequest = {
            method: "GET",
            path: this.transport.objectPath(collection, id),
            ...(options.signal ? { signal: options.signal } : {}),
        };
        const answer = await this.transport.send(call);
        if (isNotFound(collection, answer)) {
            this.forget(collection, id);
            return undefined;
        }
        const object = this.transport.objectOf(collection, call, answer);
        this.lists.put(collection, object);
        return object;
    }

    /** From the shared list; an id that it does not have is asked for, since pages can miss one. */
    async look<K extends Collection>(
        collection: K,
        id: string,
        options: ListOptions = {},
    ): Promise<Objects[K] | undefined> {
        this.transport.objectPath(collection, id);
        return (await this.shared(collection, options)).get(id) ?? this.get(collection, id, options);
    }

    /**
     * Creates an object once, also when the answer gets lost: before a second try, `same` must not recognise the
     * object among all that are there (by its claim, its unique name, its serial number).
     */
    async createOnce<K extends Collection>(
        collection: K,
        body: Creates[K],
        options: CallOptions & { same: (object: Objects[K]) => boolean },
    ): Promise<Objects[K]> {
        const { path, createPath } = COLLECTIONS[collection];
        const call: HttpRequest = {
            method: "POST",
            path: this.transport.collectionPath(createPath ?? path),
            body,
            ...(options.signal ? { signal: options.signal } : {}),
        };
        for (let left = CREATE_TRIES - 1; ; left--) {
            try {
                const created = this.transport.objectOf(collection, call, await this.transport.send(call));
                this.remember(collection, created);
                return created;
            } catch (error) {
                const repeated = left < CREATE_TRIES - 1;
                if (!mayHaveHappened(error) && !(repeated && error instanceof AlreadyExists)) throw error;
                const found = (await this.list(collection, { maxAge: 0, signal: options.signal })).find(
                    options.same,
                );
                if (found) return found;
                if (left === 0 || !(error instanceof Busy || error instanceof NoAnswer)) throw error;
            }
        }
    }

    /** Writes the given fields. Nothing to write makes no request: an empty PATCH would write defaults. */
    async patch<K extends Collection>(
        collection: K,
        id: string,
        body: Patches[K],
        options: CallOptions = {},
    ): Promise<Objects[K]> {
        assertWritable(collection, body);
        const call: HttpRequest = {
            method: "PATCH",
            path: this.transport.objectPath(collection, id),
            body,
            ...(options.signal ? { signal: options.signal } : {}),
        };
        const answer = await this.transport.send(call);
        if (isNotFound(collection, answer)) this.forget(collection, id);
        const object = this.transport.objectOf(collection, call, answer);
        this.remember(collection, object);
        return object;
    }

    /**
     * Changes a host's desired state. Refused for a host that is being deleted: the server would take the
     * deletion back without a word.
     */
    async changeHost(
        id: string,
        action: "register" | "onboard" | "invalidate",
        options: CallOptions & { body?: { name?: string; autoOnboard?: boolean }; note?: string } = {},
    ): Promise<void> {
        const host = await this.get("hosts", id, options);
        if (!host) throw new EdgeError(`there is no host ${id} in EMF any more`);
        if (host.desiredState === "HOST_STATE_DELETED") {
            throw new EdgeError(`host ${id} is being deleted: ${action} would take that back`);
        }
        const call: HttpRequest = {
            method: action === "invalidate" ? "PUT" : "PATCH",
            path: `${this.transport.objectPath("hosts", id)}/${action}`,
            body: options.body ?? {},
            ...(options.note === undefined ? {} : { query: { note: options.note } }),
            ...(options.signal ? { signal: options.signal } : {}),
        };
        this.transport.successful(call, await this.transport.send(call));
        await this.get("hosts", id, options);
    }

    /**
     * Deletes an object and waits until it is gone. One that is not there is done; one that is being deleted
     * already is only waited for.
     */
    async remove(collection: Collection, id: string, options: RemoveOptions = {}): Promise<void> {
        const { signal } = options;
        if (COLLECTIONS[collection].softDelete) {
            const present = await this.get(collection, id, { signal });
            if (!present) return;
            if (!isBeingDeleted(present)) await this.sendDelete(collection, id, signal);
        } else {
            await this.sendDelete(collection, id, signal);
        }
        if (options.wait ?? true) await this.waitUntilGone(collection, id, options);
    }

    /** Patches an own write into the shared lists. */
    remember<K extends Collection>(collection: K, object: Objects[K]): void {
        const known = this.lists.known(collection, object.resourceId);
        this.lists.put(collection, known ? filled(known, object) : object);
        if (collection === "instances") this.attach(object as InstanceResource);
    }

    forget(collection: Collection, id: string): void {
        if (collection === "instances") {
            const host = this.lists.known("instances", id)?.host;
            const known = host ? this.lists.known("hosts", host.resourceId) : undefined;
            if (known?.instance?.resourceId === id) this.lists.put("hosts", { ...known, instance: null });
        }
        this.lists.drop(collection, id);
    }

    async close(): Promise<void> {
        await this.transport.close();
        await this.kernels.close();
    }

    private shared<K extends Collection>(
        collection: K,
        options: ListOptions,
    ): Promise<Map<string, Objects[K]>> {
        return abortable(this.lists.get(collection, options.maxAge ?? SHARED_AGE), options.signal);
    }

    private async lookUpProject(): Promise<Project> {
        const { project: name, endpoint, advice } = this.settings;
        const call: HttpRequest = {
            method: "GET",
            path: `/v1/projects/${encodeURIComponent(name)}`,
        };
        const answer = await this.transport.send(call);
        if (answer.status === 404) {
            throw new EmfError(
                `there is no project ${JSON.stringify(name)} at ${endpoint}: check the project's name ` +
                    `(${advice.project}) and the address (${advice.endpoint})`,
                404,
            );
        }
        const { status } = this.transport.successful(call, answer);
        const uid = isRecord(status) && isRecord(status.projectStatus) ? status.projectStatus.uID : undefined;
        if (typeof uid !== "string" || uid === "") throw this.transport.unexpected(call);
        return { name, uid, endpoint };
    }

    private async sendDelete(collection: Collection, id: string, signal?: AbortSignal): Promise<void> {
        const call: HttpRequest = {
            method: "DELETE",
            path: this.transport.objectPath(collection, id),
            ...(signal ? { signal } : {}),
        };
        const answer = await this.transport.send(call);
        if (!isNotFound(collection, answer)) this.transport.successful(call, answer);
        if (!COLLECTIONS[collection].softDelete) this.forget(collection, id);
    }

    private async waitUntilGone(collection: Collection, id: string, options: RemoveOptions): Promise<void> {
        for (let pause = FIRST_POLL; ; pause = Math.min(pause * 2, LONGEST_POLL)) {
            const present = await this.get(collection, id, { signal: options.signal });
            if (!present) return;
            options.onWait?.(present);
            await this.host.sleep(pause, options.signal);
        }
    }

    /** An instance's host shows it. */
    private attach(instance: InstanceResource): void {
        const host = instance.host ? this.lists.known("hosts", instance.host.resourceId) : undefined;
        if (host) this.lists.put("hosts", { ...host, instance: { ...instance, host: null } });
    }
}

export function isBeingDeleted(object: Objects[Collection]): boolean {
    return "desiredState" in object && object.desiredState.endsWith("_STATE_DELETED");
}

function mayHaveHappened(error: unknown): boolean {
    if (error instanceof NoAnswer) return !error.neverSent;
    return (
        (error instanceof Busy && error.status !== 429) || (error instanceof EmfError && error.status === 500)
    );
}
