import { randomBytes } from "node:crypto";
import { EmfError, notFound, type GrpcCode } from "./errors";
import type { Kind } from "./inventory/columns";
import { isOtherPrefix, KINDS, kindOfPrefix } from "./inventory/kinds";
import { readMask, readMessage } from "./inventory/message";
import type { AnyRow, FieldValue, Rows } from "./inventory/rows";
import { RULES, type Lookup, type Message } from "./inventory/rules";
import { storedEdges, Table, targetsOf } from "./inventory/table";
import {
    checkComplete,
    clear,
    edgeOf,
    filterByMask,
    isEdge,
    newColumns,
    setColumn,
    type WritableRow,
} from "./inventory/writes";

export type { Kind } from "./inventory/columns";
export type * from "./inventory/rows";

/** A project: what a tenant is to its users. */
export interface Project {
    readonly name: string;
    /** The uuid that rows and token roles carry. */
    readonly uid: string;
    readonly description?: string;
}

/** Where the store takes time and randomness from. */
export interface StoreOptions {
    readonly clock?: () => Date;
    readonly random?: (bytes: number) => Buffer;
}

/** A committed write. */
export interface StoreChange {
    readonly type: "created" | "updated" | "deleted";
    readonly kind: Kind;
    readonly resourceId: string;
    readonly tenantId: string;
}

/** A write of the resource manager: the onboarding and provisioning services behind the inventory. */
export interface ManagerWrite {
    readonly op: "create" | "update" | "delete";
    readonly kind: Kind;
    /** The row; not for `create`. */
    readonly resourceId?: string;
    /** The resource in protobuf's JSON form (`currentState`, `host: { resourceId }`, `tenantId` on create). */
    readonly fields?: Readonly<Record<string, unknown>>;
    /** What an update writes, in snake case. A named field without a value is cleared. */
    readonly mask?: readonly string[];
}

/** The outcome of a write of the resource manager. */
export type ManagerResult =
    | { readonly ok: true; readonly resourceId: string }
    | { readonly ok: false; readonly code: GrpcCode; readonly message: string };

/** A store as it is kept in a file. */
export interface StoreSnapshot {
    readonly format: "emf-store/1";
    readonly projects: readonly Project[];
    readonly rows: Readonly<Partial<Record<Kind, readonly AnyRow[]>>>;
}

const KIND_NAMES = Object.keys(KINDS) as Kind[];

/** What only the API may write. */
const API_FIELDS = ["desiredState", "desiredPowerState", "desiredAmtState", "powerCommandPolicy"];

/**
 * The inventory of EMF: the rows of all projects with the constraints of the real database.
 *
 * Ids, states and messages are the recorded ones. Rows are never changed in place: what was read stays as it was.
 */
export class EmfStore implements Lookup {
    readonly #tables: Readonly<Record<Kind, Table>>;
    readonly #projects = new Map<string, Project>();
    readonly #listeners = new Set<(change: StoreChange) => void>();
    readonly #clock: () => Date;
    readonly #random: (bytes: number) => Buffer;

    constructor({ clock = () => new Date(), random = randomBytes }: StoreOptions = {}) {
        this.#clock = clock;
        this.#random = random;
        this.#tables = Object.fromEntries(KIND_NAMES.map((kind) => [kind, new Table(kind)])) as Record<
            Kind,
            Table
        >;
    }

    /** A store with the content of an earlier {@link toJSON}. */
    static load(snapshot: StoreSnapshot, options: StoreOptions = {}): EmfStore {
        const format: string = snapshot.format;
        if (format !== "emf-store/1") throw new Error(`This lab cannot read EMF data of format ${format}.`);
        const store = new EmfStore(options);
        for (const project of snapshot.projects) store.addProject(project);
        for (const kind of KIND_NAMES) {
            for (const row of snapshot.rows[kind] ?? []) store.#tables[kind].put(row);
        }
        return store;
    }

