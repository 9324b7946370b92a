import type { PaletteBehaviour } from "../behaviour";
import type { PaletteRecord, PaletteStore, Project } from "../store";
import { notFound, PaletteError } from "./errors";

/** What the API stands on. */
export interface PaletteService {
    readonly store: PaletteStore;
    readonly behaviour: PaletteBehaviour;
    /** Milliseconds that a cluster takes from one state to the next. */
    readonly clusterPaceMs: number;
    /** Told of a host whose deletion was done while its agent runs. */
    readonly deletedHost: (uid: string) => void;
}

/** A request that has been let in. */
export interface Call {
    readonly service: PaletteService;
    readonly params: Readonly<Record<string, string>>;
    readonly query: URLSearchParams;
    /** Checked against the description. */
    readonly body: unknown;
    /** The project named by `ProjectUid`; without one the tenant is meant. */
    readonly project: Project | undefined;
}

/** What is answered; operations without an answer return undefined. */
export type Handler = (call: Call) => unknown;

export interface Metadata {
    readonly name?: string;
    readonly uid?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
}

/** The object a path names, where the scope of the call can see it. */
export function visible<T extends PaletteRecord>(
    { params, project }: Call,
    kind: string,
    records: { get(uid: string): T | undefined },
): T {
    const { uid = "" } = params;
    const found = records.get(uid);
    if (!found || found.projectUid !== project?.uid) throw notFound(kind, uid);
    return found;
}

/** Calls on what belongs to projects, which the tenant has none of. */
export function projectOf({ project }: Call): Project {
    if (project) return project;
    throw new PaletteError(400, "InvalidScope", "the header ProjectUid is missing");
}

/** Calls on what belongs to the tenant. */
export function refuseProject({ project }: Call): void {
    if (project) throw new PaletteError(403, "Forbidden", "the operation is allowed in tenant scope only");
}

export function shownMetadata(record: PaletteRecord): object {
    const { name, uid, labels, annotations, createdAt, changedAt } = record;
    return { name, uid, labels, annotations, creationTimestamp: createdAt, lastModifiedTimestamp: changedAt };
}

export function newRecord(store: PaletteStore, metadata: Metadata, projectUid?: string): PaletteRecord {
    const { name = "", labels = {}, annotations = {} } = metadata;
    const now = store.time();
    return {
        uid: store.newUid(),
        ...{ name, labels, annotations, createdAt: now, changedAt: now },
        ...(projectUid === undefined ? {} : { projectUid }),
    };
}
