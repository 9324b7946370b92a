import { abortable } from "../http/abortable";
import { HttpClient, type HttpAnswer, type HttpRequest } from "../http/client";
import { NoAnswer } from "../http/failure";
import { Session } from "../http/session";
import type { Host } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import type { Collection, Creates, InstanceResource, Objects, Patches } from "./api";
import { Busy, isNotFound, translate } from "./answers";
import { COLLECTIONS } from "./collections";
import { AlreadyExists, EmfError } from "./errors";
import { KernelIndex } from "./kernelIndex";
import { loginOf, type EmfSettings } from "./settings";
import { assertWritable } from "./patchMask";
import { filled, SharedLists } from "./sharedLists";

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

/** The server's own limits. */
const PAGE_SIZE = 100;
const LAST_OFFSET = 10_000;
const SHARED_AGE = 5 * 60_000;
/** A create is tried this often, each time after making sure that the last try did not get through. */
const CREATE_TRIES = 3;
const FIRST_POLL = 500;
const LONGEST_POLL = 5_000;
/** The gateway refuses more than 200 a second from one address, which other programs may share. */
const RATE = { perSecond: 180, burst: 90 };

/** One project of one EMF. All resources of a run share it: its login, its lists and its bound on requests. */
export class EmfClient {
    private readonly http: HttpClient;
    private readonly keycloak: HttpClient | undefined;
    readonly kernels: KernelIndex;
    private readonly session: Session;
    private readonly lists: SharedLists;
    private readonly secrets = new Set<string>();
    private projectLookUp?: Promise<Project>;

    constructor(
        readonly settings: EmfSettings,
        private readonly host: Host,
    ) {
        const { credentials, endpoint, advice, ca } = settings;
        this.secrets.add("token" in credentials ? credentials.token : credentials.password);
        const common = {
            env: host.env,
            clock: host,
            secrets: () => this.secrets,
            ...(ca === undefined ? {} : { ca }),
        };
        this.http = new HttpClient({ ...common, system: "EMF", baseUrl: endpoint, advice, rate: RATE });
        this.keycloak =
            "token" in credentials
                ? undefined
                : new HttpClient({
                      ...common,
                      system: "EMF login",
                      baseUrl: credentials.keycloak,
                      advice: {
                          ...advice,
                          endpoint: "the keycloak address (derived from the endpoint unless set)",
                      },
                  });
        this.kernels = new KernelIndex(settings, host);
        this.session = new Session(
            loginOf(settings),
            this.keycloak,
            () => host.now(),
            (secret) => this.secrets.add(secret),
        );
        this.lists = new SharedLists(
            () => host.now(),
            (collection) => this.fetchAll(collection),
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
            path: this.objectPath(collection, id),
            ...(options.signal ? { signal: options.signal } : {}),
        };
        const answer = await this.send(call);
        if (isNotFound(collection, answer)) {
            this.forget(collection, id);
            return undefined;
        }
        const object = this.objectOf(collection, call, answer);
        this.lists.put(collection, object);
        return object;
    }