    /** Everything in the store, ready for a file. */
    toJSON(): StoreSnapshot {
        const rows = Object.fromEntries(KIND_NAMES.map((kind) => [kind, [...this.#tables[kind].rows()]]));
        return { format: "emf-store/1", projects: this.projects(), rows };
    }

    /** Calls `listener` after each committed write; the returned function ends that. */
    onChange(listener: (change: StoreChange) => void): () => void {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    }

    addProject(project: Project): void {
        this.#projects.set(project.name, project);
    }

    project(name: string): Project | undefined {
        return this.#projects.get(name);
    }

    projects(): Project[] {
        return [...this.#projects.values()];
    }

    /** The rows of one kind, of one project (by uid) or of all, in the order of creation. */
    list<K extends Kind>(kind: K, tenantId?: string): Rows[K][] {
        const rows = [...this.#tables[kind].rows()];
        const own = tenantId === undefined ? rows : rows.filter((row) => row.tenantId === tenantId);
        return own as unknown as Rows[K][];
    }

    hosts(tenantId?: string): Rows["host"][] {
        return this.list("host", tenantId);
    }

    instances(tenantId?: string): Rows["instance"][] {
        return this.list("instance", tenantId);
    }

    osProfiles(tenantId?: string): Rows["os"][] {
        return this.list("os", tenantId);
    }

    find<K extends Kind>(kind: K, resourceId: string): Rows[K] | undefined {
        return this.#tables[kind].get(resourceId) as unknown as Rows[K] | undefined;
    }

    /** The instance on a host, if there is one. */
    instanceOf(hostId: string): Rows["instance"] | undefined {
        return this.referencing("instance", "host", hostId)[0];
    }

    referencing<K extends Kind>(kind: K, edge: string, resourceId: string): Rows[K][] {
        return this.#tables[kind].pointingTo(edge, resourceId) as unknown as Rows[K][];
    }

    /** The rows at the other end of an edge. */
    follow(kind: Kind, row: AnyRow, edgeName: string): AnyRow[] {
        const edge = edgeOf(kind, edgeName);
        if (edge.reverseOf !== undefined)
            return this.#tables[edge.kind].pointingTo(edge.reverseOf, row.resourceId);
        return targetsOf(row, edgeName).flatMap((id) => this.#tables[edge.kind].get(id) ?? []);
    }

    /**
     * A write of the resource manager. It may not write what users want (`desiredState` …); an update that reports
     * `DELETED` as the current state of something whose deletion is wanted removes the row. A host with disks or
     * network cards cannot be removed before these are (op `delete`).
     */
    manager(write: ManagerWrite): ManagerResult {
        try {
            return { ok: true, resourceId: this.#managerWrite(write) };
        } catch (error) {
            if (!(error instanceof EmfError)) throw error;
            return { ok: false, code: error.code, message: error.message };
        }
    }

    #managerWrite({ op, kind, resourceId = "", fields = {}, mask = [] }: ManagerWrite): string {
        if (op === "delete") {
            this.#mustFind(kind, resourceId);
            this.#remove(kind, resourceId);
            return resourceId;
        }
        const { tenantId, ...columns } = fields;
        const message = readMessage(kind, columns);
        if (!isForManager(op, kind, message)) throw blocked("CLIENT_KIND_RESOURCE_MANAGER");
        if (op === "create") {
            if (typeof tenantId !== "string") throw new EmfError("InvalidArgument", "tenantId is missing");
            if (kind === "host") checkHostIdentity(message, "CLIENT_KIND_RESOURCE_MANAGER");
            return this.create(kind, tenantId, message).resourceId;
        }
        if (Object.keys(message).length === 0 && mask.length === 0)
            throw blocked("CLIENT_KIND_RESOURCE_MANAGER");
        this.update(resourceId, kind, message, readMask(kind, mask));
        return resourceId;
    }

    /** Adds a row with a new random id. */
    create<K extends Kind>(kind: K, tenantId: string, message: Message): Rows[K] {
        RULES[kind]?.checkNew?.(message);
        const row: AnyRow = {
            resourceId: this.#newId(kind),
            tenantId,
            createdAt: this.#now(),
            updatedAt: this.#now(),
            ...newColumns(kind, message),
            ...this.#newEdges(kind, tenantId, message),
        };
        checkComplete(kind, row);
        this.#write(kind, row);
        this.#notify("created", kind, row);
        return row as unknown as Rows[K];
    }

    /**
     * Writes the fields that `mask` names, clearing those without a value. An empty mask writes every field that has
     * a value, except the immutable ones. The kind is that of the id: a message of another kind counts as empty, but
     * its mask does not. Returns the row, or undefined when the write completed a deletion.
     */
    update(
        resourceId: string,
        messageKind: Kind,
        message: Message,
        mask: readonly string[],
    ): AnyRow | undefined {
        const kind = kindOfId(resourceId);
        const row = this.#mustFind(kind, resourceId);
        const given = kind === messageKind ? filterByMask(message, mask) : {};
        if (RULES[kind]?.checkUpdate?.(row, given, mask, this) === "remove") {
            this.#remove(kind, resourceId);
            return undefined;
        }
        const next: WritableRow = { ...row };
        for (const name of mask.filter((path) => isEdge(kind, path))) {
            next[name] =
                given[name] === undefined
                    ? undefined
                    : this.#checkedEdge(kind, row.tenantId, name, given[name]);
        }
        for (const [name, value] of Object.entries(given)) {
            if (!isEdge(kind, name)) setColumn(kind, next, name, value, mask.length > 0);
        }
        for (const name of mask) if (given[name] === undefined) clear(kind, next, name);
        const written = { ...(next as AnyRow), updatedAt: this.#now() };
        this.#write(kind, written);
        this.#notify("updated", kind, written);
        return written;
    }

    /** A deletion by the API: hosts and instances are only marked, everything else goes at once. */
    delete(resourceId: string): void {
        const kind = kindOfId(resourceId);
        const row = this.#mustFind(kind, resourceId);
        const mark = RULES[kind]?.softDelete;
        if (!mark) {
            this.#remove(kind, resourceId);
            return;
        }
        const written = { ...row, ...mark, updatedAt: this.#now() } as AnyRow;
        this.#write(kind, written);
        this.#notify("updated", kind, written);
    }

    /** The row an id of any kind names within a project. */
    locate(resourceId: string, tenantId: string): { kind: Kind; row: AnyRow } {
        const kind = kindOfId(resourceId);
        const row = this.#mustFind(kind, resourceId);
        if (row.tenantId !== tenantId) throw notFound(KINDS[kind].noun);
        return { kind, row };
    }

    #mustFind(kind: Kind, resourceId: string): AnyRow {
        const row = this.#tables[kind].get(resourceId);
        if (!row) throw notFound(KINDS[kind].noun);
        return row;
    }

    #newEdges(kind: Kind, tenantId: string, message: Message): Record<string, FieldValue> {
        const edges: Record<string, FieldValue> = {};
        for (const [name] of storedEdges(KINDS[kind])) {
            if (message[name] !== undefined)
                edges[name] = this.#checkedEdge(kind, tenantId, name, message[name]);
        }
        return edges;
    }

    #checkedEdge(kind: Kind, tenantId: string, name: string, value: FieldValue): FieldValue {
        const edge = edgeOf(kind, name);
        for (const id of Array.isArray(value) ? (value as readonly string[]) : [String(value)]) {
            if (this.#tables[edge.kind].get(id)?.tenantId !== tenantId) throw notFound(KINDS[edge.kind].noun);
        }
        return value;
    }

    #write(kind: Kind, row: AnyRow): void {
        const table = this.#tables[kind];
        const previous = table.get(row.resourceId);
        table.put(row);
        try {
            RULES[kind]?.checkWritten?.(row, this);
        } catch (error) {
            if (previous) table.put(previous);
            else table.remove(row.resourceId);
            throw error;
        }
    }

    #remove(kind: Kind, resourceId: string): void {
        const row = this.#mustFind(kind, resourceId);
        RULES[kind]?.checkRemoval?.(resourceId, this);
        this.#releaseReferences(kind, resourceId);
        this.#tables[kind].remove(resourceId);
        this.#notify("deleted", kind, row);
    }

    /** Optional references to a removed row become unset, as the database does it. */
    #releaseReferences(kind: Kind, resourceId: string): void {
        for (const other of KIND_NAMES) {
            for (const [name, edge] of storedEdges(KINDS[other])) {
                if (edge.kind !== kind || edge.required) continue;
                for (const row of this.#tables[other].pointingTo(name, resourceId)) {
                    this.#tables[other].put({ ...row, [name]: undefined });
                }
            }
        }
    }

    #newId(kind: Kind): string {
        for (;;) {
            const id = `${KINDS[kind].prefix}-${this.#random(4).toString("hex")}`;
            if (!this.#tables[kind].get(id)) return id;
        }
    }

    #now(): string {
        return this.#clock().toISOString();
    }

    #notify(type: StoreChange["type"], kind: Kind, { resourceId, tenantId }: AnyRow): void {
        for (const listener of [...this.#listeners]) listener({ type, kind, resourceId, tenantId });
    }
}

/** Users' wishes are not the manager's to write, but for the instance it makes when a new device is provisioned. */
function isForManager(op: ManagerWrite["op"], kind: Kind, message: Message): boolean {
    if (!API_FIELDS.some((name) => message[name] !== undefined)) return true;
    const running =
        message.desiredState === "INSTANCE_STATE_RUNNING" && message.kind === "INSTANCE_KIND_METAL";
    return op === "create" && kind === "instance" && running;
}

/** The kind an id belongs to; the two refusals are the inventory's own. */
function kindOfId(resourceId: string): Kind {
    const dash = resourceId.indexOf("-");
    if (dash < 0) throw new EmfError("InvalidArgument", "invalid ResourceID");
    const prefix = resourceId.slice(0, dash);
    const kind = kindOfPrefix(prefix);
    if (kind) return kind;
    if (isOtherPrefix(prefix)) throw notFound(`${prefix}_resource`);
    throw new EmfError("InvalidArgument", `${prefix} does not match any known ResourcePrefix`);
}

/** Registering a device needs something to know it by. */
export function checkHostIdentity(message: Message, client: string): void {
    if (message.uuid === undefined && message.serialNumber === undefined) throw blocked(client);
}

/** The refusal of a write that is not for this kind of client. */
export function blocked(client: string): EmfError {
    return new EmfError("PermissionDenied", `API call blocked by OPA for client kind: ${client}`);
}
