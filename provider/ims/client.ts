import { abortable } from "../http/abortable";
import { HttpClient, type HttpAnswer, type HttpRequest } from "../http/client";
import { NoAnswer } from "../http/failure";
import { Session } from "../http/session";
import type { Host } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import { S3Client } from "../s3/client";
import { Busy, isNotFound, translate } from "./answers";
import type {
    ImsCollection,
    ImsDeletable,
    ImsImage,
    ImsJob,
    ImsJobRequest,
    ImsLink,
    ImsRecords,
} from "./api";
import type { ImsSettings } from "./settings";
import { accessFrom, Storage, type StorageAccess } from "./storage";

export interface CallOptions {
    readonly signal?: AbortSignal | undefined;
}

export interface ListOptions extends CallOptions {
    /** How old the shared list may be, in milliseconds. 0 asks anew. Default: 5 minutes. */
    readonly maxAge?: number;
}

const SHARED_AGE = 5 * 60_000;
/** Copies of large artifacts are made while the caller waits, by a service that does one thing at a time. */
const LONG = 60 * 60_000;
const USUAL = 2 * 60_000;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** One Image Management Service. All resources of a run share it: its login, its lists and its storage. */
export class ImsClient {
    private readonly http: HttpClient;
    private readonly keycloak: HttpClient | undefined;
    private readonly session: Session;
    private readonly storageAccess: Storage;
    private readonly secrets = new Set<string>();
    private readonly lists = new Map<
        ImsCollection,
        { at: number; records: Promise<ImsRecords[ImsCollection][]> }
    >();

    constructor(
        readonly settings: ImsSettings,
        private readonly host: Host,
    ) {
        const { credentials, endpoint, keycloak, advice, ca } = settings;
        const secrets = "token" in credentials ? [credentials.token] : secretsIn(credentials.grant);
        for (const secret of secrets) this.secrets.add(secret);
        const common = {
            ...{ env: host.env, clock: host, secrets: () => this.secrets },
            ...(ca === undefined ? {} : { ca }),
        };
        this.http = new HttpClient({ ...common, system: "IMS", baseUrl: endpoint, advice });
        this.keycloak =
            "token" in credentials
                ? undefined
                : new HttpClient({
                      ...common,
                      system: "Cray login",
                      baseUrl: keycloak,
                      advice: {
                          ...advice,
                          endpoint: "the keycloak address (derived from the endpoint unless set)",
                      },
                  });
        this.session = new Session(
            credentials,
            this.keycloak,
            () => host.now(),
            (secret) => this.secrets.add(secret),
        );
        this.storageAccess = new Storage(
            () => this.askForStorage(),
            (access) => this.openStorage(access),
            () => host.now(),
        );
    }

    get endpoint(): string {
        return this.settings.endpoint;
    }

    /** All records of a kind, from a list that the whole run shares: the service can neither page nor filter. */
    async list<K extends ImsCollection>(collection: K, options: ListOptions = {}): Promise<ImsRecords[K][]> {
        const known = this.lists.get(collection);
        const maxAge = options.maxAge ?? SHARED_AGE;
        const fresh =
            known && this.host.now() - known.at < maxAge ? known.records : this.fetchList(collection);
        return abortable(fresh as Promise<ImsRecords[K][]>, options.signal);
    }

    /** By exact name; names are not unique, so there may be several. */
    async findByName<K extends Exclude<ImsCollection, "jobs">>(
        collection: K,
        name: string,
        options: ListOptions = {},
    ): Promise<ImsRecords[K][]> {
        return (await this.list(collection, options)).filter((record) => record.name === name);
    }

    /** The record as it is now; undefined only when the service itself says that there is none. */
    async get<K extends ImsCollection>(
        collection: K,
        id: string,
        { signal }: CallOptions = {},
    ): Promise<ImsRecords[K] | undefined> {
        return this.find<ImsRecords[K]>(call("GET", recordPath(collection, id), { signal }));
    }

    /** A record that was deleted softly. */
    async getDeleted<K extends ImsDeletable>(
        collection: K,
        id: string,
        { signal }: CallOptions = {},
    ): Promise<ImsRecords[K] | undefined> {
        return this.find<ImsRecords[K]>(call("GET", recordPath(`deleted/${collection}`, id), { signal }));
    }