    /** From the shared list; an id that it does not have is asked for, since pages can miss one. */
    async look<K extends Collection>(
        collection: K,
        id: string,
        options: ListOptions = {},
    ): Promise<Objects[K] | undefined> {
        this.objectPath(collection, id);
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
            path: this.collectionPath(createPath ?? path),
            body,
            ...(options.signal ? { signal: options.signal } : {}),
        };
        for (let left = CREATE_TRIES - 1; ; left--) {
            try {
                const created = this.objectOf(collection, call, await this.send(call));
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
            path: this.objectPath(collection, id),
            body,
            ...(options.signal ? { signal: options.signal } : {}),
        };
        const answer = await this.send(call);
        if (isNotFound(collection, answer)) this.forget(collection, id);
        const object = this.objectOf(collection, call, answer);
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
            path: `${this.objectPath("hosts", id)}/${action}`,
            body: options.body ?? {},
            ...(options.note === undefined ? {} : { query: { note: options.note } }),
            ...(options.signal ? { signal: options.signal } : {}),
        };
        this.successful(call, await this.send(call));
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
        await this.http.close();
        await this.keycloak?.close();
        await this.kernels.close();
    }

    private shared<K extends Collection>(
        collection: K,
        options: ListOptions,
    ): Promise<Map<string, Objects[K]>> {
        return abortable(this.lists.get(collection, options.maxAge ?? SHARED_AGE), options.signal);
    }

    private async fetchAll<K extends Collection>(collection: K): Promise<Objects[K][]> {
        const first = await this.page(collection, 0);
        const offsets = [];
        for (let offset = PAGE_SIZE; offset < first.total; offset += PAGE_SIZE) offsets.push(offset);
        const pages = [first, ...(await Promise.all(offsets.map((offset) => this.page(collection, offset))))];
        // The total is of the first page's moment: more may have come since.
        for (let last = pages[pages.length - 1]; last?.hasNext; last = pages[pages.length - 1]) {
            pages.push(await this.page(collection, pages.length * PAGE_SIZE));
        }
        return pages.flatMap((page) => page.objects as Objects[K][]);
    }

    private async page(
        collection: Collection,
        offset: number,
    ): Promise<{ objects: unknown[]; total: number; hasNext: boolean }> {
        const { path, listKey, title } = COLLECTIONS[collection];
        if (offset > LAST_OFFSET) {
            throw new EdgeError(
                `EMF lists at most ${LAST_OFFSET + PAGE_SIZE} objects, and there are more ${title}s`,
            );
        }
        const call: HttpRequest = {
            method: "GET",
            path: this.collectionPath(path),
            // By age, so that what is created meanwhile comes at the end: the default order is random.
            query: { pageSize: PAGE_SIZE, offset, orderBy: "createdAt, resourceId" },
        };
        const answer = this.successful(call, await this.send(call));
        const objects = answer[listKey];
        if (!Array.isArray(objects)) throw this.unexpected(call);
        const total = typeof answer.totalElements === "number" ? answer.totalElements : objects.length;
        return { objects, total, hasNext: answer.hasNext === true && objects.length > 0 };
    }

    private async lookUpProject(): Promise<Project> {
        const { project: name, endpoint, advice } = this.settings;
        const call: HttpRequest = {
            method: "GET",
            path: `/v1/projects/${encodeURIComponent(name)}`,
        };
        const answer = await this.send(call);
        if (answer.status === 404) {
            throw new EmfError(
                `there is no project ${JSON.stringify(name)} at ${endpoint}: check the project's name ` +
                    `(${advice.project}) and the address (${advice.endpoint})`,
                404,
            );
        }
        const { status } = this.successful(call, answer);
        const uid = isRecord(status) && isRecord(status.projectStatus) ? status.projectStatus.uID : undefined;
        if (typeof uid !== "string" || uid === "") throw this.unexpected(call);
        return { name, uid, endpoint };
    }

    /** Sends with the present login; a login that ran out in the middle is renewed once. */
    private async send(call: HttpRequest): Promise<HttpAnswer> {
        const token = await this.session.token(call.signal);
        const answer = await this.http.send({ ...call, authorization: `Bearer ${token}` });
        if (answer.status !== 401 || !(await this.session.renewAfterRefusal(token, call.signal)))
            return answer;
        const renewed = await this.session.token(call.signal);
        return this.http.send({ ...call, authorization: `Bearer ${renewed}` });
    }

    private async sendDelete(collection: Collection, id: string, signal?: AbortSignal): Promise<void> {
        const call: HttpRequest = {
            method: "DELETE",
            path: this.objectPath(collection, id),
            ...(signal ? { signal } : {}),
        };
        const answer = await this.send(call);
        if (!isNotFound(collection, answer)) this.successful(call, answer);
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

    private collectionPath(path: string): string {
        return `/v1/projects/${encodeURIComponent(this.settings.project)}/${path}`;
    }

    /** Checks the id first: the server acts on an object of any kind through any kind's path. */
    private objectPath(collection: Collection, id: string): string {
        const { path, id: form, title } = COLLECTIONS[collection];
        if (!form.test(id)) throw new EdgeError(`${JSON.stringify(id)} is not the id of ${article(title)}`);
        return `${this.collectionPath(path)}/${id}`;
    }

    private objectOf<K extends Collection>(collection: K, call: HttpRequest, answer: HttpAnswer): Objects[K] {
        const object = this.successful(call, answer);
        const { resourceId } = object;
        // The server's paths take an id of any kind, and then answer an empty object.
        if (typeof resourceId !== "string" || !COLLECTIONS[collection].id.test(resourceId)) {
            throw this.unexpected(call);
        }
        return object as unknown as Objects[K];
    }

    private successful(call: HttpRequest, answer: HttpAnswer): Record<string, unknown> {
        if (answer.status !== 200) {
            const error = translate(this.http.describe(call), answer, this.settings);
            error.message = this.http.clean(error.message);
            throw error;
        }
        if (!isRecord(answer.json)) throw this.unexpected(call);
        return answer.json;
    }

    private unexpected(call: HttpRequest): EdgeError {
        const { endpoint } = this.settings.advice;
        return new EdgeError(
            `${this.http.describe(call)} was answered, but not by EMF's API: is ${endpoint} right (https://api.<domain>)?`,
        );
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

function article(title: string): string {
    return /^[aeiou]/i.test(title) ? `an ${title}` : `a ${title}`;
}