    async listDeleted<K extends ImsDeletable>(
        collection: K,
        { signal }: CallOptions = {},
    ): Promise<ImsRecords[K][]> {
        const request = call("GET", `/apis/ims/v3/deleted/${collection}`, { signal });
        return this.array(request, await this.send(request)) as ImsRecords[K][];
    }

    /**
     * Creates a record once, also when the answer gets lost: `same` recognises it among all that are there, and none
     * of those that were there before may look the same.
     */
    async createOnce<K extends ImsDeletable>(
        collection: K,
        body: object,
        options: CallOptions & { same: (record: ImsRecords[K]) => boolean },
    ): Promise<ImsRecords[K]> {
        return this.once(collection, body, options);
    }

    /** Starts a job once; `same` recognises it when the answer gets lost. */
    async createJob(
        body: ImsJobRequest,
        options: CallOptions & { same: (job: ImsJob) => boolean },
    ): Promise<ImsJob> {
        return this.once("jobs", body, options);
    }

    async setArchitecture(id: string, arch: string, options: CallOptions = {}): Promise<ImsImage> {
        return this.patchImage(id, { arch }, options);
    }

    async setMetadata(id: string, key: string, value: string, options: CallOptions = {}): Promise<ImsImage> {
        return this.patchImage(id, { metadata: { operation: "set", key, value } }, options);
    }

    async removeMetadata(id: string, key: string, options: CallOptions = {}): Promise<ImsImage> {
        return this.patchImage(id, { metadata: { operation: "remove", key } }, options);
    }

    /** Can be set once; the same link again, to the letter, is no error. */
    async setLink(id: string, link: ImsLink, options: CallOptions = {}): Promise<ImsImage> {
        return this.patchImage(id, { link }, { ...options, timeLimit: LONG });
    }

    /** Deletes softly: the record and its objects can be brought back. Not there is done. */
    async remove(collection: ImsCollection, id: string, options: CallOptions = {}): Promise<void> {
        await this.removeAt(collection, recordPath(collection, id), options);
    }

    /** Removes a softly deleted record and its objects for good. Not there is done. */
    async forget(collection: ImsDeletable, id: string, options: CallOptions = {}): Promise<void> {
        await this.removeAt(collection, recordPath(`deleted/${collection}`, id), options);
    }

    /** Brings a softly deleted record and its objects back. */
    async undelete(collection: ImsDeletable, id: string, { signal }: CallOptions = {}): Promise<void> {
        const path = recordPath(`deleted/${collection}`, id);
        const request = call("PATCH", path, { signal, body: { operation: "undelete" }, timeLimit: LONG });
        this.successful(request, await this.send(request));
        this.lists.delete(collection);
    }

    /** The system's S3 storage. */
    storage(): Promise<S3Client> {
        return this.storageAccess.client();
    }

    /** A text without anything secret in it. */
    clean(text: string): string {
        return this.http.clean(text);
    }

    async close(): Promise<void> {
        this.storageAccess.close();
        await this.http.close();
        await this.keycloak?.close();
    }

    private async once<K extends ImsCollection>(
        collection: K,
        body: object,
        { signal, same }: CallOptions & { same: (record: ImsRecords[K]) => boolean },
    ): Promise<ImsRecords[K]> {
        const request = call("POST", `/apis/ims/v3/${collection}`, { signal, body });
        try {
            return this.object(request, await this.send(request)) as unknown as ImsRecords[K];
        } catch (error) {
            if (!mayHaveHappened(error)) throw error;
            const found = (await this.list(collection, { signal, maxAge: 0 })).find(same);
            if (found) return found;
            throw error;
        } finally {
            this.lists.delete(collection);
        }
    }

    private async patchImage(
        id: string,
        body: object,
        { signal, timeLimit = USUAL }: CallOptions & { timeLimit?: number },
    ): Promise<ImsImage> {
        const request = call("PATCH", recordPath("images", id), { signal, body, timeLimit });
        const image = this.object(request, await this.send(request)) as unknown as ImsImage;
        this.lists.delete("images");
        return image;
    }

    private async removeAt(collection: ImsCollection, path: string, { signal }: CallOptions): Promise<void> {
        const request = call("DELETE", path, { signal, timeLimit: LONG });
        const answer = await this.send(request);
        if (!isNotFound(answer)) this.successful(request, answer);
        this.lists.delete(collection);
    }

    private async find<T>(request: HttpRequest): Promise<T | undefined> {
        const answer = await this.send(request);
        return isNotFound(answer) ? undefined : (this.object(request, answer) as unknown as T);
    }

    private fetchList(collection: ImsCollection): Promise<ImsRecords[ImsCollection][]> {
        const request = call("GET", `/apis/ims/v3/${collection}`, {});
        const records = this.send(request).then(
            (answer) => this.array(request, answer) as ImsRecords[ImsCollection][],
        );
        this.lists.set(collection, { at: this.host.now(), records });
        // What could not be read is asked for again by whoever comes next.
        records.catch(() => this.lists.delete(collection));
        return records;
    }

    /** Sends with the present login; a login that ran out in the middle is renewed once. */
    private async send(request: HttpRequest): Promise<HttpAnswer> {
        const { tenant } = this.settings;
        const headers = tenant === undefined ? {} : { headers: { "Cray-Tenant-Name": tenant } };
        const token = await this.session.token(request.signal);
        const answer = await this.http.send({ ...request, ...headers, authorization: `Bearer ${token}` });
        if (answer.status !== 401 || !(await this.session.renewAfterRefusal(token, request.signal)))
            return answer;
        const renewed = await this.session.token(request.signal);
        return this.http.send({ ...request, ...headers, authorization: `Bearer ${renewed}` });
    }

    private async askForStorage(): Promise<StorageAccess> {
        const request = call("PUT", "/apis/sts/token", {});
        const access = accessFrom(this.object(request, await this.send(request)));
        for (const secret of [access.secretAccessKey, access.sessionToken]) this.secrets.add(secret);
        return access;
    }

    private openStorage(access: StorageAccess): S3Client {
        const { endpoint, accessKeyId, secretAccessKey, sessionToken } = access;
        const credentials = { accessKeyId, secretAccessKey, sessionToken };
        const { ca, advice } = this.settings;
        const given = "the system's token service hands them out";
        return new S3Client(
            {
                ...{ endpoint, credentials },
                ...(ca === undefined ? {} : { ca }),
                advice: { ...advice, credentials: given, region: given, bucket: "the image's manifest" },
            },
            this.host,
        );
    }

    private object(request: HttpRequest, answer: HttpAnswer): Record<string, unknown> {
        this.successful(request, answer);
        if (!isRecord(answer.json)) throw this.unexpected(request);
        return answer.json;
    }

    private array(request: HttpRequest, answer: HttpAnswer): unknown[] {
        this.successful(request, answer);
        if (!Array.isArray(answer.json)) throw this.unexpected(request);
        return answer.json as unknown[];
    }

    private successful(request: HttpRequest, answer: HttpAnswer): void {
        if (answer.status >= 200 && answer.status < 300) return;
        const error = translate(this.http.describe(request), answer, this.settings);
        error.message = this.http.clean(error.message);
        throw error;
    }

    private unexpected(request: HttpRequest): EdgeError {
        const { endpoint } = this.settings.advice;
        return new EdgeError(
            `${this.http.describe(request)} was answered, but not by the Image Management Service: is ${endpoint} right?`,
        );
    }
}

function call(
    method: HttpRequest["method"],
    path: string,
    {
        signal,
        body,
        timeLimit = USUAL,
    }: { signal?: AbortSignal | undefined; body?: object; timeLimit?: number },
): HttpRequest {
    return { method, path, timeLimit, ...(signal ? { signal } : {}), ...(body ? { body } : {}) };
}

function recordPath(collection: string, id: string): string {
    if (!ID.test(id)) throw new EdgeError(`${JSON.stringify(id)} is not an id of IMS, which is a UUID`);
    return `/apis/ims/v3/${collection}/${id}`;
}

function mayHaveHappened(error: unknown): boolean {
    return (error instanceof NoAnswer && !error.neverSent) || (error instanceof Busy && error.status !== 429);
}

function secretsIn({ client_secret: secret, password }: Readonly<Record<string, string>>): string[] {
    return [secret, password].filter((value) => value !== undefined);
}
